"""How well V_t = D lap V + f(V) describes a field over time, and how much of that is left when places or moments are shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.patterns.laplacian import inside
from lal.errors import Refused

Array = NDArray[np.float64]
DEGREE, SHUFFLES, SEED = 3, 99, 20261122
LEAST_RATIO = 3  # equations for each unknown


@dataclass(frozen=True)
class Fit:
    """V_t = D lap V + a_0 + a_1 V + ... by least squares; one position is the unit of length.

    Attributes:
        diffusion: D.   standard_error: of D, as if errors were independent; a lower bound for those of fields that are followed closely.
        reaction: (a_0, a_1, ...).   n: equations.
        error: unexplained share of the change, |V_t - fit|^2 / |V_t|^2.   without_diffusion: the same of f(V) alone.
    """

    diffusion: float
    standard_error: float
    reaction: tuple[float, ...]
    n: int
    error: float
    without_diffusion: float

    @property
    def gain(self) -> float:
        """The share of what f(V) leaves unexplained that diffusion explains."""
        return 1 - self.error / self.without_diffusion if self.without_diffusion else 0.0


@dataclass(frozen=True)
class Equations:
    """What is fitted, at every place that has neighbours on all sides and halfway between moments: each (T - 1, P).

    Attributes:
        change: difference over time.   field, bend: V and its second differences, means of both moments, so that errors are of second order in time.
    """

    change: Array
    field: Array
    bend: Array


@dataclass(frozen=True)
class Scored:
    """A fit beside the same to shuffled data.

    Attributes:
        places, moments: errors of `SHUFFLES` fits each. With places shuffled, one permutation of positions for all moments, neighbours are anyone, while
            what f(V) can explain stays the same; with moments shuffled, a field is given the change of another moment.
        places_gain, moments_gain: what diffusion explains of the rest in each of them.
    """

    fit: Fit
    places: Array
    moments: Array
    places_gain: Array
    moments_gain: Array


def equations(field: Array, times: Array, places: NDArray[np.integer] | None = None) -> Equations:
    """The equations of `field` (T, N) or (T, H, W) at `times` (T,), by differences; with positions rearranged by `places` first, where they are given.

    Raises:
        Refused: too few moments or positions, moments that do not follow one another, or numbers that are not finite.
    """
    if field.ndim not in (2, 3) or len(field) != len(times) or len(field) < 2 or min(field.shape[1:]) < 3:
        raise Refused(
            f"a field over time must be (T, N) or (T, H, W) with T >= 2 moments and 3 positions a side, but got {field.shape} at {len(times)} moments; "
            "keep more snapshots, or a larger world"
        )
    gaps = np.diff(times)
    if not (gaps > 0).all() or not np.isfinite(field).all():
        raise Refused("a field over time must be finite, at moments that follow one another; leave out what is not")
    own = field.astype(float)
    shown = own if places is None else own.reshape(len(own), -1)[:, places].reshape(own.shape)
    middle = shown[(slice(None), *[slice(1, -1)] * (field.ndim - 1))]
    change = np.diff(middle, axis=0) / gaps.reshape(-1, *[1] * (field.ndim - 1))
    flat = (len(gaps), -1)
    bend = inside(shown)
    return Equations(change.reshape(flat), (middle[:-1] + middle[1:]).reshape(flat) / 2, (bend[:-1] + bend[1:]).reshape(flat) / 2)


def fit(of: Equations, degree: int = DEGREE) -> Fit:
    """D and a polynomial f of `degree`, by least squares over all equations.

    Raises:
        Refused: fewer than three equations for each unknown.
    """
    unknowns = degree + 2
    if of.change.size < LEAST_RATIO * unknowns:
        raise Refused(f"a fit of {unknowns} unknowns needs {LEAST_RATIO * unknowns} equations, but there are {of.change.size}; keep more snapshots")
    change, field, bend = (each.ravel() for each in (of.change, of.field, of.bend))
    scale = float(np.abs(field).max()) or 1.0
    powers = np.vander(field / scale, degree + 1, increasing=True)
    width = float(bend.std()) or 1.0
    columns = np.column_stack([bend / width, powers])
    found, *_ = np.linalg.lstsq(columns, change, rcond=None)
    left = float(np.square(change - columns @ found).sum())
    alone = float(np.square(change - powers @ np.linalg.lstsq(powers, change, rcond=None)[0]).sum())
    total = float(np.square(change).sum()) or 1.0
    spread = float(np.linalg.pinv(columns.T @ columns)[0, 0]) * left / (len(change) - unknowns)
    reaction = tuple(float(each) / scale**power for power, each in enumerate(found[1:]))
    return Fit(float(found[0]) / width, float(np.sqrt(max(spread, 0.0))) / width, reaction, len(change), left / total, alone / total)


def scored(field: Array, times: Array, degree: int = DEGREE, shuffles: int = SHUFFLES) -> Scored:
    """The fit of a field over time, and of as many shuffles of its places and of its moments.

    Raises:
        Refused: as `equations` and `fit`.
    """
    own, generator = equations(field, times), np.random.default_rng(SEED)
    n_places, n_moments = int(np.prod(field.shape[1:])), len(own.change)
    places = [fit(equations(field, times, generator.permutation(n_places)), degree) for _ in range(shuffles)]
    moments = [fit(Equations(own.change[generator.permutation(n_moments)], own.field, own.bend), degree) for _ in range(shuffles)]
    found = [np.array([getattr(each, name) for each in group]) for name in ("error", "gain") for group in (places, moments)]
    return Scored(fit(own, degree), *found)
