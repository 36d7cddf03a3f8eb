"""Notebooks say what is there: cells compile, names that they use exist, sweeps are shipped; and all of them run, on small sweeps that are really trained."""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.figures import MEMBERS
from analysis.loading import Sweep
from launch.sweep import load, manifest

ROOT = Path(__file__).parents[2]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = ["task.p=13", "task.train_frac=0.9", "model.width=64", "budget.steps=400", "measure.eval_every=20", "measure.snapshot_every=100"]
SMALL += ["budget.stop.at_least=0.1", "budget.stop.sustain=40"]  # so low that most runs reach it, and conclusions have something to compare
SWEEPS = {  # whose small forms the notebooks run on: (profile, what makes it smaller)
    "gated_baseline": ("laptop", ["model.depth=2", "seeds=1"]),
    "quickstart": (None, ["model.depth=2", "seeds=1"]),
    "gated_mechanisms": ("laptop", ["model.depth=2", "seeds=2"]),
    "routed_mechanisms": ("laptop", ["seeds=1"]),
}


def imported(path: Path) -> set[str]:
    """Packages that the cells import."""
    found = set()
    for source in cells(path, "code"):
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.split(".")[0] for name in names}
    return found


def cells(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def calls(path: Path, name: str) -> Iterator[list[Any]]:
    """Constant arguments of all calls of a method or function `name`; None for those that are not constant."""
    for source in cells(path, "code"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                yield [each.value if isinstance(each, ast.Constant) else None for each in node.args]


def test_there_are_three_and_each_is_listed():
    listed = (ROOT / "notebooks/README.md").read_text(encoding="utf-8")
    assert [path.name for path in BOOKS if f"({path.name})" in listed] == ["01_replicate_grokking.ipynb", "02_gate_analysis.ipynb", "03_interpretability.ipynb"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_each_asks_trains_loads_draws_and_concludes(path):
    text = "\n".join(cells(path, "markdown"))
    assert re.findall(r"^## (\w+)", text, re.MULTILINE)[:2] in (["Question", "Sweep"], ["Question", "Sweeps"])
    assert "## Figures" in text and text.rindex("## Conclusion") > text.rindex("## Figures")
    trained = {(name, profile or None) for name, profile in re.findall(r"^lal sweep (\w+)(?: --profile (\w+))?$", text, re.MULTILINE)}
    loaded = {(args[0], args[2] if len(args) > 2 else None) for args in calls(path, "load")}
    assert loaded == trained and loaded <= {(name, profile) for name, (profile, _) in SWEEPS.items()}
    for name, profile in loaded:
        assert load(name, profile).runs
        assert f"lal sweep {name}{f' --profile {profile}' if profile else ''}`" in (ROOT / "notebooks/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_every_cell_compiles_and_every_name_it_uses_exists(path):
    known = {*dir(builtins)}
    for number, source in enumerate(cells(path, "code")):
        tree = ast.parse(source, f"{path.name}, cell {number + 1}")
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        known |= {node.id for node in names if isinstance(node.ctx, ast.Store)} | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        known |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        known |= {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
        assert {node.id for node in names} <= known, f"cell {number + 1}"
    assert {args[0] for args in calls(path, "figure")} <= {*MEMBERS} and any(calls(path, "figure"))
    loaded = {
        target.id
        for source in cells(path, "code")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign) and "analysis.load(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used = {
        node.attr
        for source in cells(path, "code")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in loaded
    }
    assert "analysis" in imported(path) and not imported(path) & {"lal", "launch", "ray", "torch"}
    assert loaded and used and [name for name in used if not hasattr(Sweep, name)] == []


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_none_keeps_outputs_or_says_where_it_ran(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in book["cells"] if cell["cell_type"] == "code")
    assert all(cell["metadata"] == {} for cell in book["cells"]) and {*book["metadata"]} == {"kernelspec", "language_info"}
    assert path.stat().st_size < 20_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with results of every sweep of SWEEPS, small, and an empty folder of notebooks beside them."""
    from lal.runs.session import attempt
    from lal.store import Store

    root = tmp_path_factory.mktemp("clone")
    store = Store(root / "results")
    (root / "notebooks").mkdir()
    for name, (profile, smaller) in SWEEPS.items():
        expanded = load(name, profile, [*SMALL, *smaller])
        for run in expanded.runs:
            attempt(run.config, store, device="cpu")
        store.put_json(f"{store.sweep(expanded.folder)}/manifest.json", manifest(expanded))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_each_runs_and_concludes_from_its_numbers(path, trained):
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, 4)
    NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(trained / "notebooks")}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    n_figures = sum("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs)
    assert n_figures == len(list(calls(path, "figure"))) and not [output for output in outputs if output.output_type == "error"]
    said = "".join(output.get("text", "") for output in outputs)
    assert "planned runs finished" in said and "nan" not in said and not [output for output in outputs if output.get("name") == "stderr"]
