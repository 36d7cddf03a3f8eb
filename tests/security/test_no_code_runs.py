"""A folder of results may come from a stranger: reading it, or going on with it, runs none of what it holds."""

from __future__ import annotations

import ast
import io
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lal.store import Store, digest
from tests.security.folders import bomb, changed, finished, ran, readers, zipped
from tests.test_architecture import FILES, name_of

RUN_CODE = {"eval", "exec", "compile", "__import__", "execfile", "system", "popen", "getoutput", "getstatusoutput"}
UNPICKLE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
YAML_READERS = {"load", "load_all", "safe_load", "full_load", "unsafe_load", "full_load_all", "safe_load_all", "unsafe_load_all"}
NOT_YAML = {"torch", "np", "json"}  # whose `load` is another


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def calls(path: Path) -> list[ast.Call]:
    return [node for node in nodes(path) if isinstance(node, ast.Call)]


def spelled(call: ast.Call) -> tuple[str, str]:
    """(module or object, name) of what is called."""
    if isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func.value), call.func.attr
    return "", call.func.id if isinstance(call.func, ast.Name) else ""


def options(call: ast.Call) -> dict[str, str]:
    return {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_can_run_what_it_reads(path: Path) -> None:
    modules = {alias.name.partition(".")[0] for node in nodes(path) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module).partition(".")[0] for node in nodes(path) if isinstance(node, ast.ImportFrom)}
    assert not modules & UNPICKLE
    for call in calls(path):
        owner, name = spelled(call)
        assert not (name in RUN_CODE and owner in ("", "os", "subprocess", "builtins")), ast.unparse(call)
        assert options(call).get("shell", "False") == "False", ast.unparse(call)
        if (owner, name) == ("torch", "load"):
            assert options(call)["weights_only"] == "True"
        if owner in ("np", "numpy") and name in ("load", "save", "savez", "savez_compressed"):
            assert options(call)["allow_pickle"] == "False"
        if name in ("read_pickle", "to_pickle"):
            pytest.fail(ast.unparse(call))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_yaml_is_read_in_one_place(path: Path) -> None:
    """By nodes of the safe loader, within limits: see tests of bad input."""
    used = {name for call in calls(path) for owner, name in [spelled(call)] if owner == "yaml"}
    assert not used & YAML_READERS
    assert not used & {"compose", "parse", "compose_all", "scan"} or name_of(path) == "launch/parsing/reading.py"


def as_npz(data: bytes) -> bytes:
    """The pickle as an array of objects."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    return zipped({"routing.npy": header.getvalue() + data})


def as_torch(data: bytes) -> bytes:
    return zipped({"archive/data.pkl": data, "archive/version": b"3\n", "archive/byteorder": b"little"})


def as_extension(data: bytes) -> bytes:
    """The pickle as the type of a column, as pyarrow once loaded it, and as what pandas once kept beside columns."""
    told = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": data}
    field = pa.field("step", pa.int64(), metadata=told)
    schema = pa.schema([field], metadata={b"pandas": json.dumps({"index_columns": [data.hex()], "columns": 3}).encode()})
    sink = io.BytesIO()
    pq.write_table(pa.table({"step": [0, 2]}, schema=schema), sink)
    return sink.getvalue()


FORMS = {".pt": as_torch, ".npz": as_npz, ".parquet": as_extension}
TARGETS = ["checkpoint.pt", "best.pt", "checkpoints/step-000000004.pt", "checkpoints/step-000000008.pt", "arrays/step-000000004.npz", "history.parquet"]
TARGETS += ["measured/weight_norm.parquet", "record.json", "config.json"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    place = tmp_path_factory.mktemp("whole")
    return place, finished(place)


@pytest.mark.parametrize("dressed", [True, False], ids=["dressed", "bare"])
def test_a_bomb_never_goes_off(whole: tuple[Path, list[str]], tmp_path: Path, dressed: bool) -> None:
    """In place of every file of a run, in a file of that form or bare; and of a run without a record, whose checkpoint is gone on from."""
    source, (run_id, *_) = whole
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    folder, trace = tmp_path / "results/runs" / run_id, tmp_path / "owned"
    for name in TARGETS:
        (folder / name).write_bytes(bomb(trace, FORMS.get(Path(name).suffix, bytes) if dressed else bytes))
    for words in readers(tmp_path, run_id)[:-1]:
        ran(*words)
    (folder / "record.json").unlink(missing_ok=True)
    code, said = ran(*readers(tmp_path, run_id)[-1])
    assert code == 0, said
    assert not trace.exists()


def test_the_bomb_is_one(tmp_path: Path) -> None:
    import pickle

    pickle.loads(bomb(tmp_path / "owned"))
    assert (tmp_path / "owned").is_dir()


def test_a_history_whose_digest_is_right_runs_no_code_either(whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    source, (run_id, *_) = whole
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    folder, trace = tmp_path / "results/runs" / run_id, tmp_path / "owned"
    (folder / "history.parquet").write_bytes(data := bomb(trace, as_extension))
    changed(folder / "record.json", ["history_sha256"], digest(data))
    assert Store(tmp_path / "results").run(run_id).history() == [{"step": 0}, {"step": 2}]
    ran("report", run_id, "--no-png", "--results", str(tmp_path / "results"))
    assert not trace.exists()
