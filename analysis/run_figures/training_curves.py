"""Loss and accuracy on both sides of the split, what is charged, and the learning rate."""

from __future__ import annotations

from analysis.figures.routing import OPERATIONS
from analysis.figures.theme import word
from analysis.goal_words import goal_words
from analysis.one_run import OneRun
from analysis.run_figures.panels import Info, curve, lines, marks

TEST, TRAIN, CLEAN = 1, 0, 2
ROUTING = "Routing entropy: 0 when every input takes one head, 1 when all heads share alike; effective heads: how many are used over all inputs."


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Of a run that is not supervised, the columns that it aims at."""
    fit, goal = run.fit.column if run.fit else None, run.goal.column
    charged = [curve(run, name, order) for order, name in enumerate(("compute_cost", "routing_penalty", "spectral_penalty"))]
    charges = [each for each in charged if each is not None]
    accuracy = goal == "test_acc"
    panels = [
        *lines("loss", [curve(run, "train_loss", TRAIN, "train", "dot"), curve(run, "test_loss", TEST, "test")], log=True),
        *lines(
            "accuracy" if accuracy else "goal",
            [
                curve(run, fit, TRAIN, "train" if accuracy else None, "dot") if fit else None,
                curve(run, goal, TEST, "test" if accuracy else None),
                curve(run, "mirror_clean_acc", CLEAN, "test, mirror-clean", "dash"),
            ],
            low=0.0 if accuracy else None,
            high=1.0 if accuracy else None,
        ),
        *lines("margin of the right answer", [curve(run, "train_margin", TRAIN, "train", "dot"), curve(run, "test_margin", TEST, "test")]),
        *lines("routing entropy / log n", [curve(run, "routing_entropy_norm", 3)], low=0.0, high=1.0),
        *lines("effective heads", [curve(run, "effective_heads", 4)], low=1.0),
        *lines("heads by operation (nats)", [curve(run, "operation_specialisation", 5)], low=0.0),
        *lines("learning rate", [curve(run, "lr", 0)], low=0.0),
        *lines("charges" if len(charges) > 1 else charges[0].label if charges else "", charges, low=0.0),
    ]
    if not panels:
        return "it has no evaluation after step 0, so there are no curves"
    caption = (
        "Steps are on a log scale and begin after 0. "
        + _upright(run)
        + (
            "Mirror-clean: test pairs whose mirror image was not trained on, which a network that is merely symmetric gets wrong. "
            if run.has("mirror_clean_acc")
            else ""
        )
        + (f"{ROUTING} " if run.has("routing_entropy_norm") else "")
        + (OPERATIONS if run.has("operation_specialisation") else "")
        + "The first learning rates are those of its warm-up, if it has one."
    )
    return (Info("training_curves", "Training curves", tuple(panels), caption, marks=marks(run)),)


def _upright(run: OneRun) -> str:
    """What the upright lines are that are drawn, by which thresholds; nothing where there are none."""
    limits, past = run.thresholds, goal_words(run.fit).past
    sign = {"max": "≥", "min": "≤"}
    said = {
        "memorised": f"{word(limits.fit_column)} {sign[limits.fit_direction]} {limits.fit:g}",
        past: f"{word(limits.goal_column)} {sign[limits.direction]} {limits.goal:g}, {limits.window} evaluations in a row",
    }
    told = " and ".join(f"{what} ({said[what]})" for _, what in marks(run))
    return f"Upright lines: the evaluations at which it {told}. " if told else ""
