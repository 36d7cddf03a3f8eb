"""The plateaus of the loss that theory predicts for a network which learns a template one mode at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE = 1e-8  # of all power: what is below is dust of floating point, no step of the staircase

LEARNED = 0.5  # share of a mode's power that outputs have at least, and are off by at most, where it counts as learned


@dataclass(frozen=True)
class Staircase:
    """Plateaus of the mean squared error, over entries and samples.

    Attributes:
        levels: (m + 1,) descending: before anything is learned, after the strongest mode, ..., after all; the last is what dust there is, 0 in theory.
        modes: (m,) int64, the number of the mode that is learned between two levels, by falling power; of equals, the lower number first.
    """

    levels: NDArray[np.float64]
    modes: NDArray[np.int64]


def staircase(power: NDArray[np.float64], order: int) -> Staircase:
    """The levels L_m = (1 / |G|) sum over i > m of P_(i), for powers (modes,) of a template on a group of `order` elements, P_(1) >= P_(2) >= ...

    Exact: a network that answers with the modes it knows, and 0 on the others, misses the same power on every sample, because moving a template keeps
    the power of each of its modes. So the levels hold for any number k of composed elements, and for each of several outputs.

    Raises:
        ValueError: there is no power at all.
    """
    total = float(power.sum())
    if not total > 0:
        raise ValueError(f"a template must have power in some mode besides the trivial one, but got {total:g} in all; a constant has nothing to learn")
    kept = power > LEAST_SHARE * total
    modes = np.argsort(-power, kind="stable")[: int(kept.sum())]
    left = np.maximum(total - np.cumsum(power[modes]), 0.0)
    left[-1] = power[~kept].sum()  # no difference of large numbers
    return Staircase(np.array([total, *left]) / order, modes)


def learned(power: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which modes are learned whose outputs have `power`, and are off by `error`, both as shares of the template's power in each mode, of any one shape."""
    return (power >= LEARNED) & (error <= LEARNED)
