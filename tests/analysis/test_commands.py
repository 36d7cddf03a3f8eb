"""`lal report` and `lal plot` as a person meets them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from analysis.commands import plot, report, report_of
from lal.errors import Refused
from tests.analysis.synthetic import Truth, filled


@pytest.fixture
def results(store) -> str:
    """A results folder with one small sweep."""
    filled(store, lambda arm, weight, seed: Truth(grok=500 + int(1000 * weight)), weights=(0.0, 0.1), seeds=2)
    return str(store.place.root)


def run(command, *words: str):
    """What a command did; an exception is raised, as the command line's front would see it."""
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


def test_report_by_name_and_by_path(results, store):
    said = run(report, "synthetic", "--results", results, "--no-png").output
    path = store.place.root / "sweeps/synthetic/report.html"
    assert said.endswith(f"Report: {path}\n") and "- soft: 4 of 4 runs generalised" in said and path.is_file()
    assert run(report, str(store.place.root / "sweeps/synthetic"), "--no-png").output == said


@pytest.mark.slow
def test_report_as_json(results):
    told = json.loads(run(report, "synthetic", "--results", results, "--no-png", "--json").output)
    assert set(told) == {"report", "findings", "left_out", "no_pictures"} and len(told["findings"]) > 2


def test_report_after_a_sweep(results, store, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    assert report_of(results, "synthetic", quiet=True) == store.where("sweeps/synthetic/report.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sinthetic",), "did you mean 'synthetic'"),
        (("synthetic", "--threshold", "0.999"), "budget.stop.at_least=0.999"),
        (("synthetic", "--profile", "laptop"), "no 'synthetic@laptop'"),
    ],
)
def test_report_refuses(results, words, message):
    with pytest.raises(Refused, match=message):
        run(report, *words, "--results", results, "--no-png")


def test_report_of_two_sweeps(results, store, tmp_path):
    filled(store, lambda *_: Truth(grok=None), weights=(0.0,), seeds=2, name="other")
    target = tmp_path / "new" / "both.html"
    said = run(report, "synthetic", "other", "--results", results, "--no-png", "-o", str(target)).output
    assert "- synthetic: 8 of 8 planned" in said and "- other: 4 of 4 planned" in said and said.endswith(f"Report: {target}\n") and target.is_file()
    for words, message in (
        (("synthetic", "-o", "x.html"), "of a page on several sweeps"),
        (("synthetic", "other", "-o", "x.png"), "written as .html"),
        (("synthetic", "other", "-o", ".html"), "written as .html"),
        (("synthetic", "othr"), "did you mean 'other'"),
    ):
        with pytest.raises(Refused, match=message):
            run(report, *words, "--results", results, "--no-png")


def test_an_empty_results_folder_says_what_to_run(tmp_path):
    with pytest.raises(Refused, match="run `lal sweep quickstart` first"):
        run(report, "quickstart", "--results", str(tmp_path))


def test_plot_writes_a_page(results, tmp_path):
    target = tmp_path / "new" / "phase.html"
    run(plot, "phase", "synthetic", "--results", results, "--x", "arm", "--y", "penalties.compute.weight", "--view", "probability", "-o", str(target))
    text = target.read_text()
    assert "Content-Security-Policy" in text and 'class="plot" id="phase"' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("phase", "synthetic", "-o", "x.jpg"), "endings"),
        (("pareto", "synthetic", "--x", "arm"), "of phase, points, time alone"),
        (("routing", "synthetic"), "no run has routers"),
        (("phase", "synthetic", "--y", "model.depth"), "must be what the sweep varies"),
    ],
)
def test_plot_refuses(results, words, message):
    with pytest.raises(Refused, match=message):
        run(plot, *words, "--results", results)


def test_a_figure_is_not_of_a_run(results, store):
    run_id = store.names("runs")[0]
    for name, words in (
        (run_id[:6], f"begins a run; `lal report {run_id[:6]} --results {results}`"),
        (str(store.place.root / "runs" / run_id), "is a run; `lal report "),
    ):
        with pytest.raises(Refused, match="a figure is of a sweep, but") as refusal:
            run(plot, "depth", name, "--results", results)
        assert words in str(refusal.value)
    with pytest.raises(Refused, match=r"a figure is of a sweep in .*did you mean 'synthetic'"):
        run(plot, "depth", "sinthetic", "--results", results)


def test_a_picture_without_a_browser_is_refused(results, tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    with pytest.raises(Refused, match=r"or write an \.html file"):
        run(plot, "phase", "synthetic", "--results", results, "-o", str(tmp_path / "x.png"))
    assert not (tmp_path / "x.png").exists()


def test_help_and_analysis_need_neither_torch_nor_ray():
    quick = "import sys, analysis.commands; print(sorted({'torch', 'ray', 'plotly', 'pandas', 'scipy'} & set(sys.modules)))"
    whole = "import sys, analysis.report, analysis.commands; print(sorted({'torch', 'ray', 'launch'} & {name.split('.')[0] for name in sys.modules}))"
    for code in (quick, whole):
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
