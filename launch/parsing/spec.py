"""What may be written in a sweep's YAML, and how a profile changes it. Imports neither torch nor ray."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lal.part import Part, union
from lal.store import checked_name
from launch.driving.time_budget import seconds_of
from launch.parsing.axes import Axis, Points, Seeds
from launch.parsing.merging import merged
from launch.schedulers.scheduling import AnySchedule
from launch.searching.spec import SEARCHES, Grid, Objectives, Optuna, Random

if TYPE_CHECKING:
    AnySearch = Grid | Random | Optuna
    Seconds = float | None
else:
    AnySearch = union(SEARCHES)
    Seconds = Annotated[float | str | None, BeforeValidator(seconds_of)]  # text is how a person writes it

ONLY_ARM = "all"


def name_of(what: str) -> AfterValidator:
    """A check that a text can name a folder or file."""

    def check(name: str) -> str:
        if "@" in name:
            raise ValueError(f"{what} must be without '@', but got {name!r}; it separates a sweep from its profile")
        return checked_name(name, what)

    return AfterValidator(check)


Name = Annotated[str, name_of("a name")]
Values = dict[str, Any]


class Arm(Part):
    """One of the things that are compared: what it sets, and what it varies of its own. null takes away what the sweep has."""

    base: Annotated[Values, Field(description="what its runs share, over the sweep's base")] = {}
    axes: Annotated[dict[str, Axis | None], Field(description="more axes, or others in place of the sweep's; null = without that axis")] = {}
    points: Annotated[Points | None, Field(description="in place of the sweep's")] = None
    seeds: Annotated[Seeds | None, Field(description="in place of the sweep's")] = None


class Resources(Part):
    """What one run asks for."""

    cpu: Annotated[float, Field(gt=0, le=1024, description="cores; fractions share one")] = 1.0
    gpu: Annotated[float, Field(ge=0, le=64, description="GPUs; fractions share one")] = 0.0
    gpu_if_present: Annotated[bool, Field(description="on a cluster without any GPU, run on cores instead")] = False

    @model_validator(mode="after")
    def _can_be(self) -> Resources:
        if self.gpu > 1 and self.gpu != int(self.gpu):
            raise ValueError(f"gpu must be a fraction of one or a whole number, but got {self.gpu:g}; write {int(self.gpu)} or {int(self.gpu) + 1}")
        if self.gpu_if_present and not self.gpu:
            raise ValueError("gpu_if_present has an effect only with gpu over 0, but gpu is 0; write gpu too, or remove it")
        return self


class PhaseSpec(Part):
    """The phase diagram's axes, and what its facets stand for: dotted paths that the sweep varies, or `arm`. Without `y`, arms are its rows."""

    x: Annotated[str, Field(description="dotted path along x")]
    y: Annotated[str | None, Field(description="dotted path along y, or arm")] = None
    rows: Annotated[str | None, Field(description="dotted path, or arm; one row of diagrams for each of its values")] = None
    columns: Annotated[str | None, Field(description="dotted path, or arm; one column of diagrams for each of its values")] = None


class ThresholdsSpec(Part):
    """What the report's verdicts are by, where options of `lal report` say nothing else; null = the usual."""

    goal: Annotated[float | None, Field(description="of the goal column: generalised; null = 0.95 of test accuracy, or the target if milder")] = None
    fit: Annotated[float | None, Field(description="of the fit column: memorised; null = as runs are stopped by, 0.99 of train accuracy")] = None
    gap: Annotated[int | None, Field(ge=0, description="steps between the two that make grokking; null = 1000")] = None
    tau: Annotated[float | None, Field(ge=0, description="decay time before which a run that has not generalised is censored; null = 30")] = None
    window: Annotated[int | None, Field(ge=1, description="evaluations in a row that the goal must hold; null = 5, or what runs had to hold if fewer")] = None


class Report(Part):
    """What the report shows besides what every sweep has, and what it calls memorised and generalised."""

    phase: Annotated[PhaseSpec | None, Field(description="axes of the phase diagram")] = None
    pareto: Annotated[Objectives | None, Field(description="objectives of the Pareto front")] = None
    thresholds: Annotated[ThresholdsSpec | None, Field(description="numbers of the verdicts")] = None


class Profile(Part):
    """Changes to a sweep, by name: a smaller one for a laptop, say. null takes away."""

    question: Annotated[str | None, Field(description="in place of the sweep's")] = None
    base: Annotated[Values, Field(description="over the sweep's base")] = {}
    axes: Annotated[dict[str, Axis | None], Field(description="each in place of the sweep's of that path; null = without it")] = {}
    points: Annotated[Points | None, Field(description="in place of the sweep's")] = None
    arms: Annotated[dict[str, Arm | None], Field(description="changes to arms; null = without it")] = {}
    seeds: Annotated[Seeds | None, Field(description="in place of the sweep's")] = None
    resources: Annotated[Values, Field(description="over the sweep's resources")] = {}
    report: Annotated[Values, Field(description="over the sweep's report")] = {}
    search: Annotated[Values, Field(description="over the sweep's search; another kind replaces it")] = {}
    schedule: Annotated[Values | None, Field(description="over the sweep's schedule; null = without it")] = {}
    time_budget: Annotated[float | str | None, Field(description="in place of the sweep's")] = None


class Sweep(Part):
    """One question: arms x axes (or points) x seeds. Order: base < profile < arm < axis or point < command line."""

    name: Annotated[Name, Field(description="names its folder of results")]
    question: Annotated[str, Field(max_length=10_000, description="what its runs answer; headline of the report")] = ""
    expect: Annotated[str | None, Field(max_length=10_000, description="what its author expects, written before")] = None
    base: Annotated[Values, Field(description="what all runs share")] = {}
    axes: Annotated[
        dict[str, Axis],
        Field(
            description="values by dotted path, every combination is run: a list, {log: [from, to, n]} or {linear: [from, to, n]}; "
            "where points are searched for, also {log: [from, to]}, {linear: [from, to]}, {int: [from, to]} and {log_int: [from, to]}"
        ),
    ] = {}
    points: Annotated[Points | None, Field(description="sets of values, where not every combination is wanted: {name: {path: value}}, or a list of them")] = (
        None
    )
    arms: Annotated[dict[Name, Arm], Field(description="what is compared, by name; none = one arm, `all`")] = {}
    seeds: Annotated[Seeds, Field(description="a number n (0 to n - 1), a list, or as below")] = Seeds(values=(0,))
    resources: Annotated[Resources, Field(description="what one run asks for")] = Resources()
    search: Annotated[AnySearch, Field(description="how points are found on the axes: grid = every combination")] = Grid()
    schedule: Annotated[AnySchedule | None, Field(description="compares runs while they are trained and cuts those that are behind; null = none")] = None
    time_budget: Annotated[Seconds, Field(description="ends a call of `lal sweep`, such as 2h, 90 min, or seconds; null = no end")] = None
    report: Annotated[Report, Field(description="what the report shows besides what every sweep has")] = Report()
    profiles: Annotated[dict[Name, Profile], Field(description="changes by name, such as `laptop`; `--profile laptop`")] = {}

    @model_validator(mode="after")
    def _searched(self) -> Sweep:
        by_hand = self.points is not None or any(arm.points is not None for arm in self.arms.values())
        if by_hand and not isinstance(self.search, Grid):
            raise ValueError(f"search.kind {self.search.kind} finds points on axes, but the sweep has `points`, too; remove them, or write them as arms")
        if isinstance(self.search, Optuna) and self.schedule is not None:
            raise ValueError(
                f"schedule {self.schedule.kind} compares single runs, but search.kind optuna trains a point with all its seeds in one trial; remove one of them"
            )
        return self


def changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> Values:
    """A sweep's (or arm's) plain values under the changes of a profile: `base`, `resources`, `report`, `search` and `schedule` merge, axes and arms are
    replaced or taken away (null) one by one, all else is replaced whole."""
    result = dict(values)
    for key, value in changes.items():
        old = result.get(key) or {}
        if key == "seeds":
            result[key] = seeds_over(old, value)
        elif not isinstance(value, Mapping):
            result[key] = value
        elif key in ("base", "resources", "report", "search", "schedule"):
            result[key] = merged(old, value)
        elif key == "axes":
            result[key] = {path: axis for path, axis in {**old, **value}.items() if axis is not None}
        elif key == "arms":
            result[key] = {arm: changed(old.get(arm, {}), value.get(arm, {})) for arm in {**old, **value} if arm not in value or value[arm] is not None}
        else:
            result[key] = value
    return result


def seeds_over(old: Any, new: Any) -> Any:
    """`new` seeds in place of `old` ones; what they vary stays unless it is said anew."""
    if not isinstance(old, Mapping) or "vary" not in old:
        return new
    values = new if isinstance(new, Mapping) else {"n" if isinstance(new, int) else "values": new}
    return {"vary": old["vary"], **values}
