"""The fit of V_t = D lap V + f(V) against equations with known D and f, and against fields with neither."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from analysis.patterns.differences import laplacian
from analysis.patterns.fronts import speed
from analysis.patterns.reaction_diffusion import equations, fit, scored, shuffled
from lal.errors import Refused
from lal.reinforcement import patterns
from tests.analysis.patterns.fields import crossing


def heat(shape, diffusion, times):
    """Cosines flat at both walls, which decay at their own rates; exact on the lattice."""
    places = np.indices(shape) + 0.5
    field = np.zeros((len(times), *shape))
    for mode, weight in ((1, 1.0), (2, -0.6), (5, 0.4)):
        q = [np.pi * mode / n for n in shape]
        rate = diffusion * sum((2 * np.sin(each / 2)) ** 2 for each in q)
        wave = weight * np.prod([np.cos(each * place) for each, place in zip(q, places, strict=True)], axis=0)
        field += np.exp(-rate * np.asarray(times)).reshape(-1, *[1] * len(shape)) * wave
    return field


def fisher(n, diffusion, rate, times, step=0.02):
    """V_t = D V_xx + r V (1 - V) from a step at the left, by Euler's method at unit spacing (Fisher 1937; Kolmogorov, Petrovsky and Piskunov 1937)."""
    v, found, now = np.where(np.arange(n) < 5, 1.0, 0.0), [], 0.0
    for time in times:
        while now < time - step / 2:
            v, now = v + step * (diffusion * laplacian(v, 1.0, "no_flux") + rate * v * (1 - v)), now + step
        found.append(v.copy())
    return np.stack(found)


@pytest.mark.parametrize("shape", [(30,), (9, 11)])
def test_diffusion_is_recovered_from_heat(shape):
    times = np.arange(0, 20, 0.05)
    found = fit(equations(heat(shape, 0.4, times), times))
    assert found.coefficient == pytest.approx(0.4, rel=0.02)
    assert max(map(abs, found.reaction)) < 0.005
    assert found.error < 1e-3
    assert found.gain > 0.99


def test_diffusion_and_reaction_are_recovered_from_fishers_equation():
    times = np.arange(0, 40, 0.1)
    found = fit(equations(fisher(80, 1.0, 0.2, times), times))
    assert found.coefficient == pytest.approx(1.0, rel=0.02)
    assert found.reaction[:3] == pytest.approx([0.0, 0.2, -0.2], abs=0.01)
    assert found.error < 1e-3


def test_its_front_goes_at_twice_the_root_of_growth_times_diffusion():
    """c(t) = 2 sqrt(r D) - 3 / (2 t) sqrt(D / r) + ... (Bramson 1983): late, and with that correction, within one percent or two."""
    d, r, times = 2.0, 0.1, np.arange(100.0, 201.0, 5)
    field = fisher(240, d, r, times, step=0.1)
    found = speed(times, np.array([crossing(each, 0.5) for each in field]))
    asymptotic = 2 * np.sqrt(r * d)
    correction = 1.5 * np.sqrt(d / r) * np.log(times[-1] / times[0]) / (times[-1] - times[0])
    assert found.value == pytest.approx(asymptotic - correction, rel=0.02)
    assert found.value < asymptotic


def test_shuffled_fields_fit_worse():
    times = np.arange(0, 20, 0.25)
    found = scored(fisher(30, 1.0, 0.3, times), times, shuffles=19)["diffusion"]
    assert found.fit.error < 0.05
    assert found.places.min() > 3 * found.fit.error
    assert found.moments.min() > 3 * found.fit.error


def test_two_places_or_moments_are_no_control():
    """Every other shuffle of two leaves them as they were."""
    few_places, few_moments = np.random.default_rng(0).random((9, 3, 4)), np.random.default_rng(0).random((3, 12))
    assert [len(each) for each in (of(few_places).places, of(few_places).moments)] == [0, 5]
    assert [len(each) for each in (of(few_moments).places, of(few_moments).moments)] == [5, 0]


def of(field):
    """The fit of diffusion, of five shuffles."""
    return scored(field, np.arange(len(field)), shuffles=5)["diffusion"]


def test_a_field_without_neighbours_is_as_well_described_with_its_places_shuffled():
    """Every position follows V' = -V by itself from a random start: f alone explains it, and diffusion nothing."""
    times = np.arange(0, 3, 0.02)
    start = np.random.default_rng(0).uniform(-1, 1, 30)
    found = scored(np.exp(-times)[:, None] * start, times, shuffles=19)["diffusion"]
    assert found.fit.error < 1e-3
    assert found.places.max() < 1e-3
    assert found.fit.reaction[1] == pytest.approx(-1, rel=0.02)
    assert abs(found.fit.coefficient) < 1e-3


@pytest.mark.parametrize(("shape", "rim"), [((8, 8), 2.0), ((20,), 3.0)], ids=["grid", "line"])
def test_a_noisier_rim_is_no_neighbourhood(shape, rim):
    """Positions that each go back to their mean by themselves, the rim with more noise: neighbours play no part, and shuffling them does not matter."""
    noise, better = np.random.default_rng(0), []
    loud = np.where(patterns_inner(shape), 1.0, rim)
    for _ in range(6):
        field = np.zeros((60, *shape))
        for before, after in pairwise(range(60)):
            field[after] = 0.7 * field[before] + loud * noise.normal(size=shape)
        found = scored(field, np.arange(60.0), shuffles=19)["diffusion"]
        better.append(float(np.median(found.places)) - found.fit.error)
    spread = np.std(better, ddof=1) / 6**0.5
    assert abs(np.mean(better)) < max(0.01, 2.6 * spread) < 0.05


def patterns_inner(shape):
    """Whether each position has neighbours on all sides."""
    found = np.zeros(shape, bool)
    found[tuple(slice(1, -1) for _ in shape)] = True
    return found


def test_shuffles_leave_the_rim_and_deal_out_all_the_rest():
    places = shuffled((5, 6), np.random.default_rng(0))
    own = patterns_inner((5, 6)).ravel()
    assert (places[~own] == np.flatnonzero(~own)).all()
    assert sorted(places) == list(range(30)) and (places[own] != np.flatnonzero(own)).any()


def test_noise_is_not_explained_by_diffusion():
    """Halfway between two moments, noise says nothing of its change: sums and differences of independent numbers are uncorrelated."""
    field = np.random.default_rng(0).normal(size=(200, 30))
    found = scored(field, np.arange(200.0), shuffles=19)["diffusion"]
    assert found.fit.error > 0.99
    assert abs(found.fit.gain) < 0.005


@pytest.mark.parametrize("shape", [(30,), (12, 15)])
def test_the_speed_of_a_travelling_wave_is_its_drift(shape):
    """V(x, t) = g(distance to the goal - c t), exactly: V_t = c V_x. A hill, of which f(V) cannot tell the one side from the other."""
    distance, times, speed_of = patterns.distances(shape).reshape(shape), np.arange(0.0, 60, 2), 0.25
    field = np.stack([5 * np.exp(-(((distance - speed_of * time - 4) / 5) ** 2)) for time in times])
    found = scored(field, times, shuffles=19)
    assert found["drift"].fit.coefficient == pytest.approx(speed_of, rel=0.03)
    assert found["drift"].fit.error < 0.01
    assert found["diffusion"].fit.error > 10 * found["drift"].fit.error
    assert min(found["drift"].places.min(), found["drift"].moments.min()) > 10 * found["drift"].fit.error


def test_values_that_are_backed_up_drift_by_one_position_a_sweep():
    """Exact value iteration under the best policy, V(x) <- -1 + discount V(x + 1) with 10 at the goal; from values that are smooth."""
    v, found, times = 10 - 6 * np.sin(np.arange(30.0) / 4), [], np.arange(25.0)
    for _ in times:
        found.append(v.copy())
        v = np.append(-1 + 0.99 * v[1:-1], [10.0, 0.0])
    of = equations(np.stack(found)[:, :-1], times)
    assert fit(of, "drift").coefficient == pytest.approx(1.0, abs=0.15)
    assert fit(of, "drift").error < 0.2
    assert fit(of, "diffusion").error > 3 * fit(of, "drift").error


def test_units_are_those_of_positions_and_times():
    times = np.arange(0, 20, 0.05)
    field = heat((30,), 0.4, times)
    once, slower, larger = (fit(equations(*each)) for each in ((field, times), (field, 10 * times), (1000 * field, times)))
    assert slower.coefficient == pytest.approx(once.coefficient / 10)
    assert larger.coefficient == pytest.approx(once.coefficient)
    assert larger.error == pytest.approx(once.error)


WRONG = {
    "one moment": (np.zeros((1, 5)), np.zeros(1), r"but got \(1, 5\) at 1 moments"),
    "two positions": (np.zeros((4, 2)), np.arange(4.0), r"3 positions a side, but got \(4, 2\)"),
    "no order": (np.zeros((3, 5)), np.array([0.0, 2, 2]), "moments must follow one another, but after 2 comes 2"),
    "not finite": (np.where(np.arange(15).reshape(3, 5) >= 12, np.inf, 0.0), np.arange(3.0), "is inf at position 2 at moment 2;"),
    "too few": (np.zeros((3, 4)), np.arange(3.0), "needs 15 equations, but there are 4"),
}


@pytest.mark.parametrize(("field", "times", "told"), WRONG.values(), ids=WRONG)
def test_fields_that_cannot_be_fitted_are_refused(field, times, told):
    with pytest.raises(Refused, match=told):
        fit(equations(field, times))
