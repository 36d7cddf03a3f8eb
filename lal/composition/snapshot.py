"""Snapshots: what a composing network looks like at one step, as arrays that pictures are made of. Torch is imported inside functions.

modes           (M,) text           names of the group's modes (irreducible representations, conjugates as one), the trivial one first
template        (G,) float64        the template, in the order of the elements; row-major on a grid (`shape`)
template_power  (M,) float64        its power in each mode
levels          (m + 1,) float64    the plateaus of theory, descending
mode_order      (m,) int64          the mode that is learned between two of them
shape           (1,) or (2,) int64  how a function on the group is drawn
power           (M,) float64        mean power of the last output over the evaluated tuples, in each mode
error           (M,) float64        mean power of what it is off by
elements        (n, k) int64        EXAMPLES tuples, the same over the whole run
predictions     (n, S, G) float32   outputs for them: after 2, ..., k elements of recurrent networks, else the last alone
targets         (n, S, G) float32   what they are to be
w_in, w_drive, w_mix, w_out         float32, the weights: (D, G) or (D, k G), (D, G), (D, D), (G, D)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

EXAMPLES = 16
PACKED = 0.93  # of the bytes of float32 weights are left by compression


def snapshot(probe: Probe) -> dict[str, np.ndarray]:
    """The arrays of one step. Use without gradients."""
    import numpy as np
    import torch

    from lal.runs.streams import stream

    task, template, tree = probe.run.task, probe.reader.template, probe.reader.tree
    elements = torch.randint(task.order, (EXAMPLES, task.k), generator=stream(probe.run.seed, "examples"))
    predictions = probe.network(elements.to(tree.codes.device)).cpu().float().numpy()
    products = template.group.products(elements.numpy())[:, -predictions.shape[1] :]
    weights = {name: each.detach().cpu().float().numpy() for name, each in probe.network.named_parameters()}
    return {
        "modes": np.array(template.group.modes),
        "template": template.values,
        "template_power": template.power,
        "levels": template.staircase.levels,
        "mode_order": template.staircase.modes,
        "shape": np.array(template.group.shape),
        "power": probe.test.power.numpy(),
        "error": probe.test.error.numpy(),
        "elements": elements.numpy(),
        "predictions": predictions,
        "targets": template.group.moved(template.values)[products].astype(np.float32),
        **weights,
    }


def size(run: Composition) -> int:
    """Bytes of one snapshot on disk, about."""
    outputs = run.task.k - 1 if run.model.recurrent else 1
    return 4_000 + round(PACKED * 4 * (run.n_parameters() + 2 * EXAMPLES * outputs * run.task.order)) + 40 * run.task.order
