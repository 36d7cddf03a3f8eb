"""What two networks learned, one charged little and one charged much, side by side: spectra of embedding and logits, and their gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.depth_bound import told as bound_told
from analysis.figures.interpret_sides import Pair, Side, measures, pair
from analysis.figures.theme import number, word
from analysis.frame import Frame
from analysis.run_figures import drawing
from analysis.run_figures.gates import layers
from analysis.run_figures.over_pairs import heats
from analysis.run_figures.panels import Bars, Heat, Panel, Scale, span
from analysis.run_figures.panels import Info as Panels
from analysis.run_figures.spectral_analysis import SHARES, logits
from analysis.snapshots import Pairs, pairs

TITLE = "Low charge beside high: what is learned"
MEASURES = (
    *("test_acc", "effective_depth", "functional_depth", "n_key_frequencies", "diagonal_energy", "embedding_gini", "neuron_ipr"),
    *("routing_entropy_norm", "effective_heads", "jacobian_norm", "weight_norm"),
)
MOST_LISTED = 12  # of key frequencies


@dataclass(frozen=True)
class Info:
    """Panels in two columns, low on the left, and the measures of both sides: (name, values), NaN for none. Text is escaped."""

    panels: Panels
    labels: tuple[str, str]
    measured: tuple[tuple[str, tuple[float, float]], ...]
    keys: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def caption(self) -> str:
        """How to read it."""
        return self.panels.caption


def prepare(tables: Tables, cells: Sequence[int] | None = None) -> Info | str:
    """The last snapshots of two runs: see `interpret_sides.pair` for which."""
    found = pair(tables, cells)
    if isinstance(found, str):
        return found
    rows, scales = list[tuple[Panel, Panel]](), dict[str, Scale]()
    for part in (_embeddings, _logits, _layers, _units, _depths):
        panels = part(found)
        if panels is not None:
            rows.append(panels[:2])
            scales |= panels[2]
    if all(_is_of_layers(low) for low, _ in rows):  # gates of layers alone have a figure, of all cells
        return "the runs to be compared kept no spectra"
    caption = _caption(found, [panel for both in rows for panel in both])
    shown = Panels("mechanisms", TITLE, tuple(panel for both in rows for panel in both), caption, 2, 2, scales)
    keys = found.low.key_frequencies, found.high.key_frequencies
    measured = tuple((name, (low, high)) for name, (low, high) in measures(found, MEASURES))
    return Info(shown, (_name(found.low), _name(found.high)), measured, keys)


Both = tuple[Panel, Panel, dict[str, Scale]] | None


def _name(side: Side) -> str:
    return f"{side.label} · seed {side.seed}"


def _both(sides: Pair, name: str, of: Callable[[Side, NDArray[Any]], Panel | None], scales: dict[str, Scale]) -> Both:
    """A panel of array `name` of each side, where both have it."""
    arrays = [(side, side.array(name)) for side in sides]
    panels = [None if array is None else of(side, array) for side, array in arrays]
    return (panels[0], panels[1], scales) if panels[0] and panels[1] else None


def _embeddings(sides: Pair) -> Both:
    high = max((float(array.max()) for side in sides if (array := side.array("embedding_spectrum")) is not None and array.size), default=1.0)

    def bars(side: Side, spectrum: NDArray[Any]) -> Bars:
        keys = frozenset(float(each) for each in side.key_frequencies)
        x = np.arange(1.0, len(spectrum) + 1)
        return Bars(f"embedding · {_name(side)}", x, spectrum.astype(float), "frequency", "share of energy", keys, 240, 1.05 * high)

    return _both(sides, "embedding_spectrum", bars, {})


def _logits(sides: Pair) -> Both:
    return _both(sides, "logit_spectrum", lambda side, spectrum: logits(spectrum, f"logits · {_name(side)}"), {"log": SHARES})


def _layers(sides: Pair) -> Both:
    """How open each layer is over training."""
    if any(side.last("gate_values") is None for side in sides):
        return None
    low, high = (layers(side.rows, f"gates of layers · {_name(side)}") for side in sides)
    return low, high, {"gate": Scale("gate", 0.0, 1.0)}


def _is_of_layers(panel: Panel) -> bool:
    return panel.title.startswith("gates of layers")


def _units(sides: Pair) -> Both:
    """The last gates of units, where gates are on units: each layer's, sorted."""

    def sorted_units(side: Side, gates: NDArray[Any]) -> Heat | None:
        values = -np.sort(-gates.astype(np.float32), axis=1)
        ranks, numbers = np.arange(1.0, values.shape[1] + 1), np.arange(1.0, len(values) + 1)
        return Heat(f"gates of units · {_name(side)}", values, ranks, numbers, "rank of the unit", "layer", "gate") if values.shape[1] > 1 else None

    return _both(sides, "gates", sorted_units, {"gate": Scale("gate", 0.0, 1.0)})


def _depths(sides: Pair) -> Both:
    """The depth of each input over the table of pairs, where gates look at the input."""
    depths = [(side, gates.astype(np.float32).sum(0)) for side in sides if (gates := side.array("input_gates")) is not None]
    grids = [(side, table, depth) for side, depth in depths if isinstance(table := pairs(side.config, side.array("tokens")), Pairs)]
    if len(grids) < 2 or any(len(table.operations) > 1 for _, table, _ in grids):
        return None
    low, high = (heats(table, depth, "depth", f"depth by input · {_name(side)}")[0] for side, table, depth in grids)
    return low, high, {"depth": Scale("sum of gates", *span([low.values, high.values]))}


def _caption(sides: Pair, panels: Sequence[Panel]) -> str:
    titles = " ".join(panel.title for panel in panels)
    told = [sides.told]
    if "embedding ·" in titles:
        told.append(f"Embedding: share of its energy at each frequency, both on one scale{'; key frequencies in orange' if _keys(sides) else ''}.")
    if "logits ·" in titles:
        told.append("Logits: share of energy at each pair of frequencies, mean removed; what depends on the answer alone is on the diagonal.")
    if _keys(sides):
        low, high = (set(side.key_frequencies) for side in sides)
        words = [f"{side.label}: {_listed(side.key_frequencies)}" for side in sides]
        told.append(f"Key frequencies: {'; '.join(words)}; {len(low & high)} in common, of which chance alone may be the reason.")
    if any(map(_is_of_layers, panels)):
        told.append(f"Gates: yellow is open (1), dark is closed (0).{bound_told(pd.concat([side.rows for side in sides]))}")
    if "gates of units" in titles:
        told.append("Units: each layer's gates on single units, sorted.")
    return " ".join(told)


def _keys(sides: Pair) -> bool:
    return any(side.key_frequencies for side in sides)


def _listed(keys: Sequence[int]) -> str:
    return ", ".join(map(str, keys[:MOST_LISTED])) + (f" and {len(keys) - MOST_LISTED} more" if len(keys) > MOST_LISTED else "") or "none"


def table(info: Info) -> Frame:
    """Measures of both runs at their ends, and their key frequencies."""
    rows: list[dict[str, Any]] = [{"at the end": word(name), **dict(zip(info.labels, map(_shown, values), strict=True))} for name, values in info.measured]
    if any(info.keys):
        rows.append({"at the end": "which they are", **dict(zip(info.labels, map(_listed, info.keys), strict=True))})
    return pd.DataFrame(rows)


def _shown(value: float) -> str:
    return "–" if np.isnan(value) else number(value)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Two columns; in a narrow figure tables of pairs alone stand side by side."""
    return drawing.draw(info.panels, narrow)
