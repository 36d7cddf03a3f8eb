"""Named random streams: what one of them draws does not depend on how much another has drawn."""

from __future__ import annotations

import hashlib

import torch


def stream(seed: int, name: str) -> torch.Generator:
    """The generator called `name` of a run with `seed`."""
    return torch.Generator().manual_seed(number(seed, name))


def number(seed: int, name: str, n_bytes: int = 7) -> int:
    """What seeds the stream called `name` of a run with `seed`: at most `n_bytes` of a hash."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:n_bytes], "big")
