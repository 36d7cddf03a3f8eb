"""Causal attention over states that several inputs may share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.layers import Linear
from lal.models.prefixes import Map, Maps, taken
from lal.models.sequence import PAIRS_A_ROW


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in each of A heads of d = D / A units, then a matrix over all of them. No biases.

    A position has so few positions before it that products of rows, one after the other, beat batches of small matrices; and a
    position never meets what is after it. All of it has second derivatives, which fused kernels have not.
    """

    def __init__(self, width: int, heads: int, *, scale: float, generator: torch.Generator):
        super().__init__()
        self.qkv = Linear(width, 3 * width, bias=False, scale=scale, generator=generator)
        self.out = Linear(width, width, bias=False, scale=scale, generator=generator)
        self.heads = heads

    def forward(self, x: Tensor, sizes: list[int], maps: Maps, n_read: int) -> Tensor:
        """What the last `n_read` positions gather: (R', D), R' the sum of their rows.

        x: (R, D), the rows of all positions, `sizes` of each.   maps: [t][s] from the rows wanted at position t to those of x at position s.
        """
        width, first = x.shape[1], len(sizes) - n_read
        for_queries, for_all = self.qkv.weight.split([width, 2 * width])
        queries = self.split(nn.functional.linear(x[sum(sizes[:first]) :], for_queries), sizes[first:])
        k, v = (self.split(part, sizes) for part in nn.functional.linear(x, for_all).chunk(2, 1))
        return self.out(torch.cat([self.position(q, k[: t + 1], v[: t + 1], maps[t]) for t, q in enumerate(queries, first)]))

    def split(self, part: Tensor, sizes: list[int]) -> tuple[Tensor, ...]:
        """(R, D) -> of each position (rows, A, d)."""
        return part.unflatten(1, (self.heads, -1)).split(sizes)

    def position(self, q: Tensor, k: tuple[Tensor, ...], v: tuple[Tensor, ...], maps: list[Map]) -> Tensor:
        """(rows, D), what one position gathers."""
        scale = q.shape[2] ** -0.5
        scores = torch.stack([products(q * scale, maps[-1], each, by) for each, by in zip(k, maps, strict=True)])
        weights = scores.softmax(0).unsqueeze(3)
        mixed = weights[0] * taken(v[0], maps[0])
        for weight, each, by in zip(weights[1:], v[1:], maps[1:], strict=True):
            mixed = mixed + weight * taken(each, by)
        return mixed.flatten(1)


def products(q: Tensor, by_q: Map, k: Tensor, by_k: Map) -> Tensor:
    """(rows, A): of each head the product of row by_q of q (Q, A, d) and row by_k of k (K, A, d)."""
    if by_q is not None and by_k is not None:
        n_rows = by_q if isinstance(by_q, int) else len(by_q)
        if len(q) * len(k) <= PAIRS_A_ROW * n_rows:
            table = torch.einsum("qad,kad->qka", q, k).flatten(0, 1)
            return taken(table, pair(by_q, by_k, len(k)))
    return (taken(q, by_q) * taken(k, by_k)).sum(2)


def pair(by_q: Tensor | int, by_k: Tensor | int, n_keys: int) -> Tensor | int:
    """The map into the table of all pairs of a query and one of `n_keys` keys, row-major."""
    if isinstance(by_q, int):
        return by_k
    return by_q if isinstance(by_k, int) else by_q * n_keys + by_k
