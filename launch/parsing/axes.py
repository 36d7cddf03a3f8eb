"""What varies in a sweep: values of axes, named points, seeds. How each may be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import exp, inf, isfinite, log, nan
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lal.errors import nearest
from lal.part import Part
from lal.store import checked_name

MAX_VALUES = 10_000
MAX_WHOLE = 2**31
DIGITS = 12  # of values between the ends of a range: ids must not hang on the last bits of a logarithm
Values = tuple[Any, ...]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Range(Part):
    """Every number from `low` to `high`, both included: a search draws from it, a grid cannot."""

    scale: Literal["linear", "log", "int", "log_int"]
    low: float
    high: float

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return self.scale.endswith("int")

    @property
    def logarithmic(self) -> bool:
        """Whether equal ratios are equally likely, instead of equal distances."""
        return self.scale.startswith("log")

    @property
    def size(self) -> float:
        """How many different numbers it has."""
        return self.high - self.low + 1 if self.whole else inf

    def at(self, share: float) -> float | int:
        """The number below which there is `share` in [0, 1) of the range."""
        half = 0.5 if self.whole else 0.0  # every whole number has an interval of its own, of length 1
        low, high = self.low - half, self.high + half
        value = exp(log(low) * (1 - share) + log(high) * share) if self.logarithmic else low * (1 - share) + high * share
        return self.exact(min(max(value, self.low), self.high))

    def exact(self, value: float) -> float | int:
        """`value` as runs have it: whole, or with the digits that ids may hang on."""
        return round(value) if self.whole else float(f"{value:.{DIGITS}g}")


def axis_values(written: Any) -> Any:
    """The values of an axis: a list as it is, those of {log: [from, to, n]} or {linear: [from, to, n]}, or, without n, a Range.

    Raises:
        ValueError: it is something else, or empty, or a range that cannot be.
    """
    if isinstance(written, Range):
        return written
    if is_range(written):
        ((scale, ends),) = written.items()
        return ranged(scale, ends) if scale.endswith("int") or (isinstance(ends, list | tuple) and len(ends) == 2) else spaced(scale, ends)
    if not isinstance(written, list | tuple):
        raise ValueError(
            f"an axis must be a list, or {{log: [from, to, n]}} or {{linear: [from, to, n]}} (where points are searched for, also without n, int and log_int), "
            f"but got {written!r}; write a list for a single value too"
        )
    if not written:
        raise ValueError("an axis must have at least one value, but it is empty; add values or remove the axis")
    return tuple(written)


def is_range(written: Any) -> bool:
    """Whether an axis is written as a range, right or wrong."""
    return isinstance(written, dict) and len(written) == 1 and next(iter(written)) in ("log", "linear", "int", "log_int")


def ranged(scale: str, ends: Any) -> Range:
    """All numbers between two ends."""
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError, OverflowError):
        low = high = nan
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError(f"{scale} must be [from, to] with from < to, but got {ends!r}; write it as in {scale}: [1, 8]")
    if scale.endswith("int") and (low != int(low) or high != int(high) or high > MAX_WHOLE or low < -MAX_WHOLE):
        raise ValueError(f"the ends of {scale} must be whole numbers up to {MAX_WHOLE:,}, but got {ends!r}; use {'log' if scale == 'log_int' else 'linear'}")
    if scale.startswith("log") and low <= 0:
        raise ValueError(f"the ends of a log range must be over 0, but got {ends!r}; use linear, or a list with 0 in it")
    return Range(scale=scale, low=low, high=high)  # type: ignore[arg-type]


def spaced(scale: str, ends: Any) -> tuple[float, ...]:
    """n numbers from `ends[0]` to `ends[1]`, both exact, at equal ratios (log) or distances (linear)."""
    low, high, n = ends_of(scale, ends)
    if scale == "log" and not (low > 0 and high > 0):
        raise ValueError(f"the ends of a log range must be over 0, but got {ends!r}; use linear, or a list with 0 in it")
    shares = [i / (n - 1) for i in range(1, n - 1)]
    between = [low * (1 - share) + high * share if scale == "linear" else exp(log(low) * (1 - share) + log(high) * share) for share in shares]
    return (low, *(float(f"{value:.{DIGITS}g}") for value in between), high)


def ends_of(scale: str, ends: Any) -> tuple[float, float, int]:
    """(from, to, n) of a range."""
    try:
        low, high, n = (float(end) for end in ends)
    except (TypeError, ValueError, OverflowError):
        low = high = n = nan
    if not (isfinite(low) and isfinite(high) and 2 <= n <= MAX_VALUES and n == int(n)):
        raise ValueError(f"{scale} must be [from, to, n] with 2 <= n <= {MAX_VALUES:,}, but got {ends!r}; write it as in {scale}: [1.0e-3, 1, 7]")
    return low, high, int(n)


Axis = Annotated[Values | Range, BeforeValidator(axis_values)]


class Point(Part):
    """Values that are set together, by dotted path or nested; its label, and its place in the list."""

    name: Annotated[str, AfterValidator(lambda name: checked_name(name, "a point's name"))] | None = None
    index: int | None = None
    values: dict[str, Any]


def point_list(written: Any) -> Any:
    """Points from a mapping of names to values, or a list of values."""
    if isinstance(written, dict) and written:
        return tuple({"name": name, "values": values} for name, values in written.items())
    if isinstance(written, list) and written:
        return tuple({"index": index, "values": values} for index, values in enumerate(written))
    if isinstance(written, tuple):
        return written
    raise ValueError(
        f"points must be a mapping of names to values, or a list of them, with at least one, but got {written!r}; write as in points: {{a: {{model.depth: 4}}}}"
    )


Points = Annotated[tuple[Point, ...], BeforeValidator(point_list)]


class Seeds(Part):
    """Which seeds, and what they set: `seed` (initialisation and batches), `task.split_seed` (the split), or both.

    Of group composition: `seed`, `task.template.seed` (the template), `task.sampling.split_seed` (the split).

    Written as a number (0, 1, ... below it), as a list, or as {n: 8, vary: [seed, task.split_seed]} or {values: [...], vary: [...]}.
    """

    values: tuple[Seed, ...]
    vary: tuple[Literal["seed", "task.split_seed", "task.template.seed", "task.sampling.split_seed"], ...] = ("seed",)

    @model_validator(mode="before")
    @classmethod
    def _written(cls, written: Any) -> Any:
        if isinstance(written, list | tuple):
            return {"values": written}
        if isinstance(written, dict):
            unknown = sorted(set(written) - {"n", "values", "vary"})
            if unknown:
                raise ValueError(f"seeds must have known keys, but has {unknown[0]!r}; {nearest(unknown[0], ['n', 'values', 'vary'])}")
            if "n" not in written:
                return written
            if "values" in written:
                raise ValueError("seeds must have either n or values, but has both; remove one")
            return {**{key: value for key, value in written.items() if key != "n"}, "values": counted(written["n"])}
        return written if isinstance(written, Seeds) else {"values": counted(written)}

    @model_validator(mode="after")
    def _once(self) -> Seeds:
        for what, values in (("seeds", self.values), ("seeds.vary", self.vary)):
            if not 1 <= len(values) <= MAX_VALUES:
                raise ValueError(f"{what} must be 1 to {MAX_VALUES:,}, but are {len(values)}; write seeds: 5 or seeds: [3, 7]")
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"{what} must each be given once, but {', '.join(map(str, twice[:5]))} is repeated; remove the copies")
        return self

    def each(self) -> Iterator[tuple[int, dict[str, int]]]:
        """Every seed, and the values that it sets by dotted path."""
        for seed in self.values:
            yield seed, dict.fromkeys(self.vary, seed)


def counted(n: Any) -> tuple[int, ...]:
    """0, 1, ... below `n`."""
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MAX_VALUES:
        raise ValueError(
            f"seeds must be a number from 1 to {MAX_VALUES:,}, or a list of different whole numbers, but got {n!r}; write seeds: 5 or seeds: [3, 7]"
        )
    return tuple(range(n))
