"""What an estimate is told as."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import nan

from scipy.stats import norm, t

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval at CONFIDENCE; NaN bounds mean that there are too few values to say."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(nan, nan, nan)


@lru_cache
def normal_quantile(confidence: float) -> float:
    """z such that a standard normal lies in [-z, z] with probability `confidence`."""
    return float(norm.ppf((1 + confidence) / 2))


@lru_cache
def student_quantile(confidence: float, df: float) -> float:
    """The same of Student's t with `df` > 0 degrees of freedom, which need not be whole (Welch)."""
    return float(t.ppf((1 + confidence) / 2, df))
