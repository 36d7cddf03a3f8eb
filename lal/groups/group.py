"""A finite group as tables, and the harmonic analysis of real functions on it.

A real function x on G is a vector of |G| numbers in the order of the elements; element 0 is the identity. The element g moves it by

    (g.x)[h] = x[g^-1 h],

on C_p a roll by +g, so that moving by h and then by g is moving by gh. The Fourier coefficient of x at a unitary irreducible representation
("irrep") rho of dimension d is the d x d matrix xhat(rho) = sum_g x(g) rho(g)^H, and its power is (d / |G|) ||xhat(rho)||_F^2. Powers add up to ||x||^2
(Plancherel) and do not change when x is moved, since (g.x)hat(rho) = xhat(rho) rho(g)^H (Serre, Linear Representations of Finite Groups, 1977,
sections 2 and 6).

A real function has the same power at rho and at its conjugate, and whoever learns one learns the other: such a pair is one *mode* here, with the power of
both. So the power of a mode is the one-sided power of signal processing where G is cyclic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Irrep:
    """An irreducible representation, for itself and for its conjugate.

    Attributes:
        name: of its mode, as configurations and columns write it: "3" on C_p, "-1,2" on C_p1 x C_p2, "rho1", "sign".
        matrices: (|G|, d, d), unitary. float64 where the representation is real; complex128 where it differs from its conjugate, which then is meant as well.
    """

    name: str
    matrices: NDArray[np.float64] | NDArray[np.complex128]

    @property
    def dimension(self) -> int:
        """d."""
        return self.matrices.shape[1]

    @property
    def paired(self) -> bool:
        """Whether it stands for two: itself and its conjugate."""
        return np.iscomplexobj(self.matrices)

    @property
    def n_columns(self) -> int:
        """Dimension of the real functions of its mode: d^2, or 2 d^2 of a pair."""
        return self.dimension**2 * (2 if self.paired else 1)

    @property
    def basis(self) -> Array:
        """(|G|, n_columns) of orthonormal columns: the real functions of its mode, entries of the matrices scaled by sqrt(d / |G|)."""
        order, d, _ = self.matrices.shape
        entries = self.matrices.reshape(order, d * d) * np.sqrt(d / order)
        return np.sqrt(2) * np.concatenate([entries.real, entries.imag], 1) if self.paired else np.asarray(entries, dtype=np.float64)


@dataclass(frozen=True)
class Group:
    """A finite group.

    Attributes:
        table: (|G|, |G|) int64, the number of the element g h in row g and column h; row and column 0 are 0, 1, 2, ...
        irreps: one of each mode, the trivial one first; the squares of all dimensions, of pairs twice, add up to |G|.
        shape: (|G|,), or (p1, p2) where functions are drawn as maps.
    """

    table: NDArray[np.int64]
    irreps: tuple[Irrep, ...]
    shape: tuple[int, ...]

    @property
    def order(self) -> int:
        """|G|."""
        return len(self.table)

    @cached_property
    def abelian(self) -> bool:
        """Whether g h = h g throughout."""
        return bool((self.table == self.table.T).all())

    @cached_property
    def inverses(self) -> NDArray[np.int64]:
        """(|G|,), the number of g^-1."""
        return np.argmin(self.table, 1)

    def products(self, elements: NDArray[np.int64]) -> NDArray[np.int64]:
        """(..., k) numbers of elements to (..., k) numbers of g_1, g_1 g_2, ..., g_1 g_2 ... g_k: composed from left to right."""
        found = [elements[..., 0]]
        for place in range(1, elements.shape[-1]):
            found.append(self.table[found[-1], elements[..., place]])
        return np.stack(found, -1)

    def moved(self, x: Array) -> Array:
        """(|G|,) to (|G|, |G|): row g is g.x, the code of the element g under the template x."""
        return x[self.table[self.inverses]]

    @property
    def modes(self) -> tuple[str, ...]:
        """Names of the modes, the trivial one first."""
        return tuple(irrep.name for irrep in self.irreps)

    @cached_property
    def basis(self) -> Array:
        """(|G|, |G|) orthogonal: columns are real functions, those of one mode together, in the order of `modes`."""
        return np.concatenate([irrep.basis for irrep in self.irreps], 1)

    @cached_property
    def mode_of_column(self) -> NDArray[np.int64]:
        """(|G|,) the number of each basis column's mode."""
        return np.repeat(np.arange(len(self.irreps)), [irrep.n_columns for irrep in self.irreps])

    def power(self, x: Array) -> Array:
        """(..., |G|) real functions to (..., modes) powers, which add up to ||x||^2."""
        return np.add.reduceat((x @ self.basis) ** 2, self._starts, -1)

    def part(self, x: Array, mode: int) -> Array:
        """(..., |G|) real functions to what of them lies in one mode: an orthogonal projection that commutes with every move."""
        basis = self.irreps[mode].basis
        return x @ basis @ basis.T

    def coefficient(self, x: Array, mode: int) -> NDArray[np.float64] | NDArray[np.complex128]:
        """(..., |G|) real functions to (..., d, d) Fourier coefficients xhat(rho) of the mode's own irrep."""
        return np.einsum("...g,gji->...ij", x, self.irreps[mode].matrices.conj())

    @property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(irrep.n_columns for irrep in self.irreps[:-1])])
