"""What the first page and both maps ask for is read and worked out while the browser opens, so that nobody waits for it."""

from __future__ import annotations

from contextlib import suppress

from analysis.visualizer.looking import Look
from analysis.visualizer.showing import Asked, figures
from analysis.visualizer.source import Source


def beforehand(source: Source, sweep: str | None) -> None:
    """Draws what a page begins with, and both maps, of `sweep` or the first of `source`; what is read and worked out for them is kept by who does it."""
    with suppress(Exception):  # whatever is wrong here is told by who is asked for it
        name = sweep or source.names()[0]
        first = tuple(source.catalogue(name).first())
        for tab, of_map in (("training", ()), ("phase", (None, None, None)), ("pareto", (None, None))):
            figures(source, Asked(tab, name, first, (), Look(), narrow=False, of_map=of_map))
