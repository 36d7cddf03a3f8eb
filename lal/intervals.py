"""Estimates with their intervals, where both launching and analysis give some. Pure functions of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval at CONFIDENCE; NaN bounds mean that there are too few values to say."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(nan, nan, nan)


def normal_quantile(confidence: float) -> float:
    """z such that a standard normal lies in [-z, z] with probability `confidence`."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with Wilson's score interval (Wilson 1927, JASA 22:209); all NaN for n = 0.

    At few seeds its coverage goes up and down with the true share, as that of any interval of counts: averaged over shares it is
    95.5 % with n = 5, 95.4 % with 8, 95.1 % with 100. With n = 5 it is 93.75 % at a share of 0.5, at least 89.1 % for shares from 0.1 to 0.9
    (least beside 0.118 and 0.882), and least of all, 83.2 %, just under 0.0362 and over 0.9638 (exact, on both sides of every bound of an
    interval; tests/analysis/test_times.py makes them again).
    """
    if n == 0:
        return UNKNOWN
    z = normal_quantile(confidence)
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(share, 0.0 if successes == 0 else low, 1.0 if successes == n else high)
