"""The page: whole, offline, honest, the same every time."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from math import inf, nan
from pathlib import Path

import pytest

from analysis import images, report
from analysis.collect import collect
from analysis.page import shown
from analysis.report import write
from lal.budget import Budget
from lal.config import parse
from lal.runs.session import attempt
from lal.store import Store
from tests.analysis.synthetic import BUDGET, ODD, WEIGHT, Folder, Truth, filled, rows_of


class Page(HTMLParser):
    """Elements, scripts and text of a page."""

    def __init__(self, data: bytes):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._in: tuple[str, dict[str, str | None]] | None = None
        self.feed(data.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = (tag, dict(attrs))

    def handle_data(self, data):
        if self._in and self._in[0] == "script":
            self.scripts.append((self._in[1], data))
        elif not self._in or self._in[0] != "style":
            self.text += data

    def handle_endtag(self, tag):
        self._in = None

    def specs(self) -> dict:
        """Figures by id."""
        packed = [text for attrs, text in self.scripts if attrs.get("id") == "specs"]
        return json.loads(gzip.decompress(base64.b64decode(packed[0]))) if packed else {}


@pytest.fixture(scope="module")
def quick(odd_store, odd_drawn) -> tuple[Store, Page]:
    """The report of results like the quickstart's, of figures that were drawn already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "drawn", lambda tables: odd_drawn["quickstart"])
        return odd_store, Page(Path(write(odd_store, "quickstart", png=False).where).read_bytes())


def test_every_script_that_runs_is_allowed_by_its_hash_and_nothing_else_is(quick):
    _, page = quick
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy")
    running = [text for attrs, text in page.scripts if "type" not in attrs]
    packed = next(text for attrs, text in page.scripts if attrs.get("id") == "library")
    running.append(gzip.decompress(base64.b64decode(packed)).decode())
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in running}
    rules = {rule.split()[0]: set(rule.split()[1:]) for rule in policy.split(";")}  # type: ignore[union-attr]
    assert len(running) == 2 and rules["script-src"] == hashes and rules["default-src"] == {"'none'"}
    assert "connect-src" not in rules and "unsafe-eval" not in policy  # type: ignore[operator]
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_nothing_is_fetched(quick):
    _, page = quick
    places = [attrs[name] for _, attrs in page.tags for name in ("src", "href", "action", "data", "srcset") if attrs.get(name)]
    assert places and all(str(place).startswith("data:text/csv;base64,") for place in places)
    assert not any(tag in ("link", "iframe", "object", "base", "form", "img") for tag, _ in page.tags)
    assert "http" not in json.dumps(page.specs())


def test_figures_have_a_place_a_caption_and_their_numbers(quick):
    _, page = quick
    places = [attrs["id"] for tag, attrs in page.tags if tag == "div" and attrs.get("class") == "plot"]
    assert places == [
        "phase-time",
        "phase-probability",
        "phase-phase",
        "pareto",
        "final",
        "time",
        "survival",
        "importance",
        "parallel",
        "depth",
        "gates",
        "curves",
    ]
    assert set(page.specs()) == set(places) and all(set(spec) == {"data", "wide", "narrow"} for spec in page.specs().values())
    assert page.text.count("The numbers behind this figure") == len(places) == sum(tag == "figcaption" for tag, _ in page.tags)
    assert "Left out: " in page.text and "no run has routers" in page.text


def test_the_page_says_what_where_and_what_went_wrong(quick):
    _, page = quick
    for words in (
        "Does charging a network",
        "seeds that end at test accuracy 0.95 or better",
        "lal sweep quickstart",
        "0123456789ab",
        "torch 2.13.0",
        "55 planned, 54 finished, 1 failed, 0 missing",
    ):
        assert words in page.text
    assert "ValueError: boom" in page.text and "1 run failed" in page.text and "3,000 steps; ended once the goal was held at 0.99 for 200 steps" in page.text


def test_tables_are_written_and_held_in_the_page(quick):
    store, page = quick
    links = {attrs["download"]: attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert {*links} == {"runs.csv", "cells.csv", "comparisons.csv", "boundaries.csv"}
    for name in links:
        assert base64.b64decode(str(links[name]).split(",")[1]) == store.get(f"sweeps/quickstart/tables/{name}")


def test_the_same_results_give_the_same_bytes(store):
    name = filled(store, lambda arm, weight, seed: Truth(grok=None if weight and seed else 500), weights=(0.0, 0.1), seeds=2, arms=("soft",))
    data = Path(write(store, name, png=False).where).read_bytes()
    tables = store.get(f"sweeps/{name}/tables/runs.parquet")
    assert Path(write(store, name, png=False).where).read_bytes() == data
    assert store.get(f"sweeps/{name}/tables/runs.parquet") == tables


@pytest.mark.parametrize("sweep", [pytest.param(name, marks=pytest.mark.slow) if name == "cube" else name for name in ODD])
def test_odd_sweeps_all_have_a_page(odd_tables, odd_drawn, sweep):
    tables, (figures, left_out) = odd_tables[sweep], odd_drawn[sweep]
    page = Page(report.html(tables, figures, ["told."], left_out))
    assert "told." in page.text and set(page.specs()) == {each.name for each in figures}
    assert not any(tag == "img" or tag == "b" for tag, _ in page.tags) and len([attrs for attrs, _ in page.scripts if "type" not in attrs]) == 1


def test_names_are_shown_and_never_believed(odd_tables, odd_drawn):
    tables, (figures, left_out) = odd_tables["named"], odd_drawn["named"]
    page = Page(report.html(tables, figures, report.findings(tables), left_out))
    assert "<script>alert(1)</script> & more?" in page.text and '<img src=x onerror="alert(1)">' in page.text


def test_large_tables_are_linked_beside_the_page(odd_tables, monkeypatch):
    monkeypatch.setattr(report, "EMBED_BYTES", 10)
    page = Page(report.html(odd_tables["single"], [], ["told."], []))
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == ["tables/runs.csv", "tables/cells.csv"]


def test_without_a_browser_the_page_is_there_and_the_reason_told(store, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    written = write(store, filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1))
    assert Path(written.where).is_file() and "install chromium" in str(written.no_pictures)
    assert store.names("sweeps/synthetic/figures") == []


def test_pictures_are_pictures_of_every_figure(store, monkeypatch):
    seen = []

    def pictures(asked):
        seen.extend(asked)
        return [b"\x89PNG" for _ in asked]

    monkeypatch.setattr(report, "pictures", pictures)
    written = write(store, filled(store, lambda *_: Truth(), weights=(0.0, 0.1), seeds=1), more=["svg", "pdf"])
    names = store.names("sweeps/synthetic/figures")
    assert written.no_pictures is None and {"phase-time.png", "phase-time.svg", "phase-time.pdf"} <= {*names} and len(names) == len(seen)
    assert all(fig.layout.title.text for fig, _ in seen)


@pytest.mark.slow
def test_a_real_browser_takes_pictures(odd_drawn):
    figures, _ = odd_drawn["single"]
    try:
        taken = images.pictures([(figures[0].wide, kind) for kind in ("png", "svg", "pdf")])
    except images.NoBrowser as reason:
        pytest.skip(str(reason))
    assert [each[:4] for each in taken] == [b"\x89PNG", b"<svg", b"%PDF"] and min(map(len, taken)) > 5000


def test_real_runs_from_training_to_page(store):
    """Two tiny networks, trained, failed and reported: names of columns and files are those that runs really write."""
    base = {"task": {"p": 5, "train_frac": 0.6}, "measure": {"eval_every": 5}, "budget": {"steps": 20}}
    arms = {"soft": {"kind": "gated", "width": 6, "depth": 2}, "routed": {"kind": "routed", "width": 6, "heads": 2}}
    runs = []
    for arm, model in arms.items():
        config = parse({**base, "model": model})
        record = attempt(config, store)
        budget = config.budget.model_dump(mode="json")
        runs.append({"run_id": record.run_id, "arm": arm, "name": None, "point": {}, "seed": 0, "budget": budget, "eval_every": 5})
    goal, fit = vars(config.goal), vars(config.fit)
    manifest = {"schema": 1, "name": "real", "command": "lal sweep real", "report": {}, "arms": list(arms), "axes": [], "goal": goal, "fit": fit, "runs": runs}
    store.put_json("sweeps/real/manifest.json", manifest)
    tables = collect(store, "real")
    assert tables.runs["state"].tolist() == ["done", "done"] and tables.runs["steps"].tolist() == [20, 20]
    assert {"functional_depth@end", "effective_depth@end", "routing_entropy_norm@end", "test_acc@end"} <= set(tables.runs)
    page = Page(Path(write(store, "real", png=False).where).read_bytes())
    assert {"depth", "gates", "routing", "final", "curves"} <= set(page.specs()) and re.search(r"2 planned, 2 finished", page.text)


def test_time_in_training_ends_where_this_sweep_does_and_shared_runs_count_once(store):
    folder = Folder(store, budget={**BUDGET, "steps": 500})
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth(missing=True))
    folder.finish(run_id, rows_of(Truth(grok=None), 0, 3000), Budget.model_validate(BUDGET))
    folder.runs.append({**folder.runs[0], "arm": "hard"})
    assert report.time_in_training(collect(store, folder.write())) == (2.0, 2.0)  # 500 steps of 1/250 s, on one thread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (inf, "not reached"),
        (-inf, "-∞"),
        (nan, "–"),
        (None, "–"),
        (1234.0, "1,234"),
        (-1e300, f"{-1e300:,.0f}"),
        (0.12345678, "0.1235"),
        (True, "yes"),
        (1234, "1,234"),
    ],
)
def test_every_number_of_a_table_has_a_text(value, text):
    assert shown(value) == text
