"""What is looked at on the way of a run, and whether what was looked at before is enough. Torch-free.

Each kind of run has metrics of its own: it names them in a subclass of `Measure`, by `known`, in the order of its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError, field_validator, model_validator

from lal.errors import nearest
from lal.part import Part
from lal.runs.metric import AnyMetric

GROUPS = frozenset({"default", "all"})
KEPT = {"snapshot_every": "snapshots", "save_every": "checkpoints"}


class Looks(Part):
    """How often what is looked at."""

    eval_every: Annotated[int, Field(ge=1, le=10**9, description="steps between evaluations; the first is at step 0, the last at the end")] = 100
    metrics: Annotated[tuple[str, ...], Field(description="names; `default` and `all` stand for those sets, as far as they apply")] = ("default",)
    every: Annotated[dict[str, int], Field(description="steps between measurements of a slow metric, a multiple of eval_every; always on the last row")] = {}
    snapshot_every: Annotated[int | None, Field(ge=1, le=10**9, description="steps between snapshots of arrays; null = at the end alone")] = None
    save_every: Annotated[int | None, Field(ge=1, le=10**9, description="steps between checkpoints that are kept for `lal measure`; null = the last alone")] = (
        None
    )

    @field_validator("metrics", mode="before")
    @classmethod
    def _several(cls, names: Any) -> Any:
        if isinstance(names, str):
            raise ValueError(f"metrics must be a list, but got {names!r}; write [{names}]")
        return names

    @field_validator("metrics")
    @classmethod
    def _ordered(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _cadences(self) -> Looks:
        for name, steps in self.every.items():
            if steps < 1 or steps % self.eval_every:
                raise ValueError(f"every.{name} must be a positive multiple of eval_every={self.eval_every}, but got {steps}")
        for field in KEPT:
            steps = getattr(self, field)
            if steps is not None and steps % self.eval_every:
                raise ValueError(f"{field} must be a multiple of eval_every={self.eval_every}, but got {steps}")
        return self


class Measure(Looks):
    """What is looked at on the way. Never changes a run; more than a record holds means training it again."""

    known: ClassVar[Mapping[str, AnyMetric]]
    """The metrics of one kind of run, by name, in the order of its columns."""

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in cls.known and name not in GROUPS:
                raise ValueError(f"metrics must name known metrics, but got {name!r}; {nearest(name, (*GROUPS, *cls.known))}")
        return names

    @field_validator("every")
    @classmethod
    def _known_too(cls, every: dict[str, int]) -> dict[str, int]:
        for name in every:
            if name not in cls.known:
                raise ValueError(f"every must name known metrics, but got {name!r}; {nearest(name, tuple(cls.known))}")
        return every

    def names(self) -> tuple[str, ...]:
        """The metrics that are asked for, whether they apply or not."""
        asked = {name for name, metric in self.known.items() if "all" in self.metrics or ("default" in self.metrics and metric.default)}
        return tuple(name for name in self.known if name in asked or name in self.metrics)

    def cadence(self, name: str) -> int:
        """Steps between two measurements of metric `name`."""
        return self.every.get(name, self.eval_every * self.known[name].period)


class WholeMeasure(Looks):
    """What is looked at with nothing left to defaults, which may change: what records keep. `metrics` are names, and `every` has each of them."""

    columns: dict[str, tuple[str, ...]] | None = None
    """What each metric fills, but for columns named after single tensors; None in records from before this was noted: those of today."""

    def lacks(self, name: str, asked: WholeMeasure) -> bool:
        """Whether metric `name` is not here as often, or not with all the columns, as it is `asked`."""
        if name not in self.metrics or asked.every[name] % self.every[name]:
            return True
        return self.columns is not None and asked.columns is not None and not {*asked.columns[name]} <= {*self.columns.get(name, ())}

    def serves(self, field: str, asked: WholeMeasure) -> bool:
        """Whether what was kept every so many steps, `field`, holds what is asked for; None is the end alone, which is always kept."""
        mine, theirs = getattr(self, field), getattr(asked, field)
        return theirs is None or (mine is not None and theirs % mine == 0)


def whole(measure: Measure, columns: Mapping[str, tuple[str, ...]]) -> WholeMeasure:
    """`measure` with its sets resolved: `columns` of each metric that is really measured."""
    kept = {field: getattr(measure, field) for field in ("eval_every", *KEPT)}
    return WholeMeasure(metrics=tuple(columns), every={name: measure.cadence(name) for name in columns}, columns=dict(columns), **kept)


def stored_measure(stored: Mapping[str, Any], known: Mapping[str, AnyMetric]) -> WholeMeasure | None:
    """What a record was measured under; None where that names metrics which are no longer `known`."""
    try:
        found = WholeMeasure.model_validate(stored)
    except ValidationError:
        return None
    if not {*found.metrics} <= known.keys():
        return None
    every = {name: found.every.get(name, found.eval_every * known[name].period) for name in found.metrics}  # old records left defaults out
    return found.model_copy(update={"every": every})


def lacking(stored: WholeMeasure | None, asked: WholeMeasure) -> str | None:
    """What a record measured under `stored` does not hold of what is asked, in words, or None."""
    if stored is None:
        return "metrics under names that are known today"
    if asked.eval_every % stored.eval_every:
        return f"rows every {asked.eval_every} steps (stored: {stored.eval_every})"
    missing = unheld(stored, asked)
    if missing:
        return f"metrics {', '.join(missing)}"
    kept = [field for field in KEPT if not stored.serves(field, asked)]
    return " and ".join(f"{KEPT[field]} every {getattr(asked, field)} steps" for field in kept) or None


def unheld(stored: WholeMeasure | None, asked: WholeMeasure) -> tuple[str, ...]:
    """The metrics that a record measured under `stored` does not hold as they are asked, in the order in which they are asked."""
    return tuple(name for name in asked.every if stored is None or stored.lacks(name, asked))


def merged(asked: WholeMeasure, stored: WholeMeasure, kind: type[Measure]) -> Measure:
    """What serves both, as the `kind` of run asks for it."""
    both = (asked, stored)
    every = {name: gcd(*(each.every[name] for each in both if name in each.metrics)) for name in kind.known if any(name in each.metrics for each in both)}
    kept = {field: gcd(*(getattr(each, field) or 0 for each in both)) or None for field in KEPT}
    return kind(eval_every=gcd(*(each.eval_every for each in both)), metrics=tuple(every), every=every, **kept)
