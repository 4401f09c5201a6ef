"""Months as states: the bucket each account stands in, and the exit it has taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import BucketScheme, scheme_of
from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import ACCOUNTS, MONTHS, admit, month_number

__all__ = ["EXITS", "LEFT", "Standing", "ahead", "grouped", "standing_of"]

EXITS = ("paid_off", "closed", "sold", "charged_off")
LEFT = "left"


@dataclass(frozen=True)
class Standing:
    """An admitted months table with, for each row, what states and months need.

    ``state`` counts buckets first, then the exits, then `LEFT`: gone without a word. An exit is for
    good: every later row of the account keeps it.
    """

    frame: pd.DataFrame
    scheme: BucketScheme
    account: np.ndarray  # number of the account of each row, rising
    number: np.ndarray  # month number of each row
    state: np.ndarray
    live: np.ndarray  # no exit yet
    last: np.ndarray  # the account's last row

    @property
    def names(self) -> list[str]:
        """Names of the states."""
        return [*self.scheme.labels, *EXITS, LEFT]

    @property
    def end(self) -> int:
        """Number of the last month of the book."""
        return int(self.number.max())


def standing_of(months: Any, buckets: str | Sequence[int] | BucketScheme) -> Standing:
    """Admit a months table and say where each row stands."""
    scheme = scheme_of(buckets)
    frame = admit(months, MONTHS)
    if "days_past_due" not in frame:
        fix = "make months with history.months_from_ledger or history.from_wide"
        raise InputError(Problem("DLQ-102", 'column "days_past_due" is missing', "months", fix=fix))
    ids = frame["account_id"]
    new = np.ones(len(frame), dtype=bool)
    new[1:] = (ids != ids.shift()).to_numpy()[1:]
    account = new.cumsum() - 1
    state = scheme.codes(frame["days_past_due"])
    out = _exits(frame, len(scheme.labels))
    first = _first_exit(account, out)
    rows = np.arange(len(frame))
    gone = rows >= first[account]
    state[gone] = out[first[account][gone]]
    return Standing(
        frame=frame,
        scheme=scheme,
        account=account,
        number=month_number(frame["month"]),
        state=state,
        live=~gone,
        last=np.append(new[1:], True),
    )


def _exits(frame: pd.DataFrame, offset: int) -> np.ndarray:
    """Return the state number of each row's exit, -1 while the account is open."""
    out = np.full(len(frame), -1)
    if "status" in frame:
        for at, name in enumerate(EXITS):
            gone = frame["status"].eq(name).fillna(False).to_numpy(dtype=bool)
            out[gone & ~_still_owes(frame) if name == "closed" else gone] = offset + at
    return out


def _still_owes(frame: pd.DataFrame) -> np.ndarray:
    """Return where a closed account is not gone: nothing new is lent, but something is owed."""
    owes = frame["days_past_due"].to_numpy() > 0
    return owes | (frame["balance"].to_numpy() > 0) if "balance" in frame else owes


def _first_exit(account: np.ndarray, out: np.ndarray) -> np.ndarray:
    first = np.full(account[-1] + 1, len(account))
    rows = np.flatnonzero(out >= 0)
    # written backwards, so that the first exit of an account is what stays
    first[account[rows[::-1]]] = rows[::-1]
    return first


def ahead(standing: Standing, step: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return live rows, the state of each after `step` months, and how many could not be followed.

    Rows whose later month lies beyond the book are left out, and so are rows whose account has a hole
    there; the latter are counted.
    """
    rows = np.flatnonzero(standing.live & (standing.number + step <= standing.end))
    key = standing.account * (1 << 20) + standing.number
    later = np.searchsorted(key, key[rows] + step, side="right") - 1
    there = standing.number[later] == standing.number[rows] + step
    state = np.where(there | ~standing.live[later], standing.state[later], -1)
    vanished = (state < 0) & standing.last[later]
    state[vanished] = len(standing.names) - 1
    followed = state >= 0
    return rows[followed], state[followed], int((~followed).sum())


def grouped(
    standing: Standing, groups: str | Sequence[str] | None, cohort: str | None, accounts: Any
) -> pd.DataFrame:
    """Return the grouping columns of each row: from months, from accounts, and the opening cohort."""
    names = [groups] if isinstance(groups, str) else list(groups or [])
    frame = standing.frame
    needed = [name for name in names if name not in frame]
    if cohort is not None and "opened" not in frame:
        needed.append("opened")
    joined = frame
    if needed:
        joined = frame.join(_from_accounts(needed, accounts, frame["account_id"]))
    columns = {name: joined[name].to_numpy() for name in names}
    if cohort is not None:
        columns["cohort"] = cohort_of(joined["opened"], cohort).to_numpy()
    return pd.DataFrame(columns, index=frame.index)


def cohort_of(opened: pd.Series, cohort: str) -> pd.Series:
    """Return the opening period of each date as text: ``"M"`` month, ``"Q"`` quarter, ``"Y"`` year."""
    if cohort not in ("M", "Q", "Y"):
        fix = 'use "M", "Q" or "Y"'
        raise InputError(Problem("DLQ-217", "cohort is not known", "cohort", fix=fix))
    text = opened.dt.to_period(cohort).astype("str")
    return text.where(opened.notna(), "unknown")


def _from_accounts(names: list[str], accounts: Any, ids: pd.Series) -> pd.DataFrame:
    where = "months"
    have: Any = []
    if accounts is not None:
        table = admit(accounts, ACCOUNTS).set_index("account_id")
        where, have = "months and accounts", table.columns
        if set(names) <= set(have):
            return table[names].reindex(ids).set_axis(ids.index)
    lacking = [name for name in names if name not in have]
    fix = did_you_mean(lacking[0], map(str, have)) or "pass accounts=, or add the column"
    what = f'column "{lacking[0]}" is missing'
    raise InputError(Problem("DLQ-102", what, where, len(lacking), fix))
