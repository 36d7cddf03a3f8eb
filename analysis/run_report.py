"""One page a run: what happened, its figures with their numbers, and where all of it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from analysis import page
from analysis.goal_words import goal_words
from analysis.images import Kind
from analysis.one_run import RERUN, OneRun, one_run, rerun
from analysis.report import Drawn, Report, environments, pictured, section, span, spec, stop_words
from analysis.run_figures import MEMBERS
from analysis.run_figures.drawing import draw
from analysis.run_figures.panels import Info, table
from analysis.run_findings import findings
from lal.store import Store, flattened


def write(store: Store, run_id: str, threshold: float | None = None, png: bool = True, more: Sequence[Kind] = (), **phases: float | None) -> Report:
    """Writes page, pictures and the file that computes it anew into the folder of `run_id`.

    Args:
        threshold, phases: of the verdict; see `one_run.one_run`.   png: whether to make pictures too, where a browser is.   more: kinds of them.

    Raises:
        Refused: see `one_run.one_run`.
    """
    run = one_run(store, run_id, threshold, **phases)
    figures, left_out = drawn(run)
    told, where = findings(run), f"runs/{run_id}"
    store.put_json(f"{where}/{RERUN}", rerun(run))
    store.put(f"{where}/report.html", html(run, figures, told, left_out))
    return Report(store.where(f"{where}/report.html"), told, left_out, pictured(store, f"{where}/plots", figures, [*(["png"] if png else []), *more]))


def drawn(run: OneRun) -> tuple[list[Drawn], list[str]]:
    """Every figure that applies, and a sentence for each that does not."""
    figures, left_out = [], []
    for member in MEMBERS:
        infos = member.prepare(run)
        if isinstance(infos, str):
            left_out.append(infos)
        else:
            figures += [drawing(info) for info in infos]
    return figures, left_out


def drawing(info: Info) -> Drawn:
    """One figure, wide and narrow."""
    return Drawn(info.name, info.title, draw(info), draw(info, narrow=True), info.caption, page.html_table(table(info)))


def html(run: OneRun, figures: list[Drawn], told: list[str], left_out: list[str]) -> bytes:
    """The page. The same run gives the same bytes."""
    body = [
        f'<header><h1>{escape(run.run_id)}</h1><button id="theme" type="button">Dark / light</button></header>',
        "<h2>Findings</h2>",
        "<ul>" + "".join(f"<li>{sentence}</li>" for sentence in told) + "</ul>",
        *(section(each) for each in figures),
        *([f'<p class="soft">Left out: {"; ".join(escape(each) for each in left_out)}.</p>'] if left_out else []),
        "<h2>Data</h2>",
        page.details("The last row", page.html_table(last_row(run))),
        "<p>All rows are in <code>history.parquet</code> beside this page, arrays in <code>arrays/</code>.</p>",
        "<h2>Where this comes from</h2>",
        page.facts(provenance(run)),
        page.details("The whole configuration", page.html_table(settings(run.config))),
        page.details("The configuration as JSON", f"<pre>{escape(json.dumps(run.config, indent=1))}</pre>"),
    ]
    return page.page(run.run_id, "\n".join(body), {each.name: spec(each) for each in figures})


def last_row(run: OneRun) -> pd.DataFrame:
    """Columns and what they were when last measured."""
    columns = [str(name) for name in run.rows.columns if run.has(str(name))]
    return pd.DataFrame({"column": [escape(name) for name in columns], "last value": [shown(run.last(name)) for name in columns]})


def shown(value: Any) -> str:
    """A measured value, lists included, as text."""
    if not hasattr(value, "__len__"):
        return page.shown(value.item() if hasattr(value, "item") else value)
    head = ", ".join(page.shown(each.item() if hasattr(each, "item") else each) for each in list(value)[:16])
    return f"{head}, ... ({len(value)} values)" if len(value) > 16 else head


def settings(config: Mapping[str, Any]) -> pd.DataFrame:
    """Dotted paths and values."""
    pairs = list(flattened(config))
    return pd.DataFrame({"setting": [escape(path) for path, _ in pairs], "value": [escape(json.dumps(value)) for _, value in pairs]})


def provenance(run: OneRun) -> list[tuple[str, str]]:
    """What was run, with what code, where, and how to compute it again; values are HTML."""
    record, limits, budget = run.record, run.thresholds, run.config["budget"]
    code, versions, machines = environments([record.environment] if record else [])
    listed = "".join(f"<br>{escape(folder)}: <code>{escape(command)}</code>" for folder, command in run.sweeps)
    return [
        ("Compute it anew", f"<code>{escape(run.again)}</code>"),
        ("Of sweeps", listed.removeprefix("<br>") or "none here"),
        ("Outcome", f"{escape(record.outcome.replace('_', ' '))}: {escape(record.reason)}" if record else "not finished"),
        ("Budget", f"{budget['steps']:,} steps{stop_words(budget)}"),
        (
            goal_words(run.fit).past.capitalize(),
            f"{escape(limits.goal_column)} at {limits.goal:g} or {'better' if limits.direction == 'max' else 'less'}, {limits.window} evaluations in a row",
        ),
        ("Memorised", f"{escape(limits.fit_column)} at {limits.fit:g} or better" if run.fit else ""),
        ("Phases", f"comprehension up to {limits.gap:,} steps after memorising; censored below decay time {limits.tau:g}" if run.fit else ""),
        ("Time in training", span(record.seconds) if record else ""),
        ("Code", code),
        ("Versions", versions),
        ("Machine", machines),
    ]
