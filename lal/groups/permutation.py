"""A_4, S_4 and A_5: the symmetries of the tetrahedron, the cube and the icosahedron, as permutations."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lal.groups.part import ListedGroup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lal.groups.group import Group, Irrep

    Array = NDArray[np.float64]

ORDERS = {"A4": 12, "S4": 24, "A5": 60}


class Permutation(ListedGroup):
    """A_4, S_4 or A_5: permutations of 4 or 5 points in lexicographic order; (g h)(i) = g(h(i)).

    Modes: A4 "trivial", "omega" (a pair of dimension 1), "standard" (3). S4 "trivial", "sign", "plane" (2), "standard" (3), "standard_sign" (3).
    A5 "trivial", "icosahedral" (3), "icosahedral_star" (3), "standard" (4), "quadratic" (5).
    """

    kind: Literal["permutation"] = "permutation"
    abelian: ClassVar[bool] = False
    name: Annotated[Literal["A4", "S4", "A5"], Field(description="`A4` (12 elements), `S4` (24) or `A5` (60)")] = "S4"

    @property
    def order(self) -> int:
        return ORDERS[self.name]

    @property
    def label(self) -> str:
        return self.name.lower()

    def build(self) -> Group:
        import numpy as np

        from lal.groups.group import Group

        every = np.array(list(permutations(range(int(self.name[1])))))
        own = every if self.name[0] == "S" else every[_signs(every) > 0]
        number = {tuple(each): place for place, each in enumerate(own)}
        table = np.array([[number[tuple(g[h])] for h in own] for g in own])
        irreps = {"A4": _of_a4, "S4": _of_s4, "A5": _of_a5}[self.name](own, table)
        return Group(table, irreps, self.shape)


def _of_a4(own: NDArray[np.int64], table: NDArray[np.int64]) -> tuple[Irrep, ...]:
    from lal.groups.cyclic import character

    turns = _on_pairings(own)[:, 0]  # A_4 turns the three ways of pairing four points, and its double flips leave them alone
    return _trivial(own), character("omega", turns, 3), _irrep("standard", _without_mean(own))


def _of_s4(own: NDArray[np.int64], table: NDArray[np.int64]) -> tuple[Irrep, ...]:
    sign = _signs(own)[:, None, None]
    standard = _without_mean(own)
    plane = _without_mean(_on_pairings(own))
    return _trivial(own), _irrep("sign", sign), _irrep("plane", plane), _irrep("standard", standard), _irrep("standard_sign", sign * standard)


def _of_a5(own: NDArray[np.int64], table: NDArray[np.int64]) -> tuple[Irrep, ...]:
    golden = (1 + 5**0.5) / 2
    turns = {name: _icosahedral(own, table, ratio) for name, ratio in (("icosahedral", golden), ("icosahedral_star", 1 - golden))}
    three = (_irrep(name, matrices) for name, matrices in turns.items())
    return _trivial(own), *three, _irrep("standard", _without_mean(own)), _irrep("quadratic", _traceless_squares(turns["icosahedral"]))


def _irrep(name: str, matrices: Array) -> Irrep:
    from lal.groups.group import Irrep

    return Irrep(name, matrices)


def _trivial(own: NDArray[np.int64]) -> Irrep:
    import numpy as np

    return _irrep("trivial", np.ones((len(own), 1, 1)))


def _signs(own: NDArray[np.int64]) -> Array:
    """(n,) +1 or -1: determinants of the permutation matrices."""
    import numpy as np

    return np.round(np.linalg.det(np.eye(own.shape[1])[own]))


def _without_mean(own: NDArray[np.int64]) -> Array:
    """(n, m) permutations to (n, m-1, m-1): how they act on vectors of m numbers with mean 0, in Helmert's orthonormal basis."""
    import numpy as np
    from scipy.linalg import helmert

    m = own.shape[1]
    basis = helmert(m)
    acting = np.zeros((len(own), m, m))
    np.put_along_axis(acting, own[:, None, :], 1.0, 1)  # column i has its 1 in row g(i)
    return basis @ acting @ basis.T


def _on_pairings(own: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 4) permutations to (n, 3): how they permute the pairings 01|23, 02|13, 03|12, told apart by the partner of point 0."""
    import numpy as np

    partner = np.array([[1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
    inverse = np.argsort(own, 1)
    new_partners = [own[np.arange(len(own)), partner[pairing][inverse[:, 0]]] for pairing in range(3)]
    return np.stack(new_partners, 1) - 1


def _icosahedral(own: NDArray[np.int64], table: NDArray[np.int64], ratio: float) -> Array:
    """(60, 3, 3) rotations, from A_5 = <s, t | s^2 = t^3 = (s t)^5 = 1>: s a half turn about (1, ratio, ratio - 1) / 2, t the turn of the three axes."""
    import numpy as np

    axis = np.array([1.0, ratio, ratio - 1]) / 2
    number = {tuple(each): place for place, each in enumerate(own.tolist())}
    generators = {
        number[1, 0, 3, 2, 4]: 2 * np.outer(axis, axis) - np.eye(3),
        number[2, 1, 4, 3, 0]: np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    }
    found, frontier = {0: np.eye(3)}, [0]
    while frontier:
        reached = {int(table[g, s]): found[g] @ matrix for g in frontier for s, matrix in generators.items()}
        frontier = [g for g in reached if g not in found]
        found |= {g: reached[g] for g in frontier}
    return np.stack([found[g] for g in range(len(own))])


def _traceless_squares(turns: Array) -> Array:
    """(n, 3, 3) rotations R to (n, 5, 5): how A -> R A R^T acts on symmetric matrices of trace 0, in an orthonormal basis."""
    import numpy as np

    basis = np.zeros((5, 3, 3))
    for place, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        basis[place, [i, j], [j, i]] = 0.5**0.5
    basis[3] = np.diag([1, -1, 0]) / 2**0.5
    basis[4] = np.diag([1, 1, -2]) / 6**0.5
    return np.einsum("aij,gik,bkl,gjl->gab", basis, turns, basis, turns)
