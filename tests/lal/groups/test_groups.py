"""Finite groups: tables that are groups, irreps that are homomorphisms, and the laws of Fourier analysis on them."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lal.groups import MEMBERS
from lal.groups.cyclic import Cyclic
from lal.groups.dihedral import Dihedral
from lal.groups.permutation import Permutation
from lal.groups.product import Product

GROUPS = {
    part.label: part
    for part in (
        *(Cyclic(p=p) for p in (2, 3, 10, 11)),
        *(Product(p1=p1, p2=p2) for p1, p2 in ((2, 2), (3, 4), (4, 3), (4, 4), (5, 5), (6, 4))),
        *(Dihedral(n=n) for n in (3, 4, 5, 6)),
        *(Permutation(name=name) for name in ("A4", "S4", "A5")),
    )
}
every_group = pytest.mark.parametrize("part", GROUPS.values(), ids=GROUPS)
DIMENSIONS = {"d3": [1, 1, 2], "d4": [1, 1, 1, 1, 2], "d5": [1, 1, 2, 2], "a4": [1, 1, 1, 3], "s4": [1, 1, 2, 3, 3], "a5": [1, 3, 3, 4, 5]}


def test_every_member_is_tested():
    assert {type(part) for part in GROUPS.values()} == set(MEMBERS)


@every_group
def test_the_table_is_a_group(part):
    group = part.build()
    n, table = group.order, group.table
    assert (n, group.shape, group.abelian) == (part.order, part.shape, part.abelian)
    assert np.prod(group.shape) == n
    assert (table[0] == np.arange(n)).all() and (table[:, 0] == np.arange(n)).all()  # the identity
    assert (np.sort(table, 0) == np.arange(n)[:, None]).all() and (np.sort(table, 1) == np.arange(n)).all()
    assert (table[table] == table[:, table]).all()  # (g h) k = g (h k)
    assert (table[np.arange(n), group.inverses] == 0).all()


@every_group
def test_irreps_are_unitary_homomorphisms_and_orthogonal(part):
    """Schur: entries of all irreps, conjugates included, scaled by sqrt(d / |G|), are an orthonormal basis of functions on the group."""
    group = part.build()
    assert len(set(group.modes)) == len(group.modes)
    assert (group.irreps[0].matrices == 1).all()
    for irrep in group.irreps:
        matrices = irrep.matrices
        assert np.allclose(np.einsum("gij,hjk->ghik", matrices, matrices), matrices[group.table], atol=1e-13)
        assert np.allclose(np.einsum("gij,gkj->gik", matrices, matrices.conj()), np.eye(irrep.dimension), atol=1e-13)
    both = [matrices for irrep in group.irreps for matrices in ((irrep.matrices, irrep.matrices.conj()) if irrep.paired else (irrep.matrices,))]
    assert sum(matrices.shape[1] ** 2 for matrices in both) == group.order
    whole = np.concatenate([matrices.reshape(group.order, -1) * (matrices.shape[1] / group.order) ** 0.5 for matrices in both], 1)
    assert np.allclose(whole.conj().T @ whole, np.eye(group.order), atol=1e-13)
    assert np.allclose(group.basis.T @ group.basis, np.eye(group.order), atol=1e-13)
    if part.label in DIMENSIONS:
        assert sorted(matrices.shape[1] for matrices in both) == DIMENSIONS[part.label]


@every_group
def test_power_is_the_norm_of_fourier_coefficients_adds_up_and_stays_when_moved(part):
    group = part.build()
    x = np.random.default_rng(1).standard_normal(group.order)
    power = group.power(x)
    for mode, irrep in enumerate(group.irreps):
        squares = (np.abs(group.coefficient(x, mode)) ** 2).sum() * irrep.dimension / group.order
        assert np.isclose(power[mode], squares * (2 if irrep.paired else 1), atol=1e-13)
        assert np.isclose((group.part(x, mode) ** 2).sum(), power[mode], atol=1e-13)
    assert np.isclose(power.sum(), (x**2).sum(), rtol=1e-13)
    assert np.allclose(group.power(group.moved(x)), power, atol=1e-12)
    assert [int((group.mode_of_column == mode).sum()) for mode in range(len(group.modes))] == [irrep.n_columns for irrep in group.irreps]


@every_group
def test_moving_is_an_action_and_turns_coefficients_by_the_irrep(part):
    group = part.build()
    x = np.random.default_rng(2).standard_normal(group.order)
    moved = group.moved(x)
    for g, h in ((0, 0), (1, 1), (group.order - 1, 1), (1, group.order - 1), (group.order // 2, group.order // 3)):
        assert (group.moved(moved[h])[g] == moved[group.table[g, h]]).all()
        for mode, irrep in enumerate(group.irreps):
            turned = group.coefficient(x, mode) @ irrep.matrices[g].conj().T
            assert np.allclose(group.coefficient(moved[g], mode), turned, atol=1e-12)


@pytest.mark.parametrize("p", [2, 5, 10, 11])
def test_cyclic_powers_are_those_of_the_fft_and_moves_are_rolls(p):
    group = Cyclic(p=p).build()
    x = np.random.default_rng(3).standard_normal(p)
    squares = np.abs(np.fft.rfft(x)) ** 2 / p
    twice = np.array([1 if 2 * f % p == 0 else 2 for f in range(p // 2 + 1)])
    assert np.allclose(group.power(x), squares * twice, atol=1e-13)
    assert all((group.moved(x)[g] == np.roll(x, g)).all() for g in range(p))


@pytest.mark.parametrize(("p1", "p2"), [(4, 4), (4, 5), (5, 4), (5, 5), (6, 4)])
def test_powers_on_a_product_are_those_of_the_fft_and_moves_are_rolls(p1, p2):
    part = Product(p1=p1, p2=p2)
    group = part.build()
    x = np.random.default_rng(4).standard_normal((p1, p2))
    squares = np.abs(np.fft.fft2(x)) ** 2 / (p1 * p2)
    by_hand = [squares[ky, kx] + (squares[-ky, -kx] if (-ky % p1, -kx % p2) != (ky % p1, kx) else 0) for ky, kx in part.waves()]
    assert np.allclose(group.power(x.ravel()), by_hand, atol=1e-13)
    assert np.isclose(sum(by_hand), (x**2).sum())  # Parseval: no wave is left out or counted twice
    assert all((group.moved(x.ravel())[a * p2 + b] == np.roll(x, (a, b), (0, 1)).ravel()).all() for a in range(p1) for b in range(p2))


def test_products_are_composed_from_left_to_right():
    group = Permutation(name="S4").build()
    by_hand = list(permutations(range(4)))
    rng = np.random.default_rng(5)
    for elements in rng.integers(24, size=(20, 3)):
        a, b, c = (by_hand[g] for g in elements)
        found = group.products(elements)
        assert by_hand[found[1]] == tuple(a[b[i]] for i in range(4))
        assert by_hand[found[2]] == tuple(a[b[c[i]]] for i in range(4))
    cyclic = Cyclic(p=7).build()
    elements = rng.integers(7, size=(2, 5, 4))
    assert (cyclic.products(elements) == np.cumsum(elements, -1) % 7).all()


def test_dihedral_is_what_rotations_and_a_reflection_do_to_a_polygon():
    group = Dihedral(n=5).build()
    corners = [[*((a + (-1) ** b * i) % 5 for i in range(5))] for b in (0, 1) for a in range(5)]  # r^a s^b of corner i
    for g, h in product(range(10), repeat=2):
        assert corners[group.table[g, h]] == [corners[g][i] for i in corners[h]]


def s3_by_hand():
    """S_3 from nothing but permutations: its table, and the projections on its three irreps by their characters."""
    elements = list(permutations(range(3)))
    table = np.array([[elements.index(tuple(g[h[i]] for i in range(3))) for h in elements] for g in elements])
    fixed = np.array([sum(g[i] == i for i in range(3)) for g in elements])
    signs = np.where(fixed == 1, -1.0, 1.0)
    characters = {"trivial": np.ones(6), "sign": signs, "rho1": fixed - 1.0}
    inverse = table.argmin(1)
    shift = np.array([[[x == table[g, h] for h in range(6)] for x in range(6)] for g in range(6)], dtype=float)  # shift[g] @ x is x(g^-1 .)
    projections = {name: values[0] / 6 * np.einsum("g,gij->ij", values[inverse], shift) for name, values in characters.items()}
    return table, shift, projections


def test_staircase_of_s3_by_enumeration():
    """Beyond abelian groups: whoever knows some irreps exactly and answers 0 on the others has the loss sum P_rho / |G| over those, for k = 2 and 3."""
    table, shift, projections = s3_by_hand()
    group = Dihedral(n=3).build()
    x = np.random.default_rng(6).standard_normal(6)
    same = next(
        order
        for order in permutations(range(6))
        if order[0] == 0 and all(order[group.table[g, h]] == table[order[g], order[h]] for g in range(6) for h in range(6))
    )
    x -= x.mean()
    power = dict(zip(group.modes, group.power(x[list(same)]), strict=True))
    for name, projection in projections.items():
        assert np.allclose(projection @ projection, projection, atol=1e-14)
        assert np.isclose(((projection @ x) ** 2).sum(), power[name], atol=1e-13)
    for k, known in product((2, 3), (["sign"], ["rho1"], ["sign", "rho1"], [])):
        errors = []
        for elements in product(range(6), repeat=k):
            g = elements[0]
            for each in elements[1:]:
                g = table[g, each]
            target = shift[g] @ x
            answer = sum((projections[name] @ target for name in known), np.zeros(6))
            errors.append(((target - answer) ** 2).mean())
            assert np.isclose(errors[-1], errors[0], atol=1e-13)  # the same on every sample
        assert np.isclose(errors[0], sum(value for name, value in power.items() if name not in known) / 6, atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(p1=st.integers(2, 8), p2=st.integers(2, 8))
def test_waves_are_one_of_each_and_its_opposite(p1, p2):
    waves = Product(p1=p1, p2=p2).waves()
    both = [(ky % p1, kx) for ky, kx in waves] + [(-ky % p1, -kx % p2) for ky, kx in waves if (2 * ky % p1, 2 * kx % p2) != (0, 0)]
    assert sorted(both) == [(ky, kx) for ky in range(p1) for kx in range(p2)]
    lengths = [ky**2 + kx**2 for ky, kx in waves]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        (Cyclic, {"p": 1}, "greater than or equal to 2"),
        (Cyclic, {"p": 4000}, "less than or equal to 2048"),
        (Product, {"p1": 100, "p2": 100}, r"p1 \* p2 must be at most 2048, but got 10000 \(p1=100, p2=100\); lower one of them"),
        (Dihedral, {"n": 2}, "greater than or equal to 3"),
        (Permutation, {"name": "S5"}, "'A4', 'S4' or 'A5'"),
    ],
)
def test_what_is_no_group_of_the_house_is_refused(kind, values, text):
    with pytest.raises(ValueError, match=text):
        kind(**values)
