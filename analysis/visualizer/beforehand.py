"""What the first page and both maps ask for is read and worked out while the browser opens, so that nobody waits for it."""

from __future__ import annotations

import time
from contextlib import suppress

from analysis.visualizer.looking import Look
from analysis.visualizer.showing import Asked, figures
from analysis.visualizer.source import Source

BROWSER_S = 2  # for which the browser, which loads the page, has the cores of a small machine to itself
REST_S = 1  # for what is chosen meanwhile: a front over thousands of cells takes half a second


def beforehand(source: Source, sweep: str | None) -> None:
    """Draws what a page begins with, and then both maps, of `sweep` or the first of `source`; what is worked out, and both maps, are kept by who makes them."""
    with suppress(Exception):  # whatever is wrong here is told by who is asked for it
        name = sweep or source.names()[0]
        first = tuple(source.catalogue(name).first())
        figures(source, Asked("training", name, first, (), Look(), narrow=False, of_map=()))
        time.sleep(BROWSER_S)
        figures(source, Asked("phase", name, first, (), Look(), narrow=False, of_map=(None, None, None)))
        time.sleep(REST_S)
        figures(source, Asked("pareto", name, first, (), Look(), narrow=False, of_map=(None, None)))
