"""What an estimate is told as."""

from __future__ import annotations

from functools import lru_cache

from scipy.stats import t

from lal.intervals import CONFIDENCE, UNKNOWN, Interval, normal_quantile

__all__ = ["CONFIDENCE", "UNKNOWN", "Interval", "normal_quantile", "student_quantile"]


@lru_cache
def student_quantile(confidence: float, df: float) -> float:
    """x such that Student's t with `df` > 0 degrees of freedom, which need not be whole (Welch), lies in [-x, x] with probability `confidence`."""
    return float(t.ppf((1 + confidence) / 2, df))
