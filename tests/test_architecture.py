"""The import rules and other rules of the house, read off every file, and off fresh processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("lal", "launch", "analysis")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TEXTS = sorted(path for pattern in ("*.md", "*.toml", "*.yaml", "Makefile", "*.txt") for path in ROOT.glob(pattern))
TEXTS += sorted(path for suffix in ("ipynb", "md") for path in (ROOT / "notebooks").glob(f"*.{suffix}"))
TEXTS += sorted(path for room in (*ROOMS, "sweeps", "docs", "tests") for suffix in ("py", "yaml", "md") for path in (ROOT / room).rglob(f"*.{suffix}"))
ANALYSIS_MAY_READ = {
    "lal",
    "lal.budget",
    "lal.columns",
    "lal.config",
    "lal.environment",
    "lal.errors",
    "lal.events",
    "lal.groups.staircase",
    "lal.intervals",
    "lal.measured_later",
    "lal.metrics.depth",
    "lal.objectives",
    "lal.reading",
    "lal.reinforcement.metrics",
    "lal.runs.dqn",
}
ANALYSIS_MAY_READ |= {"lal.stopping", "lal.store", "lal.store.codec", "lal.terminal"}


def name_of(path):
    return str(path.relative_to(ROOT))


def imports(path, *, lazy=True):
    """Dotted names of the modules that the file imports when it runs; without `lazy`, at its top alone. Types do not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    if not lazy:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative imports hide which room is meant"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module in ROOMS)


def heads(names):
    return {name.split(".")[0] for name in names}


def test_the_house_is_there():
    assert {path.parts[len(ROOT.parts)] for path in FILES} == set(ROOMS)
    assert len(FILES) > 50


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("lal")], ids=name_of)
def test_lal_knows_neither_cluster_nor_figures(path):
    banned = {"ray", "optuna", "plotly", "pandas", "launch", "analysis"}
    lazily_allowed = name_of(path) == "lal/cli.py"  # the front door may reach every room, once a command asks for it
    assert not heads(imports(path, lazy=not lazily_allowed)) & banned


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("launch")], ids=name_of)
def test_launch_draws_nothing(path):
    assert not heads(imports(path)) & {"plotly", "analysis"}
    if name_of(path) in ("launch/plan.py", "launch/sweep.py") or name_of(path).startswith("launch/dialects"):
        assert not heads(imports(path)) & {"torch", "ray"}


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("analysis")], ids=name_of)
def test_analysis_reads_records_and_trains_nothing(path):
    names = set(imports(path))
    assert not heads(names) & {"torch", "ray", "launch", "optuna"}
    assert {name for name in names if heads([name]) == {"lal"}} <= ANALYSIS_MAY_READ


FRESH = [
    "lal.config",
    "lal.store",
    "lal.terminal",
    "lal.standing",
    "lal.claim",
    "lal.events",
    "lal.stopping",
    "lal.cli",
    "launch.sweep",
    "launch.plan",
    "analysis",
    "analysis.collect",
]


@pytest.mark.parametrize("module", FRESH)
def test_a_fresh_process_finds_neither_torch_nor_ray(module):
    code = f"import sys, {module}; print(sorted({{'torch', 'ray'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_help_loads_nothing_heavy():
    code = "import sys, lal.cli; print(sorted({'torch', 'ray', 'pandas', 'pyarrow', 'plotly', 'scipy', 'numpy', 'optuna'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_a_plan_is_made_without_what_reads_tables():
    """A second of waiting is half imports, if one lets it be."""
    heavy = "{'torch', 'ray', 'pandas', 'pyarrow', 'plotly', 'scipy', 'optuna'}"
    code = f"import sys, launch.parsing.expansion, launch.plan, launch.commands; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_named_after_what_they_hold_and_print_nothing(path):
    assert path.stem not in ("utils", "helpers", "util", "helper", "misc", "common")
    calls = [node.func.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert "print" not in calls or name_of(path) in ("lal/cli.py", "launch/commands.py")


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "__init__" and path.parent.name == "lal"], ids=name_of)
def test_files_say_what_they_are_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


# written in pieces, so that this file passes its own test
HOSTS = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("files", "pythonhosted"), ("download", "pytorch", "org"), ("conda", "anaconda"), ("registry", "npmjs"), ("proxy", "golang"))
]
PLACES = ["/".join(parts) for parts in (("", "work", ""), ("", "root", ""), ("", "Users", ""))]


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_no_file_names_a_registry_or_a_place_on_one_machine(path):
    text = path.read_text()
    assert not [word for word in (*HOSTS, *PLACES) if word in text]
