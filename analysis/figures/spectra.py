"""Fourier structure over training: how much of a network is the algorithm of few frequencies."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Spectra over training"


def prepare(tables: Tables) -> Info | str:
    """Energy that depends on the answer alone, smoothness, concentration, restricted and excluded loss."""
    rows = [
        ("diagonal energy", {"diagonal_energy": "solid"}),
        ("smoothness", {"logit_smoothness": "solid", "spectral_smoothness": "dot"}),
        ("Gini, IPR", {"embedding_gini": "solid", "neuron_ipr": "dot"}),
        ("key frequencies", {"n_key_frequencies": "solid"}),
        ("restricted, excluded loss", {"restricted_loss": "solid", "excluded_loss": "dot"}),
    ]
    caption = (
        "Diagonal energy: share of the centred logits' energy that depends on the answer alone. Smoothness: share at low frequencies, solid of the logits, "
        "dotted of the expected class. Solid: Gini of the embedding's frequencies; dotted: inverse participation ratio of neurons. "
        "Key frequencies: how many hold 90 % of that energy; they are chosen anew at each measurement. "
        "Loss, solid: with key frequencies alone; dotted: with them removed, on training pairs."
    )
    return measures.prepare(tables, rows, caption, "no run measured spectra", ("restricted, excluded loss",))
