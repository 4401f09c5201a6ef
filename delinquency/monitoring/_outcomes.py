"""What came of the accounts, where enough time has passed: calibration and rank order."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy.special import betaincinv, logit

from delinquency import schema
from delinquency.evaluation import by_month, by_segment
from delinquency.monitoring._segments import segment_names

__all__ = ["completed", "outcomes", "with_outcomes"]

KEY = list(schema.SCORES.key)


def outcomes(
    scores: Any, labels: Any, *, segments: Any = None, simulations: int = 200
) -> pd.DataFrame:
    """Hold what scores promised against what came, by month of the snapshot or by segment.

    Accounts without a label (immature, indeterminate, excluded) take no part; `early_reads` speaks of
    those whose time has not come.

    Parameters
    ----------
    scores : table
        See `delinquency.schema.SCORES`; several snapshot dates may stand in it.
    labels : table
        See `delinquency.schema.LABELS`.
    segments : Series or mapping, optional
        Account to segment. With it the rows are segments, over all months together; an account
        that has none is in ``unknown``. The intervals allow for accounts that stand in several months.
    simulations : int
        Samples drawn for each noise band.

    Returns
    -------
    DataFrame
        ``month`` (its last day) or ``segment``, then as `delinquency.evaluation.by_month`: ``n, share,
        bads, bad_rate, low, high, expected`` (mean probability), ``auc, auc_low, auc_high, gini, ks,
        intercept, intercept_low, intercept_high, slope, log_loss, brier, ece, ece_noise_high``. The
        last two lines are missing where there are bads or goods alone. No rows when nothing has matured.

    Raises
    ------
    InputError
        As `delinquency.schema.admit`; ``DLQ-101`` an account with two segments;
        ``DLQ-115`` when ids are text in one table, integers in another.

    Examples
    --------
    >>> scores = pd.DataFrame({"account_id": [1, 2], "snapshot_date": "2026-01-31"})
    >>> scores = scores.assign(probability=[0.2, 0.6], points=[640.0, 580.0], band=["A", "B"])
    >>> labels = scores[["account_id", "snapshot_date"]].assign(bad=[0, 1])
    >>> outcomes(scores, labels)[["month", "n", "bads", "expected", "auc"]]
           month  n  bads  expected  auc
    0 2026-01-31  2     1       0.4  1.0
    """
    rows = with_outcomes(scores, labels)
    parts = (rows["bad"], rows["probability"])
    if not len(rows):
        return _nothing("month" if segments is None else "segment")
    if segments is None:
        return by_month(*parts, rows["snapshot_date"], simulations=simulations)
    named = segment_names(segments, rows["account_id"])
    table = by_segment(*parts, named, account=rows["account_id"], simulations=simulations)
    return _widened(table, rows, named)


def _widened(table: pd.DataFrame, rows: pd.DataFrame, named: pd.Series[Any]) -> pd.DataFrame:
    """Widen the interval of the intercept: an account in six months is not six accounts.

    The variance of a sum is that of the sums of the accounts (Liang and Zeger 1986), never less than
    that of rows that know nothing of each other.
    """
    name = named.rename("segment")
    each = rows["probability"] * (1 - rows["probability"])
    off = rows["bad"] - rows["probability"]
    alone = each.groupby(name).sum()
    # what is common to all is the shift itself, and no chance
    shift = off.groupby(name).sum() / alone
    off = off - each * name.map(shift)
    together = (off.groupby([name, rows["account_id"]]).sum() ** 2).groupby(level=0).sum()
    factor = (together / alone).clip(lower=1.0) ** 0.5
    wider = table["segment"].astype("str").map(factor)
    middle = table["intercept"]
    for end in ("intercept_low", "intercept_high"):
        table[end] = middle + (table[end] - middle) * wider
    return table


def with_outcomes(scores: Any, labels: Any) -> pd.DataFrame:
    """Return the scores of accounts whose outcome is known, with ``bad``."""
    table = schema.admit(scores, schema.SCORES)
    known = schema.admit(labels, schema.LABELS)
    schema.refuse_other_ids(table["account_id"], known["account_id"], "scores, labels")
    known = known.loc[known["bad"].notna(), [*KEY, "bad"]]
    return table.merge(known, on=KEY, validate="1:1").astype({"bad": "int64"})


def _nothing(name: str) -> pd.DataFrame:
    table = by_segment([0, 1], [0.1, 0.9], ["x", "y"], simulations=1).iloc[:0]
    return table.rename(columns={"segment": name})


def completed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with an intercept where only goods or only bads came.

    No logistic curve fits them, but the rate says it: Jeffreys' interval, as log-odds against the mean
    promise. Three hundred bads promised and none come is a promise broken, not a figure missing.
    """
    bads, n = table["bads"].astype("float64"), table["n"].astype("float64")
    alone = table["intercept"].isna() & (n > 0) & ((bads == 0) | (bads == n))
    ends = {"intercept_low": 0.025, "intercept": 0.5, "intercept_high": 0.975}
    promised = logit(table["expected"].astype("float64"))
    filled = {
        name: table[name].where(
            ~alone, logit(betaincinv(bads + 0.5, n - bads + 0.5, share)) - promised
        )
        for name, share in ends.items()
    }
    return table.assign(**filled)
