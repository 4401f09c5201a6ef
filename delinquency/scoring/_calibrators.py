"""Ways to find the knots of a calibration, and the choice among them by log-loss.

Each way gives a strictly rising, piecewise linear map of log-odds, so whichever is chosen, nobody's rank
changes:

``platt``
    One line (J. Platt, 1999).
``beta``
    ``a ln p - b ln (1 - p) + c`` (Kull, Silva Filho and Flach, AISTATS 2017), read off at quantiles.
``spline``
    A line that may bend at quantiles, each piece rising.
``isotonic``
    Centred isotonic regression (Oron and Flournoy, Statistics in Biopharmaceutical Research 9, 2017): pool
    what breaks the order, then join the centres of the pools.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.isotonic import IsotonicRegression

from delinquency.errors import InputError, Problem
from delinquency.scoring._calibration import Calibration, fit_calibration
from delinquency.scoring._logistic import fit_level, fit_nonnegative

__all__ = ["METHODS", "choose_calibration"]

_RISE = 1e-6  # least rise between knots, so that ranks survive
_Way = Callable[[np.ndarray, np.ndarray, np.ndarray], Calibration]


def choose_calibration(
    raw: np.ndarray, bad: np.ndarray, weight: np.ndarray, fold: np.ndarray, method: str = "auto"
) -> Calibration:
    """Return the calibration whose log-loss is least on accounts it was not fitted on.

    Parameters
    ----------
    raw : ndarray (n,)
        Raw log-odds of accounts that the trees did not learn from.
    bad, weight : ndarray (n,)
        Outcome and sample weight.
    fold : ndarray (n,)
        Fold of each account; each way is fitted on the others and judged on the fold.
    method : {"auto", "platt", "beta", "spline", "isotonic"}
        One way, or the best. Platt's line wins a tie.

    Raises
    ------
    InputError
        ``DLQ-103`` for an unknown method.
    """
    if method != "auto" and method not in METHODS:
        fix = "one of auto, " + ", ".join(METHODS)
        raise InputError(Problem("DLQ-103", "unknown method", "calibration", fix=fix))
    if method == "auto":
        losses = {name: _cross_loss(way, raw, bad, weight, fold) for name, way in METHODS.items()}
        method = min(losses, key=lambda name: losses[name])
    return METHODS[method](raw, bad, weight)


def _cross_loss(
    way: _Way, raw: np.ndarray, bad: np.ndarray, weight: np.ndarray, fold: np.ndarray
) -> float:
    total = 0.0
    for k in np.unique(fold):
        inside, judged = fold != k, fold == k
        z = way(raw[inside], bad[inside], weight[inside]).log_odds(raw[judged])
        total += (weight[judged] * (np.logaddexp(0.0, z) - bad[judged] * z)).sum()
    return total


def _platt(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    return fit_calibration(raw, bad, weight)


def _beta(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    knots = _quantiles(raw, 40)
    if len(knots) < 3:
        return fit_calibration(raw, bad, weight)
    weights, intercept = fit_nonnegative(_beta_columns(raw), bad, weight, ridge=1e-3)
    return _rising(knots, _beta_columns(knots) @ weights + intercept, "beta")


def _beta_columns(raw: np.ndarray) -> np.ndarray:
    """Return ``ln p`` and ``-ln (1 - p)``, both rising with the log-odds."""
    return np.column_stack([-np.logaddexp(0.0, -raw), np.logaddexp(0.0, raw)])


def _spline(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    knots = _quantiles(raw, 6)
    if len(knots) < 3:
        return fit_calibration(raw, bad, weight)
    weights, intercept = fit_nonnegative(_pieces(raw, knots), bad, weight, ridge=1.0)
    return _rising(knots, _pieces(knots, knots) @ weights + intercept, "spline")


def _pieces(raw: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return how far each score has gone into each piece; the first and last pieces are open."""
    ends = np.concatenate([[-np.inf], knots[1:-1], [np.inf]])
    gone = np.clip(raw[:, None], ends[:-1], ends[1:])
    return gone - np.concatenate([[knots[1]], knots[1:-1]])


def _isotonic(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    level = IsotonicRegression().fit_transform(raw, bad, sample_weight=weight)
    _, pool = np.unique(level, return_inverse=True)
    total = np.bincount(pool, weights=weight)
    centre = np.bincount(pool, weights=weight * raw) / total
    bads = np.bincount(pool, weights=weight * bad)
    # half a case each, so that a pool without goods or bads has odds at all
    odds = np.log((bads + 0.5) / (total - bads + 0.5))
    if len(centre) < 3:
        return fit_calibration(raw, bad, weight)
    joined = _rising(centre, np.maximum.accumulate(odds), "isotonic")
    # joining the centres of uneven pools moves the mean a little; put it back
    level = fit_level(joined.log_odds(raw), bad, weight)
    return _rising(centre, np.maximum.accumulate(odds) + level, "isotonic")


def _quantiles(raw: np.ndarray, pieces: int) -> np.ndarray:
    knots = np.unique(np.quantile(raw, np.linspace(0.005, 0.995, pieces + 1)))
    return knots[np.append(True, np.diff(knots) > _RISE)]


def _rising(raw: np.ndarray, level: np.ndarray, method: str) -> Calibration:
    """Return the calibration through the knots, with the least rise where they are level."""
    apart = np.append(True, np.diff(raw) > 1e-9)
    raw, level = raw[apart], level[apart]
    return Calibration(raw, level + _RISE * np.arange(len(level)), method)


METHODS: dict[str, _Way] = {
    "platt": _platt,
    "beta": _beta,
    "spline": _spline,
    "isotonic": _isotonic,
}
