"""What may be written under `search` of a sweep. Imports neither torch, ray nor optuna."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lal.part import Part

MAX_POINTS = 10_000
NAMES_ITS_DATABASE = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")


def read_at(when: Any) -> Any:
    """When an objective is read."""
    if when in ("grok", "end") or (isinstance(when, int) and not isinstance(when, bool) and when >= 0):
        return when
    raise ValueError(f"an objective must be read at grok, at the end, or at a step, but got {when!r}; write one of grok, end, or a number of steps")


Read = Annotated[str | int, BeforeValidator(read_at)]
N_POINTS = Annotated[int, Field(ge=1, le=MAX_POINTS, description="how many points of each arm; a larger number goes on with the same ones")]
SEED = Annotated[int, Field(ge=0, lt=2**32, description="of the draws; nothing else depends on it")]


class Objectives(Part):
    """Columns and when each is read: at `grok`, at the `end`, or at a step.

    A search takes the mean over a point's seeds, which must be known of every run: nothing is read at `grok`, where runs that do not generalise never are.
    There, `t_grok: end` is the number of steps to generalise; a run that did not generalise counts with its whole budget.
    """

    maximise: Annotated[dict[str, Read], Field(description="such as {test_acc: end}")] = {}
    minimise: Annotated[dict[str, Read], Field(description="such as {functional_depth: end}")] = {}

    @model_validator(mode="after")
    def _some(self) -> Objectives:
        both = sorted({*self.maximise} & {*self.minimise})
        if both:
            raise ValueError(f"an objective must be maximised or minimised, but {both[0]} is both; remove one")
        if not self.columns:
            raise ValueError("objectives must name at least one column, but name none; write {maximise: {test_acc: end}}")
        wrong = {**self.maximise, **self.minimise}.get("t_grok", "end")
        if wrong != "end":
            raise ValueError(f"t_grok is known once a run is over, but is to be read at {wrong}; write {{t_grok: end}}")
        return self

    @property
    def columns(self) -> tuple[tuple[str, str | int, Literal["maximize", "minimize"]], ...]:
        """(column, when it is read, Optuna's word for which is better), in the order written."""
        return (
            *((column, when, "maximize") for column, when in self.maximise.items()),
            *((column, when, "minimize") for column, when in self.minimise.items()),
        )


def refuse_unsure(objectives: Objectives) -> Objectives:
    """`objectives`, if they are known of every run that is finished: of points without, a search would learn nothing, not even that they are bad."""
    for column, when, _ in objectives.columns:
        if when == "grok":
            raise ValueError(
                f"an objective must be known of every run, but {column} is read at grok, which runs that do not generalise never are at; "
                f"write {{{column}: end}}, or seek {{t_grok: end}} beside it"
            )
    return objectives


class Grid(Part):
    """Every combination of the axes' values."""

    kind: Literal["grid"] = "grid"


class Random(Part):
    """Points drawn at random, all of them known before anything runs. Point i has the same value on an axis whatever else the sweep has, so that arms
    with the same axes are compared at the same points."""

    kind: Literal["random"] = "random"
    points: N_POINTS
    seed: SEED = 0


class Optuna(Part):
    """Points that Optuna proposes, from what the points before came to. A point is trained with all its seeds in one trial."""

    kind: Literal["optuna"] = "optuna"
    points: Annotated[int, Field(ge=1, le=MAX_POINTS, description="how many points, of all arms together; a larger number goes on")]
    objectives: Annotated[Objectives, AfterValidator(refuse_unsure), Field(description="what is sought, one or several, none of it at grok")]
    sampler: Annotated[Literal["tpe", "nsga2"], Field(description="tpe: tree-structured Parzen estimator; nsga2: genetic, for hundreds of points")] = "tpe"
    startup: Annotated[int, Field(ge=1, le=MAX_POINTS, description="points drawn at random first (tpe), or of a generation (nsga2)")] = 10
    seed: SEED = 0
    storage: Annotated[
        str | None,
        Field(description="URL of a database that SQLAlchemy opens, where the study is kept, without a password; null = study.db beside the sweep's results"),
    ] = None

    @model_validator(mode="after")
    def _can_be(self) -> Optuna:
        if PASSWORD.search(self.storage or ""):
            raise ValueError(
                "storage must be without a password, which manifests, commands and logs would keep, but has one; "
                "let the driver's machine have it: ~/.pgpass (PostgreSQL) or ~/.my.cnf (MySQL)"
            )
        dialect = (self.storage or "sqlite").partition(":")[0].partition("+")[0]
        if dialect not in NAMES_ITS_DATABASE or (self.storage is not None and "://" not in self.storage):
            raise ValueError(
                f"storage must be the URL of a database ({', '.join(NAMES_ITS_DATABASE)}), but begins with {dialect!r}; write as in sqlite:///study.db"
            )
        return self


PASSWORD = re.compile(r"://[^/?#]*:[^/?#]*@|[?&;][^=&;]*(pass|pwd|secret|token|key)[^=&;]*=", re.IGNORECASE)  # in an address, or as one of its options
SEARCHES = (Grid, Random, Optuna)
