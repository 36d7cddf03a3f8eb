"""The report's frame: one HTML page that asks the network for nothing, dark or light, wide or narrow."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from html import escape
from math import inf
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from analysis.figures.theme import CONFIG
from analysis.frame import Frame
from analysis.style import SCRIPT, STYLE

MOST_ROWS = 400


def page(title: str, body: str, specs: dict[str, Any]) -> bytes:
    """The whole file. `body` is HTML; `specs`: by element id, traces and two layouts.

    Scripts run by their hash alone, nothing is fetched, and the same input gives the same bytes.
    """
    allowed = " ".join(f"'{digest(each)}'" for each in ([get_plotlyjs(), SCRIPT] if specs else [SCRIPT]))
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    blocks = [f'<script type="application/json" id="config">{inert(CONFIG)}</script>']
    if specs:
        packs = {"specs": packed(inert(specs)), "library": packed_library()}
        blocks += [f'<script type="application/gzip" id="{name}">{data}</script>' for name, data in packs.items()]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>",
        f"<body><main>\n{body}\n</main>",
        *blocks,
        f"<script>{SCRIPT}</script>",
        "</body></html>\n",
    ]
    return "\n".join(lines).encode()


@cache
def packed_library() -> str:
    """What draws the figures: 2 MB instead of 5."""
    return packed(get_plotlyjs())


def packed(text: str) -> str:
    """`text` gzipped, in base64; the same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


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
        return (
            "not reached"
            if value == inf
            else "-∞"
            if value == -inf
            else f"{value:,.0f}"
            if abs(value) >= 1000 or (value == round(value) and abs(value) >= 10)
            else f"{value:.4g}"
        )
    return f"{value:,}" if isinstance(value, int) else str(value)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Terms and what they are, as HTML; the latter are HTML already."""
    return "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{value}</dd>" for term, value in pairs if value) + "</dl>"


def data_link(name: str, data: bytes) -> str:
    """A link that saves `data` as file `name`, from the page itself."""
    return f'<a download="{escape(name)}" href="data:text/csv;base64,{base64.b64encode(data).decode()}">{escape(name)}</a>'
