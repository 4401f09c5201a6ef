"""Vintages: how each opening cohort aged."""

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

__all__ = ["jeffreys", "opened_of", "vintage"]

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
    lives = _lives(standing, keys, opened_of(standing, accounts), age, by)
    cells = _cells(lives, _bad_mass(lives, standing, ever=ever))
    if by == "count":
        cells["low"], cells["high"] = jeffreys(cells["rate"] * cells["n"], cells["n"], level)
    return cells


def _check(by: str, age: str) -> None:
    for name, value, allowed in (
        ("by", by, ("count", "balance")),
        ("age", age, ("calendar", "anniversary")),
    ):
        if value not in allowed:
            fix = f'use "{allowed[0]}" or "{allowed[1]}"'
            raise InputError(Problem("DLQ-217", f"{name} is not known", name, fix=fix))


def opened_of(standing: Standing, accounts: Any) -> pd.Series:
    """Return the opening date of each row, from months or from accounts."""
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


def jeffreys(bad: Any, n: Any, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the Jeffreys interval of a share; missing where the count is."""
    bad, n = np.asarray(bad, dtype="float64"), np.asarray(n, dtype="float64")
    low = np.where(bad == 0, 0.0, beta.ppf((1 - level) / 2, bad + 0.5, n - bad + 0.5))
    high = np.where(bad == n, 1.0, beta.ppf((1 + level) / 2, bad + 0.5, n - bad + 0.5))
    unknown = np.isnan(bad)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
