"""The reference solver against exact solutions of its parts, linear stability, and the regimes that Pearson found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.ndimage import label

from analysis.patterns.differences import bend, laplacian, largest_step, slope
from analysis.patterns.gray_scott import GrayScott, seeded
from lal.errors import Refused
from lal.reinforcement.patterns import wavelength

WALLS = ("periodic", "no_flux")
SHAPES = ((40,), (12, 17))


@pytest.mark.parametrize("walls", WALLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_diffusion_moves_what_there_is_and_makes_nothing(walls, shape):
    field = np.random.default_rng(0).normal(size=shape)
    assert laplacian(field, 0.3, walls).sum() == pytest.approx(0, abs=1e-9)
    assert laplacian(np.full(shape, 2.0), 0.3, walls) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("walls", "turns"), [("periodic", 2.0), ("no_flux", 1.0)])
def test_waves_are_eigenvectors(walls, turns):
    """cos of whole turns on a ring, of half turns between walls: eigenvalue -(2 sin(q / 2))^2 at spacing 1."""
    x, q = np.arange(24) + 0.5, turns * np.pi * 3 / 24
    wave = np.cos(q * x)
    assert laplacian(wave, 1.0, walls) == pytest.approx(-((2 * np.sin(q / 2)) ** 2) * wave)
    grid = np.outer(wave, np.cos(turns * np.pi * 2 * (np.arange(10) + 0.5) / 10))
    other = (2 * np.sin(turns * np.pi * 2 / 10 / 2)) ** 2
    assert laplacian(grid, 1.0, walls) == pytest.approx(-((2 * np.sin(q / 2)) ** 2 + other) * grid)


def test_differences_of_a_square_are_what_they_are():
    x = np.arange(6.0)
    assert bend(np.stack([x**2, 3 * x**2])) == pytest.approx(np.stack([np.full(4, 2.0), np.full(4, 6.0)]))
    assert bend(np.add.outer(x**2, 2 * x[:5] ** 2)[None]) == pytest.approx(np.full((1, 4, 3), 6.0))
    assert slope(np.stack([x**2, -3 * x])) == pytest.approx(np.stack([2 * x[1:-1], np.full(4, -3.0)]))
    assert slope(np.add.outer(x, 5 * x[:5])[None]) == pytest.approx(np.full((1, 4, 3), 3.0))


def heat_error(n):
    """The largest error of pure diffusion, v = 0, of a narrow bump on a ring; u = 1 + exp(-F t) times the solution of the heat equation."""
    length, d, feed, time, width = 1.0, 1e-3, 0.03, 4.0, 0.06
    spacing = length / n
    model = GrayScott(feed, 0.05, d_u=d, d_v=d, spacing=spacing)
    step = 0.25 * spacing**2 / d
    n_steps = round(time / step)
    x = np.arange(n) * spacing - length / 2

    def kernel(t):
        variance = width**2 + 2 * d * t
        return np.sum([width / np.sqrt(variance) * np.exp(-((x - turn * length) ** 2) / (2 * variance)) for turn in (-1, 0, 1)], axis=0)

    u, v = model.evolved(1 + kernel(0.0), np.zeros(n), time / n_steps, n_steps)
    assert not v.any()
    return np.abs(u - 1 - np.exp(-feed * time) * kernel(time)).max()


def test_pure_diffusion_is_the_heat_kernel_to_second_order():
    coarse, fine = heat_error(40), heat_error(80)
    assert fine < 2e-3
    assert np.log2(coarse / fine) == pytest.approx(2, abs=0.15)


def test_reaction_alone_is_that_of_an_ordinary_differential_equation():
    model = GrayScott(0.04, 0.05)
    found = model.evolved(np.full(4, 0.5), np.full(4, 0.25), 0.005, 20_000 // 10)

    def right(_, state):
        u, v = state
        return [-u * v * v + 0.04 * (1 - u), u * v * v - 0.09 * v]

    exact = solve_ivp(right, (0, 10), [0.5, 0.25], rtol=1e-10, atol=1e-12).y[:, -1]
    assert np.ptp(found[0]) == 0
    assert (found[0][0], found[1][0]) == pytest.approx(exact, abs=2e-4)


def test_resting_states_rest():
    model = GrayScott(0.04, 0.05)
    assert len(model.rest()) == 3
    for u, v in model.rest():
        after = model.evolved(np.full(5, u), np.full(5, v), 1.0, 50)
        assert after[0] == pytest.approx(u, abs=1e-12) and after[1] == pytest.approx(v, abs=1e-12)
    assert GrayScott(0.04, 0.0601).rest() == ((1.0, 0.0),)  # 4 (F + k)^2 > F


def test_small_waves_grow_as_linear_stability_says():
    model = GrayScott(0.06, 0.05, d_u=8e-5)
    state, n, mode = model.rest()[1], 64, 4
    wave, tiny = np.cos(2 * np.pi * mode * np.arange(n) / n), 1e-7
    seen = 2 * np.sin(np.pi * mode / n) / model.spacing
    before = model.evolved(state[0] + tiny * wave, state[1] + tiny * wave, 0.05, 4000)
    after = model.evolved(*before, 0.05, 400)
    amplitude = [2 * (each[1] - state[1]) @ wave / n for each in (before, after)]
    assert np.log(amplitude[1] / amplitude[0]) / 20 == pytest.approx(float(model.growth(state, np.array(seen))), rel=2e-3)


def test_noise_becomes_waves_of_the_length_that_grows_fastest():
    model, n = GrayScott(0.06, 0.05, d_u=8e-5), 256
    state = model.rest()[1]
    expected = model.fastest(state, n)
    assert expected is not None
    draws = np.random.default_rng(1)
    u, v = (each * (1 + 1e-4 * draws.normal(size=n)) for each in state)
    _, v = model.evolved(u, v, 0.5, 800)
    assert 1e-4 < v.std() < 0.05  # grown, and not yet of a size at which waves are no longer small
    assert wavelength(v, periodic=True) * model.spacing == pytest.approx(expected, rel=0.15)
    assert GrayScott(0.04, 0.05).fastest(GrayScott(0.04, 0.05).rest()[1], n) is None


def test_the_empty_state_wins_where_feeding_is_slow():
    """(1, 0) is stable for every F and k: u comes back at rate F, and v goes at rate F + k."""
    model = GrayScott(0.02, 0.07)
    assert model.growth((1.0, 0.0), np.array([0.0, 50.0])) == pytest.approx([-0.02, -max(-0.02 - 2e-5 * 2500, -0.09 - 1e-5 * 2500) * -1])
    u, v = model.evolved(*seeded((48, 48), np.random.default_rng(0)), 1.0, 2000)
    assert np.abs(v).max() < 1e-6
    assert u.min() > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("feed", "kill", "spots"), [(0.035, 0.065, True), (0.04, 0.06, False)])
def test_spots_and_stripes_are_where_pearson_found_them(feed, kill, spots):
    """Spots are many pieces of one size; stripes hang together."""
    model = GrayScott(feed, kill)
    _, v = model.evolved(*seeded((64, 64), np.random.default_rng(0)), 1.0, 5000)
    pieces = np.asarray(label(v > 0.2)[0])  # type: ignore[index]
    areas = np.bincount(pieces.ravel())[1:]
    n = len(areas)
    if spots:
        assert n >= 10
        assert areas.max() < 2 * np.median(areas)
    else:
        assert n <= 3
        assert areas.max() > 0.4 * v.size


@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_above_the_limit_is_refused_and_would_blow_up(shape):
    model = GrayScott(0.04, 0.06, walls="no_flux")
    limit = model.largest_step(len(shape))
    assert limit == largest_step(2e-5, model.spacing, len(shape)) == pytest.approx(model.spacing**2 / (2 * len(shape) * 2e-5))
    with pytest.raises(Refused, match=r"step must be above 0 and at most .*, at which diffusion is still stable"):
        model.evolved(np.ones(shape), np.zeros(shape), limit * 1.01, 1)
    checkers = (-1.0) ** np.indices(shape).sum(0)
    grown = checkers.copy()
    for _ in range(60):
        grown = grown + 1.05 * limit * 2e-5 * laplacian(grown, model.spacing, "periodic")
    assert np.abs(grown).max() > 20


WRONG = {
    "feed": ({"feed": 0.0, "kill": 0.06}, "feed must be above 0, but got 0"),
    "diffusion": ({"feed": 0.1, "kill": 0.06, "d_v": -1.0}, "d_v must be above 0, but got -1"),
    "nan": ({"feed": float("nan"), "kill": 0.06}, "feed must be above 0, but got nan"),
    "walls": ({"feed": 0.1, "kill": 0.06, "walls": "open"}, "walls must be periodic or no_flux, but got 'open'"),
}


@pytest.mark.parametrize(("values", "told"), WRONG.values(), ids=WRONG)
def test_what_is_no_reaction_is_refused(values, told):
    with pytest.raises(Refused, match=told):
        GrayScott(**values)


def test_fields_of_two_shapes_are_refused():
    with pytest.raises(Refused, match=r"u and v must have one shape"):
        GrayScott(0.04, 0.06).evolved(np.ones(4), np.ones(5), 1.0, 1)
