"""Templates: powers as asked, numbers that are the published ones, and what does not exist is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from pydantic import TypeAdapter

from lal.errors import Refused
from lal.groups.cyclic import Cyclic
from lal.groups.dihedral import Dihedral
from lal.groups.permutation import Permutation
from lal.groups.product import Product
from lal.groups.staircase import staircase
from lal.groups.templates import MEMBERS, Fourier, Gaussian, Given, Image, OneHot
from lal.part import union

RING, TORUS, SOLID = Cyclic(p=10), Product(p1=5, p2=6), Permutation(name="A4")
TEMPLATES = [
    (Fourier(n_modes=3, seed=2), RING),
    (Fourier(n_modes=3), TORUS),
    (Fourier(n_modes=2), SOLID),
    (Fourier(modes=(1, 5, "4"), powers=(1.0, 3.0, 2.0)), RING),
    (Fourier(modes=("standard",)), SOLID),
    (Gaussian(seed=1), RING),
    (Gaussian(n_bumps=2), TORUS),
    (Image(digit=3), RING),
    (Image(profile="diagonal", standardised=True), RING),
    (Image(seed=4), TORUS),
    (OneHot(), RING),
    (OneHot(standardised=True), TORUS),
    (OneHot(), SOLID),
    (Given(values=tuple(range(10))), RING),
]


def test_every_member_is_tested():
    assert {type(template) for template, _ in TEMPLATES} == set(MEMBERS)


@pytest.mark.parametrize(("part", "group"), TEMPLATES, ids=lambda part: part.label)
def test_templates_are_centred_standardised_where_asked_and_drawn_again_alike(part, group):
    template = part.build(group)
    assert template.values.shape == (group.order,) and template.values.dtype == np.float64
    assert abs(template.values.mean()) < 1e-15
    if part.standardised:
        assert np.isclose((template.values**2).mean(), 1, rtol=1e-13)
    assert np.allclose(template.power, template.group.power(template.values), atol=1e-13)
    assert template.power[0] == 0
    assert np.isclose(template.staircase.levels[0], (template.values**2).mean(), rtol=1e-13)
    assert (np.diff(template.staircase.levels) < 0).all() and template.staircase.levels[-1] <= 1e-8 * template.staircase.levels[0]
    assert (part.build(group).values == template.values).all()
    assert TypeAdapter(union(MEMBERS)).validate_python(part.model_dump(mode="json")) == part
    if "seed" in type(part).model_fields:
        assert not np.allclose(part.model_copy(update={"seed": 99}).build(group).values, template.values, atol=1e-3)


@pytest.mark.parametrize("group", [RING, Cyclic(p=11), TORUS, Dihedral(n=5), Permutation(name="S4"), SOLID], ids=lambda part: part.label)
def test_chosen_modes_have_their_powers(group):
    names = group.build().modes[1:4]
    template = Fourier(modes=names, powers=(2.0, 0.5, 1.0)[: len(names)], standardised=False, seed=3).build(group)
    assert np.allclose(template.power[1 : 1 + len(names)], (2.0, 0.5, 1.0)[: len(names)], rtol=1e-12)
    assert np.allclose(template.power[1 + len(names) :], 0, atol=1e-12)
    assert [template.group.modes[mode] for mode in template.staircase.modes] == ([names[0], names[2], names[1]] if len(names) == 3 else list(names))


@pytest.mark.parametrize(
    ("n", "levels"),
    [(1, [1]), (2, [1, 1 / 11]), (3, [1, 13 / 33, 2 / 33]), (4, [1, 6 / 11, 5 / 22, 1 / 22]), (5, [1, 0.63636, 0.35455, 0.15455, 0.03636])],
)
@pytest.mark.parametrize("group", [Cyclic(p=11), Product(p1=4, p2=5)], ids=lambda part: part.label)
def test_levels_of_evenly_falling_powers_are_the_published_ones(n, levels, group):
    """Whatever the group and seed: the staircase has n steps, and no more."""
    found = Fourier(n_modes=n, seed=n).build(group).staircase.levels
    assert np.allclose(found, [*levels, 0], atol=1e-5)


def test_levels_of_a_unit_vector():
    """C_10, centred: power 2/10 in each pair, 1/10 at the frequency 5."""
    template = OneHot().build(RING)
    assert np.allclose(template.power, [0, 0.2, 0.2, 0.2, 0.2, 0.1], atol=1e-15)
    assert np.allclose(template.staircase.levels, [0.09, 0.07, 0.05, 0.03, 0.01, 0], atol=1e-15)
    solid = OneHot().build(SOLID)
    assert np.allclose(solid.power, [0, 2 / 12, 9 / 12], atol=1e-15)


def test_single_precision_dust_is_no_step():
    values = Fourier(n_modes=3).build(RING).values.astype(np.float32).astype(np.float64)
    assert len(staircase(RING.build().power(values), 10).levels) == 4


def test_a_cyclic_fourier_template_is_a_sum_of_waves():
    """The same draws by hand: frequencies first, then phases."""
    rng = np.random.default_rng(5)
    frequencies, phases = 1 + rng.choice(5, 3, replace=False), rng.uniform(0, 2 * np.pi, 3)
    waves = np.sqrt(np.linspace(100, 10, 3))[:, None] * np.cos(2 * np.pi * frequencies[:, None] * np.arange(11) / 11 + phases[:, None])
    by_hand = waves.sum(0) - waves.sum(0).mean()
    assert np.allclose(Fourier(n_modes=3, seed=5).build(Cyclic(p=11)).values, by_hand / by_hand.std(), atol=1e-13)


def test_waves_on_a_torus_are_the_longest_and_none_its_own_opposite():
    template = Fourier(n_modes=6).build(Product(p1=4, p2=4))
    assert [template.group.modes[mode] for mode in template.staircase.modes] == ["0,1", "1,0", "1,1", "-1,1", "1,2", "2,1"]
    with pytest.raises(ValueError, match=r"n_modes must be at most 6 on c4x4, but got 7; write 6 or fewer, or a larger group"):
        Fourier(n_modes=7).build(Product(p1=4, p2=4))


def test_pictures_are_real_digits_from_the_package_itself(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a picture needs no network"))
    whole = Image(digit=0, seed=1).build(Product(p1=8, p2=8)).values.reshape(8, 8)
    assert whole[3:5, 3:5].mean() < whole[0, 3:5].mean() - 0.3  # a zero is empty in the middle
    rows = Image(digit=0, seed=1).build(Cyclic(p=8)).values
    columns = Image(digit=0, seed=1, profile="columns").build(Cyclic(p=8)).values
    assert np.allclose(rows, whole.mean(1), atol=1e-14) and np.allclose(columns, whole.mean(0), atol=1e-14)
    larger = Image(digit=0, seed=1).build(Product(p1=16, p2=16)).values.reshape(16, 16)
    assert np.allclose(larger[1:-1, 1:-1].mean(), whole.mean(), atol=0.1) and larger.max() <= whole.max() + 0.1


def test_pictures_without_their_package_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(Refused, match=r"needs scikit-learn, which brings the digits, but it is not installed; pip install 'lal\[digits\]'"):
        Image(digit=9).build(RING)
    Image(digit=9).check(RING)  # a configuration is read without it


@pytest.mark.parametrize(
    ("make", "group", "text"),
    [
        (lambda: Fourier(), RING, "needs n_modes .* or modes .*, but got neither; write one of the two"),
        (lambda: Fourier(n_modes=1, modes=(1,)), RING, r"but got n_modes=1 and modes=\[1\]"),
        (lambda: Fourier(modes=(1, "1")), RING, r"must name each mode once, but got \[1, '1'\]"),
        (lambda: Fourier(modes=(1, 2), powers=(1.0,)), RING, "one number for each of the 2 modes, but got 1"),
        (lambda: Fourier(modes=(1, 2), powers=(0.0, 0.0)), RING, "greater than 0"),
        (lambda: Fourier(n_modes=1, powers=(2.0,)), RING, "the power of a single mode has no effect"),
        (lambda: Fourier(modes=(0,)), RING, "no power in the trivial mode"),
        (lambda: Fourier(modes=(6,)), RING, "modes must be among those of c10, but got '6'; it is the same as mode '4'"),
        (lambda: Fourier(modes=(7,)), RING, "but got '7'; it is the same as mode '3', since opposite waves are one; write that"),
        (lambda: Fourier(modes=("4,0",)), TORUS, "but got '4,0'; it is the same as mode '1,0'"),
        (lambda: Fourier(modes=("1,4",)), TORUS, "but got '1,4'; it is the same as mode '-1,2'"),
        (lambda: Fourier(modes=("1",)), TORUS, r"must be among those of c5x6, but got '1'; did you mean"),
        (lambda: Fourier(modes=(1.5,)), RING, "a mode is named by a whole number or by text, but got 1.5"),
        (lambda: Fourier(modes=()), RING, "modes must name at least one mode, but got none"),
        (lambda: Fourier(modes=("standrad",)), SOLID, "did you mean 'standard'"),
        (lambda: Fourier(n_modes=5), RING, "n_modes must be at most 4 on c10, but got 5"),
        (lambda: Gaussian(), SOLID, "bumps need a ring or a torus, but the group is a4"),
        (lambda: Image(), SOLID, "a picture needs a ring or a torus, but the group is a4"),
        (lambda: Image(profile="rows"), TORUS, "a profile has no effect on c5x6"),
        (lambda: Given(values=(1.0, 2.0)), RING, "one value for each of the 10 elements of c10, but got 2; write 10 values, or another group"),
        (lambda: Given(values=(0.0,) * 10), RING, "must have power in some mode besides the trivial one, but every value is 0"),
    ],
)
def test_what_does_not_exist_is_refused(make, group, text):
    with pytest.raises(ValueError, match=text):
        make().check(group)


def test_no_power_is_no_staircase():
    with pytest.raises(ValueError, match="must have power in some mode besides the trivial one, but got 0 in all"):
        staircase(np.zeros(4), 6)
