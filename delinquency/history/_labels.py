"""Labels: what came of each account after the snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.history._rows import starts_of
from delinquency.history._snapshots import Snapshots, snapshot_month
from delinquency.schema import LABELS, admit, month_number

__all__ = ["LabelSpec", "Population", "label", "label_from"]

_NEVER = 1 << 30
_EXITS = ("paid_off", "closed", "sold")
_KEY = ["account_id", "snapshot_date"]


@dataclass(frozen=True)
class Population:
    """Which accounts a label speaks of, by where they stood at the snapshot.

    Parameters
    ----------
    min_dpd, max_dpd : int
        Days past due at the snapshot, both ends included; no upper end when None.
    min_months_on_book : int
        At least this old.
    open_only : bool
        Leave out accounts that had been paid off, charged off, sold or closed by then.
    """

    min_dpd: int = 0
    max_dpd: int | None = None
    min_months_on_book: int = 0
    open_only: bool = True


@dataclass(frozen=True)
class LabelSpec:
    """What counts as bad, in which window, for whom.

    Parameters
    ----------
    dpd : int
        Bad is this many days past due or more; a charge-off is bad as well.
    within : int
        Months after the snapshot that are looked at; the window is closed at both ends.
    at_end : bool
        Look at the window's last month alone; otherwise the account is bad when it was ever so.
    indeterminate : int, optional
        An account that reached this many days, but not `dpd`, is neither good nor bad.
    population : Population
        Accounts outside it get no label.

    Examples
    --------
    >>> LabelSpec(dpd=90, within=12, indeterminate=30)
    LabelSpec(dpd=90, within=12, at_end=False, indeterminate=30, population=Population(...))
    """

    dpd: int = 30
    within: int = 3
    at_end: bool = False
    indeterminate: int | None = None
    population: Population = field(default_factory=Population)

    def __post_init__(self) -> None:
        problems = []
        if self.dpd < 1 or self.within < 1:
            problems.append("dpd and within are 1 at least")
        if self.indeterminate is not None and not 0 < self.indeterminate < self.dpd:
            problems.append("indeterminate lies between 1 and dpd - 1")
        if problems:
            raise InputError(*(Problem("DLQ-213", what, "LabelSpec") for what in problems))


def label(snapshots: Snapshots, spec: LabelSpec | None = None) -> pd.DataFrame:
    """Say of each account and snapshot date whether it turned bad.

    The window must have ended before an account is called good *or* bad: counting early bads beside
    goods that are still open would bias the bad rate. An account that leaves the book (paid off,
    closed, sold) before anything happened is good; one that vanishes without a status is unknown.

    Parameters
    ----------
    snapshots : Snapshots
        From `take_snapshots`, with a performance window of ``spec.within`` months at least.
    spec : LabelSpec
        ``LabelSpec()`` by default.

    Returns
    -------
    DataFrame
        One row for each row of ``snapshots.table``: ``account_id``, ``snapshot_date``, ``bad``
        (Int8: 1, 0, or missing for indeterminate, immature, unknown or excluded) and ``why`` in
        words.

    Raises
    ------
    InputError
        ``DLQ-213`` when the snapshots keep fewer months than the label looks at.

    Examples
    --------
    >>> from delinquency.history import take_snapshots
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2, 2],
    ...         "month": ["2026-01", "2026-02"] * 2,
    ...         "days_past_due": [0, 31, 0, 0],
    ...     }
    ... )
    >>> label(take_snapshots(months, "2026-01-31"), LabelSpec(dpd=30, within=1))
       account_id snapshot_date  bad             why
    0           1    2026-01-31    1     reached 30+
    1           2    2026-01-31    0  stayed below 30
    >>> label(take_snapshots(months, "2026-02-28"), LabelSpec(dpd=30, within=1))["why"].tolist()
    ['immature', 'immature']
    """
    spec = spec or LabelSpec()
    if spec.within > snapshots.perform:
        what = f"the label looks {spec.within} months ahead, the snapshots keep {snapshots.perform}"
        fix = f"take_snapshots(..., perform={spec.within})"
        raise InputError(Problem("DLQ-213", what, "LabelSpec.within", fix=fix))
    outcome = _outcomes(snapshots, spec)
    rules = [*_excluded(snapshots, spec), *_verdicts(snapshots, outcome, spec)]
    conditions = [condition for condition, _, _ in rules]
    number = np.select(conditions, [bad for _, bad, _ in rules], default=np.nan)
    reason = np.select(conditions, [why for _, _, why in rules], default="unknown")
    result = snapshots.table[_KEY].copy()
    result["bad"] = pd.array(number, dtype="Int8")
    result["why"] = pd.Series(reason, index=result.index).astype("str")
    return result


def _outcomes(snapshots: Snapshots, spec: LabelSpec) -> pd.DataFrame:
    """Return per snapshot row when the event came, when the account left, how far it was seen."""
    rows = snapshots.performed
    ahead = month_number(rows["month"]) - snapshot_month(rows["snapshot_date"])
    rows, ahead = rows[ahead <= spec.within], ahead[ahead <= spec.within]
    charged = _has_status(rows, "charged_off")
    late = rows["days_past_due"].to_numpy()
    event = charged | ((late >= spec.dpd) & ((ahead == spec.within) | (not spec.at_end)))
    left = np.select([_has_status(rows, name) for name in _EXITS], [0, 1, 2], default=-1)
    starts = starts_of(_groups(rows))
    exit_month = _first(ahead, left >= 0, starts)
    length = np.diff(np.append(starts, len(rows)))
    before_exit = ahead <= np.repeat(exit_month, length)
    outcome = rows[_KEY].take(starts)
    outcome["event"] = _first(ahead, event & before_exit, starts)
    outcome["charged"] = _first(ahead, charged & before_exit, starts)
    outcome["exit_kind"] = _most(np.where(ahead == np.repeat(exit_month, length), left, -1), starts)
    outcome["last"] = _most(ahead, starts)
    outcome["worst"] = _most(np.where(before_exit, late, 0), starts)
    merged = snapshots.table[_KEY].merge(outcome, on=_KEY, how="left", validate="1:1")
    nothing = {"event": _NEVER, "charged": _NEVER, "exit_kind": -1, "last": 0, "worst": 0}
    return merged.fillna(nothing)


def _groups(rows: pd.DataFrame) -> np.ndarray:
    """Return a number that changes with account or snapshot date, in rows sorted by both."""
    same_date = rows["snapshot_date"].to_numpy()[1:] == rows["snapshot_date"].to_numpy()[:-1]
    changed = np.ones(len(rows), dtype="int64")
    if len(rows):
        changed[1:] = (rows["account_id"] != rows["account_id"].shift()).to_numpy()[1:] | ~same_date
    return changed.cumsum()


def _first(ahead: np.ndarray, flag: np.ndarray, starts: np.ndarray) -> np.ndarray:
    when = np.where(flag, ahead, _NEVER)
    return np.minimum.reduceat(when, starts) if len(starts) else when[:0]


def _most(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.maximum.reduceat(values, starts) if len(starts) else values[:0]


def _has_status(rows: pd.DataFrame, status: str) -> np.ndarray:
    if "status" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return rows["status"].eq(status).fillna(False).to_numpy(dtype=bool)


_Rule = tuple[np.ndarray, float, str]


def _excluded(snapshots: Snapshots, spec: LabelSpec) -> list[_Rule]:
    table, who = snapshots.table, spec.population
    late = table["days_past_due"].to_numpy()
    top = np.inf if who.max_dpd is None else who.max_dpd
    gone = np.zeros(len(table), dtype=bool)
    if who.open_only:
        for status in (*_EXITS, "charged_off"):
            gone |= _has_status(table, status)
    young = (table["months_on_book"] < who.min_months_on_book).to_numpy()
    return [
        (gone, np.nan, "excluded: not open at the snapshot"),
        ((late < who.min_dpd) | (late > top), np.nan, "excluded: days past due at the snapshot"),
        (young, np.nan, "excluded: too few months on book"),
    ]


def _verdicts(snapshots: Snapshots, outcome: pd.DataFrame, spec: LabelSpec) -> list[_Rule]:
    """Return condition, bad and why, in the order in which they win."""
    end = snapshot_month(outcome["snapshot_date"]) + spec.within
    book_end = snapshot_month([snapshots.last_month])[0]
    event = (outcome["event"] < _NEVER).to_numpy()
    charged = event & (outcome["charged"] <= outcome["event"]).to_numpy()
    kind = outcome["exit_kind"].to_numpy()
    seen_to_end = (outcome["last"] >= spec.within).to_numpy()
    between = np.zeros(len(outcome), dtype=bool)
    if spec.indeterminate is not None:
        between = (outcome["worst"] >= spec.indeterminate).to_numpy()
    return [
        (end > book_end, np.nan, "immature"),
        (charged, 1.0, "charged off"),
        (event, 1.0, f"reached {spec.dpd}+"),
        (between, np.nan, f"indeterminate: reached {spec.indeterminate}+"),
        *[(kind == at, 0.0, f"{name} first") for at, name in enumerate(_EXITS)],
        (~seen_to_end, np.nan, "unknown: left the book without a status"),
        (np.ones(len(outcome), dtype=bool), 0.0, f"stayed below {spec.dpd}"),
    ]


def label_from(outcomes: Any, snapshots: Snapshots | None = None) -> pd.DataFrame:
    """Take labels from an outside table, in the form that `label` gives.

    Parameters
    ----------
    outcomes : table
        See `delinquency.schema.LABELS`: ``account_id``, ``snapshot_date``, ``bad``, maybe ``why``.
    snapshots : Snapshots, optional
        Return one row for each of its rows; a row without an outcome gets a missing label. The
        outcomes' own rows by default.

    Returns
    -------
    DataFrame
        ``account_id``, ``snapshot_date``, ``bad``, ``why`` as in `label`.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-110`` when no outcome meets a snapshot.

    Examples
    --------
    >>> outside = pd.DataFrame({"account_id": [1], "snapshot_date": ["2026-01-31"], "bad": [1]})
    >>> label_from(outside)
       account_id snapshot_date  bad            why
    0           1    2026-01-31    1  outcome table
    """
    table = admit(outcomes, LABELS)
    if "why" not in table:
        table["why"] = "outcome table"
    table = table[[*_KEY, "bad", "why"]].copy()
    if snapshots is not None:
        same_type = table["account_id"].dtype == snapshots.table["account_id"].dtype
        keys = snapshots.table[_KEY]
        joined = keys.merge(table, on=_KEY, how="left", indicator=True) if same_type else None
        if joined is None or not (joined["_merge"] == "both").any():
            what = "no label meets an account at its snapshot date"
            fix = "ids must have one type in both tables, and dates must agree"
            raise InputError(Problem("DLQ-110", what, "labels", len(table), fix))
        table = joined.drop(columns="_merge")
    table["bad"] = table["bad"].astype("Int8")
    table["why"] = table["why"].fillna("unknown: no outcome on record").astype("str")
    return table
