"""The figures of one run, one a file: `prepare(run)` gives its Infos, or a sentence that ends "left out: ..." where it does not apply;
nothing where it is of another kind of run.

One line each below, in the report's order. All are drawn by `drawing.draw`, from the panels that `panels` has.
"""

from analysis.run_figures import (
    agent,
    composing,
    curvature,
    depth_of_inputs,
    gates,
    optimizer,
    routing,
    space_time,
    spectral_analysis,
    staircase,
    training_curves,
    weight_norms,
)

MEMBERS = (training_curves, staircase, composing, agent, space_time, routing, gates, depth_of_inputs, spectral_analysis, weight_norms, curvature, optimizer)
