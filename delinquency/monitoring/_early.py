"""Early reads: what has come so far of accounts whose time is not over, against what should have come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import poisson

from delinquency import history, portfolio, schema
from delinquency.errors import InputError, Problem

__all__ = ["early_reads", "reads_early", "timing"]

KEY = list(schema.SCORES.key)
_FEW = 50.0  # bads expected; below it the normal curve is too symmetric
_COLUMNS = [
    *("snapshot_date", "age", "within", "n", "expected", "share_expected"),
    *("bads", "expected_so_far", "low", "high", "ratio", "outside"),
]


def timing(
    months: Any, spec: history.LabelSpec, *, since: Any = None, until: Any = None
) -> pd.DataFrame:
    """Return which share of an account's chance of going bad falls before each age, by where it stood.

    Months are chained: the one-month roll rates, with "bad" as a state that nobody leaves. So it rests
    on one assumption, that next month depends on this month's bucket alone; a share of a chance bears
    that far better than the chance itself, which stays the score's.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    spec : LabelSpec
        What counts as bad: ``event="late"``, ever inside the window.
    since, until : date, optional
        First and last month from which a step is taken.

    Returns
    -------
    DataFrame
        One row a bucket (index ``from_bucket``), one column an age in months from 1 to ``spec.within``;
        the last is 1. A bucket from which nobody goes bad has the shares of all accounts together, and
        even shares when nobody at all does.

    Raises
    ------
    InputError
        ``DLQ-141`` for a label that is not "late at any time", as of roll rates.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": np.repeat(range(4), 3),
    ...         "month": ["2026-01", "2026-02", "2026-03"] * 4,
    ...         "days_past_due": [0, 0, 0, 0, 0, 31, 0, 31, 62, 0, 0, 0],
    ...     }
    ... )
    >>> timing(months, history.LabelSpec(dpd=30, within=2)).loc["0"].round(3).tolist()
    [0.583, 1.0]
    """
    if not reads_early(spec):
        what = "an early read needs a label that counts lateness at any time in the window"
        fix = 'LabelSpec(event="late", at_end=False)'
        raise InputError(Problem("DLQ-141", what, "LabelSpec", fix=fix))
    rates = portfolio.roll_rates(months, buckets=_edges(spec), since=since, until=until)
    matrix = portfolio.wide(rates)
    live = len(matrix)
    steps = matrix.fillna(0.0).to_numpy()
    late = [name in (matrix.index[-1], "charged_off") for name in matrix.columns]
    straight = steps[:, late].sum(axis=1)
    onward = np.where(np.array(late)[:live], 0.0, steps[:, :live])
    reached = [straight]
    for _ in range(spec.within - 1):
        reached.append(straight + onward @ reached[-1])
    chance = np.column_stack(reached)
    stood = rates.groupby("from_bucket", observed=False)["n"].sum().to_numpy()
    pooled = stood @ chance
    if pooled[-1] == 0:
        pooled = np.arange(1.0, spec.within + 1)
    whole = np.where(chance[:, -1:] > 0, chance, pooled)
    ages = pd.Index(range(1, spec.within + 1), name="age")
    index = pd.Index(list(matrix.index), name="from_bucket")
    return pd.DataFrame(whole / whole[:, -1:], index, ages)


def reads_early(spec: history.LabelSpec) -> bool:
    """Return whether a label only ever turns from good to bad with time, as an early read needs."""
    return spec.event == "late" and not spec.at_end


def _edges(spec: history.LabelSpec) -> tuple[int, ...]:
    steps = {1, *range(30, spec.dpd, 30), spec.dpd}
    return tuple(sorted(steps))


def early_reads(
    months: Any,
    scores: Any,
    spec: history.LabelSpec | None = None,
    *,
    as_of: Any,
    level: float = 0.95,
) -> pd.DataFrame:
    """Hold the bads that immature snapshots have brought so far against what was to be expected by now.

    A snapshot two months old has not had its three months. Of what the score promised, only the share
    that falls before this age should have come; which share that is, the roll rates of the months
    before these snapshots say, by the bucket in which each account stood.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    scores : table
        See `delinquency.schema.SCORES`: scores of several snapshot dates. Those that have matured by
        `as_of`, or are not a month old, are passed over.
    spec : LabelSpec
        What counts as bad.
    as_of : date
        The book as it was known then.
    level : float
        Of the range in which the bads should fall by chance. Seasons and the economy come on top.

    Returns
    -------
    DataFrame
        One row an immature snapshot date: ``snapshot_date``, ``age`` in months, ``within``, ``n``
        (accounts of the label's population), ``expected`` (bads in the whole window),
        ``share_expected`` (by now), ``bads`` so far, ``expected_so_far``, ``low`` and ``high`` (bads that
        chance would give), ``ratio`` (came over expected), ``outside``.

    Raises
    ------
    InputError
        As `timing`; ``DLQ-100`` when there are no months before the snapshots to learn roll rates from.
    """
    spec = spec or history.LabelSpec()
    date = schema.as_date(as_of)
    table = schema.admit(scores, schema.SCORES)
    dates = sorted(table["snapshot_date"].unique())
    frame = schema.admit(months, schema.MONTHS)
    frame = frame[schema.known_as_of(frame, date)].reset_index(drop=True)
    last = schema.month_number([frame["month"].max()])[0]
    ages = {day: int(last - _month_of(day)) for day in dates}
    young = {day: age for day, age in ages.items() if 1 <= age < spec.within}
    if not young:
        return pd.DataFrame(columns=_COLUMNS)
    # steps that end by the first of these snapshots: no cohort sets its own expectation
    seen = min(young) + pd.Timedelta(days=1) - pd.offsets.MonthEnd(1)  # the last month end by then
    shares = timing(frame, spec, until=seen - pd.offsets.MonthEnd(1))
    rows = [_read(frame, table, spec, shares, day, age, level) for day, age in young.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _month_of(day: Any) -> int:
    return int(schema.month_number([pd.Timestamp(day) + pd.Timedelta(days=1)])[0]) - 1


def _read(
    frame: pd.DataFrame,
    scores: pd.DataFrame,
    spec: history.LabelSpec,
    shares: pd.DataFrame,
    day: Any,
    age: int,
    level: float,
) -> tuple[Any, ...]:
    so_far = replace(spec, within=age)
    snapshots = history.take_snapshots(frame, [day], observe=2, perform=age)
    told = history.label(snapshots, so_far)
    # an account that is still open counts as good so far, whatever it will be called in the end
    out = told["why"].str.startswith(("excluded", "unknown", "immature"))
    known = told.loc[~out, KEY].assign(bad=told["bad"].fillna(0).astype("int64"))
    stood = snapshots.table[[*KEY, "days_past_due"]]
    rows = scores.merge(known, on=KEY).merge(stood, on=KEY)
    bucket = np.searchsorted(_edges(spec), rows["days_past_due"], side="right")
    share = shares[age].to_numpy()[bucket]
    chance = rows["probability"].to_numpy() * share
    promised, bads = float(rows["probability"].sum()), int(rows["bad"].sum())
    so_far_expected = float(chance.sum())
    low, high = _range(so_far_expected, float((chance * (1 - chance)).sum()), level)
    return (
        *(day, age, spec.within, len(rows), promised),
        so_far_expected / promised if promised else np.nan,
        *(bads, so_far_expected, low, high),
        bads / so_far_expected if so_far_expected else np.nan,
        not low <= bads <= high,
    )


def _range(mean: float, variance: float, level: float) -> tuple[float, float]:
    """Return where the number of bads falls by chance: normal, or Poisson where few are expected."""
    tail = (1 - level) / 2
    if mean < _FEW:
        return float(poisson.ppf(tail, mean)), float(poisson.ppf(1 - tail, mean))
    reach = float(ndtri(1 - tail)) * variance**0.5
    return mean - reach, mean + reach
