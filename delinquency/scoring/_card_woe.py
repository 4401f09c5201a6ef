"""The classical card: characteristics enter by the score test, each weight of evidence with one weight."""

from __future__ import annotations

import warnings

import numpy as np

from delinquency.scoring._logistic import fit_nonnegative

__all__ = ["forward_woe", "level_of", "similar"]

_ENTERS = 3.84  # the 5% point of chi-square with one degree of freedom
_SPEAKS = 0.02  # a smaller weight rounds to no points


def forward_woe(
    woe: np.ndarray, bad: np.ndarray, weight: np.ndarray, alike: np.ndarray, most: int
) -> tuple[list[int], np.ndarray, float]:
    """Take characteristics one by one, by the score test, until none adds anything.

    Parameters
    ----------
    woe : ndarray (n, candidates)
        Weights of evidence.
    bad, weight : ndarray (n,)
        Outcome and sample weight.
    alike : bool array (candidates, candidates)
        Which ones are too alike to stand on one card.
    most : int
        Most characteristics.

    Returns
    -------
    order, weights, intercept
        Chosen candidates as they entered, and the log-odds of bad as ``intercept - woe[:, order] @ weights``.
    """
    chosen: list[int] = []
    weights, intercept = np.empty(0), level_of(bad, weight)
    while len(chosen) < most:
        p = 1 / (1 + np.exp(woe[:, chosen] @ weights - intercept))
        # a higher weight of evidence is a lower risk, so what is wanted is a falling residual
        asked = -(woe.T @ (weight * (bad - p)))
        strength = np.where(asked > 0, asked, 0.0) ** 2 / _left(woe, chosen, weight * p * (1 - p))
        strength[chosen] = 0.0
        strength[alike[:, chosen].any(axis=1)] = 0.0
        best = int(np.argmax(strength))
        if strength[best] < _ENTERS:
            break
        chosen.append(best)
        weights, intercept = fit_nonnegative(-woe[:, chosen], bad, weight)
    kept = weights > _SPEAKS
    if not kept.all():
        chosen = [k for k, keep in zip(chosen, kept, strict=True) if keep]
        weights, intercept = fit_nonnegative(-woe[:, chosen], bad, weight)
    return chosen, weights, intercept


def level_of(bad: np.ndarray, weight: np.ndarray) -> float:
    """Return the log-odds of the bad rate."""
    rate = float(np.average(bad, weights=weight))
    return float(np.log(rate / (1 - rate)))


def similar(woe: np.ndarray, most: float) -> np.ndarray:
    """Return which weights of evidence correlate more than `most` (candidates, candidates)."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.abs(np.nan_to_num(np.atleast_2d(np.corrcoef(woe, rowvar=False)))) > most


def _left(woe: np.ndarray, chosen: list[int], weight: np.ndarray) -> np.ndarray:
    """Return the variance of each column that the chosen ones do not explain (score test)."""
    known = np.column_stack([np.ones(len(woe)), woe[:, chosen]])
    weighted = known * weight[:, None]
    shared = weighted.T @ woe
    explained = (shared * np.linalg.lstsq(weighted.T @ known, shared, rcond=None)[0]).sum(axis=0)
    total = weight @ (woe * woe)
    return np.maximum(total - explained, 1e-6 * total + 1e-300)
