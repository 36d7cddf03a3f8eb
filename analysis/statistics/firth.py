"""Logistic regression that never blows up: Firth's penalised likelihood, many data sets at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_STEPS, CLOSE, LONGEST = 60, 1e-7, 5.0


def firth(design: Array, successes: Array, trials: Array) -> Array:
    """Coefficients of logit P(success) = design . b, by Firth's penalised likelihood (1993, Biometrika 80:27): Jeffreys' prior.

    It takes away the first-order bias of maximum likelihood, and is finite also where a line parts successes from failures, where maximum
    likelihood is not (Heinze and Schemper 2002). Newton's steps on the penalised score, of scaled columns, each cut to length LONGEST.

    Args:
        design: (C, P) of full rank.   successes, trials: (B, C) for B data sets over the same C cells; trials may be 0.

    Returns:
        (B, P); NaN for a data set whose cells with trials do not determine b.
    """
    unit = np.sqrt(np.mean(design**2, axis=0))
    x = design / unit
    b = np.zeros((len(successes), x.shape[1]))
    active, solved = np.arange(len(successes)), np.zeros(len(successes), bool)
    for _ in range(MOST_STEPS):
        step, possible = _step(x, b[active], successes[active], trials[active])
        b[active] += step
        settled = possible & (np.abs(step).max(axis=1) < CLOSE)
        solved[active[settled]] = True
        active = active[possible & ~settled]
        if not len(active):
            break
    return np.where(solved[:, None], b / unit, np.nan)


def _step(x: Array, b: Array, successes: Array, trials: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Newton's step of each data set (B, P), and which have one."""
    share = 1 / (1 + np.exp(-np.clip(b @ x.T, -40, 40)))
    weight = trials * share * (1 - share)
    information = np.einsum("bc,ci,cj->bij", weight, x, x, optimize=True)
    possible = np.linalg.det(information) > 1e-300
    inverse = np.linalg.inv(np.where(possible[:, None, None], information, np.eye(x.shape[1])))
    leverage = weight * np.einsum("bij,ci,cj->bc", inverse, x, x, optimize=True)
    score = (successes - trials * share + leverage * (0.5 - share)) @ x
    step = np.where(possible[:, None], np.einsum("bij,bj->bi", inverse, score), 0.0)
    length = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1, LONGEST / np.maximum(length, LONGEST)), possible
