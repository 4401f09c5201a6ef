"""What is known of each account: the accounts table at the door, as facts that gates can ask for.

A fact is a yes/no column. Three answers are possible: yes, no (also where the value is missing),
and "nobody supplied this column", which is a different thing from no.
"""

from __future__ import annotations

import re
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.schema import Column, Table

__all__ = ["HOLDS", "Facts", "admit_accounts", "instant_of", "shared_by_person"]

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ]|$)")

HOLDS = (
    "deceased",
    "bankruptcy",
    "moratorium",
    "dispute",
    "fraud_claim",
    "plan_performing",
    "litigation_stay",
    "complaint",
    "vulnerable",
)
"""Columns that stop everything but care and required notices; never traded against value."""

PERSONAL = frozenset(
    {
        "deceased",
        "bankruptcy",
        "moratorium",
        "vulnerable",
        "cease_requested",
        "represented_by_attorney",
    }
)
"""Columns that are true of a person, and so of all their accounts."""

ACCOUNTS = Table(
    "accounts",
    ("account_id",),
    {**schema.ACCOUNTS.columns, "days_past_due": Column("days", required=True)},
)

_IMPLIED = {
    "not_disputed": "dispute",
    "not_in_dispute": "dispute",
    "not_vulnerable": "vulnerable",
}


def admit_accounts(table: Any) -> pd.DataFrame:
    """Check the accounts table at the door; holds and opt-outs must say yes or no.

    Raises
    ------
    InputError
        What `schema.admit` finds; ``DLQ-103`` a hold that is no yes/no column, ``DLQ-104`` a hold
        with missing values.
    """
    accounts = schema.admit(table, ACCOUNTS)
    problems = []
    for name in accounts.columns:
        # these stop contact, so not knowing must not read as no
        if name in HOLDS or name in PERSONAL or str(name).startswith("opt_out_"):
            _, known = flag(accounts[name])
            if not known.all():
                lacking = int((~known).sum())
                what = f"a hold or opt-out is missing in {lacking:,} of {len(known):,} rows"
                fix = "say true or false in every row; an unknown stop must not pass as none"
                where = f"accounts.{name}"
                problems.append(Problem("DLQ-104", what, where, lacking, fix))
    if problems:
        raise InputError(*problems)
    return accounts


def flag(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(yes, known)`` of a yes/no column: booleans, 0 and 1, missing allowed.

    Raises
    ------
    InputError
        ``DLQ-103`` for anything else.
    """
    known = values.notna().to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy(dtype=bool, na_value=False), known
    plain = values[known]
    if not pd.api.types.is_numeric_dtype(values.dtype):
        sound = plain.map(lambda value: isinstance(value, (bool, np.bool_))).all()
    else:
        sound = plain.isin([0, 1]).all()
    if not sound:
        fix = "use true and false, or 1 and 0"
        what = "expected a yes/no column"
        raise InputError(Problem("DLQ-103", what, f"accounts.{values.name}", len(values), fix))
    yes = np.zeros(len(values), dtype=bool)
    yes[known] = plain.to_numpy(dtype=bool)
    return yes, known


def shared_by_person(table: pd.DataFrame) -> pd.DataFrame:
    """Let what is true of a person hold for all their accounts.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "person_id": [7, 7, 8],
    ...         "deceased": [True, False, False],
    ...         "dispute": [True, False, False],
    ...     }
    ... )
    >>> shared_by_person(table)["deceased"].tolist(), table["dispute"].tolist()
    ([True, True, False], [True, False, False])
    """
    if "person_id" not in table:
        return table
    code, known = pd.factorize(table["person_id"])
    new = {}
    for name in table.columns:
        if name in PERSONAL or str(name).startswith("opt_out_"):
            yes, _ = flag(table[name])
            any_yes = np.zeros(len(known) + 1, dtype=bool)
            any_yes[code[yes]] = True
            any_yes[-1] = False  # accounts of nobody in particular share nothing
            new[name] = yes | any_yes[code]
    return table.assign(**new)


class Facts:
    """Yes/no facts of a table of accounts, each read once.

    Parameters
    ----------
    table : DataFrame
        Admitted accounts, with whatever was derived for them.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self._read: dict[str, np.ndarray | None] = {}

    def __len__(self) -> int:
        return len(self.table)

    def get(self, name: str) -> np.ndarray | None:
        """Return the fact as booleans (missing is no), or None when nobody supplied it."""
        if name not in self._read:
            self._read[name] = self._find(name)
        return self._read[name]

    def _find(self, name: str) -> np.ndarray | None:
        if name in self.table:
            return flag(self.table[name])[0]
        if name == "not_on_hold":
            # one hold column does not prove that no other hold stands
            return ~self.held() if len(self.holds()) == len(HOLDS) else None
        if name == "not_opted_out":
            columns = [c for c in self.table if str(c).startswith("opt_out_")]
            # which medium is closed is decided channel by channel; here it only counts as supplied
            return np.ones(len(self), dtype=bool) if columns else None
        if name == "vulnerability_or_moratorium_or_complaint":
            return self.held() if self.holds() else None
        if name in _IMPLIED:
            stated = self.get(_IMPLIED[name])
            return None if stated is None else ~stated
        return None

    def holds(self) -> list[str]:
        """Return the hold columns that were supplied."""
        return [name for name in HOLDS if name in self.table]

    def held(self) -> np.ndarray:
        """Return which accounts stand under any hold."""
        result = np.zeros(len(self), dtype=bool)
        for name in self.holds():
            result |= flag(self.table[name])[0]
        return result


def instant_of(value: Any, name: str = "as_of") -> pd.Timestamp:
    """Return one instant in UTC; a plain date is its midnight in UTC, and the clock is never read.

    Raises
    ------
    InputError
        ``DLQ-103`` when the value is no date or time; a time without its day is none.

    Examples
    --------
    >>> instant_of("2026-11-23T09:00+01:00")
    Timestamp('2026-11-23 08:00:00+0000', tz='UTC')
    """
    try:
        found = pd.Timestamp(value)
    except (TypeError, ValueError):
        found = pd.NaT
    # pandas would complete "09:00" or "now" from the clock, so a text must begin with its day
    unclear = isinstance(value, str) and not _ISO_DAY.match(value)
    if isinstance(value, Number) or unclear or not isinstance(found, pd.Timestamp):
        fix = "write YYYY-MM-DD, or a time with its zone such as 2026-06-30T09:00+01:00"
        raise InputError(Problem("DLQ-103", "expected a date", name, fix=fix)) from None
    found = found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")
    return found.as_unit("us")
