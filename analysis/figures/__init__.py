"""One figure, one file: `prepare(tables, ...) -> Info` computes, `draw(info) -> Figure` draws. One line each below, in the report's order.

A member has `TITLE`, `prepare`, `draw` and `table` (the numbers behind the figure). `prepare` returns a sentence instead
of an Info where the figure does not apply. `draw(info, narrow=True)` is the same traces in one column, for small screens.
"""

from analysis.figures import (
    curvature,
    curves,
    depth,
    final,
    frequencies,
    gates,
    heads,
    importance,
    mechanisms,
    norms,
    optimizer,
    parallel,
    pareto,
    phase,
    points,
    routing,
    search,
    spectra,
    survival,
    time_to_goal,
)

MEMBERS = {
    "phase": phase,
    "points": points,
    "search": search,
    "pareto": pareto,
    "final": final,
    "time": time_to_goal,
    "survival": survival,
    "importance": importance,
    "parallel": parallel,
    "depth": depth,
    "gates": gates,
    "routing": routing,
    "mechanisms": mechanisms,
    "heads": heads,
    "curves": curves,
    "spectra": spectra,
    "frequencies": frequencies,
    "norms": norms,
    "curvature": curvature,
    "optimizer": optimizer,
}
