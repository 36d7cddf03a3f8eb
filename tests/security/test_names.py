"""Names are of people, and may be a stranger's: none leaves its folder, becomes markup, a command, a formula, or speaks to a terminal."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from analysis.collect import collect
from analysis.report import write
from analysis.run_report import write as write_run
from analysis.table_files import csv as csv_of
from lal.errors import Refused
from lal.store import Failure, Record, Store, digest, encoded
from lal.terminal import harmless
from launch.clusterfile.check import check
from launch.sweep import load, manifest
from tests.analysis.synthetic import Folder, Truth, rows_of
from tests.security.folders import changed, finished, ran, readers

EVIL = "<lal-evil onclick=x></lal-evil><a href='https://evil.example'>a</a></script><script>evil()</script>{{x}}%{y}"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Elements(HTMLParser):
    """The elements of a page, and whether one of them is not ours."""

    def __init__(self, text: str):
        super().__init__()
        self.foreign: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        ours = tag != "lal-evil" and not any(name.startswith("on") or "evil" in (value or "") for name, value in attrs if name not in ("data-unformatted", "d"))
        self.foreign += [] if ours else [f"{tag} {attrs}"[:200]]


def evil_sweep(store: Store) -> tuple[str, str]:
    """A sweep all of whose texts are markup, and the first of its runs: arms, axes, points, columns, reasons, tracebacks, places."""
    path = f"model.{EVIL}"
    folder = Folder(store, name="evil", arms=(EVIL, f"b{EVIL}"), axes=(path, "model.depth"), question=EVIL, report={"pareto": {"maximise": {EVIL: "end"}}})
    for arm in folder.arms:
        for number, value in enumerate((f"1{EVIL}", f"2{EVIL}")):
            for seed in range(2):
                kind = Truth(fails="error") if number and seed else Truth()
                folder.add("x", {path: value, "model.depth": 2 + number}, seed, kind, name=f"{value}{EVIL}")
                folder.runs[-1]["arm"] = arm
    for run in folder.runs:
        of_markup(store, run["run_id"])
    name = folder.write()
    changed(Path(store.where(f"sweeps/{name}/manifest.json")), ["expect"], EVIL)
    changed(Path(store.where(f"sweeps/{name}/manifest.json")), ["command"], shlex.join(["lal", "sweep", EVIL]))
    return name, folder.runs[0]["run_id"]


def of_markup(store: Store, run_id: str) -> None:
    """Every text of a run's record or failure, and a column of its history."""
    run = store.run(run_id)
    place = {"commit": EVIL, "versions": {EVIL: EVIL}, "host": EVIL, "machine": EVIL, "device": EVIL, "threads": 1, "notes": [EVIL]}
    record, failure = run.record(), run.failure()
    if isinstance(record, Record):
        rows = [{**row, EVIL: 1.0, f"weight_norm/{EVIL}": 1.0} for row in rows_of(Truth(), 0) if row["step"] <= record.steps]
        run.finish(replace(record, reason=EVIL, environment=place, history_sha256=run.join(rows)))
    if isinstance(failure, Failure):
        run.fail(replace(failure, reason=EVIL, traceback=EVIL, environment=place))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Reports of a sweep and of a run whose names are markup."""
    place = tmp_path_factory.mktemp("evil")
    store = Store(place / "results")
    name, _ = evil_sweep(store)
    written = [Path(write(store, name, png=False).where)]
    (run_id, *_) = finished(place)
    record = store.run(run_id).record()
    assert isinstance(record, Record)
    rows = [{**row, f"weight_norm/{EVIL}": 1.0, EVIL: 1.0} for row in store.run(run_id).history() or ()]
    where = {"commit": EVIL, "versions": {EVIL: EVIL}, "host": EVIL, "machine": EVIL, "device": EVIL, "threads": 1}
    store.run(run_id).finish(replace(record, reason=EVIL, environment=where, history_sha256=store.run(run_id).join(rows)))
    return [*written, Path(write_run(store, run_id, png=False).where)]


def test_names_are_no_markup(pages: list[Path]) -> None:
    for page in pages:
        text = page.read_text()
        found = Elements(text)
        assert found.foreign == []
        assert found.scripts == 4  # ours: two of data, two that run
        assert "evil" in text
        policy = text.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
        assert "default-src 'none'" in policy and "unsafe-eval" not in policy and "'unsafe-inline'" not in policy.partition("style-src")[0]


@pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")
def test_names_are_no_markup_once_a_browser_has_drawn_them(pages: list[Path], tmp_path: Path) -> None:
    for page in pages:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'browser'}"]
        flags += ["--virtual-time-budget=20000", "--host-resolver-rules=MAP * ~NOTFOUND"]
        done = subprocess.run([str(CHROMIUM), *flags, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=300, check=True)
        assert "main-svg" in done.stdout, "nothing was drawn"
        assert Elements(done.stdout).foreign == []


def test_markup_would_be_seen() -> None:
    assert len(Elements(EVIL).foreign) == 2 and Elements(EVIL).scripts == 1


B = {"base": {"model": {"kind": "gated"}}}
LEAVING = [
    "../x",
    "/etc/x",
    "..",
    ".",
    ".hidden",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a b",
    "a\u2028b",
    "a\u2215b",
    "a\uff0fb",
    "\u202ex",
    "é",
    "a\x1b[31m",
    "~x",
    "$HOME",
    "-x",
    "",
]
LEAVING += ["a" * 101, "CON", "nul", "lpt1.txt", "com3", "x."]


def named(place: str, name: str) -> str:
    """A sweep in YAML, with this name at that place."""
    base = {"model": {"kind": "gated"}}
    parts: dict[str, Any] = {"sweep": {}, "arm": {"arms": {name: {}, "other": {"base": {"model": {"depth": 3}}}}}}
    parts |= {"point": {"points": {name: {"model.depth": 3}}}, "profile": {"profiles": {name: {}}}}
    return json.dumps({"name": name if place == "sweep" else "x", "base": base, **parts[place]})


@pytest.mark.parametrize("name", LEAVING, ids=ascii)
def test_no_name_leaves_the_results(tmp_path: Path, name: str) -> None:
    for place in ("sweep", "arm", "point", "profile"):
        (tmp_path / "s.yaml").write_text(named(place, name))
        with pytest.raises(Refused, match="must") as refusal:
            load(str(tmp_path / "s.yaml"))
        assert len(str(refusal.value)) < 1500
        code, said = ran("plan", str(tmp_path / "s.yaml"))
        assert code == 2 and harmless(said) == said
    store = Store(tmp_path / "results")
    for path in (store.run, store.sweep):
        with pytest.raises(Refused):
            path(name)


@pytest.mark.parametrize("name", ["common", "console", "null", "com", "a.con", "auxiliary", "nul-1"])
def test_names_that_only_begin_as_devices_do_are_fine(store: Store, name: str) -> None:
    assert store.sweep(name) == f"sweeps/{name}"


def test_two_sweeps_may_not_differ_in_case_alone(store: Store) -> None:
    from launch.drive import refuse_twin

    store.put_json("sweeps/Tiny@laptop/manifest.json", {})
    for folder in ("Tiny@laptop", "tiny"):
        refuse_twin(store, folder)
    with pytest.raises(Refused, match=r"must differ in more than the case of letters.*'Tiny@laptop' beside 'tiny@laptop'"):
        refuse_twin(store, "tiny@laptop")


NASTY = [
    "sweep; touch owned.yaml",
    "$(touch owned).yaml",
    "`touch owned`.yaml",
    "a'b\"c.yaml",
    "-rf.yaml",
    "a\nb.yaml",
    "x && touch owned.yaml",
    "*.yaml",
    "~.yaml",
    "é ü.yaml",
]


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_printed_commands_are_words_for_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A real shell is asked which words it sees: those that were typed, and nothing is run."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(json.dumps({"name": "x", "question": EVIL, **B}))
    sweep = load(f"./{name}", overrides=["model.depth=3"])
    words = seen_by_a_shell(sweep.command, tmp_path)
    assert words == ["lal", "sweep", f"./{name}", "model.depth=3"] == shlex.split(sweep.command)
    from analysis.again import command

    for results in (None, f"/x/{name}"):
        told = command(manifest(sweep), results, {"budget.steps": name}, run=name)
        assert seen_by_a_shell(told, tmp_path) == shlex.split(told)
        assert name in shlex.split(told)
    assert not (tmp_path / "owned").exists() and not (tmp_path / "owned.yaml").exists()


def seen_by_a_shell(command: str, folder: Path) -> list[str]:
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split("\0")[:-1]


ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e[bold red]x[/bold red]"


def test_text_of_others_does_not_command_a_terminal(tmp_path: Path) -> None:
    """Of records, failures, questions, columns and folders: every command shows it, and none passes it on."""
    (run_id, other) = finished(tmp_path)
    store = Store(tmp_path / "results")
    run = store.run(run_id)
    record = run.record()
    assert isinstance(record, Record)
    rows = [{**row, f"{ESCAPE}": 1.0} for row in run.history() or ()]
    run.finish(replace(record, reason=ESCAPE, environment={"host": ESCAPE, "notes": [ESCAPE]}, history_sha256=run.join(rows)))
    store.run(other).reset()
    store.run(other).fail(Failure(other, "error", ESCAPE, 3, f"Traceback\n{ESCAPE}", {"host": ESCAPE}))
    changed(tmp_path / "results/sweeps/tiny/manifest.json", ["question"], ESCAPE)
    said = ""
    for words in [*readers(tmp_path, run_id), ["show", other, "--results", str(tmp_path / "results")]]:
        said += ran(*words)[1]
    assert "\\x1b]0;owned" in said and "[bold red]x[/bold red]" in said
    assert harmless(said) == said


def test_failures_and_notes_of_a_sweep_do_not_command_a_terminal() -> None:
    from rich.console import Console

    from launch.driving.summary import Summary, say

    out = io.StringIO()
    summary = Summary("x", 2, 0, 0, notes=[ESCAPE], failures=[Failure("a-1", "error", ESCAPE, 0, ESCAPE)])
    say(summary, Console(file=out, width=200), "lal sweep x")
    assert "\\x1b]0;owned" in out.getvalue() and harmless(out.getvalue()) == out.getvalue()


def test_harmless_text_is_left_as_it_is() -> None:
    text = "é ü λ → 日本 '\"&\n\tx"
    assert harmless(text) == text
    assert harmless("\x1b\r\x00\x7f\x85\u2028\ud800") == r"\x1b\r\x00\x7f\x85\u2028\ud800"


def test_a_checked_file_does_not_command_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text('cluster_name: x\nprovider: {type: aws}\n"\\e]0;owned\\a": 1\n')
    assert check(tmp_path / "c.yaml").findings
    said = ran("cluster", "check", str(tmp_path / "c.yaml"))[1]
    assert harmless(said) == said and "owned" in said


def test_no_cell_of_a_table_is_a_formula(store: Store) -> None:
    folder = Folder(store, name="formula", axes=("model.x",), arms=("=1+1",))
    for name in ("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "1-1", "a=b", "a\r=1"):
        folder.add("a", {"model.x": name}, 0, Truth(), name=name)
        folder.runs[-1]["arm"] = "=1+1"
    (run_id, *_) = [run["run_id"] for run in folder.runs]
    run = store.run(run_id)
    record = run.record()
    assert isinstance(record, Record)
    data = encoded([{**row, "=1+1": 1.0} for row in run.history() or ()])
    run.put_bytes("history.parquet", data)
    run.finish(replace(record, history_sha256=digest(data)))
    rows = list(csv.reader(io.StringIO(csv_of(collect(store, folder.write()).runs).decode())))
    cells = {cell for row in rows for cell in row}
    assert "'=cmd|'/c calc'!A1" in cells and "'=1+1@end" in cells and "a=b" in cells
    numbers = {cell for cell in cells if cell[:1] in "+-" and cell.lstrip("-").replace(".", "").replace("e-", "").isdigit()}
    assert not [cell for cell in cells - numbers if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_jobs_run_words_not_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cluster's shell is given for a job parses back into the words that were meant."""
    from launch.submitting.jobs import Jobs
    from launch.sweep import Expanded

    sent: dict[str, Any] = {}

    class Client:
        def submit_job(self, **facts: Any) -> None:
            sent.update(facts)

    jobs = Jobs.__new__(Jobs)
    jobs.address, jobs.client = "http://127.0.0.1:1", Client()  # type: ignore[assignment]
    monkeypatch.setattr(Jobs, "all", lambda self: [])
    monkeypatch.setattr(Jobs, "named", lambda self, name: name)
    monkeypatch.chdir(tmp_path)
    name = "x; touch $(owned) 'y.yaml"
    Path(name).write_text(json.dumps({"name": "x", **B}))
    sweep = load(name)
    assert isinstance(sweep, Expanded)
    jobs.submit(sweep, ["--results", "/a b;c"], "/a b;c", "lal submit")
    assert shlex.split(sent["entrypoint"])[-5:] == [name, "--results", "/a b;c", "--address", "auto"]
    assert seen_by_a_shell(sent["entrypoint"], tmp_path) == shlex.split(sent["entrypoint"])
