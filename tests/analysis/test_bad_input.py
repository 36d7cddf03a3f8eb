"""What is wrong in a results folder is counted or refused, with a remedy: never a traceback, never silently fewer runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import nan

import pytest

from analysis.collect import Tables, collect
from analysis.commands import FIGURES
from analysis.comparison_report import told_of
from analysis.figures import MEMBERS, importance, time_to_goal
from analysis.findings import findings
from analysis.report import drawn, html, provenance
from analysis.together import together
from lal.errors import Refused
from lal.store import Store
from tests.analysis.synthetic import Folder, Truth, filled

RUNS = 6


def sweep(store: Store) -> str:
    """Two cells of three seeds, all finished."""
    return filled(store, lambda *_: Truth(), weights=(0.0, 0.1), arms=("all",))


def prepared(tables: Tables) -> int:
    """How many figures apply; the others say why not. Drawing is tested on other sweeps, whatever their runs are like."""
    infos = [member.prepare(tables) for member in MEMBERS.values()]
    assert all(not isinstance(each, str) or each[0].islower() for each in infos)
    return sum(not isinstance(each, str) for each in infos)


def empty(store: Store, run_id: str) -> None:
    for name in store.names(f"runs/{run_id}"):
        store.remove(f"runs/{run_id}/{name}")


def cut(name: str) -> Callable[[Store, str], None]:
    def half(store: Store, run_id: str) -> None:
        data = store.get(f"runs/{run_id}/{name}")
        assert data
        store.put(f"runs/{run_id}/{name}", data[: len(data) // 2])

    return half


def put(name: str, data: bytes) -> Callable[[Store, str], None]:
    return lambda store, run_id: store.put(f"runs/{run_id}/{name}", data)


def begun(store: Store, run_id: str) -> None:
    empty(store, run_id)
    store.put(f"runs/{run_id}/checkpoint.pt", b"half of one")


def of_another(store: Store, run_id: str) -> None:
    """Files of a neighbour, as when a folder was copied and renamed."""
    other = next(name for name in store.names("runs") if name != run_id)
    store.put(f"runs/{run_id}/history.parquet", store.get(f"runs/{other}/history.parquet") + b"x")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("spoil", "state"),
    [
        (empty, "missing"),
        (begun, "unfinished"),
        (cut("record.json"), "damaged"),
        (cut("history.parquet"), "damaged"),
        (put("history.parquet", b""), "damaged"),
        (put("history.parquet", b"epoch,loss\n1,2\n"), "damaged"),
        (put("record.json", b"[]"), "damaged"),
        (put("record.json", b'{"schema": 0, "loss": 1}'), "damaged"),
        (put("record.json", b"\xff\xfe"), "damaged"),
        (of_another, "damaged"),
    ],
    ids=["missing", "begun", "half a record", "half a history", "no history", "foreign history", "a list", "older schema", "no text", "of another run"],
)
def test_a_run_that_cannot_be_read_is_counted(store, spoil, state):
    name = sweep(store)
    spoil(store, store.names("runs")[1])
    tables = collect(store, name)
    assert tables.runs["state"].tolist().count(state) == 1 and len(tables.done) == RUNS - 1 and tables.cells["n_missing"].sum() == 1
    assert prepared(tables) > 5 and html(tables, [], findings(tables), [])
    told = findings(tables)[-1]
    assert "5 of 6 planned runs finished" in told and ("damaged" if state == "damaged" else "missing or unfinished") in told and "lal sweep" in told
    assert "1 missing, unfinished or damaged" in dict(provenance(tables))["Runs"]


def test_folders_that_no_manifest_lists_are_not_counted(store):
    """Copies of a run, another program's folders, and files among them."""
    name = sweep(store)
    first = store.names("runs")[0]
    for each in store.names(f"runs/{first}"):
        store.put(f"runs/{first}-copy/{each}", store.get(f"runs/{first}/{each}"))  # type: ignore[arg-type]
    store.put("runs/foreign/log.csv", b"a,b\n1,2\n")
    store.put("runs/.DS_Store", b"x")
    assert len(collect(store, name).done) == RUNS


def test_a_run_that_is_listed_twice_is_counted_once_and_said(store):
    name = sweep(store)
    manifest = store.manifest(name)
    store.put_json(f"sweeps/{name}/manifest.json", {**manifest, "runs": [*manifest["runs"], {**manifest["runs"][0], "arm": "again"}], "arms": ["all", "again"]})
    tables = collect(store, name)
    assert len(tables.distinct) == RUNS and "6 of 6 planned runs finished" in findings(tables)[-1] and "7 rows in the tables" in findings(tables)[-1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "manifest"),
        (b"{", "manifest"),
        (b"[]", "manifest"),
        (b'{"schema": 99, "runs": []}', "manifest"),
        (b'{"schema": 1, "runs": []}', "lacks name, arms"),
        (b'{"schema": 1, "runs": 3}', "manifest"),
        (b'{"schema": 1, "runs": [7]}', "manifest"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_with_its_place(store, data, message):
    store.put("sweeps/bad/manifest.json", data)
    with pytest.raises(Refused, match=message) as refusal:
        collect(store, "bad")
    assert "bad" in str(refusal.value)


ODD_AXES: dict[str, tuple] = {
    "mixed types": (0, "none", True, 1.5),
    "none and numbers": (None, 0.1, 1),
    "one value": (0.1,),
    "html": ("<script>alert(1)</script>", "</style>&amp;", '" onload="x'),
    "extremes": (1e-30, 1e12, 0, -1.0),
    "lists": ([1, 2], [1, 2, 3]),
    "nested": ({"kind": "a"}, {"kind": "b", "x": 1}),
    "long": ("x" * 500, "y" * 500),
}


@pytest.mark.parametrize("odd", [name if name == "html" else pytest.param(name, marks=pytest.mark.slow) for name in ODD_AXES])
def test_axes_of_any_values_have_figures(store, odd):
    folder = Folder(store, axes=("model.depth", "optim.<b>lr</b>"), arms=("a", "b"))
    for arm, value, seed in product(folder.arms, ODD_AXES[odd], range(2)):
        folder.add(arm, {"model.depth": value, "optim.<b>lr</b>": 0.1}, seed, Truth(grok=400 if seed else None))
    for entry in folder.runs:
        entry["arm"] = {"a": "<i>a</i>", "b": "b"}[entry["arm"]]
    folder.arms = ("<i>a</i>", "b")
    tables = collect(store, folder.write())
    figures, left_out = drawn(tables)
    page = html(tables, figures, findings(tables), left_out).decode()
    body = page[: page.index('<script type="application/json"')]
    assert len(figures) > 5 and not any(tag in body for tag in ("<script>alert", "</style>&amp;", "<i>a</i>", "<b>lr"))
    assert tables.cells["n_planned"].sum() == len(tables.runs)


@pytest.mark.parametrize(
    "truth",
    [
        lambda weight, seed: Truth(diverges=0, grok=None, gates=nan),
        lambda weight, seed: Truth(diverges=25 * seed, grok=None),
        lambda weight, seed: Truth(fails="out_of_memory" if seed else None),
        lambda weight, seed: Truth(missing=seed > 0, grok=None),
        lambda weight, seed: Truth(grok=25, memorise=25),
    ],
    ids=["NaN throughout", "diverged", "one left a cell", "one left and censored", "at once"],
)
def test_sweeps_of_which_little_is_known_have_a_report(store, truth):
    name = filled(store, lambda arm, weight, seed: truth(weight, seed), weights=(0.0, 0.1))
    tables = collect(store, name)
    assert findings(tables) and prepared(tables) >= 2 and html(tables, [], findings(tables), [])
    both = together([(store, name), (store, filled(store, lambda *_: Truth(), name="whole", weights=(0.0,)))])
    assert "planned runs finished" in told_of(both)[-1] and prepared(both) > 5


def test_one_cell_of_one_seed(store):
    """Nothing is compared, and nothing is said to be known better than it is."""
    name = filled(store, lambda *_: Truth(), weights=(0.1,), arms=("all",), seeds=1)
    tables = collect(store, name)
    assert any("one finished seed" in each for each in findings(tables)) and prepared(tables) >= 6
    assert "fewer than two axes" in str(importance.prepare(tables)) and not isinstance(time_to_goal.prepare(tables), str)


def test_every_figure_has_a_name_for_the_command_line():
    assert {*FIGURES} == {*MEMBERS}
