"""Sentences follow the data: turn the data and they turn."""

from __future__ import annotations

from analysis.collect import collect
from analysis.figures import depth, final, pareto
from analysis.findings import findings
from lal.budget import Budget
from tests.analysis.synthetic import BUDGET, WEIGHT, Folder, Truth, filled, rows_of


def told(store, truth, **settings) -> str:
    """All sentences on a sweep that `truth` gives, on lines."""
    return "\n".join(findings(collect(store, filled(store, truth, **{"seeds": 5, **settings}))))


def spread(value: float, seed: int) -> float:
    """`value` with a little of what seeds do."""
    return value * (1 + 0.01 * (seed - 2))


def evaded(arm: str, weight: float, seed: int) -> Truth:
    return Truth(gates=spread(4.0 - 30 * weight, seed), functional=4)


def paid(arm: str, weight: float, seed: int) -> Truth:
    return Truth(gates=spread(4.0 - 30 * weight, seed), functional=4 - round(30 * weight))


def broken(arm: str, weight: float, seed: int) -> Truth:
    return Truth(gates=2.0, functional=2, breaks=800 if weight else None)


def test_evaded_and_paid_are_told_apart(store):
    said = told(store, evaded, arms=("soft",), name="evaded")
    assert "the charge was evaded" in said and "truly saved" not in said
    assert "sum of gates fell from 3.9" in said and "functional depth did not change measurably (4 to 4)" in said
    turned = told(store, paid, arms=("soft",), name="paid")
    assert " 3 layers were truly saved, at no measurable cost in accuracy" in turned and "evaded" not in turned
    assert "functional depth fell from 4 to 1" in turned


def test_a_charge_that_is_mostly_evaded_is_not_called_a_saving(store):
    said = told(store, lambda arm, weight, seed: Truth(gates=spread(4.0 - 38 * weight, seed), functional=3 if weight == 0.1 else 4), arms=("soft",))
    assert "layers saved, but only 1 were: the charge was mostly evaded" in said and "truly saved" not in said


def test_of_more_open_gates_than_can_be_searched_a_depth_is_a_bound_and_no_true_saving(store):
    def deep(row: dict, n_open: int) -> dict:
        gates = [1.0] * n_open + [0.0] * (12 - n_open)
        return row | {"gate_values": gates, "effective_depth": float(n_open)}

    def told_of(name: str, most: int) -> str:
        folder = Folder(store, name=name, arms=("soft",))
        for weight, n_open, needed in ((0.0, most, 4), (0.1, 3, 1)):
            for seed in range(5):
                run_id = folder.add("soft", {WEIGHT: weight}, seed, Truth(missing=True))
                rows = [deep(row, n_open) for row in rows_of(Truth(functional=needed), seed)]
                folder.finish(run_id, rows, Budget.model_validate(BUDGET))
        return "\n".join(findings(collect(store, folder.write())))

    exact, bound = told_of("exact", 8), told_of("bound", 9)
    assert "truly saved" in exact and "at most so many" not in exact
    assert "layers were saved by these bounds" in bound and "truly saved" not in bound
    assert "Beyond 8 open gates functional depth is an upper bound" in bound
    tables = collect(store, "bound")
    for figure in (depth, final, pareto):
        assert "at most so many layers" in figure.prepare(tables).caption
        assert "at most so many layers" not in figure.prepare(collect(store, "exact")).caption


def test_saving_at_a_cost_says_so(store):
    said = told(
        store, lambda arm, weight, seed: Truth(gates=4 - 30 * weight, functional=4 - round(30 * weight), acc=0.96 if weight == 0.1 else 1.0), arms=("soft",)
    )
    assert "truly saved, and accuracy was lost" in said


def test_a_rise_is_called_a_rise(store):
    said = told(store, lambda arm, weight, seed: Truth(gates=spread(1 + 25 * weight, seed), functional=1 + round(30 * weight)), arms=("soft",))
    assert "sum of gates rose" in said and "functional depth rose" in said and "saved" not in said and "evaded" not in said


def test_each_arm_gets_its_own_verdict(store):
    said = told(store, lambda arm, weight, seed: (evaded if arm == "soft" else paid)(arm, weight, seed)).split("\n")
    assert any(line.startswith("soft: ") and "evaded" in line for line in said) and any(line.startswith("hard: ") and "truly saved" in line for line in said)
    swapped = told(store, lambda arm, weight, seed: (paid if arm == "soft" else evaded)(arm, weight, seed), name="swapped").split("\n")
    assert any(line.startswith("hard: ") and "evaded" in line for line in swapped) and any(
        line.startswith("soft: ") and "truly saved" in line for line in swapped
    )


def test_where_it_breaks(store):
    said = told(store, broken, arms=("soft",))
    assert "It breaks at λ = 0.01: from there on, fewer than half of the runs end at test accuracy 0.95 or better; at λ = 0.1, 0 of 5 do" in said
    assert "10 of the 15 runs that generalised had fallen back by their end" in said
    assert "breaks at" not in told(store, evaded, arms=("soft",), name="whole")
    assert "At no λ do half of the runs end at test accuracy 0.95 or better" in told(store, lambda *_: Truth(grok=None), arms=("soft",), name="none")


def test_sooner_and_later_follow_the_times(store):
    def times(first: int, last: int):
        return lambda arm, weight, seed: Truth(grok=(last if weight == 0.1 else first) + 25 * seed)

    settings = {"arms": ("soft",), "seeds": 6, "weights": (0.0, 0.1)}
    sooner = told(store, times(900, 400), name="sooner", **settings)
    assert "Runs generalised sooner with λ = 0.1 than with λ = 0" in sooner and "Fastest: λ = 0.1," in sooner
    later = told(store, times(400, 900), name="later", **settings)
    assert "Runs generalised later with λ = 0.1 than with λ = 0" in later and "Fastest: λ = 0," in later
    assert "No λ made runs generalise measurably sooner or later" in told(store, times(500, 500), name="same", **settings)


def test_counts_and_failures(store):
    kinds = [Truth(), Truth(grok=None), Truth(fails="timeout"), Truth(missing=True), Truth(grok=None, diverges=300)]
    said = told(store, lambda arm, weight, seed: kinds[seed], arms=("soft",), weights=(0.0,), seeds=5)
    assert "1 of 3 runs generalised within the budget (33 %, 95 % interval 6 % to 79 %)" in said
    assert "3 of 5 planned runs finished; 1 failed (1 timeout) and counts for nothing; 1 diverged, and counts as" in said
    assert f"1 is missing or unfinished (`lal sweep synthetic --results {store.place.root}` trains it)" in said
    assert "In no cell have half of the runs generalised" in said


def test_a_damaged_run_is_told_apart_from_one_that_is_missing(store):
    folder = Folder(store)
    for seed in range(3):
        folder.add("soft", {WEIGHT: 0.0}, seed, Truth(missing=seed == 2))
    for entry, name in zip(folder.runs, ("record.json", "history.parquet"), strict=False):
        store.put(f"runs/{entry['run_id']}/{name}", b"not whole")
        said = findings(collect(store, folder.write()))[-1]
    assert "2 damaged (their records or histories cannot be read;" in said and "trains them again); 1 is missing or unfinished" in said


def test_routing(store):
    said = told(store, lambda arm, weight, seed: Truth(entropy=spread(0.9 - 8 * weight, seed)), arms=("entropy",))
    assert "routing entropy / log n fell" in said and "accuracy with the heaviest head alone rose" in said
    turned = told(store, lambda arm, weight, seed: Truth(entropy=spread(0.1 + 8 * weight, seed)), arms=("entropy",), name="turned")
    assert "routing entropy / log n rose" in turned and "accuracy with the heaviest head alone fell" in turned


def test_single_seeds_are_not_tested(store):
    said = told(store, evaded, seeds=1)
    assert "too few to test this" in said and "No cell has more than one finished seed" in said and "evaded" not in said and "log-rank" not in said


def test_nothing_finished_says_only_that(odd_tables):
    (said,) = findings(odd_tables["all missing"])
    assert said.startswith("No run has finished what this sweep asks for, so there is nothing to say: 0 of 18 planned runs finished; 18 are missing")
    assert "18 failed (18 timeout)" in findings(odd_tables["all failed"])[0]


def test_odd_sweeps_all_have_findings(odd_tables):
    for name, tables in odd_tables.items():
        said = findings(tables)
        assert said and all(sentence[-1] == "." and "nan" not in sentence.replace("nan:", "").split() for sentence in said), (name, said)
        assert not any("<" in sentence for sentence in said)


def test_a_broken_network_saves_nothing(store):
    """At chance no layer is needed: cells that break are no saving, and of a cell that half stands only the standing seeds count."""

    def collapsed(arm: str, weight: float, seed: int) -> Truth:
        broke = weight == 0.1 or (weight == 0.01 and seed >= 5)
        return Truth(gates=0.1 if broke else spread(4.0 - 100 * weight, seed), functional=0 if broke else 4, breaks=700 if broke else None)

    said = told(store, collapsed, arms=("soft",), seeds=7)
    assert "functional depth did not change measurably (4 to 4)" in said and "7 of 7 and 5 of 7 seeds that end at" in said
    assert "truly saved" not in said and "the charge was evaded" in said and "at λ = 0.1, 0 of 7 do" in said


def test_a_run_that_arms_share_is_counted_once_in_what_is_said_of_the_sweep(store):
    folder = Folder(store)
    for seed in range(2):
        folder.add("soft", {WEIGHT: 0.0}, seed, Truth(breaks=700))
    folder.add("soft", {WEIGHT: 0.0}, 2, Truth(missing=True))
    folder.runs += [{**entry, "arm": "hard"} for entry in folder.runs]
    said = findings(collect(store, folder.write()))
    assert said[0].startswith("2 of 2 runs generalised")
    assert any(each.startswith("2 of the 2 runs that generalised had fallen back") for each in said)
    assert said[-1].startswith("2 of 3 planned runs finished; 1 is missing") and "6 rows in the tables" in said[-1]
    assert f"`lal sweep synthetic --results {store.place.root}` trains it" in said[-1]


def test_a_median_without_an_upper_limit_says_that_seeds_are_few(store):
    def fastest(n: int) -> str:
        said = told(store, lambda *_: Truth(), arms=("soft",), weights=(0.0,), seeds=n, name=f"n{n}")
        return next(each for each in said.split("\n") if each.startswith("Fastest"))

    assert "[500, no upper limit with fewer than 6 seeds]" in fastest(5) and "not reached" not in fastest(5)
    assert "[500, 500]" in fastest(6)
