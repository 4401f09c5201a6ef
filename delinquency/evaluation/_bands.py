"""What each band holds, in all and month by month, and whether its promise held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.evaluation._door import level_of, outcomes_and_scores
from delinquency.evaluation._groups import groups_of, month_ends, rate
from delinquency.evaluation._intervals import holm, jeffreys

__all__ = ["by_band", "by_month_and_band", "grade_test"]


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
    names, codes = groups_of(band, len(labels), "band")
    return pd.DataFrame({"band": names, **rates_by(codes, len(names), labels, scores, level)})


def rates_by(
    codes: np.ndarray, groups: int, y: np.ndarray, p: np.ndarray, level: float = 0.95
) -> dict[str, np.ndarray]:
    """Return counts, bad rate with its interval, and mean probability of each group."""
    order = np.lexsort((y, p))  # sums must not depend on the order of rows
    codes, y, p = codes[order], y[order], p[order]
    n = np.bincount(codes, minlength=groups)
    bads = np.bincount(codes, weights=y, minlength=groups)
    expected = np.bincount(codes, weights=p, minlength=groups)
    low, high = jeffreys(bads, n, level_of(level))
    some = n > 0
    return {
        "n": n,
        "share": n / len(y),
        "bads": bads.astype("int64"),
        "bad_rate": rate(bads, n),
        "low": np.where(some, low, np.nan),
        "high": np.where(some, high, np.nan),
        "expected": rate(expected, n),
    }


def by_month_and_band(
    y: Any, probability: Any, band: Any, month: Any, *, level: float = 0.95
) -> pd.DataFrame:
    """Return the bad rate of each band in each month, and whether the order of bands held.

    Parameters
    ----------
    y, probability, band
        See `by_band`.
    month : array-like of shape (n,)
        A date of each account's snapshot; any day of the month.
    level : float
        Level of the Jeffreys intervals.

    Returns
    -------
    DataFrame
        ``month`` (its last day), then the columns of `by_band` with ``share`` within the month,
        then ``in_order``: whether the band's bad rate is at or above that of the safer band before
        it (missing for the first band and beside an empty one), and ``surely_out``: whether it is
        below by more than both intervals.

    Raises
    ------
    InputError
        As `by_band`, and ``DLQ-103`` or ``DLQ-104`` when months are no dates or missing.

    Examples
    --------
    >>> table = by_month_and_band(
    ...     [0, 1, 1, 0], [0.1, 0.4, 0.1, 0.4], list("ABAB"), ["2026-01"] * 2 + ["2026-02"] * 2
    ... )
    >>> table[["month", "band", "bad_rate", "in_order", "surely_out"]]
           month band  bad_rate in_order  surely_out
    0 2026-01-31    A       0.0     <NA>       False
    1 2026-01-31    B       1.0     True       False
    2 2026-02-28    A       1.0     <NA>       False
    3 2026-02-28    B       0.0    False       False
    """
    labels, scores = outcomes_and_scores(y, probability, both=False)
    names, codes = groups_of(band, len(labels), "band")
    months, positions = groups_of(month_ends(month, len(labels)), len(labels), "month")
    width = len(names)
    columns = rates_by(positions * width + codes, len(months) * width, labels, scores, level)
    table = pd.DataFrame(
        {"month": np.repeat(months.to_numpy(), width), "band": np.tile(names, len(months))}
        | columns
    )
    table["share"] = table["n"] / table.groupby("month")["n"].transform("sum")
    safer = table.groupby("month")[["bad_rate", "low"]].shift()
    known = safer["bad_rate"].notna() & table["bad_rate"].notna()
    table["in_order"] = (table["bad_rate"] >= safer["bad_rate"]).astype("boolean").where(known)
    table["surely_out"] = table["high"] < safer["low"]
    return table


_AGAINST = ("too_low", "too_high", "either")


def grade_test(
    y: Any, probability: Any, grade: Any, *, against: str = "too_low", level: float = 0.95
) -> pd.DataFrame:
    """Test whether the probability of each grade held, with care for testing many grades at once.

    Parameters
    ----------
    y, probability
        See `by_band`.
    grade : array-like of shape (n,)
        Grade, band or bin of each account.
    against : {"too_low", "too_high", "either"}
        What the test looks for. Supervisors look for probabilities that are too low.
    level : float
        A grade fails when its p-value after Holm lies below ``1 - level``.

    Returns
    -------
    DataFrame
        ``grade, n, bads, bad_rate, expected, p, p_holm, holds``. A grade without accounts has
        missing p-values and holds.

    Raises
    ------
    InputError
        As `by_band`; ``DLQ-103`` for an unknown `against`.

    Notes
    -----
    The Jeffreys test of the European Central Bank's "Instructions for reporting the validation
    results of internal models" (2019): the chance, after the data, that the true
    rate lies below the mean probability, with a Beta(1/2, 1/2) prior. For ``"either"`` the smaller
    tail counts twice. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.

    Examples
    --------
    A promise of 1 in 50 for six accounts, two of whom went bad, and one that held:

    >>> y = [1, 1, 0, 0, 0, 0] + [1, 0, 0, 0]
    >>> grade_test(y, [0.02] * 6 + [0.2] * 4, ["C"] * 6 + ["D"] * 4).round(4)
      grade  n  bads  bad_rate  expected       p  p_holm  holds
    0     C  6     2    0.3333      0.02  0.0010  0.0020  False
    1     D  4     1    0.2500      0.20  0.3553  0.3553   True
    """
    if against not in _AGAINST:
        what = f"expected one of {', '.join(_AGAINST)}"
        raise InputError(Problem("DLQ-103", what, "against", fix=did_you_mean(against, _AGAINST)))
    table = by_band(y, probability, grade).rename(columns={"band": "grade"})
    n, bads = table["n"].to_numpy(), table["bads"].to_numpy()
    below = betainc(bads + 0.5, n - bads + 0.5, table["expected"].fillna(0.5).to_numpy())
    tails = {"too_low": below, "too_high": 1 - below, "either": 2 * np.minimum(below, 1 - below)}
    table["p"] = np.where(n > 0, tails[against], np.nan)
    table["p_holm"] = holm(table["p"].to_numpy())
    table["holds"] = ~(table["p_holm"] < 1 - level_of(level))
    return table[["grade", "n", "bads", "bad_rate", "expected", "p", "p_holm", "holds"]]
