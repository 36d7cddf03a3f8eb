"""The report's frame: one HTML page that asks the network for nothing, dark or light, wide or narrow."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from analysis.figures.theme import CONFIG
from analysis.frame import Frame

NARROW_PX = 640
MOST_ROWS = 400

STYLE = """
:root { color-scheme: light; --paper: #ffffff; --ink: #1f2328; --soft: #57606a; --line: #d0d7de; --wash: #f6f8fa; --link: #0969da; --grid: rgba(138,138,138,.25) }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; --paper: #14171c; --ink: #e6e8eb; --soft: #a3acb8; --line: #3a414b; --wash: #1d2128; --link: #79b8ff } }
:root[data-theme=dark] { color-scheme: dark; --paper: #14171c; --ink: #e6e8eb; --soft: #a3acb8; --line: #3a414b; --wash: #1d2128; --link: #79b8ff }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 64px }
header { display: flex; gap: 16px; align-items: flex-start; justify-content: space-between }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere } h2 { margin: 48px 0 4px; font-size: 1.25rem } h3 { margin: 28px 0 0; font-size: 1rem }
.question { font-size: 1.15rem; margin: 12px 0 } .soft, figcaption { color: var(--soft) } figcaption { font-size: .9rem; max-width: 90ch } figure { margin: 0 }
a { color: var(--link) } li { margin: 6px 0 } button { font: inherit; color: inherit; background: var(--wash); border: 1px solid var(--line); border-radius: 6px; padding: 4px 12px; cursor: pointer; white-space: nowrap }
details { margin: 10px 0 } summary { cursor: pointer; color: var(--soft) } .scroll { overflow-x: auto; max-height: 460px; border: 1px solid var(--line); border-radius: 6px; margin-top: 8px }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums } th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { position: sticky; top: 0; background: var(--wash); font-weight: 600 } th.text, td.text { text-align: left } pre { overflow-x: auto; background: var(--wash); padding: 12px; border-radius: 6px; font-size: .8rem }
code { background: var(--wash); padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere } dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.plot { width: 100%; min-height: 200px }
.plot .infolayer text, .plot [class*=axislayer] text { fill: var(--ink) !important }
@media (max-width: 640px) { main { padding: 16px 12px 48px } header { display: block } header button { margin-top: 10px } h1 { font-size: 1.35rem } dl { display: block } dd { margin-bottom: 8px } }
@media print { button { display: none } }
"""

# Figures hold their traces once and two layouts; which is drawn depends on the room there is.
SCRIPT = """
"use strict";
const read = id => JSON.parse(document.getElementById(id).textContent);
const specs = read("specs"), config = read("config");
const drawn = {};
function draw(id) {
  const place = document.getElementById(id), mode = place.clientWidth < NARROW ? "narrow" : "wide";
  if (drawn[id] === mode) return;
  const was = drawn[id], spec = structuredClone(specs[id]);
  drawn[id] = mode;
  if (was) Plotly.purge(place);
  place.style.height = spec[mode].height + "px";
  Plotly.newPlot(place, spec.data, spec[mode], mode === "narrow" ? {...config, displayModeBar: false} : config);
}
const all = () => Object.keys(specs).forEach(draw);
all();
addEventListener("resize", all);
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement, now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});
""".replace("NARROW", str(NARROW_PX))


def page(title: str, body: str, specs: dict[str, Any]) -> bytes:
    """The whole file. `body` is HTML; `specs`: by element id, traces and two layouts.

    Scripts run by their hash alone, nothing is fetched, and the same input gives the same bytes.
    """
    bundle = get_plotlyjs() if specs else ""
    scripts = [bundle, SCRIPT] if specs else [SCRIPT]
    allowed = " ".join(f"'{digest(each)}'" for each in scripts)
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    data = {"specs": specs, "config": CONFIG}
    blocks = [f'<script type="application/json" id="{name}">{inert(value)}</script>' for name, value in data.items()]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>",
        f"<body><main>\n{body}\n</main>",
        *blocks,
        *(f"<script>{each}</script>" for each in scripts),
        "</body></html>\n",
    ]
    return "\n".join(lines).encode()


def digest(script: str) -> str:
    """What a Content-Security-Policy calls an inline script that may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def inert(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False).replace("<", "\\u003c")


def details(summary: str, inner: str) -> str:
    """`inner` folded away behind `summary`, both HTML."""
    return f"<details><summary>{summary}</summary>{inner}</details>"


def html_table(table: Frame) -> str:
    """`table` as HTML; text columns hold HTML already, as figures' words do. Long ones are cut, and say so."""
    text = {name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_bool_dtype(table[name])}
    cell = {True: ' class="text"', False: ""}
    top = "".join(f"<th{cell[name in text]}>{name}</th>" for name in table.columns)
    rows = ["".join(f"<td{cell[name in text]}>{shown(value)}</td>" for name, value in row.items()) for row in table.head(MOST_ROWS).to_dict("records")]
    cut = f'<p class="soft">The first {MOST_ROWS} of {len(table)} rows; all are in the tables.</p>' if len(table) > MOST_ROWS else ""
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{"".join(f"<tr>{row}</tr>" for row in rows)}</tbody></table></div>{cut}'


def shown(value: Any) -> str:
    """One value of a table, as HTML."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        return "not reached" if value == float("inf") else f"{value:,.0f}" if value == round(value) and abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Terms and what they are, as HTML; the latter are HTML already."""
    return "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{value}</dd>" for term, value in pairs if value) + "</dl>"


def data_link(name: str, data: bytes) -> str:
    """A link that saves `data` as file `name`, from the page itself."""
    return f'<a download="{escape(name)}" href="data:text/csv;base64,{base64.b64encode(data).decode()}">{escape(name)}</a>'
