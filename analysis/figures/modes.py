"""Which modes of the template are learned when, strongest first."""

from __future__ import annotations

import numpy as np

from analysis.collect import Tables
from analysis.figures import series
from analysis.figures.dimensions import dimensions, split
from analysis.figures.series import Info, Line, Panel, few, median, table
from analysis.figures.series_drawing import draw
from analysis.staircases import absent, climbs, stacked

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Modes over training"
MOST_MODES, MOST_PANELS = 6, 12
PLACES = ("strongest", "second", "third", "fourth", "fifth", "sixth")
HIGH = 1.5  # times the power to be learned: what is more is beyond the axis


def prepare(tables: Tables) -> Info | str:
    """Power of the outputs in each mode, as a share of the template's, over steps: a panel a cell, a line for each place in the order of power."""
    found = climbs(tables)
    if not found:
        return absent(tables)
    if not tables.has("mode_power"):
        return "no run measured the power of modes of a template"
    runs = tables.done.loc[list(found)]
    history = tables.history[["run_id", "cell", "step", "mode_power"]]
    history = history[history["mode_power"].notna() & (history["step"] > 0)]
    cells = split(runs, dimensions(tables))
    panels = []
    for title, cell in cells[:MOST_PANELS]:
        seeds = []
        for index, run_id in cell["run_id"].items():
            power = np.array(found[index].theory.power[:MOST_MODES])  # type: ignore[index]
            rows = history[(history["run_id"] == run_id) & (history["cell"] == cell["cell"].iloc[0])]
            if not rows.empty:
                width = len(rows["mode_power"].iloc[0])
                shares = stacked(rows["mode_power"].tolist(), width)[:, : len(power)] / power[:width]
                seeds.append((rows["step"].to_numpy(float), shares))
        panels.append(Panel(title, "share of its power", _lines(seeds), (-0.05, HIGH), 0.0, levels=(1.0,)))
    if not any(panel.lines for panel in panels):
        return "no run measured the power of modes of a template"
    caption = (
        "Power of the outputs in each mode of the template (irreducible representation, conjugates as one), as a share of the template's own, by its place in "
        f"the order of power; 1 (dashed) is learned; more than {HIGH:g} is drawn there. {series.READING}"
    )
    most = max(len(climb.theory.modes) for climb in found.values())
    some = f"{MOST_MODES} strongest of {'up to ' if len(panels) > 1 else ''}{most}"
    caption += f" Drawn are the {some} modes." if most > MOST_MODES else ""
    caption += f" The first {MOST_PANELS} of {len(cells)} cells are drawn." if len(cells) > MOST_PANELS else ""
    n_modes = max(len(panel.lines) for panel in panels)
    columns = min(len(panels), series.MOST_ABREAST if len(panels) <= series.MOST_ABREAST else 3)
    return Info((*panels, *[None] * (-len(panels) % columns)), columns, f"mode ({some})" if most > MOST_MODES else "mode", PLACES[:n_modes], True, caption)


def _lines(seeds: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Line, ...]:
    n_modes = min((shares.shape[1] for _, shares in seeds), default=0)
    lines = []
    for mode in range(n_modes):
        own = [(steps, np.minimum(shares[:, mode], HIGH)) for steps, shares in seeds]
        thin = tuple(few(each, series.MOST_THIN) for each in own) if len(own) > 1 else ()
        lines.append(Line(PLACES[mode], mode, "solid", few(median(own)), thin, len(own)))
    return tuple(lines)
