"""The laws of e in log T = b . x + s e: each makes T follow a known law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_ndtr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """One law, by the logarithms of its density, of P(e <= z) and of P(e > z), and the derivative of the first."""

    log_pdf: Callable[[Array], Array]
    log_cdf: Callable[[Array], Array]
    log_sf: Callable[[Array], Array]
    score: Callable[[Array], Array]

    def density(self, z: Array) -> tuple[Array, Array]:
        """Log density at `z`, and its derivative."""
        return self.log_pdf(z), self.score(z)

    def interval(self, a: Array, b: Array) -> tuple[Array, Array, Array]:
        """Log P(a < e <= b), and its derivatives in a and in b; either may be infinite. Taken from the nearer tail, where digits are left."""
        below, from_cdf = (a < 0) & np.isfinite(b), np.empty(len(a))
        with np.errstate(divide="ignore", invalid="ignore"):
            from_cdf = self.log_cdf(b) + _log_less(self.log_cdf(a) - self.log_cdf(b))
            from_sf = self.log_sf(a) + _log_less(self.log_sf(b) - self.log_sf(a))
        value = np.maximum(np.where(below, from_cdf, from_sf), -1e6)
        by_a = np.where(np.isfinite(a), -np.exp(np.minimum(self._finite_pdf(a) - value, 700)), 0.0)
        by_b = np.where(np.isfinite(b), np.exp(np.minimum(self._finite_pdf(b) - value, 700)), 0.0)
        return value, by_a, by_b

    def _finite_pdf(self, z: Array) -> Array:
        return self.log_pdf(np.where(np.isfinite(z), z, 0.0))


def _log_less(difference: Array) -> Array:
    """log(1 - exp(difference)) of a difference <= 0."""
    return np.log(-np.expm1(difference))


def _growth(z: Array) -> Array:
    """exp(z), without overflow."""
    return np.exp(np.minimum(z, 600))


LAWS = {
    "weibull": Law(lambda z: z - _growth(z), lambda z: np.log(-np.expm1(-_growth(z))), lambda z: -_growth(z), lambda z: 1 - _growth(z)),
    "log-normal": Law(lambda z: -0.5 * z**2 - 0.5 * np.log(2 * np.pi), log_ndtr, lambda z: log_ndtr(-z), lambda z: -z),
    "log-logistic": Law(lambda z: log_expit(z) + log_expit(-z), log_expit, lambda z: log_expit(-z), lambda z: -np.tanh(z / 2)),
}
