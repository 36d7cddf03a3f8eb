"""What the network has learned, as frequencies: of the embedding, of the logits, and how sharp they become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.one_run import OneRun
from analysis.run_figures.panels import Bars, Curve, Heat, Info, Panel, Scale, curve, lines, marks

FAINTEST = -5.0  # log10 of the least share of energy that the logits' spectrum shows
SHARES = Scale("log₁₀ of the share", FAINTEST, 0.0)


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Spectra at the last snapshot and over snapshots, and the columns of smoothness and of Fourier structure over steps."""
    panels: list[Panel] = [*_embedding(run), *_logits(run)]
    scales = {"log": SHARES} if any(isinstance(each, Heat) for each in panels) else {}
    panels += lines("shares of energy", _curves(run, ("diagonal_energy", "logit_smoothness", "spectral_smoothness")), low=0.0, high=1.0)
    if (history := _evolution(run)) is not None:
        panels.append(history)
        scales["share"] = Scale("share", 0.0, float(max(0.05, history.values.max())))
    panels += lines("concentration", _curves(run, ("embedding_gini", "neuron_ipr")), low=0.0, high=1.0)
    panels += lines("how many frequencies are key", [curve(run, "n_key_frequencies", 1)], low=0.0)
    losses = [curve(run, "train_loss", 0, dash="dot"), curve(run, "test_loss", 1), curve(run, "restricted_loss", 2), curve(run, "excluded_loss", 3)]
    if run.has("restricted_loss") or run.has("excluded_loss"):
        panels += lines("losses with frequencies kept or removed", losses, log=True)
    if not panels:
        return "no spectra were kept or measured, so there is no spectral analysis"
    return (Info("spectral_analysis", "Spectral analysis", tuple(panels), _caption(run, panels), 2, 1, scales, marks(run)),)


def _curves(run: OneRun, columns: Sequence[str]) -> list[Curve | None]:
    return [curve(run, column, order) for order, column in enumerate(columns)]


def key_frequencies(run: OneRun) -> tuple[int, ...]:
    """Those found at the last measurement; empty where none were looked for."""
    last = run.last("key_frequencies")
    return () if last is None else tuple(sorted(int(each) for each in last))


def _embedding(run: OneRun) -> list[Bars]:
    spectrum = run.snapshots.last("embedding_spectrum")
    if spectrum is None:
        return []
    x = np.arange(1.0, len(spectrum) + 1)
    chosen = frozenset(float(each) for each in key_frequencies(run))
    return [Bars("spectrum of the embedding", x, spectrum.astype(float), "frequency", "share of energy", chosen, height=300)]


def _logits(run: OneRun) -> list[Heat]:
    spectrum = run.snapshots.last("logit_spectrum")
    return [] if spectrum is None else [logits(spectrum)]


def logits(spectrum: NDArray[np.floating], title: str = "spectrum of the centred logits") -> Heat:
    """The two-dimensional spectrum (n, n) with frequency 0 in the middle, on the scale of log10 shares from FAINTEST."""
    p = len(spectrum)
    axis = np.arange(p, dtype=float) - p // 2
    shown = np.log10(np.maximum(np.fft.fftshift(spectrum).astype(np.float32), 10**FAINTEST))
    return Heat(title, shown, axis, axis, "frequency of b", "frequency of a", "log", square=True, height=300)


def _evolution(run: OneRun) -> Heat | None:
    """The embedding's spectrum at every snapshot."""
    steps = run.snapshots.of("embedding_spectrum")
    if len(steps) < 3:
        return None
    values = np.stack([run.snapshots.arrays(step)["embedding_spectrum"] for step in steps]).T
    return Heat("spectrum of the embedding over training", values, np.asarray(steps, float), np.arange(1.0, len(values) + 1), "step", "frequency", "share")


def _caption(run: OneRun, panels: Sequence[Panel]) -> str:
    titles, told = {panel.title for panel in panels}, []
    if keys := key_frequencies(run):
        told.append(
            f"Key frequencies: {', '.join(map(str, keys))}, of the embedding drawn in orange."
            if "spectrum of the embedding" in titles
            else f"Key frequencies: {', '.join(map(str, keys))}."
        )
    if "spectrum of the centred logits" in titles:
        told.append("Logits: share of energy at each pair of frequencies, mean removed; shares under 10⁻⁵ are drawn as that. A sum a + b is on the diagonal.")
    if run.has("diagonal_energy"):
        told.append("Diagonal energy: the share that depends on the answer alone, near 1 once it has generalised.")
    if run.has("spectral_smoothness") or run.has("logit_smoothness"):
        told.append("Smoothness: the share at low frequencies; a network that has generalised need not have any.")
    if run.has("restricted_loss"):
        told.append(
            "Restricted: with key frequencies alone, chosen anew at each measurement; excluded: with them removed, on training pairs (Nanda et al. 2023)."
        )
    if run.has("embedding_gini"):
        told.append("Gini: how unequal the embedding's frequencies are; IPR: how few each neuron uses.")
    return " ".join(told) or "Columns as measured."
