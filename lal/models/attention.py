"""Causal attention of several heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.layers import Linear


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in each of A heads of d = D / A units, then a matrix over all of them. No biases."""

    def __init__(self, width: int, heads: int, *, scale: float, generator: torch.Generator):
        super().__init__()
        self.qkv = Linear(width, 3 * width, bias=False, scale=scale, generator=generator)
        self.out = Linear(width, width, bias=False, scale=scale, generator=generator)
        self.heads = heads

    def forward(self, x: Tensor, n_queries: int) -> Tensor:
        """(B, S, D) -> (B, n_queries, D), at the last positions. Explicit products, since the fused kernels have no second derivative."""
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, 2))
        q = q[:, :, -n_queries:]
        scores = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1 + x.shape[1] - n_queries)
        weights = scores.masked_fill(later, -torch.inf).softmax(3)
        return self.out((weights @ v).transpose(1, 2).flatten(2))
