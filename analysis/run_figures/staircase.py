"""How a network that composes group elements came down: its loss beside theory's levels, mode by mode, and what its units did meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figures.theme import percent, safe
from analysis.one_run import OneRun
from analysis.run_figures.panels import Curve, Info, Panel, curve, lines, marks
from analysis.staircases import CLOSE, LEAST, Climb, Theory, of_rows, stacked, theory_of

MOST_MODES, MOST_LEVELS = 6, 12


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Loss with levels; power and error of each mode; outputs after each element; units."""
    if run.config.get("kind") != "composition":
        return ()
    theory = theory_of(run.config)
    if theory is None:
        return "its template cannot be drawn on this machine, so there is no staircase of theory"
    levels = tuple(level for level in theory.levels[:-1] if level >= LEAST * theory.levels[0])[:MOST_LEVELS]
    panels: list[Panel] = [
        *lines("loss", [curve(run, "train_loss", 0, "train", "dot"), curve(run, "test_loss", 1, "test")], log=True, levels=levels),
        *lines("power of outputs, by mode", [*_modes(run, "mode_power", theory), *_targets(run, theory)], graded=True, low=0.0),
        *lines("error of outputs, by mode (share of its power)", _modes(run, "mode_error", theory), graded=True, low=0.0, high=1.0),
        *lines("power in other modes", [curve(run, "off_power", 0)], low=0.0),
        *lines("loss after each element", _after_each(run), log=True, graded=True, levels=levels),
        *lines("units", [curve(run, "specialisation", 2, "specialisation"), curve(run, "dead_units", 3, "dead")], low=0.0, high=1.0),
        *lines("energy of W_mix within modes", [curve(run, "mix_share", 0, "share"), curve(run, "mix_chance", 0, "by chance", "dot")], low=0.0, high=1.0),
    ]
    if not panels:
        return "it has no evaluation after step 0, so there is no staircase"
    return (Info("staircase", "Staircase", tuple(panels), _caption(theory, of_rows(theory, run.rows)), marks=marks(run)),)


def _modes(run: OneRun, column: str, theory: Theory) -> list[Curve]:
    """One curve for each of the strongest modes of a column of lists."""
    if not run.has(column):
        return []
    rows = run.rows[run.rows[column].notna() & (run.rows["step"] > 0)]
    if rows.empty:
        return []
    width = min(len(theory.modes), len(rows[column].iloc[0]))
    values, steps = stacked([each[:width] for each in rows[column]], width), rows["step"].to_numpy(float)
    return [Curve(f"mode {safe(theory.modes[m])}", steps, values[:, m], m) for m in range(min(width, MOST_MODES))]


def _targets(run: OneRun, theory: Theory) -> list[Curve]:
    """The template's power in each of the same modes, across."""
    if not run.has("mode_power") or not (run.rows["step"] > 0).any():
        return []
    ends = np.array([run.rows.loc[run.rows["step"] > 0, "step"].iloc[0], run.rows["step"].iloc[-1]], float)
    return [Curve("", ends, np.full(2, power), m, "dot") for m, power in enumerate(theory.power[:MOST_MODES])]


def _after_each(run: OneRun) -> list[Curve]:
    """The loss of the output after 2, 3, ... elements; those that the run was not trained on are called so."""
    if not run.has("step_loss"):
        return []
    rows = run.rows[run.rows["step_loss"].notna() & (run.rows["step"] > 0)]
    if rows.empty:
        return []
    values = stacked(rows["step_loss"].tolist(), len(rows["step_loss"].iloc[0]))
    every = run.config["task"].get("outputs") == "every"
    words = ["" if every or place == values.shape[1] - 1 else " (not trained on)" for place in range(values.shape[1])]
    return [Curve(f"after {place + 2}{words[place]}", rows["step"].to_numpy(float), each, place) for place, each in enumerate(values.T)]


def _caption(theory: Theory, found: Climb) -> str:
    levels = ", ".join(f"{level:.4g}" for level in theory.levels[: MOST_MODES + 1])
    more = f", and {len(theory.levels) - MOST_MODES - 1} more" if len(theory.levels) > MOST_MODES + 1 else ""
    told = [
        f"Dashed: the levels {levels}{more} of the loss, which theory gives for networks that learn one mode of the template at a time, strongest first: "
        "the power of what is not learned, over the number of elements.",
        measured(found),
        "Dotted beside the powers: the template’s own.",
    ]
    return " ".join(filter(None, told))


def measured(found: Climb) -> str:
    """Heights of the plateaus beside their levels."""
    words = [f"{each.height:.4g} at {each.level:.4g} ({signed(each.error)})" for each in found.plateaus if each.height == each.height]
    missing = [f"{each.level:.4g}" for each in found.plateaus if each.height != each.height]
    told = f"Measured plateaus, where the loss was flattest: {', '.join(words)}." if words else ""
    return f"{told} None was seen near {', '.join(missing)}.".strip() if missing else told


def signed(share: float) -> str:
    """A relative error in percent, with its sign."""
    return f"{100 * share:+.1f} %"


def findings(run: OneRun) -> list[str]:
    """What a run of group composition did, in sentences; none of another kind."""
    theory = theory_of(run.config)
    if theory is None or not run.has("test_loss"):
        return []
    found = of_rows(theory, run.rows)
    told = [measured(found)]
    if found.plateaus:
        close = sum(abs(each.error) <= CLOSE for each in found.plateaus)
        told.append(f"{close} of {len(found.plateaus)} plateaus that can be told apart lie within {percent(CLOSE)} of theory’s levels.")
    told.append(_order(theory, found))
    return [each for each in told if each]


def _order(theory: Theory, found: Climb) -> str:
    times: Sequence[tuple[float, str]] = sorted((time, name) for time, name in zip(found.learned, theory.modes, strict=False) if time < float("inf"))
    if not times:
        return "No mode of the template was learned."
    listed = ", ".join(f"{safe(name)} (step {time:,.0f})" for time, name in times[:MOST_MODES])
    verdict = "by falling power, as theory has it" if found.in_order else "not by falling power"
    more = f" and {len(times) - MOST_MODES} more" if len(times) > MOST_MODES else ""
    return f"Modes were learned {verdict}: {listed}{more}; {len(times)} of the {theory.main} with {percent(LEAST)} or more of the power."
