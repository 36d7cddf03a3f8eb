"""How a task's columns become a sequence of tokens, and how few different beginnings such sequences have: torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lal.tasks.task import TaskPart

PAIRS_A_ROW = 16  # a table of the scores of all pairs is cheaper than products row by row, if it has at most so many entries for each that is used


@dataclass(frozen=True)
class Sequence:
    """[a, op, b, =], or [a, b, =] without `operator`, and so on for more operands.

    Attributes:
        vocabularies: number of values of each column, in the order in which they are read: a, op, b, ... A single operation is no column.
        columns: for each column so ordered, its place in `Data.tokens`.
        own: for each position, the column that stands there (in that order), or None for a token that is always the same.
    """

    vocabularies: tuple[int, ...]
    columns: tuple[int, ...]
    own: tuple[int | None, ...]

    @property
    def n_positions(self) -> int:
        """Tokens of one input, = included."""
        return len(self.own)

    @property
    def n_seen(self) -> tuple[int, ...]:
        """For each position, the number of columns that have been read there: they alone decide what a causal network computes."""
        return tuple(max((own + 1 for own in self.own[: t + 1] if own is not None), default=0) for t in range(self.n_positions))

    def is_shared(self, n_seen: int, n_rows: int) -> bool:
        """Whether beginnings of `n_seen` columns are computed once each, all that there may be, instead of once for each of `n_rows` inputs."""
        return n_seen < len(self.vocabularies) and self.n_beginnings(n_seen) < n_rows

    def n_beginnings(self, n_seen: int) -> int:
        """How many different beginnings of `n_seen` columns there may be."""
        return prod(self.vocabularies[:n_seen])

    def n_states(self, n_rows: int) -> list[int]:
        """For each position, how many hidden states are computed for `n_rows` inputs."""
        return [self.n_beginnings(n) if self.is_shared(n, n_rows) else n_rows for n in self.n_seen]

    def n_tokens(self, n_rows: int) -> list[int]:
        """For each position, how many embedded tokens are computed for `n_rows` inputs: all that there may be, if they are fewer."""
        return [1 if own is None else min(self.vocabularies[own], n_rows) for own in self.own]

    def n_scores(self, n_rows: int, position: int) -> int:
        """How many scores of pairs of embedded tokens, with `position` as the query, are looked up in tables, for `n_rows` inputs."""
        tokens = self.n_tokens(n_rows)
        whole = [s for s in range(position + 1) if self.embeds_all(s, n_rows)]
        sizes = [tokens[position] * tokens[s] for s in whole] if position in whole else []
        return sum(size for size in sizes if size <= PAIRS_A_ROW * self.n_states(n_rows)[position])

    def embeds_all(self, position: int, n_rows: int) -> bool:
        """Whether all tokens that may stand at `position` are embedded once each, instead of one for each of `n_rows` inputs."""
        own = self.own[position]
        return own is None or self.vocabularies[own] < n_rows


def sequence_of(task: TaskPart, *, operator: bool) -> Sequence:
    """The sequence of a row of `task`."""
    k, several = task.n_operands, task.n_operations > 1
    order = [0, k, *range(1, k)] if several and operator else list(range(k))
    between: int | None = 1 if several else None
    operands = [0, *(each + several for each in range(1, k))]
    last_first = [operands[0], *(place for each in operands[1:] for place in ([between, each] if operator else [each]))]
    own = (*last_first, None) if operator else (*operands, None)
    return Sequence(tuple(task.vocabularies[column] for column in order), tuple(order), own)
