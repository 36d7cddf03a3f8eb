"""One page a sweep: the question, what was found, figures with their numbers, and where all of it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, get_args

import plotly.graph_objects as go
import plotly.io
from plotly.utils import PlotlyJSONEncoder

from analysis import collect, page, statistics_section, table_files
from analysis.collect import Tables
from analysis.figures import MEMBERS, phase, points
from analysis.figures.theme import for_page, titled
from analysis.findings import findings
from analysis.goal_words import words_of
from analysis.images import Kind, NoBrowser, pictures
from lal.reading import LACKING
from lal.store import Store

EMBED_BYTES = 2_000_000  # tables beyond are linked beside the page instead of held in it
MOST_FAILURES = 20


@dataclass(frozen=True)
class Drawn:
    """One figure of the page. `name` names its element and its file; `narrow` needs no traces: those of `wide` are shown; `table` is HTML."""

    name: str
    title: str
    wide: go.Figure
    narrow: go.Figure
    caption: str
    table: str


@dataclass(frozen=True)
class Report:
    """What `write` wrote: where the page is, the findings, figures that did not apply and why, and why there are no pictures, if so."""

    where: str
    findings: list[str]
    left_out: list[str]
    no_pictures: str | None


def write(store: Store, folder: str, threshold: float | None = None, png: bool = True, more: Sequence[Kind] = (), **phases: float | None) -> Report:
    """Writes tables, page and pictures of sweep `folder` into it.

    Args:
        threshold, phases: see `collect.collect`.   png: whether to make pictures too, where a browser is.   more: kinds of them.

    Raises:
        Refused: see `collect.collect`.
    """
    tables = collect.collect(store, folder, threshold, **phases)
    table_files.write(store, folder, tables)
    statistics_section.write(store, f"{store.sweep(folder)}/tables", tables)
    figures, left_out = drawn(tables)
    told = findings(tables)
    where = store.sweep(folder)
    store.put(f"{where}/report.html", html(tables, figures, told, left_out))
    return Report(store.where(f"{where}/report.html"), told, left_out, pictured(store, f"{where}/figures", figures, [*(["png"] if png else []), *more]))


def drawn(tables: Tables) -> tuple[list[Drawn], list[str]]:
    """Every figure that applies, and a sentence for each that does not."""
    figures, left_out = [], []
    for name, member in MEMBERS.items():
        views = [(f"phase-{view}", words, {"view": view}) for view, words in phase.VIEWS.items()] if member is phase else [(name, member.TITLE, {})]
        if member is phase and points.continuous(tables):
            left_out.append("hardly two points share a value of an axis, so points are drawn, and no phase diagram of cells")
            continue
        for key, title, options in views:
            if options.get("view") == "phase" and tables.manifest["fit"] is None:
                left_out.append("runs have nothing to memorise, so they have no phases of learning")
                continue
            info = member.prepare(tables, **options)
            if isinstance(info, str):
                left_out.append(info)
            else:
                figures.append(drawing(key, words_of(tables.manifest).say(title), member, info))
    return figures, left_out


def drawing(name: str, title: str, member: Any, info: Any) -> Drawn:
    """One figure, wide and narrow."""
    with for_page("wide"):
        wide = member.draw(info)
    with for_page("narrow"):
        narrow = member.draw(info, narrow=True)
    return Drawn(name, title, wide, narrow, info.caption, page.html_table(member.table(info)))


def pictured(store: Store, where: str, figures: list[Drawn], kinds: Sequence[Kind]) -> str | None:
    """Pictures of `figures` in folder `where`, in which none of an earlier report stays: the page is new. The reason if there can be none."""
    for name in store.names(where):
        if name.endswith(tuple(f".{kind}" for kind in get_args(Kind))):
            store.remove(f"{where}/{name}")
    return photograph(store, where, figures, kinds) if kinds else None


def photograph(store: Store, where: str, figures: list[Drawn], kinds: Sequence[Kind]) -> str | None:
    """Writes a picture of each figure and kind into folder `where`; the reason if there can be none."""
    wanted: list[tuple[Drawn, Kind]] = [(each, kind) for each in figures for kind in kinds]
    for each in figures:
        titled(each.wide, each.title)
    try:
        for (each, kind), data in zip(wanted, pictures([(each.wide, kind) for each, kind in wanted]), strict=True):
            store.put(f"{where}/{each.name}.{kind}", data)
    except NoBrowser as reason:
        return str(reason)
    return None


def html(tables: Tables, figures: list[Drawn], told: list[str], left_out: list[str], before: Sequence[str] = (), beside: str = "tables") -> bytes:
    """The page. The same tables give the same bytes. `before`: HTML between findings and figures; `beside`: the folder of tables."""
    manifest = tables.manifest
    title = manifest["folder"] if "folder" in manifest else manifest["name"]
    body = [
        f'<header><h1>{escape(title)}</h1><button id="theme" type="button">Dark / light</button></header>',
        *([f'<p class="question">{escape(manifest["question"])}</p>'] if manifest.get("question") else []),
        *([page.details("What its author expected", f"<p>{escape(manifest['expect'])}</p>")] if manifest.get("expect") else []),
        "<h2>Findings</h2>",
        "<ul>" + "".join(f"<li>{sentence}</li>" for sentence in told) + "</ul>",
        '<p class="soft">Computed from the tables below; intervals are at 95 %.</p>',
        *before,
        *(section(each) for each in figures),
        *([f'<p class="soft">Left out: {"; ".join(dict.fromkeys(left_out))}.</p>'] if left_out else []),
        *statistics_section.section(tables),
        "<h2>Data</h2>",
        _data(tables, beside),
        *_failures(tables),
        "<h2>Where this comes from</h2>",
        page.facts(provenance(tables)),
    ]
    return page.page(title, "\n".join(body), {each.name: spec(each) for each in figures})


def page_of(name: str, member: Any, info: Any, title: str) -> bytes:
    """A page with one figure."""
    each = drawing(name, title, member, info)
    head = '<header><span></span><button id="theme" type="button">Dark / light</button></header>'
    return page.page(title, head + section(each), {name: spec(each)})


def section(each: Drawn) -> str:
    """A figure's part of the page, as HTML."""
    return (
        f'<section><h2>{escape(each.title)}</h2><figure><div class="plot" id="{each.name}"></div><figcaption>{each.caption}</figcaption></figure>'
        f"{page.details('The numbers behind this figure', each.table)}</section>"
    )


def spec(each: Drawn) -> dict[str, Any]:
    """Traces once, and both layouts."""
    wide = json.loads(str(plotly.io.to_json(each.wide, engine="json")))
    return {"data": wide["data"], "wide": wide["layout"], "narrow": json.loads(json.dumps(each.narrow.layout.to_plotly_json(), cls=PlotlyJSONEncoder))}


def _data(tables: Tables, beside: str) -> str:
    """Links to the tables: within the page, unless they are large."""
    links = []
    every = {name: table_files.csv_of(tables, name) for name in ("runs", "cells")}
    every |= {name: table_files.csv(table) for name, table in statistics_section.numbers(tables).items()}
    for name, data in every.items():
        at = f"{escape(beside)}/{name}.csv"
        links.append(page.data_link(f"{name}.csv", data) if len(data) <= EMBED_BYTES else f'<a href="{at}">{at}</a>')
    return f'<p>{" · ".join(links)} <span class="soft">(all rows, with the history, are in <code>tables/</code> of each sweep, as parquet)</span></p>'


def _failures(tables: Tables) -> list[str]:
    """Failed runs by reason, each with its first traceback; also those that had finished under a smaller budget before."""
    runs = tables.distinct
    failures = {index: tables.readings[index].failure for index in runs.index[runs["state"].isin(("failed", "outgrown"))]}
    there = {index: each for index, each in failures.items() if each is not None}
    if not there:
        return []
    failed = tables.runs.loc[list(there), ["run_id"]].assign(outcome=[each.outcome for each in there.values()], reason=[each.reason for each in there.values()])
    told = ["<h2>Failures</h2>", f"<p>{runs_word(len(failed))} failed. The next <code>{escape(tables.command())}</code> tries again.</p>"]
    groups = list(failed.groupby(["outcome", "reason"], sort=False))
    for (outcome, reason), runs in groups[:MOST_FAILURES]:
        failure = there[runs.index[0]]
        names = ", ".join(escape(each) for each in runs["run_id"].head(10)) + (f" and {len(runs) - 10} more" if len(runs) > 10 else "")
        trace = f"<pre>{escape(failure.traceback)}</pre>" if failure.traceback else "<p>There is no traceback.</p>"
        told.append(
            page.details(f"{escape(str(outcome).replace('_', ' '))}, {runs_word(len(runs))}: {escape(str(reason))}", f'<p class="soft">{names}</p>{trace}')
        )
    return [*told, *([f"<p>{len(groups) - MOST_FAILURES} more kinds of failure are in the tables.</p>"] if len(groups) > MOST_FAILURES else [])]


def provenance(tables: Tables) -> list[tuple[str, str]]:
    """What was asked, with what code, where, and how long it took; values are HTML."""
    manifest, places = tables.manifest, [found.record.environment for found in tables.readings if found.record]
    runs, (seconds, cores) = tables.distinct, time_in_training(tables)
    budgets = several(f"{entry['budget']['steps']:,} steps{stop_words(entry['budget'])}" for entry in manifest["runs"])
    limits, n_outgrown = tables.thresholds, int((runs["state"] == "outgrown").sum())
    code, versions, machines = environments(places)
    return [
        ("Command", f"<code>{escape(tables.command())}</code>"),
        (
            "Runs",
            f"{len(runs)} planned, {int((runs['state'] == 'done').sum())} finished, {int((runs['state'] == 'failed').sum())} failed, "
            f"{f'{n_outgrown} under a smaller budget, ' if n_outgrown else ''}"
            f"{int(runs['state'].isin(LACKING).sum())} missing, unfinished or damaged",
        ),
        ("Seeds", several(str(entry["seed"]) for entry in manifest["runs"])),
        ("Budget", budgets),
        (
            words_of(manifest).past.capitalize(),
            f"{escape(limits.goal_column)} at {limits.goal:g} or {'better' if limits.direction == 'max' else 'less'} at {limits.window} evaluations in a row",
        ),
        (
            "Phases",
            f"comprehension up to {limits.gap:,} steps after memorising; censored below decay time {limits.tau:g}"
            if limits.fit_column and manifest["fit"]
            else "",
        ),
        ("Memorised", f"{escape(limits.fit_column)} at {limits.fit:g} or better" if manifest["fit"] else ""),
        ("Code", code),
        ("Versions", versions),
        ("Machines", machines),
        ("Time in training", f"{span(seconds)} of runs, one after another; at most {span(cores)} of cores" if seconds else ""),
    ]


def environments(places: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Code, versions and machines of where runs were trained, as HTML."""
    return (
        several(f"{(place.get('commit') or 'no clone')[:12]}{' with changes' if place.get('dirty') else ''}" for place in places),
        several(", ".join(f"{name} {version}" for name, version in (place.get("versions") or {}).items() if version) for place in places),
        several(f"{place.get('host')} ({place.get('machine')}, {place.get('device')}, threads: {place.get('threads')})" for place in places),
    )


def time_in_training(tables: Tables) -> tuple[float, float]:
    """Seconds of all finished runs up to their ends under this sweep's budget, and of the threads they had. A run that arms share counts once."""
    longest = tables.done.sort_values("seconds", kind="stable").drop_duplicates("run_id", keep="last")["seconds"].dropna()
    records = [(seconds, tables.readings[index].record) for index, seconds in longest.items()]
    return float(longest.sum()), sum(seconds * (record.environment.get("threads") or 1) for seconds, record in records if record)


def stop_words(budget: Mapping[str, Any]) -> str:
    """When a run was over before its budget was."""
    stop = budget.get("stop")
    if not stop:
        return ", all of them used"
    tail = f"{stop['tail']['factor']:g} times the step where that began, at least {stop['tail']['min_steps']:,} steps"
    return f"; ended once the goal was held at {stop['at_least']:g} for {stop['sustain']:,} steps and a tail was done ({tail})"


def several(values: Any) -> str:
    """Distinct values in order, as HTML, not more than ten."""
    kept = list(dict.fromkeys(values))
    return escape("; ".join(kept[:10])) + (f" and {len(kept) - 10} more" if len(kept) > 10 else "")


def runs_word(n: int) -> str:
    """So many runs."""
    return f"{n} run{'' if n == 1 else 's'}"


def span(seconds: float) -> str:
    """A length of time in words."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
