"""What each band holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.evaluation._door import outcomes_and_scores
from delinquency.evaluation._intervals import jeffreys

__all__ = ["by_band"]


def by_band(y: Any, probability: Any, band: Any, *, level: float = 0.95) -> pd.DataFrame:
    """Return the bad rate of each band beside what its probabilities promised.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good. One class alone is allowed here.
    probability : array-like of shape (n,)
        Probability of bad.
    band : array-like of shape (n,)
        Band of each account. An ordered categorical keeps its order; anything else is sorted, so
        that A comes first. A category without accounts keeps its row, with missing rates.
    level : float
        Level of the Jeffreys interval of the bad rate.

    Returns
    -------
    DataFrame
        ``band``, ``n``, ``share`` of accounts, ``bads``, ``bad_rate``, its interval ``low`` and
        ``high``, and ``expected``, the mean probability.

    Raises
    ------
    InputError
        As `discrimination`, and ``DLQ-104`` when bands are missing.

    Examples
    --------
    >>> by_band([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8], ["A", "A", "B", "B"]).round(3)
      band  n  share  bads  bad_rate    low   high  expected
    0    A  2    0.5     0       0.0  0.000  0.667      0.15
    1    B  2    0.5     2       1.0  0.333  1.000      0.55
    """
    labels, scores = outcomes_and_scores(y, probability, both=False)
    names, codes = _groups(band, len(labels), "band")
    n = np.bincount(codes, minlength=len(names))
    bads = np.bincount(codes, weights=labels, minlength=len(names))
    expected = np.bincount(codes, weights=scores, minlength=len(names))
    low, high = jeffreys(bads, n, level)
    some = n > 0
    columns = {
        "band": names,
        "n": n,
        "share": n / len(labels),
        "bads": bads.astype("int64"),
        "bad_rate": _rate(bads, n),
        "low": np.where(some, low, np.nan),
        "high": np.where(some, high, np.nan),
        "expected": _rate(expected, n),
    }
    return pd.DataFrame(columns)


def _rate(part: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.divide(part, n, out=np.full(len(n), np.nan), where=n > 0)


def _groups(values: Any, n: int, name: str) -> tuple[pd.Index, np.ndarray]:
    """Return the names of groups in order, and the position of each account's group."""
    series = pd.Series(values).reset_index(drop=True)
    if len(series) != n:
        what = f"{len(series):,} values for {n:,} outcomes"
        raise InputError(Problem("DLQ-103", what, name, fix="pass one for each outcome"))
    missing = int(series.isna().sum())
    if missing:
        what = f"values are missing in {missing:,} of {n:,} rows"
        raise InputError(Problem("DLQ-104", what, name, missing, 'name them, such as "unknown"'))
    ordered = isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered
    if not ordered:
        plain = series.astype(series.cat.categories.dtype) if hasattr(series, "cat") else series
        series = plain.astype("category")
    return series.cat.categories, series.cat.codes.to_numpy()
