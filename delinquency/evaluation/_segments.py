"""The figures of a score for each segment, and for each month."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.evaluation._bands import rates_by
from delinquency.evaluation._calibration import TRUTH_FIGURES, calibration
from delinquency.evaluation._discrimination import RANK_FIGURES, discrimination
from delinquency.evaluation._door import outcomes_and_scores
from delinquency.evaluation._groups import groups_of, month_ends

__all__ = ["by_month", "by_segment"]

_TRUTH = (*TRUTH_FIGURES, "ece_noise_high")


def by_segment(
    y: Any, probability: Any, segment: Any, *, account: Any = None, simulations: int = 500
) -> pd.DataFrame:
    """Return rates, ranking and calibration of each segment, side by side.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    probability : array-like of shape (n,)
        Probability of bad.
    segment : array-like of shape (n,)
        Segment of each account. An ordered categorical keeps its order; anything else is sorted.
    account : array-like of shape (n,), optional
        See `discrimination`.
    simulations : int
        Samples drawn for each segment's noise band.

    Returns
    -------
    DataFrame
        ``segment``, the columns of `by_band`, then ``auc, auc_low, auc_high, gini, ks`` and
        ``intercept, intercept_low, intercept_high, slope, log_loss, brier, ece, ece_noise_high``.
        These are missing in a segment of goods or bads alone.

    Raises
    ------
    InputError
        As `by_band`.

    Examples
    --------
    >>> table = by_segment([0, 1, 0, 1, 0], [0.1, 0.9, 0.4, 0.3, 0.2], ["x", "x", "y", "y", "z"])
    >>> table[["segment", "n", "bad_rate", "auc"]]
      segment  n  bad_rate  auc
    0       x  2       0.5  1.0
    1       y  2       0.5  0.0
    2       z  1       0.0  NaN
    """
    labels, scores = outcomes_and_scores(y, probability, both=False)
    names, codes = groups_of(segment, len(labels), "segment")
    accounts = None if account is None else np.asarray(account)
    return _by("segment", names, codes, labels, scores, accounts, simulations)


def by_month(
    y: Any, probability: Any, month: Any, *, account: Any = None, simulations: int = 500
) -> pd.DataFrame:
    """Return rates, ranking and calibration of each month, in the order of time.

    Parameters
    ----------
    y, probability, account, simulations
        See `by_segment`.
    month : array-like of shape (n,)
        A date of each account's snapshot; any day of the month.

    Returns
    -------
    DataFrame
        As `by_segment`, with ``month`` (its last day) in place of ``segment``.

    Raises
    ------
    InputError
        As `by_segment`, and ``DLQ-103`` when months are no dates.

    Examples
    --------
    >>> months = ["2026-02-28", "2026-02-28", "2026-01-31", "2026-01-31"]
    >>> by_month([0, 1, 1, 0], [0.2, 0.3, 0.1, 0.4], months)[["month", "n", "auc"]]
           month  n  auc
    0 2026-01-31  2  0.0
    1 2026-02-28  2  1.0
    """
    labels, scores = outcomes_and_scores(y, probability, both=False)
    names, codes = groups_of(month_ends(month, len(labels)), len(labels), "month")
    accounts = None if account is None else np.asarray(account)
    return _by("month", names, codes, labels, scores, accounts, simulations)


def _by(
    name: str,
    groups: pd.Index,
    codes: np.ndarray,
    y: np.ndarray,
    p: np.ndarray,
    account: np.ndarray | None,
    simulations: int,
) -> pd.DataFrame:
    rates = pd.DataFrame({name: groups, **rates_by(codes, len(groups), y, p)})
    figures = []
    for position in range(len(groups)):
        inside = codes == position
        of_group = None if account is None else account[inside]
        figures.append(_figures(y[inside], p[inside], of_group, simulations))
    return rates.join(pd.DataFrame(figures, columns=[*RANK_FIGURES, *_TRUTH]))


def _figures(
    y: np.ndarray, p: np.ndarray, account: np.ndarray | None, simulations: int
) -> list[float]:
    if y.sum() in (0, len(y)):
        return [np.nan] * len(RANK_FIGURES + _TRUTH)
    ranking = discrimination(y, p, account=account)
    truth = calibration(y, p, simulations=simulations)
    return [getattr(ranking, f) for f in RANK_FIGURES] + [getattr(truth, f) for f in _TRUTH]
