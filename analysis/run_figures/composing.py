"""What a network that composes group elements looks like: its template and modes, outputs beside targets, and how hidden units share the modes out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.figures.theme import safe
from analysis.one_run import OneRun
from analysis.run_figures.panels import Box, Curve, Heat, Info, Lines, Panel, Scale, span
from analysis.snapshots import Arrays, lacking
from lal.config import parse

MOST_MODES, MOST_CHECKPOINTS, MOST_TILES = 6, 5, 60
DEAD_OUT, DEAD_MIX = 0.25, 0.1  # length of a unit's column of W_out below which it is dead, in the picture of W_out and in that of W_mix
NEEDED = {"template", "template_power", "mode_order", "shape", "elements", "predictions", "targets", "w_out"}
GAP = 1  # blank cells between tiles

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Hidden units and what they answer with.

    Attributes:
        columns: (D, G) columns of W_out, as functions on the group.   names: of the group's modes.
        power: (D, M) of each column in each mode.   phase: (D,) of its coefficient at the dominant one; 0 where that has dimension above 1.
        rank: (D,) of the dominant mode among the template's, by power; as many as there are for those that it does not have.
        order: the template's modes, numbers in `names`, by falling power.
    """

    columns: Array
    names: tuple[str, ...]
    power: Array
    phase: Array
    rank: NDArray[np.int64]
    order: tuple[int, ...]

    @cached_property
    def length(self) -> Array:
        """(D,) of each column."""
        return np.sqrt(self.power.sum(1))

    def sorted(self, dead: float) -> tuple[NDArray[np.int64], int]:
        """All units by dominant mode and phase, those shorter than `dead` last, and how many of those there are."""
        alive = self.length >= dead
        return np.lexsort((self.phase, self.rank, ~alive)), int((~alive).sum())


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """A figure for each of the four."""
    if run.config.get("kind") != "composition":
        return ()
    steps = run.snapshots.of("template")
    if not steps:
        return lacking(run.snapshots, "it kept no snapshots, so there are no pictures of what it learned", "pictures of what it learned")
    last = run.snapshots.arrays(steps[-1])
    group = parse(run.config).task.group.build()  # type: ignore[attr-defined]
    if NEEDED - {*last} or len(last["template"]) != group.order or last["w_out"].shape[0] != group.order:
        return "its last snapshot is damaged, or of another group, so there are no pictures of what it learned"
    order = tuple(int(mode) for mode in last["mode_order"])
    units = units_of(group, last["w_out"].T.astype(float), order)
    infos = [template_sheet(group, last, order), predictions(run, steps), *weights_out(last, units, steps[-1])]
    return (*infos, *([weights_mix(last["w_mix"], units, steps[-1])] if "w_mix" in last and run.config["task"]["k"] > 2 else []))


def units_of(group: Any, columns: Array, order: tuple[int, ...]) -> Units:
    """Hidden units with these `columns` (D, G) of W_out on `group`, for a template whose modes are `order` by falling power."""
    power = group.power(columns)
    dominant = power.argmax(1)
    rank = np.array([order.index(mode) if mode in order else len(order) for mode in dominant.tolist()])
    phase = np.zeros(len(columns))
    for mode in np.unique(dominant):
        own = dominant == mode
        if group.irreps[mode].dimension == 1:
            phase[own] = np.angle(group.coefficient(columns[own], mode)[:, 0, 0])
    return Units(columns, group.modes, power, phase, rank, order)


def template_sheet(group: Any, arrays: Arrays, order: tuple[int, ...]) -> Info:
    """The template, and what of it lies in each of its strongest modes."""
    template, shape = arrays["template"], tuple(int(each) for each in arrays["shape"])
    parts = {f"mode {safe(group.modes[mode])} · power {arrays['template_power'][mode]:.3g}": group.part(template, mode) for mode in order[:MOST_MODES]}
    caption = (
        f"The code of the identity, and its parts in the {len(parts)} strongest of {len(order)} modes (irreducible representations, conjugates as one), in the "
        "order in which theory expects them to be learned. The code of any other element is this one moved by it."
    )
    panels = [_function(title, {"": values}, shape, "value") for title, values in {"template": template, **parts}.items()]
    scales = {"value": Scale("value", *span([template, *parts.values()]))} if len(shape) == 2 else {}
    return Info("template", "Template and modes", tuple(panels), caption, min(4, len(panels)), 2, scales)


def _function(title: str, values: dict[str, Array], shape: tuple[int, ...], scale: str) -> Panel:
    """A function on the group, a map where it is on a grid; on a line several beside one another, by name, the first dotted where there are two."""
    if len(shape) == 2:
        (only,) = values.values()
        return Heat(title, only.reshape(shape), np.arange(shape[1], dtype=float), np.arange(shape[0], dtype=float), "column", "row", scale, True, down=True)
    x = np.arange(shape[0], dtype=float)
    dashes = ("dot", "solid") if len(values) > 1 else ("solid",)
    curves = tuple(Curve(name, x, each, order, dash) for order, ((name, each), dash) in enumerate(zip(values.items(), dashes, strict=True)))
    return Lines(title, curves, x_label="element")


def predictions(run: OneRun, steps: list[int]) -> Info:
    """Outputs for one word at a few snapshots, beside the target."""
    chosen = [steps[index] for index in sorted({round(share * (len(steps) - 1)) for share in np.linspace(0, 1, MOST_CHECKPOINTS)})]
    first = run.snapshots.arrays(chosen[0])
    shape, target = tuple(int(each) for each in first["shape"]), first["targets"][0, -1].astype(float)
    outputs = {step: run.snapshots.arrays(step)["predictions"][0, -1].astype(float) for step in chosen}
    word = ", ".join(str(int(each)) for each in first["elements"][0])
    caption = f"The output for the word ({word}) of elements by number, and its target, the code of their product, at {len(chosen)} of {len(steps)} snapshots."
    if len(shape) == 2:
        panels = [
            _function("target", {"": target}, shape, "value"),
            *(_function(f"step {step:,}", {"": each}, shape, "value") for step, each in outputs.items()),
        ]
        return Info("predictions", "Predictions and targets", tuple(panels), caption, 3, 2, {"value": Scale("value", *span([target, *outputs.values()]))})
    panels = [_function(f"step {step:,}", {"target": target, "output": each}, shape, "value") for step, each in outputs.items()]
    return Info("predictions", "Predictions and targets", tuple(panels), caption, min(3, len(panels)))


def weights_out(arrays: Arrays, units: Units, step: int) -> list[Info]:
    """Columns of W_out as functions on the group, framed in the colour of their dominant mode."""
    order, n_dead = units.sorted(DEAD_OUT)
    living = order[: len(order) - n_dead]
    if not len(living):
        return []
    shown = living[np.unique(np.linspace(0, len(living) - 1, min(MOST_TILES, len(living))).round().astype(int))]
    values = units.columns[shown] / np.abs(units.columns[shown]).max(1, keepdims=True)
    shape = tuple(int(each) for each in arrays["shape"])
    panel = _tiles(values, units, shown, (shape[0], shape[1])) if len(shape) == 2 else _stripes(values, units, shown)
    caption = (
        f"What hidden units answer with at step {step:,}: {len(shown)} of {len(living)} living ones (columns of W_out of length {DEAD_OUT} or more; {n_dead} "
        "are dead), each divided by its largest entry, sorted and framed by the mode of most power in it, then by phase."
    )
    return [Info("weights_out", "Hidden units, by what they answer with", (panel,), caption, 1, 1, {"unit": Scale("share of the largest", -1.0, 1.0)})]


def _tiles(values: Array, units: Units, shown: NDArray[np.int64], shape: tuple[int, int]) -> Heat:
    """A picture a unit, side by side."""
    rows, columns = shape[0] + GAP, shape[1] + GAP
    across = max(1, round(np.sqrt(len(shown) * 2.5 * rows / columns)))
    down = -(-len(shown) // across)
    sheet, boxes = np.full((down * rows - GAP, across * columns - GAP), np.nan), []
    for place, unit in enumerate(shown):
        top, left = place // across * rows, place % across * columns
        sheet[top : top + shape[0], left : left + shape[1]] = values[place].reshape(shape)
        boxes.append(_box(units, unit, left - 0.5, left + shape[1] - 0.5, top - 0.5, top + shape[0] - 0.5))
    x, y = (np.arange(size, dtype=float) for size in sheet.shape[::-1])
    return Heat("", sheet, x, y, "", "", "unit", height=max(260, 9 * len(sheet)), down=True, boxes=tuple(boxes), legend=_legend(units))


def _stripes(values: Array, units: Units, shown: NDArray[np.int64]) -> Heat:
    """A row a unit."""
    boxes = []
    for start, end in _blocks(units.rank[shown]):
        boxes.append(_box(units, shown[start], -0.5, values.shape[1] - 0.5, start - 0.5, end - 0.5))
    x, y = np.arange(values.shape[1], dtype=float), np.arange(len(values), dtype=float)
    return Heat("", values, x, y, "element", "unit", "unit", height=max(260, 8 * len(values)), down=True, boxes=tuple(boxes), legend=_legend(units))


def weights_mix(mix: NDArray[np.float32], units: Units, step: int) -> Info:
    """W_mix with units in the order of their dominant modes, dead ones last."""
    order, n_dead = units.sorted(DEAD_MIX)
    living, strength = len(order) - n_dead, np.abs(mix.astype(float))[np.ix_(order, order)]
    blocks = [(start, end) for start, end in _blocks(units.rank[order[:living]])]
    boxes = [_box(units, order[start], start - 0.5, end - 0.5, start - 0.5, end - 0.5) for start, end in blocks]
    axis = np.arange(len(order), dtype=float)
    panel = Heat("", strength, axis, axis, "unit before", "unit after", "strength", True, 460, True, tuple(boxes), _legend(units))
    caption = (
        f"Strength of the weights between hidden units at step {step:,}, sorted by the mode of most power in their columns of W_out, then by phase; "
        f"the last {n_dead} of {len(order)} are dead (columns shorter than {DEAD_MIX}). Frames: units of the same mode. Learned modes do not mix where all "
        "strength is within frames. The half percent of the largest weights share a colour."
    )
    high = float(np.quantile(strength, 0.995)) or 1.0
    return Info("weights_mix", "Mixing matrix, by mode", (panel,), caption, 1, 1, {"strength": Scale("strength", 0.0, high)})


def _blocks(rank: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where runs of equal values begin and end."""
    if not len(rank):
        return []
    edges = [0, *(np.flatnonzero(np.diff(rank)) + 1).tolist(), len(rank)]
    return list(pairwise(edges))


def _box(units: Units, unit: int, left: float, right: float, low: float, high: float) -> Box:
    rank, of = int(units.rank[unit]), len(_legend(units))
    return Box(left, right, low, high, rank if rank < of else -1, of)


def _legend(units: Units) -> tuple[str, ...]:
    """The template's strongest modes, which have colours of their own."""
    return tuple(f"mode {safe(units.names[mode])}" for mode in units.order[:MOST_MODES])
