"""Figures as pictures, where kaleido and a browser are installed. One browser makes all of them; it asks the network for nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import plotly.graph_objects as go

from analysis.figures.theme import FONT

Kind = Literal["png", "svg", "pdf"]
WIDTH, SCALE = 1100, 2
PAPER = "#ffffff"


class NoBrowser(Exception):
    """Pictures cannot be made here; the text says why, and what to install."""


class Goodbye(logging.Filter):
    """Drops one line, with a traceback, that the library which drives the browser may log as it closes it: its own `{bye}`, read along with a last message."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not str(getattr(getattr(error, "__cause__", None), "doc", "")).endswith("{bye}\n")


GOODBYE = Goodbye()


def pictures(asked: Sequence[tuple[go.Figure, Kind]]) -> list[bytes]:
    """The bytes of each picture asked for, on white, WIDTH wide, in a browser that is opened once (2 s, then 0.2 s a figure).

    Raises:
        NoBrowser: kaleido, or a browser that it can drive, is not there.
    """
    try:
        import kaleido  # noqa: F401
    except ImportError:
        raise NoBrowser("kaleido is not installed: pip install 'lal[images]'") from None
    from choreographer.browsers._errors import BrowserClosedError, BrowserFailedError
    from choreographer.browsers.chromium import ChromeNotFoundError

    logging.getLogger("choreographer.channels.pipe").addFilter(GOODBYE)
    try:
        with ThreadPoolExecutor(1) as pool:  # a thread of its own, since a notebook's has an event loop that is already running
            return pool.submit(asyncio.run, _taken([(spec(figure), kind) for figure, kind in asked])).result()
    except (ChromeNotFoundError, BrowserFailedError, BrowserClosedError) as error:
        raise NoBrowser("kaleido found no browser that works: install chromium, or set BROWSER_PATH") from error


def spec(fig: go.Figure) -> dict[str, Any]:
    """`fig` as plain data, on white, with a font that pictures have."""
    values: dict[str, Any] = fig.to_plotly_json()
    font = {**values["layout"].get("font", {}), "family": f"DejaVu Sans, {FONT}"}
    return {"data": values["data"], "layout": {**values["layout"], "paper_bgcolor": PAPER, "plot_bgcolor": PAPER, "font": font}}


async def _taken(asked: Sequence[tuple[dict[str, Any], Kind]]) -> list[bytes]:
    import kaleido

    page = kaleido.PageGenerator(mathjax=False)  # by default it is fetched from the network
    async with kaleido.Kaleido(n=1, page_generator=page) as browser:
        taken = []
        for each, kind in asked:
            options = {"format": kind, "width": WIDTH, "height": each["layout"].get("height", 500), "scale": SCALE if kind == "png" else 1}
            taken.append(await browser.calc_fig(each, opts=options))  # type: ignore[arg-type]
        return taken
