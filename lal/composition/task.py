"""The task: which group, how its elements are encoded, how many are composed, and which tuples are trained on. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal import groups
from lal.groups import templates
from lal.groups.cyclic import Cyclic
from lal.groups.part import GroupPart
from lal.groups.template import Template, TemplatePart
from lal.groups.templates.fourier import Fourier
from lal.part import Part, union

if TYPE_CHECKING:  # what a checker may know; at run time the unions hold what installed packages offer, too
    AnyGroup = GroupPart
    AnyTemplate = TemplatePart
else:
    AnyGroup, AnyTemplate = union(groups.MEMBERS), union(templates.MEMBERS)

MAX_TABLE = 1_000_000  # tuples that are ever listed
EVALUATED = 16_384  # tuples up to which an online run is evaluated on all there are
SAMPLED = 4_096  # tuples that it is evaluated on where there are more
SHARED = 3.0  # prefixes of a level, per tuple, up to which computing all of them is quicker than looking up those that occur


def shared_depth(order: int, k: int, n_rows: int) -> int:
    """Elements, from 1 to k, after which all prefixes are computed for `n_rows` tuples (`prefixes.py`)."""
    depth = 1
    while depth < k and order ** (depth + 1) <= SHARED * n_rows:
        depth += 1
    return depth


class Online(Part):
    """Fresh tuples at every step, uniform and independent."""

    kind: Literal["online"] = "online"
    batch_size: Annotated[int, Field(ge=1, le=10**7, description="tuples of a step")] = 1000


class Table(Part):
    """All |G|^k tuples, of which a random share is trained on and the rest tested."""

    kind: Literal["table"] = "table"
    train_frac: Annotated[float, Field(gt=0, le=1, description="share of the tuples to train on; 1 = all, and these are tested, too")] = 0.8
    split_seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the split, and of nothing else")] = 0
    batch_size: Annotated[int | None, Field(ge=1, description="tuples of a minibatch, drawn anew each pass; null = all training tuples")] = None


class GroupTask(Part):
    """Compose k elements: from their codes, moved copies of the template, the code of their product g_1 g_2 ... g_k."""

    kind: Literal["group"] = "group"
    group: AnyGroup = Cyclic()
    template: AnyTemplate = Fourier(n_modes=3)
    k: Annotated[int, Field(ge=2, le=64, description="elements that are composed")] = 3
    sampling: Annotated[Online | Table, Field(discriminator="kind", description="which tuples are trained on")] = Online()
    outputs: Annotated[
        Literal["last", "every"], Field(description="`every`: the product of the first t elements is asked for after each t = 2, ..., k, not only the last")
    ] = "last"

    @model_validator(mode="after")
    def _exists(self) -> GroupTask:
        self.template.check(self.group)
        if self.outputs == "every" and self.k == 2:
            raise ValueError("outputs: every would have no effect with k = 2, where the last output is the only one; remove it")
        if isinstance(self.sampling, Table):
            self._table_fits(self.sampling)
        return self

    def _table_fits(self, table: Table) -> None:
        if self.n_tuples > MAX_TABLE:
            size = f"{self.order}^{self.k} = {self.n_tuples:.3g} tuples, {self.n_tuples * self.order * 4 / 2**30:.3g} GiB of targets alone"
            raise ValueError(f"sampling: a table may have at most {MAX_TABLE:,} tuples, but got {size}; write sampling: {{kind: online}}, or lower k")
        if table.train_frac < 1 and not 0 < self.n_train < self.n_tuples:
            empty = "train" if self.n_train == 0 else "test"
            contract = f"sampling.train_frac must leave tuples on both sides, but {table.train_frac:g} of {self.n_tuples} leaves the {empty} set empty"
            raise ValueError(f"{contract}; write a share in between")
        if table.batch_size is not None and table.batch_size >= self.n_train:
            raise ValueError(f"sampling.batch_size must be below the {self.n_train} training tuples, but got {table.batch_size}; write null for all of them")

    @property
    def order(self) -> int:
        """|G|: number of elements, and of entries of a code."""
        return self.group.order

    @property
    def n_tuples(self) -> int:
        """|G|^k."""
        return self.order**self.k

    @property
    def n_train(self) -> int:
        """Training tuples of a table; all tuples where they are drawn."""
        return round(self.sampling.train_frac * self.n_tuples) if isinstance(self.sampling, Table) else self.n_tuples

    @property
    def n_test(self) -> int:
        """Tuples of which the test loss is the mean."""
        if isinstance(self.sampling, Table):
            return self.n_tuples - self.n_train or self.n_tuples
        return self.n_tuples if self.n_tuples <= EVALUATED else SAMPLED

    @property
    def batch(self) -> int:
        """Tuples of one step."""
        return self.sampling.batch_size or self.n_train

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows that one step computes after 2, ..., k elements: all prefixes down to where they are shared, and each tuple by itself below."""
        depth = shared_depth(self.order, self.k, self.batch)
        return tuple(self.order**t if t <= depth else self.batch for t in range(2, self.k + 1))

    @property
    def trains_on_all(self) -> bool:
        """Whether the tuples of a table's two sides are the same."""
        return isinstance(self.sampling, Table) and self.n_train == self.n_tuples

    @property
    def n_outputs(self) -> int:
        """Outputs that are trained: one, or one for each element from the second on."""
        return self.k - 1 if self.outputs == "every" else 1

    @property
    def label(self) -> str:
        """A few characters for run ids."""
        return f"{self.group.label}k{self.k}-{self.template.label}"

    def encoding(self) -> Template:
        """The template on its group."""
        return self.template.build(self.group)
