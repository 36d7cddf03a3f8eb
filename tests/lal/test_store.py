"""The results folder: a file is whole or absent, names stay inside, and what is damaged is seen to be."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lal.errors import Refused
from lal.store import (
    DONE,
    FAILED,
    Failure,
    Record,
    Store,
    arrays_name,
    checked_name,
    column_names,
    decoded,
    decoded_arrays,
    encoded,
    encoded_arrays,
    flattened,
    kept_name,
    lookup,
)
from lal.store.local import Local
from tests.lal.sessions import DAMAGES

RECORD = Record("a-1", "budget", "used", 8, 1.5, {"seed": 1}, {"eval_every": 2}, {"steps": 8}, "10")


@pytest.fixture(params=["local", "remote"])
def store(request):
    """An empty results folder, on a disk and on an object store: they keep the same contract."""
    return request.getfixturevalue("on_disk" if request.param == "local" else "remote")


@pytest.fixture
def on_disk(tmp_path):
    return Store(tmp_path / "results")


def files(store):
    """All that is there, temporary files too."""
    if isinstance(store.place, Local):
        return sorted(str(path.relative_to(store.place.root)) for path in store.place.root.rglob("*") if path.is_file())
    return list(store.place.files(""))


def test_put_writes_and_overwrites_whole_files(store):
    store.put("a/b.txt", b"one")
    store.put("a/b.txt", b"two, longer")
    assert store.get("a/b.txt") == b"two, longer"
    assert files(store) == ["a/b.txt"]


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


FAULTS = {
    "the disk is full": ("os.fsync", full),
    "the rename fails": ("os.replace", full),
    "the power of Ctrl-C": ("os.fsync", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_put_that_fails_leaves_the_old_file_or_none_and_no_temporary(on_disk, monkeypatch, fault, old):
    if old is not None:
        on_disk.put("run/file", old)
    with monkeypatch.context() as patched:
        patched.setattr(*FAULTS[fault])
        with pytest.raises((OSError, KeyboardInterrupt)):
            on_disk.put("run/file", b"new and longer")
    assert on_disk.get("run/file") == old
    assert files(on_disk) == ([] if old is None else ["run/file"])


def test_a_put_killed_before_its_rename_is_not_seen(on_disk, monkeypatch):
    """A kill -9 runs no clean-up: the temporary file stays, and nobody takes it for a result."""
    on_disk.put("runs/a/history/part-00001.parquet", b"old")
    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(OSError, match="No space"):
        on_disk.put("runs/a/history/part-00002.parquet", b"new")
    assert len(files(on_disk)) == 2
    assert on_disk.run("a").parts() == ["history/part-00001.parquet"]


def test_bytes_reach_the_disk_before_the_name_does(on_disk, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("fsync"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("replace"), replace(*names)))
    on_disk.put("file", b"bytes")
    assert calls == ["fsync", "replace"]


def test_create_is_won_once(store):
    assert store.create("claim", b"first")
    assert not store.create("claim", b"second")
    assert store.get("claim") == b"first"
    assert files(store) == ["claim"]


@pytest.mark.parametrize("path", ["absent", "absent/below", "file/below"])
def test_what_is_not_there_is_none_or_empty(store, path):
    store.put("file", b"x")
    assert store.get(path) is None
    assert store.get_json(path) is None
    assert store.names(path) == []
    store.remove("absent")


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b'{"a": 1', b"[1]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_json_that_is_no_whole_object_is_none(store, data):
    store.put("file.json", data)
    assert store.get_json("file.json") is None


def test_json_keeps_the_order_of_keys_and_refuses_nan(store):
    store.put_json("file.json", {"b": 1, "a": [None, 0.1]})
    assert list(store.get_json("file.json").items()) == [("b", 1), ("a", [None, 0.1])]
    with pytest.raises(ValueError, match="JSON"):
        store.put_json("file.json", {"a": float("nan")})
    assert store.get_json("file.json") == {"b": 1, "a": [None, 0.1]}


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "a\\b", "/abs", ".hidden", "-flag", "a b", "a\n", "é", "a" * 101, "a@", "a@b@c", "a\x00"])
def test_names_that_would_leave_their_place_are_refused(store, name):
    for call in (store.run, store.sweep, store.manifest):
        with pytest.raises(Refused, match="must be letters, digits"):
            call(name)


@pytest.mark.parametrize("name", ["a", "quickstart@laptop", "hard4x128-add31-s0-0123456789ab", "A.b_c-1", "a" * 100])
def test_good_names_are_themselves(name):
    assert checked_name(name, "name") == name


@pytest.mark.parametrize(("data", "state"), [(None, "is not there"), (b"{", "is damaged"), (b"{}", "is damaged"), (b'{"runs": 3}', "is damaged")])
def test_a_manifest_that_is_missing_or_damaged_is_refused_with_what_there_is(store, data, state):
    store.put_json("sweeps/other/manifest.json", {"runs": []})
    if data is not None:
        store.put("sweeps/mine/manifest.json", data)
    with pytest.raises(Refused, match=rf"{state} \(sweeps here: .*other.*\); run `lal sweep` again"):
        store.manifest("mine")
    assert store.manifest("other") == {"runs": []}


def test_records_and_failures_come_back_as_they_were(store):
    folder = store.run("a-1")
    assert folder.record() is folder.failure() is None
    failure = Failure("a-1", "error", "ValueError: x", 3, "Traceback", {"host": "h"})
    folder.fail(failure)
    assert folder.failure() == failure
    folder.finish(RECORD)
    assert folder.record() == RECORD
    assert folder.failure() is None
    assert not set(DONE) & set(FAILED)


@pytest.mark.parametrize("change", [{"schema": None}, {"more": 1}])
def test_a_record_of_another_schema_is_not_read(store, change):
    store.put_json("runs/a-1/record.json", {**asdict(RECORD), **change})
    assert store.run("a-1").record() is None


@pytest.mark.parametrize("path", ["runs/a-1/record.json", "runs/a-1/failure.json"])
def test_what_a_newer_version_wrote_is_refused(store, path):
    store.put_json(path, {"schema": 2})
    with pytest.raises(Refused, match="schema 2; it was written by a newer lal"):
        store.run("a-1").record(), store.run("a-1").failure()


def test_a_record_that_lacks_a_field_is_not_read(store):
    store.put_json("runs/a-1/record.json", {key: value for key, value in asdict(RECORD).items() if key != "outcome"})
    assert store.run("a-1").record() is None


def test_a_record_of_the_first_schema_is_read_for_ever(store):
    """Written by the first version; never to be changed."""
    store.put("runs/a-1/record.json", (Path(__file__).parent / "goldens" / "record-1.json").read_bytes())
    record = store.run("a-1").record()
    assert record is not None
    assert (record.outcome, record.steps, record.trajectory["seed"]) == ("target_reached", 2400, 3)


VALUES = {
    "x": st.floats(allow_nan=False),
    "n": st.integers(-(2**60), 2**60),
    "text": st.text(max_size=5),
    "list": st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
}


@given(st.lists(st.fixed_dictionaries({"step": st.integers(0, 10**10)}, optional=VALUES), max_size=8))
def test_rows_come_back_as_they_were(rows):
    assert decoded(encoded(rows)) == rows


def test_rows_keep_nan_and_lose_null():
    back = decoded(encoded([{"step": 0, "a": float("nan"), "b": None}, {"step": 1, "a": None, "b": None}]))
    assert str(back) == "[{'step': 0, 'a': nan}, {'step': 1}]"


@pytest.mark.parametrize("spoil", [*DAMAGES.values(), lambda data: b"PAR1" + b"\xff" * 50 + b"PAR1"], ids=[*DAMAGES, "of another writer"])
def test_damaged_rows_are_none(spoil):
    data = spoil(encoded([{"step": step, "x": 0.5} for step in range(9)]))
    assert decoded(data) is column_names(data) is None


def test_columns_without_a_value_have_names(store):
    assert column_names(encoded([{"step": 0, "x": None}, {"step": 1, "y": 2.0}])) == ("step", "x", "y")
    folder = store.run("a-1")
    folder.put_measured("margin", [{"step": 0, "x": None}])
    assert (folder.measured("margin"), folder.measured_columns("margin")) == ([{"step": 0}], ("step", "x"))
    folder.put_bytes("measured/margin.parquet", b"PAR1")
    assert folder.measured_columns("margin") == folder.measured_columns("fourier") == ()


def test_history_is_intact_only_as_the_record_was_written_for_it(store):
    folder = store.run("a-1")
    sha256 = folder.join([{"step": 0}, {"step": 2}])
    record = Record(**{**asdict(RECORD), "history_sha256": sha256})
    assert folder.history_intact(record)
    whole = folder.get_bytes("history.parquet")
    for spoilt in (b"", whole[:-1], whole + b"x", bytes(len(whole)), whole[:-4] + b"RAP1", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
        folder.put_bytes("history.parquet", spoilt)
        assert not folder.history_intact(record)
    store.remove("runs/a-1/history.parquet")
    assert not folder.history_intact(record)


def test_saved_rows_joins_history_and_parts_by_step(store):
    folder = store.run("a-1")
    folder.join([{"step": 0, "x": 0}, {"step": 2, "x": 2}])
    folder.put_part(1, [{"step": 2, "x": 2}, {"step": 4, "x": 4}])
    folder.put_part(2, [])
    folder.put_part(10, [{"step": 6, "x": 6}])
    assert folder.saved_rows(4) == [{"step": step, "x": step} for step in (0, 2, 4)]
    assert [row["step"] for row in folder.saved_rows(99)] == [0, 2, 4, 6]
    folder.put_bytes("history/part-00001.parquet", b"PAR1")
    assert folder.saved_rows(99) is None


def test_reset_leaves_the_configuration_alone(store):
    folder = store.run("a-1")
    folder.put_config({"seed": 1})
    folder.put_part(1, [{"step": 0}])
    folder.join([{"step": 0}])
    folder.put_bytes("checkpoint.pt", b"x")
    folder.put_bytes("best.pt", b"x")
    folder.fail(Failure("a-1", "error", "", 0))
    store.put_json("runs/a-1/record.json", asdict(RECORD))
    folder.reset()
    assert files(store) == ["runs/a-1/config.json"]


def test_lookup_and_flattened_are_inverse():
    values = {"a": {"b": {"c": 1}, "d": None}, "e": {}, "f": [1]}
    assert dict(flattened(values)) == {"a.b.c": 1, "a.d": None, "e": {}, "f": [1]}
    assert all(lookup(values, path) == value for path, value in flattened(values))
    assert lookup(values, "a.b.c.d") is lookup(values, "x.y") is None


def test_json_on_disk_is_for_people(store):
    store.put_json("file.json", {"a": {"b": 1}})
    assert store.get("file.json").decode() == json.dumps({"a": {"b": 1}}, indent=1) + "\n"


ARRAYS = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array([True, False]), "c": np.array([np.nan, 1], np.float32)}


def test_arrays_come_back_as_they_were_by_step(store):
    folder = store.run("a-1")
    for step in (1_000_000_000, 20, 0):
        folder.put_arrays(step, ARRAYS)
    assert files(store) == [f"runs/a-1/arrays/step-{step}.npz" for step in ("000000000", "000000020", "1000000000")]
    assert folder.snapshots() == [0, 20, 1_000_000_000]
    back = folder.arrays(20)
    assert {name: (array.dtype, array.shape) for name, array in back.items()} == {name: (array.dtype, array.shape) for name, array in ARRAYS.items()}
    assert all(np.array_equal(back[name], array, equal_nan=name == "c") for name, array in ARRAYS.items())
    assert folder.arrays(21) is None
    assert folder.first_damaged([arrays_name(0), arrays_name(20)]) is None
    assert folder.first_damaged([arrays_name(0), arrays_name(21)]) == arrays_name(21)


@pytest.mark.parametrize("spoil", [*DAMAGES.values(), lambda data: data[:60] + bytes([data[60] ^ 255]) + data[61:]], ids=[*DAMAGES, "one byte other"])
def test_damaged_arrays_are_none(store, spoil):
    folder = store.run("a-1")
    folder.put_bytes(arrays_name(4), spoil(encoded_arrays(ARRAYS)))
    assert folder.arrays(4) is None
    assert folder.first_damaged([arrays_name(4)]) == arrays_name(4)


def test_objects_are_neither_written_nor_read(store):
    with pytest.raises(ValueError, match="allow_pickle"):
        encoded_arrays({"a": np.array([{}], dtype=object)})
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=True, a=np.array([{}], dtype=object))
    assert decoded_arrays(buffer.getvalue()) is None


def test_pruning_keeps_what_is_due_and_nothing_else(store):
    folder = store.run("a-1")
    for step in (0, 3, 4, 8):
        folder.put_arrays(step, ARRAYS)
        folder.put_bytes(kept_name(step), b"x")
    folder.put_bytes("arrays/notes.txt", b"of a person")
    folder.prune(lambda step: step == 8, lambda step: step % 4 == 0)
    assert (folder.snapshots(), folder.kept()) == ([8], [0, 4, 8])
    assert folder.has("arrays/notes.txt")


def test_a_restart_keeps_what_a_whole_finished_run_left_and_else_removes_it(store):
    folder = store.run("a-1")
    folder.put_arrays(4, ARRAYS)
    folder.put_bytes(kept_name(4), b"x")
    folder.put_measured("margin", [{"step": 4, "train_margin": 0.5}])
    folder.finish(Record(**{**asdict(RECORD), "history_sha256": folder.join([{"step": 4}])}))
    folder.restart()
    assert (folder.snapshots(), folder.kept(), folder.measured("margin")) == ([4], [4], [{"step": 4, "train_margin": 0.5}])
    store.remove("runs/a-1/history.parquet")
    folder.restart()
    assert (folder.snapshots(), folder.kept(), folder.measured_names(), folder.measured("margin")) == ([], [], [], None)


@pytest.mark.parametrize("kind", ["nowhere", "dangling"])
def test_results_where_no_folder_can_be_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "gone" / "far")
    root = Path("/proc/nowhere") if kind == "nowhere" else tmp_path / "dangling"
    with pytest.raises(Refused, match="where folders can be made"):
        Store(root).put("sweeps/x/manifest.json", b"{}")
