"""Tables with one column a month, in any of the usual codings, as months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import DATE_DTYPE, MONTHS, admit, to_frame

__all__ = ["CODINGS", "from_wide"]

# What a code says: days past due (the least that the code allows), a status, or nothing at all.
_GONE = (0, "closed")
CODINGS: dict[str, dict[str, Any]] = {
    # payment pattern of credit bureaus: 1 is 30 to 59 days, 2 is 60 to 89, ...
    "pattern": {
        **dict.fromkeys(["0", "C", "*"], 0),
        **{str(k): 30 * k for k in range(1, 7)},
        **dict.fromkeys(["7", "8"], 180),
        "9": (180, "charged_off"),
        **dict.fromkeys(["X", "-", "B", "D", "E", ""]),
    },
    # repayment codes of the credit reports of the People's Bank of China
    "pboc": {
        **dict.fromkeys(["N", "*"], 0),
        **{str(k): 30 * k - 29 for k in range(1, 8)},
        "C": (0, "paid_off"),
        "G": _GONE,
        "D": (1, None),
        "Z": (1, None),
        **dict.fromkeys(["/", "#", ""]),
    },
    # M0, M1, ... as Chinese lenders count
    "cn_m": {"M0": 0, **{f"M{k}": 30 * k - 29 for k in range(1, 8)}, "M7+": 181},
    # 0 none, 1 is 1 to 30 days, ... 5 more than 120, sold or written off; C closed, X unknown
    "grades": {"0": 0, "1": 1, "2": 31, "3": 61, "4": 91, "5": 121, "C": _GONE, "X": None},
}


def from_wide(
    table: Any,
    months: Any,
    *,
    account_id: str = "account_id",
    late: Sequence[str | None] | None = None,
    coding: str | Mapping[Any, Any] = "days",
    keep_code: str | None = None,
    **columns: str | Sequence[str | None],
) -> pd.DataFrame:
    """Turn a table with one column a month into the months table.

    Parameters
    ----------
    table : table
        A row per account.
    months : sequence of months
        The months of the columns, in the order in which the columns are listed.
    account_id : str
        Column of the ids.
    late : sequence of str, optional
        Column of each month that says how late the account was; None where there is none.
    coding : {"days", "cycles", "pattern", "pboc", "cn_m", "grades"} or mapping
        How `late` is written. ``days``: days past due. ``cycles``: months late, 30 days each; 0 and
        below are current. The others are letters and digits of credit bureaus and lenders; a code
        that stands for a range gives its least days. A mapping gives each code days, or
        ``(days, status)``, or None for a month that was not observed.
    keep_code : str, optional
        Name of a column that keeps the code as text: codes for current accounts often differ in risk.
    **columns
        For each further column of the months table (``amount_due``, ``amount_paid``, ``balance``, ...) the
        columns of `table`, one a month (None where there is none), or one name for all months.

    Returns
    -------
    DataFrame
        Canonical months, sorted. An account has no row for a month that is empty throughout.

    Raises
    ------
    InputError
        ``DLQ-102`` for a column that is not there; ``DLQ-112`` for lists of another length than
        `months`, or codes without a meaning; what `delinquency.schema.admit` finds.

    Examples
    --------
    >>> wide = pd.DataFrame({"account_id": [1], "late_jan": [0], "late_feb": [2], "limit": [500.0]})
    >>> from_wide(
    ...     wide,
    ...     ["2026-01", "2026-02"],
    ...     late=["late_jan", "late_feb"],
    ...     coding="cycles",
    ...     credit_limit="limit",
    ... )
       account_id      month  days_past_due  credit_limit
    0           1 2026-01-31            0.0         500.0
    1           1 2026-02-28           60.0         500.0
    """
    frame = to_frame(table, "table")
    ends = _month_ends(months)
    lists = {name: _listed(name, given, len(ends)) for name, given in columns.items()}
    if late is not None:
        lists = {"late": _listed("late", late, len(ends)), **lists}
    _check_names(frame, account_id, lists)
    ids = frame[account_id].repeat(len(ends)).reset_index(drop=True)
    result = pd.DataFrame({"account_id": ids, "month": np.tile(ends, len(frame))})
    seen = np.zeros(len(result), dtype=bool)
    for name, names in lists.items():
        values = _stacked(frame, names)
        if isinstance(columns.get(name), str):
            result[name] = values
            continue
        seen |= values.notna().to_numpy()
        if name == "late":
            seen &= _read_late(result, values, coding, keep_code)
        else:
            result[name] = values
    result = result[seen].reset_index(drop=True)
    return admit(result, MONTHS, "table")


def _month_ends(months: Any) -> np.ndarray:
    starts = pd.PeriodIndex(list(months), freq="M").to_timestamp().to_numpy()
    ends = (starts.astype("datetime64[M]") + np.timedelta64(1, "M")).astype(
        "datetime64[D]"
    ) - np.timedelta64(1, "D")
    return ends.astype(DATE_DTYPE)


def _listed(name: str, given: str | Sequence[str | None], count: int) -> list[str | None]:
    names: list[str | None] = [given] * count if isinstance(given, str) else [*given]
    if len(names) != count:
        what = f"{len(names)} columns for {count} months"
        fix = "name one a month, None where there is none"
        raise InputError(Problem("DLQ-112", what, name, len(names), fix))
    return names


def _check_names(frame: pd.DataFrame, account_id: str, lists: dict[str, list[str | None]]) -> None:
    wanted = [account_id, *(name for names in lists.values() for name in names if name is not None)]
    problems = []
    for name in dict.fromkeys(wanted):
        if name not in frame:
            fix = did_you_mean(name, map(str, frame.columns)) or "check the name"
            problems.append(Problem("DLQ-102", f'column "{name}" is missing', "table", 1, fix))
    if not lists:
        problems.append(
            Problem("DLQ-112", "no column was named", "from_wide", 0, 'late=["...", ...]')
        )
    if problems:
        raise InputError(*problems)


def _stacked(frame: pd.DataFrame, names: list[str | None]) -> pd.Series:
    """Return the columns one account after the other."""
    parts = [
        pd.Series(np.nan, index=frame.index) if name is None else frame[name] for name in names
    ]
    stacked = pd.concat([part.reset_index(drop=True) for part in parts], ignore_index=True)
    order = np.arange(len(stacked)).reshape(len(names), len(frame)).T.ravel()
    return stacked.iloc[order].reset_index(drop=True)


def _read_late(
    result: pd.DataFrame, values: pd.Series, coding: str | Mapping[Any, Any], keep_code: str | None
) -> np.ndarray:
    """Put days (and status) into the result; return which months were observed."""
    if keep_code is not None:
        result[keep_code] = values
    there = values.notna().to_numpy()
    if isinstance(coding, str) and coding in ("days", "cycles"):
        numbers = pd.to_numeric(values, errors="coerce")
        _refuse_unread((numbers.isna() & values.notna()).to_numpy())
        days = numbers if coding == "days" else 30.0 * numbers.clip(lower=0)
        result["days_past_due"] = days.to_numpy(dtype="float64", na_value=np.nan)
        return there
    codes, words = pd.factorize(values)
    table = _coding(coding)
    read = [table.get(word, table.get(_plain(word), _UNKNOWN)) for word in words]
    _refuse_unread(np.append([meaning is _UNKNOWN for meaning in read], False)[codes])
    days, status = zip(*[_meaning(entry) for entry in [*read, None]], strict=True)
    result["days_past_due"] = np.array(days, dtype="float64")[codes]
    if any(word not in (None, "open") for word in status):
        result["status"] = pd.Series(np.array(status, dtype=object)[codes]).astype("str")
    return there & ~np.isnan(result["days_past_due"].to_numpy())


_UNKNOWN = object()


def _coding(coding: str | Mapping[Any, Any]) -> Mapping[Any, Any]:
    if not isinstance(coding, str):
        return coding
    if coding not in CODINGS:
        known = ["days", "cycles", *CODINGS]
        fix = did_you_mean(coding, known) or "use " + ", ".join(known)
        raise InputError(Problem("DLQ-112", f'no coding "{coding}"', "coding", fix=fix))
    return CODINGS[coding]


def _plain(word: Any) -> str:
    """Return a code as text: 1 and 1.0 are "1", and letters are large."""
    if isinstance(word, float) and word.is_integer():
        word = int(word)
    return str(word).strip().upper()


def _meaning(entry: Any) -> tuple[float, str]:
    if entry is None:
        return np.nan, "open"
    if isinstance(entry, tuple):
        return float(entry[0]), entry[1] or "open"
    return float(entry), "open"


def _refuse_unread(unread: np.ndarray) -> None:
    count = int(unread.sum())
    if count:
        what = f"{count:,} of {len(unread):,} codes have no meaning in this coding"
        raise InputError(
            Problem("DLQ-112", what, "late", count, "give a mapping that holds them all")
        )
