"""Which inputs take which head, in two networks: routing over the table of pairs, charged little above charged much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.interpret_sides import Pair, Side, pair
from analysis.frame import Frame
from analysis.run_figures import drawing
from analysis.run_figures.panels import Heat
from analysis.run_figures.panels import Info as Panels
from analysis.run_figures.routing import MOST_ABREAST, WEIGHTS, heaviest, maps
from analysis.snapshots import Pairs, pairs

TITLE = "Low charge beside high: heads by input"
MOST_LAYERS, MOST_NUMBERS = 4, 500_000  # of each side; of all heatmaps, so that the page stays small


@dataclass(frozen=True)
class Routed:
    """A side with its table of pairs and the weights (L, N, H) of its heads."""

    side: Side
    table: Pairs
    weights: NDArray[np.floating]

    @property
    def name(self) -> str:
        """In a title, escaped."""
        return f"{self.side.label} · seed {self.side.seed}"

    def numbers(self, n_layers: int) -> int:
        """How many are drawn of the last `n_layers`."""
        return min(n_layers, len(self.weights)) * self.weights.shape[2] * len(self.table.operations) * self.table.p**2


@dataclass(frozen=True)
class Info:
    """Heatmaps, and what each layer's heads are used for: (side, layer, shares in words, entropy in units of log H). Text is escaped."""

    panels: Panels
    used: tuple[tuple[str, int, str, float], ...]

    @property
    def caption(self) -> str:
        """How to read it."""
        return self.panels.caption


def prepare(tables: Tables, cells: Sequence[int] | None = None) -> Info | str:
    """The last snapshots of two runs: see `interpret_sides.pair` for which."""
    found = pair(tables, cells)
    if isinstance(found, str):
        return found
    sides = _routed(found)
    if isinstance(sides, str):
        return sides
    n_layers = min(MOST_LAYERS, max(len(each.weights) for each in sides))
    while n_layers > 1 and sum(each.numbers(n_layers) for each in sides) > MOST_NUMBERS:
        n_layers -= 1
    whole = max(len(each.weights) for each in sides)
    panels, used = list[Heat](), list[tuple[str, int, str, float]]()
    for layer in range(whole - n_layers, whole):
        for each in sides:
            if layer < len(each.weights):
                panels += maps(each.table, each.weights[layer], f"{each.name} · layer {layer + 1}")
                used.append((each.name, layer + 1, heaviest(each.weights[layer]), indecision(each.weights[layer])))
    width = min(max(each.weights.shape[2] for each in sides), MOST_ABREAST)
    shown = Panels("heads", TITLE, tuple(panels), _caption(found, whole, n_layers), width, 2, {"weight": WEIGHTS})
    return Info(shown, tuple(used))


def _routed(sides: Pair) -> list[Routed] | str:
    """Both sides with what is drawn of them, or why it cannot be."""
    found = []
    for side in sides:
        weights = side.array("routing")
        if weights is None:
            return "the runs to be compared kept no routing"
        laid = pairs(side.config, side.array("tokens"))
        if isinstance(laid, str):
            return f"routing is not drawn over pairs: of a run to be compared {laid}"
        found.append(Routed(side, laid, weights))
    return found


def indecision(weights: NDArray[np.floating]) -> float:
    """Mean entropy of `weights` (N, H) over inputs, in units of log H: 0 where each takes one head, 1 where all share alike."""
    w = weights.astype(float)
    entropy = -np.sum(w * np.log(np.where(w > 0, w, 1.0)), axis=1)
    return float(entropy.mean() / np.log(w.shape[1])) if w.shape[1] > 1 else 0.0


def _caption(sides: Pair, whole: int, drawn: int) -> str:
    more = f" Of {whole} layers the last {drawn} {'is' if drawn == 1 else 'are'} drawn; the others stand in the runs’ own reports." if drawn < whole else ""
    where = " at the position that the answer is read from" if any(side.config.get("model", {}).get("kind") == "transformer" for side in sides) else ""
    return f"{sides.told} The weight of each head on every pair (a, b){where}, at the end of the run: yellow is 1, dark is 0.{more}"


def table(info: Info) -> Frame:
    """How decided each layer is, and the share of inputs that each of its heads is the heaviest for."""
    names = ("run", "layer", "heaviest for", "entropy / log n")
    return pd.DataFrame([dict(zip(names, row, strict=True)) for row in info.used])[[*names[:2], names[3], names[2]]]


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A row of heads for each side and layer; two beside one another in a narrow figure."""
    return drawing.draw(info.panels, narrow)
