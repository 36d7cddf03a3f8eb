"""The reference picture: where Gray and Scott's reaction makes spots, stripes, and nothing, from one start. `python -m analysis.patterns.reference FILE`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.figures.theme import SCALE, number, styled
from analysis.images import pictures
from analysis.patterns.gray_scott import GrayScott, seeded

CASES = ((0.035, 0.065, "spots"), (0.04, 0.06, "stripes"), (0.02, 0.07, "nothing stays"))
SIDE, STEPS, SEED = 128, 10_000, 0
HEIGHT = 400


@dataclass(frozen=True)
class Info:
    """v (H, W) of each case after `STEPS` steps of 1, and what it is called."""

    titles: tuple[str, ...]
    fields: tuple[NDArray[np.float64], ...]


def prepare(side: int = SIDE, n_steps: int = STEPS) -> Info:
    """The cases, from the same start on a ring in both directions."""
    fields = []
    for feed, kill, _ in CASES:
        start = seeded((side, side), np.random.default_rng(SEED))
        fields.append(GrayScott(feed, kill).evolved(*start, 1.0, n_steps)[1])
    return Info(tuple(f"F = {number(feed)}, k = {number(kill)}: {word}" for feed, kill, word in CASES), tuple(fields))


def draw(info: Info) -> go.Figure:
    """One map each, on one scale."""
    fig = styled(make_subplots(1, len(info.fields), subplot_titles=info.titles, horizontal_spacing=0.03), HEIGHT)
    for place, field in enumerate(info.fields, 1):
        fig.add_trace(go.Heatmap(z=field.astype(np.float32), coloraxis="coloraxis"), row=1, col=place)
        axis = "" if place == 1 else str(place)
        fig.update_yaxes(scaleanchor=f"x{axis}", constrain="domain", row=1, col=place)
    fig.update_xaxes(visible=False, constrain="domain").update_yaxes(visible=False)
    high = max(float(each.max()) for each in info.fields)
    bar = {"title": {"text": "activator v", "side": "right"}, "thickness": 12, "outlinewidth": 0}
    return fig.update_layout(coloraxis={"colorscale": SCALE, "cmin": 0.0, "cmax": high, "colorbar": bar}, margin={"t": 40, "b": 10, "l": 10, "r": 10})


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(pictures([(draw(prepare()), "png")])[0])
