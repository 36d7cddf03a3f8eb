"""The cyclic group behind one operation on pairs: where numbers are written so that the answer's is the sum of the operands'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lal.tasks.modular import Modular

if TYPE_CHECKING:
    from torch import Tensor

    from lal.runs.supervised import Supervised
    from lal.tasks.task import Data


@dataclass(frozen=True)
class Cyclic:
    """The pairs (i, j) of a group Z_n whose answer is i + j mod n.

    add: n = p, a = i, b = j. subtract: b = -j. multiply: n = p - 1, a = g^i, b = g^j, g a primitive root: pairs of non-zero
    residues alone. divide: b = g^-j. In these coordinates the waves that solve the task are cos and sin of 2 pi k (i + j) / n.

    Attributes:
        rows: (n, n) row number of (i, j) in the task's table.
        sums: (N,) i + j mod n of each row of the task, -1 for rows outside the group.
        answers: (n,) the class of each sum.
    """

    rows: Tensor
    sums: Tensor
    answers: Tensor


def has_cyclic_table(run: Supervised) -> bool:
    """Whether the task is one operation on pairs, and its group has waves."""
    task = run.task
    return isinstance(task, Modular) and task.n_operands == 2 and task.n_operations == 1 and task.p > 2


def cyclic(task: Modular, data: Data) -> Cyclic:
    """The group of a task of one operation on pairs."""
    import torch

    p, device = task.p, data.tokens.device
    first = torch.arange(p) if task.operation in ("add", "subtract") else powers(p)
    inverted = task.operation in ("subtract", "divide")
    second = torch.cat([first[:1], first[1:].flip(0)]) if inverted else first
    number = torch.full((p, p), -1, device=device)
    number[data.tokens[:, 0], data.tokens[:, 1]] = torch.arange(len(data.tokens), device=device)
    rows = number[first.to(device)[:, None], second.to(device)]
    n = len(first)
    index = torch.arange(n, device=device)
    sums = torch.full((len(data.tokens),), -1, device=device)
    sums[rows] = (index[:, None] + index) % n
    return Cyclic(rows, sums, data.targets[rows[:, 0]])


def powers(p: int) -> Tensor:
    """(p - 1,) g^0, g^1, ... mod p, g the smallest primitive root of the prime `p`."""
    import torch

    for g in range(1, p):
        found = [1]
        while (each := found[-1] * g % p) != 1:
            found.append(each)
        if len(found) == p - 1:
            break
    return torch.tensor(found)
