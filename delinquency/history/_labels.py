"""Labels: what came of each account after the snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import scheme_of
from delinquency.errors import InputError, Problem
from delinquency.history._label_spec import LabelSpec
from delinquency.history._rows import starts_of
from delinquency.history._snapshots import Snapshots, snapshot_month
from delinquency.schema import LABELS, month_number

__all__ = ["label"]

_NEVER = 1 << 30
_EXITS = ("paid_off", "sold")
KEY = list(LABELS.key)
_Rule = tuple[Any, float, str]


def label(snapshots: Snapshots, spec: LabelSpec | None = None, *, only: Any = None) -> pd.DataFrame:
    """Say of each account and snapshot date whether it turned bad.

    The window must have ended before an account is called good *or* bad: counting early bads beside
    goods that are still open would bias the bad rate. An account that leaves the book (paid off, sold)
    before anything happened is good; so is a closed one whose rows end, but a closed account may still
    owe, so what its later rows show counts. One that vanishes without a status is unknown.

    Parameters
    ----------
    snapshots : Snapshots
        From `take_snapshots`, with a performance window of ``spec.within`` months at least.
    spec : LabelSpec
        ``LabelSpec()`` by default; the usual definitions are `LabelSpec.preset`.
    only : DataFrame, optional
        ``account_id`` and ``snapshot_date`` of the population, such as the starts of plans or
        placements; everything else is excluded.

    Returns
    -------
    DataFrame
        One row for each row of ``snapshots.table``: ``account_id``, ``snapshot_date``, ``bad``
        (Int8: 1, 0, or missing for indeterminate, immature, unknown or excluded) and ``why`` in
        words; with ``event="paid_share"`` also ``share``, what was paid and recovered inside the
        window over what was owed.

    Raises
    ------
    InputError
        ``DLQ-213`` when the snapshots keep fewer months than the label looks at; ``DLQ-102`` when
        the label needs a column that the months lack.

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
    _check(snapshots, spec)
    outcome = _outcomes(snapshots, spec)
    rules = [*_excluded(snapshots, spec, only), *_verdicts(snapshots, outcome, spec)]
    conditions = [np.asarray(condition, dtype=bool) for condition, _, _ in rules]
    number = np.select(conditions, [bad for _, bad, _ in rules], default=np.nan)
    reason = np.select(conditions, [why for _, _, why in rules], default="unknown")
    result = snapshots.table[KEY].copy()
    result["bad"] = pd.array(number, dtype="Int8")
    result["why"] = pd.Series(reason, index=result.index).astype("str")
    if spec.event == "paid_share":
        result["share"] = outcome["share"].where(result["bad"].notna().to_numpy())
    return result


def _check(snapshots: Snapshots, spec: LabelSpec) -> None:
    if spec.within > snapshots.perform:
        what = f"the label looks {spec.within} months ahead, the snapshots keep {snapshots.perform}"
        fix = f"take_snapshots(..., perform={spec.within})"
        raise InputError(Problem("DLQ-213", what, "LabelSpec.within", fix=fix))
    needed = ["amount_paid", "balance"] if spec.event == "paid_share" else []
    lacking = [name for name in needed if name not in snapshots.performed]
    if lacking:
        what = f'event="{spec.event}" needs the column "{lacking[0]}"'
        raise InputError(Problem("DLQ-102", what, "months", len(lacking), fix="add it"))


def _outcomes(snapshots: Snapshots, spec: LabelSpec) -> pd.DataFrame:
    """Return per snapshot row when the event came, when the account left, how far it was seen."""
    rows = snapshots.performed
    ahead = month_number(rows["month"]) - snapshot_month(rows["snapshot_date"])
    rows, ahead = rows[ahead <= spec.within], ahead[ahead <= spec.within]
    starts = starts_of(groups_of(rows))
    length = np.diff(np.append(starts, len(rows)))
    late, charged = rows["days_past_due"].to_numpy(), has_status(rows, "charged_off")
    left = np.select([has_status(rows, name) for name in _EXITS], [0, 1], default=-1)
    exit_month = _first(ahead, left >= 0, starts)
    before_exit = ahead <= np.repeat(exit_month, length)
    counted = before_exit & ((ahead == spec.within) | (not spec.at_end))
    event = charged | (_happened(snapshots, rows, spec) & counted)
    outcome = rows[KEY].take(starts)
    outcome["event"] = _first(ahead, event & before_exit, starts)
    outcome["charged"] = _first(ahead, charged & before_exit, starts)
    outcome["cured"] = _first(ahead, (late == 0) & ~charged & before_exit, starts)
    at_exit = np.where(ahead == np.repeat(exit_month, length), left, -1)
    outcome["exit_kind"] = _most(at_exit, starts)
    outcome["closed"] = _most(has_status(rows, "closed").astype("int64"), starts)
    outcome["last"] = _most(ahead, starts)
    outcome["worst"] = _most(np.where(counted, late, 0), starts)
    outcome["paid"] = _paid(rows, starts)
    merged = snapshots.table[KEY].merge(outcome, on=KEY, how="left", validate="1:1")
    nothing = {"event": _NEVER, "charged": _NEVER, "cured": _NEVER, "exit_kind": -1, "last": 0}
    merged = merged.fillna({**nothing, "closed": 0, "worst": 0, "paid": 0.0})
    if spec.event == "paid_share":
        owed = _owed(snapshots)
        merged["share"] = merged["paid"] / np.where(owed > 0, owed, np.nan)
    return merged


def _happened(snapshots: Snapshots, rows: pd.DataFrame, spec: LabelSpec) -> np.ndarray:
    """Return which rows show the event itself."""
    late = rows["days_past_due"].to_numpy()
    if spec.event == "late":
        return late >= spec.dpd
    if spec.event == "worse_bucket":
        scheme = scheme_of(spec.buckets)
        stood = rows[KEY].merge(snapshots.table[[*KEY, "days_past_due"]], on=KEY, how="left")
        return scheme.codes(late) > scheme.codes(stood["days_past_due"])
    return np.zeros(len(rows), dtype=bool)


def _paid(rows: pd.DataFrame, starts: np.ndarray) -> np.ndarray:
    paid = np.zeros(len(rows))
    for name in ("amount_paid", "recovered"):
        if name in rows:
            paid = paid + np.nan_to_num(rows[name].to_numpy())
    return np.add.reduceat(paid, starts) if len(starts) else paid


def _owed(snapshots: Snapshots) -> np.ndarray:
    """Return the balance at the snapshot; what had been written off stands in once it left the books."""
    owed = snapshots.table["balance"].fillna(0.0).to_numpy()
    if "written_off" in snapshots.observed:
        lost = snapshots.observed.groupby(KEY, sort=False)["written_off"].sum().to_numpy()
        owed = np.where(owed > 0, owed, lost)
    return owed


def groups_of(rows: pd.DataFrame) -> np.ndarray:
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


def has_status(rows: pd.DataFrame, status: str) -> np.ndarray:
    """Return which rows have a status; none when the table has no such column."""
    if "status" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return rows["status"].eq(status).fillna(False).to_numpy(dtype=bool)


def _excluded(snapshots: Snapshots, spec: LabelSpec, only: Any) -> list[_Rule]:
    table, who = snapshots.table, spec.population
    late = table["days_past_due"].to_numpy()
    top = np.inf if who.max_dpd is None else who.max_dpd
    charged = has_status(table, "charged_off")
    ended = [has_status(table, name) for name in (*_EXITS, "closed")]
    gone = np.logical_or.reduce([charged, *ended])
    # a charge-off counts as late however many days its rows still say
    outside = ((late < who.min_dpd) & ~charged) | (late > top)
    rules: list[_Rule] = [
        (gone & who.open_only, np.nan, "excluded: not open at the snapshot"),
        (outside, np.nan, "excluded: days past due at the snapshot"),
        (
            table["months_on_book"] < who.min_months_on_book,
            np.nan,
            "excluded: too few months on book",
        ),
    ]
    if who.min_previous_dpd:
        before = _previous(snapshots) < who.min_previous_dpd
        rules.append((before, np.nan, "excluded: days past due in the month before"))
    if only is not None:
        named = table[KEY].merge(
            pd.DataFrame(only)[KEY].drop_duplicates(), on=KEY, how="left", indicator=True
        )
        rules.append((named["_merge"] != "both", np.nan, "excluded: not in the population given"))
    return rules


def _previous(snapshots: Snapshots) -> np.ndarray:
    """Return days past due in the month before the last observed one; 0 where that was not seen."""
    rows = snapshots.observed
    starts = starts_of(groups_of(rows))
    last = np.append(starts[1:], len(rows)) - 1
    before = np.maximum(last - 1, starts)
    number = month_number(rows["month"])
    seen = number[last] - number[before] == 1
    return np.where(seen, rows["days_past_due"].to_numpy()[before], 0.0)


def _verdicts(snapshots: Snapshots, outcome: pd.DataFrame, spec: LabelSpec) -> list[_Rule]:
    """Return condition, bad and why, in the order in which they win."""
    end = snapshot_month(outcome["snapshot_date"]) + spec.within
    book_end = snapshot_month([snapshots.last_month])[0]
    charged = (outcome["charged"] < _NEVER) & (outcome["charged"] <= outcome["event"])
    unseen = outcome["last"] < spec.within
    immature: _Rule = (end > book_end, np.nan, "immature")
    lost: _Rule = (unseen, np.nan, "unknown: left the book without a status")
    if spec.event == "paid_share":
        return [immature, *_share_verdicts(outcome, spec)]
    kind = outcome["exit_kind"]
    exits: list[_Rule] = [(kind == at, 0.0, f"{name} first") for at, name in enumerate(_EXITS)]
    if spec.event == "not_cured":
        cured: _Rule = (outcome["cured"] < _NEVER, 0.0, "cured")
        # a sold claim may have been cured elsewhere; nobody here can say
        sold: _Rule = (kind == _EXITS.index("sold"), np.nan, "unknown: sold first")
        done: list[_Rule] = [cured, (charged, 1.0, "charged off"), sold, *exits[:1]]
        return [immature, *done, lost, (unseen | True, 1.0, "not cured")]
    words = f"reached {spec.dpd}+" if spec.event == "late" else "rolled to a worse bucket"
    good = f"stayed below {spec.dpd}" if spec.event == "late" else "no worse bucket"
    rules: list[_Rule] = [
        immature,
        (charged, 1.0, "charged off"),
        (outcome["event"] < _NEVER, 1.0, words),
    ]
    if spec.indeterminate is not None:
        between = outcome["worst"] >= spec.indeterminate
        rules.append((between, np.nan, f"indeterminate: reached {spec.indeterminate}+"))
    closed: _Rule = (unseen & (outcome["closed"] > 0), 0.0, "closed first")
    return [*rules, *exits, closed, lost, (unseen | True, 0.0, good)]


def _share_verdicts(outcome: pd.DataFrame, spec: LabelSpec) -> list[_Rule]:
    share = outcome["share"]
    return [
        (share.isna(), np.nan, "excluded: nothing owed at the snapshot"),
        (share < spec.share, 1.0, f"paid less than {spec.share:.0%}"),
        (share >= spec.share, 0.0, f"paid {spec.share:.0%} or more"),
    ]
