"""Vintages: how each opening cohort aged, and who never paid the first due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from delinquency.errors import InputError, Problem
from delinquency.portfolio._standing import Standing, grouped, standing_of
from delinquency.schema import month_number

__all__ = ["cumulative_incidence", "first_payment_default", "vintage"]

_NEVER = 1 << 30


def vintage(
    months: Any,
    dpd: int = 30,
    *,
    ever: bool = True,
    by: str = "count",
    age: str = "calendar",
    cohort: str = "Q",
    groups: str | Sequence[str] | None = None,
    accounts: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say which share of each opening cohort had gone bad by each age.

    An account counts from its opening to the end of the book, whatever became of it: paid off and
    closed accounts stay in the denominator; a charge-off is bad for good. A cell is blank (missing, not
    zero) until every account of the cohort has reached the age, and for cohorts that opened before the
    book began, because their early life was not seen.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    dpd : int
        Bad is this many days past due or more.
    ever : bool
        Ever bad by that age; otherwise bad at that age.
    by : {"count", "balance"}
        Share of accounts; or the balance that was bad over the first balance of each account (an
        account that is ever bad counts with its balance when it first was).
    age : {"calendar", "anniversary"}
        Months on book. ``calendar``: the opening month is 0. ``anniversary``: whole months since the
        opening day, so that an account opened on the 31st turns 1 when a 31st has passed.
    cohort : {"M", "Q", "Y"}
        Opening month, quarter or year.
    groups, accounts
        As in `roll_rates`.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Grouping columns, ``cohort``, ``months_on_book``, ``n`` (accounts of the cohort), ``rate``, and for
        counts ``low``, ``high`` (Jeffreys interval); sorted.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-102`` without ``opened``; ``DLQ-217`` for settings
        that make no sense.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2, 2],
    ...         "month": ["2026-01", "2026-02"] * 2,
    ...         "days_past_due": [0, 31, 0, 0],
    ...         "opened": "2026-01-05",
    ...     }
    ... )
    >>> vintage(months, dpd=30)[["cohort", "months_on_book", "n", "rate"]]
       cohort  months_on_book  n  rate
    0  2026Q1               0  2   0.0
    1  2026Q1               1  2   0.5
    """
    _check(by, age)
    standing = standing_of(months, (dpd,))
    keys = grouped(standing, groups, cohort, accounts)
    lives = _lives(standing, keys, _opened(standing, accounts), age, by)
    cells = _cells(lives, _bad_mass(lives, standing, ever=ever))
    if by == "count":
        cells["low"], cells["high"] = _jeffreys(cells["rate"] * cells["n"], cells["n"], level)
    return cells


def _check(by: str, age: str) -> None:
    for name, value, allowed in (
        ("by", by, ("count", "balance")),
        ("age", age, ("calendar", "anniversary")),
    ):
        if value not in allowed:
            fix = f'use "{allowed[0]}" or "{allowed[1]}"'
            raise InputError(Problem("DLQ-217", f"{name} is not known", name, fix=fix))


def _opened(standing: Standing, accounts: Any) -> pd.Series:
    if "opened" in standing.frame:
        return standing.frame["opened"]
    return grouped(standing, "opened", None, accounts)["opened"].astype("datetime64[us]")


def _ages(standing: Standing, opened: pd.Series, age: str) -> np.ndarray:
    """Return months on book of each row; -1 where the opening date is missing or later."""
    told = opened.notna().to_numpy()
    begun = np.where(told, month_number(opened.where(told, standing.frame["month"])), _NEVER)
    mob = standing.number - begun
    if age == "anniversary":
        day, end = opened.dt.day.to_numpy(), standing.frame["month"].dt.day.to_numpy()
        mob = mob - (told & (end < day))
    return np.where(told, np.maximum(mob, -1), -1)


@dataclass(frozen=True)
class _Lives:
    """The cohorts, and of each account its cohort, first balance and greatest age; ages of all rows."""

    combos: pd.DataFrame
    group: np.ndarray
    base: np.ndarray
    reach: np.ndarray  # -1 where the early life was not seen
    mob: np.ndarray
    amount: np.ndarray  # weight of each row


def _lives(standing: Standing, keys: pd.DataFrame, opened: pd.Series, age: str, by: str) -> _Lives:
    first = np.flatnonzero(np.append(True, np.diff(standing.account) > 0))
    keys = keys.iloc[first]
    grouper = keys.groupby(list(keys.columns), dropna=False, sort=True)
    mob = _ages(standing, opened, age)
    # how old an account would be in the last month, whether or not it still has a row there
    reach = mob[first] + standing.end - standing.number[first]
    if age == "anniversary":
        late = opened.iloc[first].dt.day.to_numpy()
        ends = standing.frame["month"].dt.day.to_numpy()
        last = ends[standing.number == standing.end][0]
        reach = reach + (ends[first] < late).astype("int64") - (last < late).astype("int64")
    begun = month_number(opened.fillna(pd.Timestamp(0)).iloc[first])
    amount = np.ones(len(mob))
    base = np.ones(len(first))
    if by == "balance":
        amount = _amounts(standing)
        some = np.flatnonzero(amount > 0)[::-1]
        base = np.zeros(len(first))
        base[standing.account[some]] = amount[some]
    return _Lives(
        combos=grouper.size().index.to_frame(index=False),
        group=grouper.ngroup().to_numpy(),
        base=base,
        reach=np.where(begun >= standing.number.min(), reach, -1),
        mob=mob,
        amount=amount,
    )


def _amounts(standing: Standing) -> np.ndarray:
    """Return balances; what was written off stands in for the balance that left the books."""
    if "balance" not in standing.frame:
        fix = 'add it, or use by="count"'
        raise InputError(Problem("DLQ-102", 'column "balance" is missing', "months", fix=fix))
    amount = np.nan_to_num(standing.frame["balance"].to_numpy())
    if "written_off" in standing.frame:
        amount = np.maximum(amount, np.nan_to_num(standing.frame["written_off"].to_numpy()))
    return np.maximum(amount, 0.0)


def _bad_mass(lives: _Lives, standing: Standing, *, ever: bool) -> np.ndarray:
    """Return what is bad in each cohort at each age."""
    written_off = standing.names.index("charged_off")
    usable = (lives.mob >= 0) & (lives.reach[standing.account] >= 0)
    bad = usable & ((standing.state == 1) | (standing.state == written_off))
    mass = np.zeros((len(lives.combos), int(max(lives.reach.max(), 0)) + 2))
    rows = np.flatnonzero(bad)
    if ever:
        rows = rows[np.append(True, np.diff(standing.account[rows]) > 0)[: len(rows)]]
    _add(mass, lives, standing, rows, 0)
    if ever:
        return mass[:, :-1].cumsum(axis=1)
    # an account whose rows end with its charge-off stays bad at every later age
    after = np.zeros_like(mass)
    _add(
        after,
        lives,
        standing,
        np.flatnonzero(bad & standing.last & (standing.state == written_off)),
        1,
    )
    return (mass + after.cumsum(axis=1))[:, :-1]


def _add(mass: np.ndarray, lives: _Lives, standing: Standing, rows: np.ndarray, later: int) -> None:
    place = (lives.group[standing.account[rows]], lives.mob[rows] + later)
    np.add.at(mass, place, lives.amount[rows])


def _cells(lives: _Lives, mass: np.ndarray) -> pd.DataFrame:
    groups, span = mass.shape
    n = np.bincount(lives.group, minlength=groups)
    base = np.bincount(lives.group, lives.base, minlength=groups)
    reach = np.full(groups, _NEVER)
    np.minimum.at(reach, lives.group, lives.reach)
    group, mob = np.indices((groups, span)).reshape(2, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(mob <= reach[group], mass.ravel() / base[group], np.nan)
    columns: dict[Any, Any] = {name: lives.combos[name].to_numpy()[group] for name in lives.combos}
    columns |= {"months_on_book": mob, "n": n[group], "rate": rate}
    return pd.DataFrame(columns)


def _jeffreys(bad: Any, n: Any, level: float) -> tuple[np.ndarray, np.ndarray]:
    bad, n = np.asarray(bad, dtype="float64"), np.asarray(n, dtype="float64")
    low = np.where(bad == 0, 0.0, beta.ppf((1 - level) / 2, bad + 0.5, n - bad + 0.5))
    high = np.where(bad == n, 1.0, beta.ppf((1 + level) / 2, bad + 0.5, n - bad + 0.5))
    unknown = np.isnan(bad)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def first_payment_default(
    months: Any,
    days: int = 30,
    *,
    groups: str | Sequence[str] | None = None,
    cohort: str | None = "Q",
    accounts: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say which share of new accounts left their first due open for some days: a word to underwriting.

    The first due is in the account's first month with ``amount_due`` above 0; it is late when a later
    month's days past due reach back into that month. Only accounts that opened within the book and
    whose first due month ended at least `days` ago count, paid or not.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; needs ``amount_due``, ``days_past_due`` and, here or in
        `accounts`, ``opened``.
    days : int
        Days after which the first due is in default.
    groups, cohort, accounts
        As in `roll_rates`, for example ``groups="segment"``.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Grouping columns, ``n`` (matured accounts), ``bad``, ``rate``, ``low``, ``high`` (Jeffreys).

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 1, 2, 2, 2],
    ...         "month": ["2026-01", "2026-02", "2026-03"] * 2,
    ...         "days_past_due": [21, 49, 80, 0, 0, 0],
    ...         "amount_due": 100.0,
    ...         "opened": "2026-01-02",
    ...     }
    ... )
    >>> first_payment_default(months)[["cohort", "n", "bad", "rate"]]
       cohort  n  bad  rate
    0  2026Q1  2    1   0.5
    """
    standing = standing_of(months, (days,))
    frame = standing.frame
    if "amount_due" not in frame:
        fix = "make months with history.months_from_ledger"
        raise InputError(Problem("DLQ-102", 'column "amount_due" is missing', "months", fix=fix))
    keys = grouped(standing, groups, cohort, accounts)
    due = np.flatnonzero(frame["amount_due"].to_numpy() > 0)
    first = due[np.append(True, np.diff(standing.account[due]) > 0)[: len(due)]]
    begun = month_number(_opened(standing, accounts).iloc[first].fillna(pd.Timestamp(0)))
    end = frame["month"].to_numpy().astype("datetime64[D]").astype("int64")
    last_day = end[standing.number == standing.end][0]
    matured = (begun >= standing.number.min()) & (end[first] + days <= last_day)
    bad = _reaches_back(standing, first, end, days)
    told = keys.iloc[first[matured]].assign(bad=bad[matured])
    names = list(keys.columns)
    if names:
        table = told.groupby(names, dropna=False)["bad"].agg(["size", "sum"]).reset_index()
    else:
        table = pd.DataFrame({"size": [len(told)], "sum": [told["bad"].sum()]})
    table = table.rename(columns={"size": "n", "sum": "bad"})
    table["rate"] = table["bad"] / table["n"]
    table["low"], table["high"] = _jeffreys(table["bad"], table["n"], level)
    return table


def _reaches_back(standing: Standing, first: np.ndarray, end: np.ndarray, days: int) -> np.ndarray:
    """Return which first dues some later month still calls open, `days` or more after they fell due."""
    late = standing.frame["days_past_due"].to_numpy()
    start = np.full(standing.account[-1] + 1, _NEVER)
    start[standing.account[first]] = first
    begin = start[standing.account]
    rows = np.flatnonzero((np.arange(len(late)) >= begin) & (late >= days))
    oldest = end[rows] - late[rows]
    in_first_month = oldest <= end[begin[rows]]
    bad = np.zeros(len(start), dtype=bool)
    bad[standing.account[rows[in_first_month]]] = True
    return bad[standing.account[first]]


def cumulative_incidence(time: Any, event: Any) -> pd.DataFrame:
    """Estimate how many will have gone bad by each time, from lives that are cut short.

    The estimate of Aalen and Johansen: accounts still under watch are censored, accounts that left by
    another door (paid off, sold) compete. Without competing exits it is one minus the estimate of
    Kaplan and Meier. Unlike `vintage` it uses cohorts before all of them have reached an age.

    Parameters
    ----------
    time : array of float
        When each account's watch ended.
    event : array of int
        1 when it ended in the event, 2 in a competing exit, 0 when it was still going on.

    Returns
    -------
    DataFrame
        ``time`` (each at which something ended), ``at_risk``, ``events``, ``exits``, ``surviving`` (neither
        event nor exit), ``incidence``.

    Examples
    --------
    >>> cumulative_incidence([1, 2, 2, 3], [1, 0, 1, 2])[["time", "at_risk", "incidence"]]
       time  at_risk  incidence
    0   1.0        4       0.25
    1   2.0        3       0.50
    2   3.0        1       0.50
    """
    when, kind = np.asarray(time, dtype="float64"), np.asarray(event)
    if when.shape != kind.shape or not len(when) or not np.isin(kind, (0, 1, 2)).all():
        what = "time and event must have one length, and events be 0, 1 or 2"
        raise InputError(Problem("DLQ-217", what, "cumulative_incidence"))
    times, place = np.unique(when, return_inverse=True)
    ended = np.bincount(place, minlength=len(times))
    at_risk = len(when) - np.append(0, np.cumsum(ended)[:-1])
    events = np.bincount(place, kind == 1, minlength=len(times))
    exits = np.bincount(place, kind == 2, minlength=len(times))
    surviving = np.cumprod(1 - (events + exits) / at_risk)
    before = np.append(1.0, surviving[:-1])
    columns = {
        "time": times,
        "at_risk": at_risk,
        "events": events.astype("int64"),
        "exits": exits.astype("int64"),
        "surviving": surviving,
        "incidence": np.cumsum(before * events / at_risk),
    }
    return pd.DataFrame(columns)
