"""Parting ordered cells into runs with a rising bad rate: for bands, and for bins of a scorecard."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["best_partition"]


def best_partition(
    cells: np.ndarray, n: int, min_count: float, min_bads: float
) -> tuple[list[tuple[int, int]], float]:
    """Return runs of cells with rising bad rates and the greatest likelihood, and that log-likelihood.

    Parameters
    ----------
    cells : ndarray (cells, 2)
        Accounts and bads of each cell, in order.
    n : int
        Most runs.
    min_count, min_bads : float
        Fewest accounts and bads of a run.

    Returns
    -------
    list of (first, last), float
        No run and minus infinity when the cells cannot carry one.

    Notes
    -----
    Dynamic programme over (run's first cell, run's last cell): the best way to end with that run needs
    the best way to end with a run before it whose bad rate is lower.
    """
    size = len(cells)
    accounts = np.concatenate([[0], np.cumsum(cells[:, 0])])
    bads = np.concatenate([[0], np.cumsum(cells[:, 1])])
    count = accounts[None, 1:] - accounts[:-1, None]  # [first, last]
    bad = bads[None, 1:] - bads[:-1, None]
    allowed = (count >= min_count) & (bad >= min_bads) & (np.triu(np.ones((size, size))) > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = bad / count
        entropy = bad * np.log(rate) + (count - bad) * np.log1p(-rate)
    gain = np.where(allowed, np.nan_to_num(entropy, neginf=0.0), -math.inf)
    best = np.where(np.arange(size)[:, None] == 0, gain, -math.inf)
    layers, choices = [best], []
    for _ in range(1, n):
        best, choice = _extend(layers[-1], gain, rate)
        layers.append(best)
        choices.append(choice)
    ends = [layer[:, -1].max() for layer in layers]
    depth = int(np.argmax(ends))
    if not math.isfinite(ends[depth]):
        return [], -math.inf
    first, last, ends_at = int(np.argmax(layers[depth][:, -1])), size - 1, ends[depth]
    runs = [(first, last)]
    while depth > 0:
        before = int(choices[depth - 1][first, last])
        first, last, depth = before, first - 1, depth - 1
        runs.append((first, last))
    return runs[::-1], float(ends_at)


def _extend(
    before: np.ndarray, gain: np.ndarray, rate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best value of ending with each run when one more run stands before it."""
    size = len(gain)
    best = np.full((size, size), -math.inf)
    choice = np.zeros((size, size), dtype=int)
    for first in range(1, size):
        previous, rates = before[:first, first - 1], rate[:first, first - 1]
        rises = rates[:, None] < rate[first, first:]  # a rate that is not a number never rises
        fits = np.where(rises, previous[:, None], -math.inf)
        choice[first, first:] = np.argmax(fits, axis=0)
        best[first, first:] = fits.max(axis=0) + gain[first, first:]
    return best, choice
