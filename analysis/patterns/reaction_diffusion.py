"""How well V_t = D lap V + f(V), or V_t = c V_x + f(V), describes a field over time, and how much of that is left when places or moments are shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.patterns.differences import bend, inner, slope
from lal.errors import Refused

Array = NDArray[np.float64]
Term = Literal["diffusion", "drift"]
TERMS: tuple[Term, ...] = ("diffusion", "drift")
DEGREE, SHUFFLES, SEED = 3, 99, 20261122
LEAST_RATIO = 3  # equations for each unknown
LEAST_DEALT = 3  # positions or moments that a shuffle deals out: of two, every other one leaves all as it was


@dataclass(frozen=True)
class Equations:
    """What is fitted, at every place that has neighbours on all sides and halfway between moments: each (T - 1, P).

    Attributes:
        change: difference over time.   field: V, the mean of both moments, so that errors are of second order in time.
        terms: the same of its Laplacian (diffusion), and of its slope towards the last position, the mean over sides (drift).
    """

    change: Array
    field: Array
    terms: Mapping[Term, Array]


@dataclass(frozen=True)
class Fit:
    """V_t = D lap V + f(V), or V_t = c V_x + f(V), with f(V) = a_0 + a_1 V + ..., by least squares; one position is the unit of length.

    Attributes:
        coefficient: D, or c: the speed away from the last position at which what drifts goes.
        standard_error: of it, as if errors were independent; a lower bound for those of fields that are followed closely.
        reaction: (a_0, a_1, ...).   n: equations.
        error: unexplained share of the change, |V_t - fit|^2 / |V_t|^2.   reaction_error: the same of f(V) alone.
    """

    term: Term
    coefficient: float
    standard_error: float
    reaction: tuple[float, ...]
    n: int
    error: float
    reaction_error: float

    @property
    def gain(self) -> float:
        """The share of what f(V) leaves unexplained that the term explains."""
        return 1 - self.error / self.reaction_error if self.reaction_error else 0.0


@dataclass(frozen=True)
class Scored:
    """A fit beside the same to shuffled data, errors of as many shuffles each; of none where fewer than LEAST_DEALT could be dealt out.

    Attributes:
        places: one permutation of the positions that have neighbours on all sides, for all moments: neighbours are anyone, while each position does what
            it did. Rims stay where they are, so that the same changes are to be explained: a noisier rim, in shuffled fields alone, would flatter the fit.
        moments: a field is given the change of another moment.
    """

    fit: Fit
    places: Array
    moments: Array


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
    if not (gaps > 0).all():
        late = int(np.flatnonzero(~(gaps > 0))[0])
        raise Refused(f"moments must follow one another, but after {times[late]:g} comes {times[late + 1]:g}; sort them, and leave out what is there twice")
    if not np.isfinite(field).all():
        moment, *place = map(int, np.argwhere(~np.isfinite(field))[0])
        where = f"position {', '.join(map(str, place))} at moment {times[moment]:g}"
        raise Refused(f"a field over time must be finite, but is {field[(moment, *place)]} at {where}; leave out moments from there on")
    own = field.astype(float)
    shown = own if places is None else own.reshape(len(own), -1)[:, places].reshape(own.shape)

    def halfway(values: Array) -> Array:
        return (values[:-1] + values[1:]).reshape(len(gaps), -1) / 2

    change = np.diff(inner(shown), axis=0).reshape(len(gaps), -1) / gaps[:, None]
    return Equations(change, halfway(inner(shown)), {"diffusion": halfway(bend(shown)), "drift": halfway(slope(shown))})


def shuffled(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.int64]:
    """(P,) positions of a line or a grid, row by row, with those that have neighbours on all sides dealt out anew among themselves."""
    numbers = np.arange(int(np.prod(shape)))
    own = numbers.reshape(shape)[tuple(slice(1, -1) for _ in shape)].ravel()
    numbers[own] = generator.permutation(own)
    return numbers


def fit(of: Equations, term: Term = "diffusion", degree: int = DEGREE) -> Fit:
    """D or c and a polynomial f of `degree`, by least squares over all equations.

    Raises:
        Refused: fewer than three equations for each unknown.
    """
    unknowns = degree + 2
    if of.change.size < LEAST_RATIO * unknowns:
        raise Refused(f"a fit of {unknowns} unknowns needs {LEAST_RATIO * unknowns} equations, but there are {of.change.size}; keep more snapshots")
    change = of.change.ravel()
    columns, width, scale = _columns(of, term, degree)
    found, left = _least_squares(columns, change)
    alone, total = _least_squares(columns[:, 1:], change)[1], float(change @ change) or 1.0
    spread = float(np.linalg.pinv(columns.T @ columns)[0, 0]) * left / (len(change) - unknowns)
    reaction = tuple(float(each) / scale**power for power, each in enumerate(found[1:]))
    return Fit(term, float(found[0]) / width, float(np.sqrt(max(spread, 0.0))) / width, reaction, len(change), left / total, alone / total)


def _columns(of: Equations, term: Term, degree: int) -> tuple[Array, float, float]:
    """The term and the powers of the field, each divided by its size, and these sizes."""
    field, moved = of.field.ravel(), of.terms[term].ravel()
    scale, width = float(np.abs(field).max()) or 1.0, float(moved.std()) or 1.0
    return np.column_stack([moved / width, np.vander(field / scale, degree + 1, increasing=True)]), width, scale


def error(of: Equations, term: Term, degree: int = DEGREE) -> float:
    """The unexplained share of the change alone: see `Fit`."""
    change = of.change.ravel()
    return _least_squares(_columns(of, term, degree)[0], change)[1] / (float(change @ change) or 1.0)


def _least_squares(columns: Array, values: Array) -> tuple[Array, float]:
    """Coefficients, and the sum of squares that they leave."""
    found = np.asarray(np.linalg.lstsq(columns, values, rcond=None)[0], np.float64)
    rest = values - columns @ found
    return found, float(rest @ rest)


def scored(field: Array, times: Array, degree: int = DEGREE, shuffles: int = SHUFFLES) -> dict[Term, Scored]:
    """The fits of a field over time with either term, and of as many shuffles of its places and of its moments.

    Raises:
        Refused: as `equations` and `fit`.
    """
    own, generator = equations(field, times), np.random.default_rng(SEED)
    n_moments = len(own.change)
    n_places = own.change.shape[1]
    places = [equations(field, times, shuffled(field.shape[1:], generator)) for _ in range(shuffles if n_places >= LEAST_DEALT else 0)]
    moments = [Equations(own.change[generator.permutation(n_moments)], own.field, own.terms) for _ in range(shuffles if n_moments >= LEAST_DEALT else 0)]
    return {term: Scored(fit(own, term, degree), *(np.array([error(each, term, degree) for each in group]) for group in (places, moments))) for term in TERMS}
