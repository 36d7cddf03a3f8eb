"""What is measured before a plan: real steps, side by side, in each place; what is made of it."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lal.cli import lal as front_door
from lal.config import RunConfig, parse, run_id
from lal.errors import Refused
from lal.store import Store
from launch.plan import Plan, plan
from launch.planning import probe
from launch.planning.probe import Cell, Place, Probe, chosen, places_of, probed, retimed
from launch.planning.probe_shown import facts
from launch.planning.probing import timed
from launch.planning.resources import Node, this_machine
from launch.sweep import load
from tests.launch.cli import TINY, lal, written

CORE, PAIR, QUARTER, HALF = Place("cpu", 1, 0, 2, 2), Place("cpu", 2, 0, 1, 1), Place("cuda", 1, 0.25, 4, 4), Place("cuda", 1, 0.5, 2, 2)
BOTH = {"axes": {"model.width": [16, 32]}, "seeds": 2}


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    """Of a sweep of four runs, of two sizes."""
    return plan(load(str(tmp_path / written(tmp_path, TINY | BOTH))), Store(tmp_path / "results"), nodes=[this_machine(2, 0)])


def small_and_large(planned: Plan) -> tuple[RunConfig, RunConfig]:
    small, large = chosen(planned.to_train).values()
    return small, large


def found(planned: Plan, rates: dict[Place, tuple[float, float]]) -> Probe:
    """A probe that measured `rates` of the smaller and the larger run; 0 is trouble."""
    names = [run_id(config) for config in small_and_large(planned)]
    cells = [Cell(place, name, rate, 300, None if rate else "trouble") for place, both in rates.items() for name, rate in zip(names, both, strict=True)]
    return Probe(next(iter(rates)), chosen(planned.to_train), tuple(cells))


def test_the_median_and_the_largest_run_are_measured_or_one_where_all_are_alike(planned: Plan) -> None:
    small, large = small_and_large(planned)
    assert (small.n_parameters(), large.n_parameters()) == tuple(sorted({config.n_parameters() for config in planned.to_train}))
    assert len(chosen([config for config in planned.to_train if config.n_parameters() == large.n_parameters()])) == 1


@pytest.mark.parametrize(("machine", "wanted", "places"), [
    ({"CPU": 2}, {"cpu": 1}, [CORE, PAIR]),
    ({"CPU": 1}, {"cpu": 1}, [Place("cpu", 1, 0, 1, 1)]),
    ({"CPU": 2}, {"cpu": 2}, [PAIR, CORE]),
    ({"CPU": 64}, {"cpu": 4}, [Place("cpu", 4, 0, 8, 16), Place("cpu", 1, 0, 8, 64), Place("cpu", 2, 0, 8, 32)]),  # not 64 processes
    ({"CPU": 8, "GPU": 1}, {"cpu": 1, "gpu": 0.25},
     [QUARTER, Place("cpu", 1, 0, 8, 8), Place("cpu", 2, 0, 4, 4), Place("cuda", 1, 1.0, 1, 1), HALF]),
    ({"CPU": 2, "GPU": 2}, {"cpu": 1}, [CORE, PAIR, Place("cuda", 1, 1.0, 1, 2), Place("cuda", 1, 0.5, 2, 2)]),  # two cores feed no more than two runs
])  # fmt: skip
def test_places_are_what_the_sweep_asks_for_and_then_the_others(machine: dict, wanted: dict, places: list[Place]) -> None:
    assert places_of(Node("here", machine), wanted) == places


@pytest.mark.parametrize(("rates", "best", "words"), [
    ({CORE: (10, 5), PAIR: (15, 8)}, CORE, "resources: {cpu: 1}"),
    ({CORE: (10, 5), PAIR: (30, 20)}, PAIR, "resources: {cpu: 2}"),
    ({CORE: (10, 5), QUARTER: (20, 20)}, QUARTER, "resources: {cpu: 1, gpu: 0.25}: 6.0 x as many steps a second as cores alone"),
    ({CORE: (10, 5), QUARTER: (5, 2.5)}, CORE, "resources: {cpu: 1}: these networks are as fast on the cores as on the GPU"),
    ({CORE: (10, 5), QUARTER: (2.5, 1.25)}, CORE, "resources: {cpu: 1}: these networks are 2.0 x as fast on the cores as on the GPU"),
    ({CORE: (1, 1), QUARTER: (10, 10), HALF: (20, 20)}, QUARTER, "resources: {cpu: 1, gpu: 0.25}: 20.0 x as many steps a second as cores alone"),
    ({CORE: (1, 1), QUARTER: (10, 0), HALF: (10, 10)}, HALF, "resources: {cpu: 1, gpu: 0.5}: 10.0 x as many steps a second as cores alone"),  # too small
    ({CORE: (10, 0)}, None, "nothing to suggest: not every run could be measured in one place"),
])  # fmt: skip
def test_the_place_with_most_steps_of_both_is_suggested_and_of_equals_the_smallest(planned: Plan, rates: dict, best: Place | None, words: str) -> None:
    got = found(planned, rates)
    assert (got.best, got.words()) == (best, words)


def test_a_plan_takes_its_times_from_what_was_measured(planned: Plan) -> None:
    timed = retimed(planned, found(planned, {CORE: (100.0, 50.0), PAIR: (1e9, 1e9)}))
    small = small_and_large(planned)[0].n_parameters()
    seconds = {config.n_parameters() == small: timed.estimates[run_id(config)].seconds for config in planned.to_train}
    assert seconds == {True: pytest.approx(0.6), False: pytest.approx(1.2)}  # 60 steps
    assert timed.core_s == pytest.approx(3.6) and timed.wall_s < planned.wall_s + 60
    assert "just measured" in timed.basis


def test_runs_of_other_shapes_follow_in_proportion_and_records_stay(planned: Plan) -> None:
    small, large = small_and_large(planned)
    other = next(config for config in planned.to_train if config.n_parameters() == small.n_parameters())
    got = found(planned, {CORE: (100.0, 50.0)})
    only = Probe(CORE, {key: config for key, config in got.runs.items() if config is large}, got.cells)
    before, after = (each.estimates[run_id(other)].seconds for each in (planned, retimed(planned, only)))
    ratio = retimed(planned, only).estimates[run_id(large)].seconds / planned.estimates[run_id(large)].seconds
    assert after / before == pytest.approx(ratio)


def test_without_the_place_that_is_asked_for_the_plan_stays_as_it_was(planned: Plan) -> None:
    assert retimed(planned, found(planned, {CORE: (0, 0), PAIR: (10, 10)})) == planned


def test_real_steps_are_taken_side_by_side_and_a_share_of_a_gpu_goes_the_same_way(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place with half a GPU is one of the CPU's, and goes through all that a GPU's would but for torch.cuda itself."""
    monkeypatch.setattr(probe, "SECONDS", 0.1)
    never = Place("nowhere", 1, 1.0, 1, 1)
    got = probed(planned.to_train, {"cpu": 1}, this_machine(2, 0), [CORE, Place("cpu", 1, 0.5, 2, 2), never])
    assert [cell.place for cell in got.cells] == [CORE, Place("cpu", 1, 0.5, 2, 2), never] * 2
    worked = [cell for cell in got.cells if cell.place != never]
    assert all(cell.trouble for cell in got.cells if cell.place == never)
    assert all(cell.trouble is None and cell.rate > 0 and cell.peak_mib > 50 and cell.total == 2 * cell.rate for cell in worked)
    assert not multiprocessing.active_children()
    assert got.best and got.best.device == "cpu" and facts(got)["suggested"] == got.best.resources


def test_a_run_that_diverges_at_once_tells_nothing_of_its_steps(planned: Plan) -> None:
    good = planned.to_train[0]
    wild = parse({**good.model_dump(mode="json"), "optim": {"kind": "sgd", "lr": 1000.0}, "model": {"kind": "mlp", "activation": "square", "width": 16}})
    with pytest.raises(ValueError, match="diverged at once"):
        timed(wild, wild.start(), "cpu", 0.1, lambda: None)
    short = good.model_copy(update={"budget": good.budget.model_copy(update={"steps": 5})})
    steps, seconds = timed(short, short.start(), "cpu", 0.1, lambda: None)
    assert steps >= 5 and seconds >= 0.1  # the first 5 were not timed, and were all that the run itself would have done


def test_the_probe_is_part_of_the_plan_and_leaves_nothing_behind(tmp_path: Path) -> None:
    name = written(tmp_path, TINY | {"axes": {}, "seeds": 1})
    done = lal("plan", name, "--probe", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["basis"] == "from steps that were just measured on this machine"
    assert told["probe"]["suggested"]["cpu"] in (1, 2) and {cell["device"] for cell in told["probe"]["cells"]} >= {"cpu"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


SEARCH = {
    **TINY,
    "axes": {"optim.lr": {"log": [1e-3, 0.1]}, "model.width": [16, 32]},
    "search": {"kind": "optuna", "points": 3, "objectives": {"maximise": {"test_acc": "end"}}},
}


@pytest.fixture
def search(tmp_path: Path) -> Plan:
    """Of a search that knows no point yet."""
    return plan(load(str(tmp_path / written(tmp_path, SEARCH))), Store(tmp_path / "results"), nodes=[this_machine(2, 0)])


def test_of_a_search_the_costliest_run_of_a_point_is_measured_and_all_its_runs_are_timed_by_it(search: Plan) -> None:
    (largest,) = chosen(search.ahead).values()
    assert search.sweep.space and largest.n_parameters() == max(run.config.n_parameters() for run in search.sweep.space.largest)
    assert (search.to_train, search.unknown_runs) == ((), 6) and "model of this machine" in search.basis
    timed = retimed(search, Probe(CORE, chosen(search.ahead), (Cell(CORE, run_id(largest), 100.0, 300),)))
    assert timed.unknown_s == pytest.approx(6 * 0.6) and timed.core_s == 0  # 60 steps each
    slow = retimed(search, Probe(CORE, chosen(search.ahead), (Cell(CORE, run_id(largest), 0.1, 300),)))
    assert slow.wall_s > 3 * 600 > timed.wall_s and "just measured" in timed.basis


def test_a_probe_that_has_nothing_to_measure_is_refused(planned: Plan) -> None:
    done = replace(planned, to_train=(), estimates={})
    with pytest.raises(Refused, match="nothing is left to train; leave it out"):
        probed(done.ahead, {"cpu": 1}, this_machine(2, 0))


@pytest.mark.parametrize(("option", "value"), [("--cpus", "8"), ("--gpus", "1"), ("--address", "auto")])
def test_a_probe_for_another_machine_is_refused_before_anything_is_read(option: str, value: str) -> None:
    with pytest.raises(Refused, match=f"--probe measures this machine, but {option} plans for another"):
        CliRunner().invoke(front_door, ["plan", "no/such.yaml", "--probe", option, value], standalone_mode=False, catch_exceptions=False)
