"""What the first page and both maps ask for is read and worked out while the browser opens, so that nobody waits for it."""

from __future__ import annotations

import time
from contextlib import suppress

from analysis.visualizer.looking import Look
from analysis.visualizer.showing import Asked, figures
from analysis.visualizer.source import Source

BROWSER_S = 3  # for which the browser, which loads the page, has the cores of a small machine to itself


def beforehand(source: Source, sweep: str | None) -> None:
    """Draws what a page begins with, and then both maps, of `sweep` or the first of `source`; what is read and worked out is kept by who does it."""
    with suppress(Exception):  # whatever is wrong here is told by who is asked for it
        name = sweep or source.names()[0]
        first = tuple(source.catalogue(name).first())
        figures(source, Asked("training", name, first, (), Look(), narrow=False, of_map=()))
        time.sleep(BROWSER_S)
        figures(source, Asked("phase", name, first, (), Look(), narrow=False, of_map=(None, None, None)))
        figures(source, Asked("pareto", name, first, (), Look(), narrow=False, of_map=(None, None)))
