"""The different beginnings of a batch's sequences, each of which a causal network computes once.

A map says for each row of one table which row of another belongs to it: None where they are the same rows one by one, a number n where a
table of one row serves n, and otherwise a tensor of row numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lal.models.sequence import Sequence

Map = Tensor | int | None
Maps = list[list[Map]]  # [t][s], s <= t: from the rows at position t to those at position s


def taken(rows: Tensor, by: Map) -> Tensor:
    """The row of `rows` (R, ...) for each row that `by` maps."""
    if by is None:
        return rows
    return rows.expand(by, *rows.shape[1:]) if isinstance(by, int) else rows.index_select(0, by)  # whose gradient is twice as fast as an embedding's


class Prefixes:
    """The beginnings of the sequences of `tokens` (B, T).

    Attributes:
        tokens: for each position, the values of its column that are embedded (V,), or None for a token that is always the same.
        to_tokens: from the states at position t to the embedded tokens at position s.
        to_states: from the states at position t to those at position s. Those at the last position are the inputs themselves.
        n_states: for each position.
    """

    def __init__(self, sequence: Sequence, tokens: Tensor):
        columns = [tokens[:, column] for column in sequence.columns]
        n_rows, n_seen = len(tokens), sequence.n_seen
        self.n_states = sequence.n_states(n_rows)
        shared = [sequence.is_shared(n, n_rows) for n in n_seen]
        known = {n: grid(sequence.vocabularies[:n], tokens) if each else columns[:n] for n, each in zip(n_seen, shared, strict=True)}
        whole = [sequence.embeds_all(t, n_rows) for t in range(sequence.n_positions)]
        self.tokens = [
            None if own is None else torch.arange(sequence.vocabularies[own], device=tokens.device) if every else columns[own]
            for own, every in zip(sequence.own, whole, strict=True)
        ]
        numbers = {(n, m): number(known[n][:m], sequence.vocabularies) for n in {*n_seen} for m in {*n_seen} if m < n and sequence.is_shared(m, n_rows)}
        positions = range(sequence.n_positions)
        self.to_states: Maps = [[numbers.get((n_seen[t], n_seen[s])) for s in range(t + 1)] for t in positions]
        self.to_tokens: Maps = [
            [self.n_states[t] if own is None else known[n_seen[t]][own] if every else None for own, every in zip(sequence.own[: t + 1], whole, strict=False)]
            for t in positions
        ]


def grid(vocabularies: tuple[int, ...], like: Tensor) -> list[Tensor]:
    """The columns of the table of all combinations of values, in row-major order."""
    return [each.flatten() for each in torch.meshgrid(*(torch.arange(n, device=like.device) for n in vocabularies), indexing="ij")]


def number(columns: list[Tensor], vocabularies: tuple[int, ...]) -> Tensor:
    """The row of each combination of values in the table of all combinations."""
    found = columns[0]
    for column, n in zip(columns[1:], vocabularies[1:], strict=False):
        found = found * n + column
    return found
