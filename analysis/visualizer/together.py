"""The figures of several runs as one: panels of the same name hold the curves of all, a colour an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.figures.series import median
from analysis.figures.theme import OKABE_ITO, shades
from analysis.run_figures.drawing import GLYPHS, SEPARATOR
from analysis.run_figures.panels import Curve, Info, Lines, Panel

DASHES = ("solid", "dot", "dash")
MOST_PICTURED = 4  # runs whose heatmaps and bars are shown, one below the other
CAPTION = "A colour {}; dashes are named above each panel. Choose one run alone to read what is measured, and when it reached its goal."


@dataclass(frozen=True)
class Drawn:
    """A run among others: `label` of its experiment, `seed` where the experiment has several, `order` of its colour, and its figures."""

    label: str
    seed: int | None
    order: int
    infos: tuple[Info, ...]

    @property
    def whole(self) -> str:
        """Label and seed."""
        return self.label if self.seed is None else f"{self.label}, seed {self.seed}"


def colors(n: int) -> list[str]:
    """A colour for each of n experiments: apart where they are few, else in order."""
    return list(OKABE_ITO) if n <= len(OKABE_ITO) else shades(n)


def together(runs: Sequence[Drawn], medians: bool) -> list[Info]:
    """Figures of all `runs`: curves in shared panels; heatmaps and bars, which cannot share one, a figure for each of the first few runs."""
    if len(runs) == 1:
        return list(runs[0].infos)
    caption = CAPTION.format("an experiment" if medians or len({run.label for run in runs}) > 1 else "a seed")
    found: list[Info] = []
    for name in dict.fromkeys(info.name for run in runs for info in run.infos):
        own = [(run, info) for run in runs for info in run.infos if info.name == name]
        panels = [panel for title in _titles([info for _, info in own]) for panel in _merged(title, own, medians)]
        if panels:
            found.append(replace(own[0][1], panels=tuple(panels), scales={}, marks=(), caption=caption))
        found += [each for run, info in _in_turn(own)[:MOST_PICTURED] if (each := _pictures(run, info)) is not None]
    return found


def _in_turn(own: Sequence[tuple[Drawn, Info]]) -> list[tuple[Drawn, Info]]:
    """A run of each colour before the second of any."""
    orders = [run.order for run, _ in own]
    turns = [orders[:index].count(order) for index, order in enumerate(orders)]
    return [each for _, each in sorted(zip(turns, own, strict=True), key=lambda pair: pair[0])]


def _titles(infos: Sequence[Info]) -> list[str]:
    return list(dict.fromkeys(panel.title for info in infos for panel in info.panels if isinstance(panel, Lines)))


def _merged(title: str, own: Sequence[tuple[Drawn, Info]], medians: bool) -> list[Panel]:
    """The panels called `title` as one; as one for each kind of curve, where there are more kinds than dashes."""
    panels = [(run, panel) for run, info in own for panel in info.panels if isinstance(panel, Lines) and panel.title == title]
    kinds = list(dict.fromkeys(curve.label for _, panel in panels for curve in panel.curves))
    graded = max(run.order for run, _ in panels) >= len(OKABE_ITO)
    shared = replace(panels[0][1], told=False, graded=graded)
    if len(kinds) > len(DASHES):
        return [replace(shared, title=SEPARATOR.join(filter(None, (title, kind))), curves=_curves(panels, {kind: "solid"}, medians)) for kind in kinds]
    dashes = _dashes(kinds, panels)
    legend = "".join(f"{SEPARATOR}{GLYPHS[dashes[kind]]} {kind}" for kind in kinds) if len(kinds) > 1 else ""
    return [replace(shared, title=f"{title}{legend}", curves=_curves(panels, dashes, medians))]


def _dashes(kinds: Sequence[str], panels: Sequence[tuple[Drawn, Lines]]) -> dict[str, str]:
    """A dash for each kind of curve: its own where these differ."""
    own = {curve.label: curve.dash for _, panel in panels for curve in panel.curves}
    return own if len({*own.values()}) == len(kinds) else dict(zip(kinds, DASHES, strict=False))


def _curves(panels: Sequence[tuple[Drawn, Lines]], dashes: dict[str, str], medians: bool) -> tuple[Curve, ...]:
    """The curves of those kinds: of every run, or medians over the runs of one colour."""
    found = [(run, curve) for run, panel in panels for curve in panel.curves if curve.label in dashes]
    if not medians:
        return tuple(Curve(_hover(run.label, curve, dashes), curve.steps, curve.values, run.order, dashes[curve.label], seed=run.seed) for run, curve in found)
    groups: dict[tuple[int, str], list[tuple[Drawn, Curve]]] = {}
    for run, curve in found:
        groups.setdefault((run.order, curve.label), []).append((run, curve))
    return tuple(_median(own, dashes) for own in groups.values())


def _median(own: Sequence[tuple[Drawn, Curve]], dashes: dict[str, str]) -> Curve:
    run, curve = own[0]
    steps, values = median([(each.steps, each.values) for _, each in own])
    return Curve(f"{_hover(run.label, curve, dashes)}, median of {len(own)}", steps, values, run.order, dashes[curve.label])


def _hover(label: str, curve: Curve, dashes: dict[str, str]) -> str:
    return f"{label}: {curve.label}" if len(dashes) > 1 else label


def _pictures(run: Drawn, info: Info) -> Info | None:
    """The panels of one run that are no curves, under its name."""
    panels = tuple(panel for panel in info.panels if not isinstance(panel, Lines))
    title = f"{info.title}: {run.whole}"
    return replace(info, title=title, panels=panels, marks=()) if panels else None
