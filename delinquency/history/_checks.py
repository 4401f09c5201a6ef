"""Checks that warn before a wrong month becomes a wrong score."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import did_you_mean
from delinquency.history._check_ids import id_issues
from delinquency.history._check_kernel import MISSING, RULES, SHOWN, scan
from delinquency.history._check_rules import ROW_RULES
from delinquency.history._rows import against_previous, changes
from delinquency.schema import DATE_DTYPE, MONTHS, STATUSES, as_date, to_frame

__all__ = ["check_months"]

COLUMNS = ["severity", "code", "rule", "count", "first_rows", "fix"]
_ORDER = {"error": 0, "warning": 1, "note": 2}
_NUMBERS = (
    "days_past_due",
    "amount_due",
    "amount_paid",
    "balance",
    "credit_limit",
    "written_off",
    "recovered",
    "arrears",
)


@dataclass(frozen=True)
class Issue:
    """One line of the issue table."""

    severity: str
    code: str
    rule: str
    count: int
    first_rows: list[int]
    fix: str


def check_months(months: Any, as_of: Any = None) -> pd.DataFrame:
    """Look for what is wrong in a months table, without refusing it and without showing a cell.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; any order.
    as_of : date, optional
        Rows that end or were booked after it are reported.

    Returns
    -------
    DataFrame
        One row for each broken rule, errors first: ``severity`` (``"error"``: the library refuses
        or misreads such rows; ``"warning"``: likely a mistake; ``"note"``: may be right), ``code``,
        ``rule``, ``count`` (rows, or columns where the rule is about columns), ``first_rows``
        (positions from 0, at most five), ``fix``. Empty when nothing was found.

    Raises
    ------
    InputError
        ``DLQ-103`` when `months` is no table.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 1],
    ...         "month": ["2026-01", "2026-02", "2026-02"],
    ...         "days_past_due": [0, 90, 0],
    ...     }
    ... )
    >>> issues = check_months(months)
    >>> issues[["severity", "code", "count", "first_rows"]]
      severity     code  count first_rows
    0    error  DLQ-101      1        [2]
    1  warning  DLQ-123      1        [1]
    >>> print(*issues["rule"], sep="; ")
    (account_id, month) repeats; days_past_due rises by more than the days that passed
    """
    frame = to_frame(months, MONTHS.name)
    issues = _column_issues(frame)
    if frame.empty:
        issues.append(Issue("error", "DLQ-100", "no rows", 0, [], "check the export"))
    elif {"account_id", "month"} <= set(frame.columns) and frame.columns.is_unique:
        issues += _row_issues(frame, None if as_of is None else as_date(as_of))
    issues.sort(key=lambda issue: (_ORDER[issue.severity], issue.code))
    return pd.DataFrame([vars(issue) for issue in issues], columns=COLUMNS)


def _column_issues(frame: pd.DataFrame) -> list[Issue]:
    have = set(frame.columns)
    issues = []
    for name in frame.columns[frame.columns.duplicated()].unique():
        rule = f'column "{name}" stands twice'
        issues.append(Issue("error", "DLQ-103", rule, 1, [], "rename or drop one"))
    either = have.issuperset(MONTHS.either[0]) or have.issuperset(MONTHS.either[1])
    lacking = [name for name in ("account_id", "month") if name not in have]
    for name in lacking + ([] if either else ["days_past_due"]):
        hint = did_you_mean(name, map(str, have - set(MONTHS.columns)))
        fix = f"{hint} rename it" if hint else "add it"
        issues.append(Issue("error", "DLQ-102", f'column "{name}" is missing', 1, [], fix))
    return issues


def _row_issues(frame: pd.DataFrame, as_of: pd.Timestamp | None) -> list[Issue]:
    try:
        issues = id_issues(frame["account_id"], Issue, _first_rows)
    except TypeError:  # lists and the like, which nothing can sort or look up
        fix = "make every id text, or every id an integer"
        rule, rows = "ids are neither text nor integers", list(range(min(len(frame), SHOWN)))
        return [Issue("error", "DLQ-103", rule, len(frame), rows, fix)]
    dates, broken = _as_dates(frame["month"])
    if broken.any():
        issues.append(_flagged("error", "DLQ-103", "month is no date", broken, "use YYYY-MM-DD"))
    ids = frame["account_id"]
    step = against_previous(ids)
    order = None
    if not _in_order(step, dates):
        order = np.lexsort((dates.view("int64"), pd.factorize(ids)[0]))
        falling = np.append(False, (step[1:] == 0) & (dates[1:] < dates[:-1]))
        fix = "nothing to do: rows are sorted when they come in, which costs time and memory"
        if falling.any():
            rule = "months do not increase inside an account"
            issues.append(_flagged("note", "DLQ-121", rule, falling, fix))
    columns, unread = _columns(frame, order)
    issues += unread
    if order is not None:
        step, dates_sorted = changes(ids.take(order)), dates[order]
    else:
        step, dates_sorted = np.abs(step), dates
    issues += _scanned(step, dates_sorted, columns, order)
    if as_of is not None:
        issues += _after(frame, dates, as_of)
    return issues


def _flagged(severity: str, code: str, rule: str, wrong: np.ndarray, fix: str) -> Issue:
    return Issue(severity, code, rule, int(wrong.sum()), _first_rows(wrong), fix)


def _first_rows(wrong: np.ndarray) -> list[int]:
    return np.flatnonzero(wrong)[:SHOWN].tolist()


def _as_dates(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return days as datetime64[us] and which values were no date."""
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp(how="start")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.to_numpy(dtype=DATE_DTYPE), np.zeros(len(values), dtype=bool)
    text = values if not pd.api.types.is_numeric_dtype(values.dtype) else values.astype("str")
    parsed = pd.to_datetime(text, errors="coerce", format="ISO8601")
    broken = (parsed.isna() & values.notna()).to_numpy()
    return parsed.to_numpy(dtype=DATE_DTYPE), broken


def _in_order(step: np.ndarray, dates: np.ndarray) -> bool:
    days = dates.view("int64")
    return bool(((step[1:] > 0) | ((step[1:] == 0) & (days[1:] >= days[:-1]))).all())


def _columns(
    frame: pd.DataFrame, order: np.ndarray | None
) -> tuple[dict[str, np.ndarray], list[Issue]]:
    """Return the numeric columns and the status as the kernel wants them; what cannot be read."""
    arrays, issues = {}, []
    for name in _NUMBERS:
        if name not in frame:
            arrays[name] = np.zeros(0)
            continue
        values = frame[name]
        if pd.api.types.is_numeric_dtype(values.dtype):
            array = values.to_numpy(dtype="float64", na_value=np.nan)
        else:
            array = np.asarray(pd.to_numeric(values.astype("str"), errors="coerce"), dtype=float)
            text = np.isnan(array) & values.notna().to_numpy()
            if text.any():
                rule = f"{name} is not a number"
                issues.append(
                    _flagged("error", "DLQ-103", rule, text, "export the column as a number")
                )
        arrays[name] = array if order is None else array[order]
    status, unknown = _status(frame)
    if unknown.any():
        fix = "use " + ", ".join(STATUSES)
        issues.append(_flagged("warning", "DLQ-135", "status is not one we know", unknown, fix))
    arrays["status"] = status if order is None or not len(status) else status[order]
    return arrays, issues


def _status(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    if "status" not in frame:
        return np.zeros(0, dtype="int8"), np.zeros(0, dtype=bool)
    try:
        codes, words = pd.factorize(frame["status"])
    except TypeError:
        every = np.full(len(frame), len(STATUSES), dtype="int8")
        return every, np.ones(len(frame), dtype=bool)
    number = [STATUSES.index(word) if word in STATUSES else len(STATUSES) for word in words]
    # a missing status counts as open
    table = np.array([*number, 0], dtype="int8")
    status = table[codes]
    return status, status == len(STATUSES)


def _scanned(
    new: np.ndarray, dates: np.ndarray, columns: dict[str, np.ndarray], order: np.ndarray | None
) -> list[Issue]:
    counts, first = _in_parts(new, dates, columns)
    issues = []
    for at, name in enumerate(RULES):
        if counts[at]:
            severity, code, rule, fix = ROW_RULES[name]
            rows = first[at] if order is None else order[first[at]]
            issues.append(Issue(severity, code, rule, int(counts[at]), rows.tolist(), fix))
    return issues


def _in_parts(
    new: np.ndarray, dates: np.ndarray, columns: dict[str, np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Scan whole accounts on several threads; the result does not depend on how many."""
    calendar = _calendar_of(dates)
    ordered = [columns[name] for name in (*_NUMBERS[:5], "status", *_NUMBERS[5:])]
    threads = min(os.cpu_count() or 1, 8, 1 + len(dates) // 100_000)
    edges = [_account_start(new, len(dates) * part // threads) for part in range(threads + 1)]
    stamps = dates.view("int64")

    def part(begin: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return scan(*[begin, stop, new, stamps, *calendar, *ordered])

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(part, edges[:-1], edges[1:]))
    counts = np.sum([result[0] for result in results], axis=0)
    rows = np.concatenate([result[1] for result in results], axis=1)
    return counts, [found[found >= 0][:SHOWN] for found in rows]


def _account_start(new: np.ndarray, row: int) -> int:
    """Return the first row from here on where an account begins."""
    if row == 0 or row >= len(new):
        return min(row, len(new))
    ahead = np.flatnonzero(new[row:])
    return row + int(ahead[0]) if len(ahead) else len(new)


def _calendar_of(dates: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return month number and month's last day of every day in the span of the dates."""
    stamps = dates.view("int64")
    low, high = stamps.min(), stamps.max()
    if low == MISSING:
        stamps = stamps[stamps != MISSING]
        if not len(stamps):
            return 0, np.zeros(1, dtype="int32"), np.zeros(1, dtype="int32")
        low = stamps.min()
    low, high = np.array([low, high]).view(DATE_DTYPE)
    span = np.arange(
        low.astype("datetime64[D]"), high.astype("datetime64[D]") + np.timedelta64(1, "D")
    )
    month = span.astype("datetime64[M]")
    end = (month + np.timedelta64(1, "M")).astype("datetime64[D]").astype("int64") - 1
    return int(span[0].astype("int64")), month.astype("int32"), end.astype("int32")


def _after(frame: pd.DataFrame, dates: np.ndarray, as_of: pd.Timestamp) -> list[Issue]:
    tomorrow = np.datetime64(as_of) + np.timedelta64(1, "D")
    # a month counts by its end, whichever of its days the table names
    running = tomorrow.astype("datetime64[M]").astype("datetime64[D]")
    rules = [(dates, running, "a month ends after as_of", "it counts once it has ended")]
    for name, fix in (
        ("known_at", "it is left out until it was booked"),
        ("opened", "repair the date"),
    ):
        if name in frame:
            rules.append((_as_dates(frame[name])[0], tomorrow, f"{name} lies after as_of", fix))
    issues = []
    for values, end, rule, fix in rules:
        # a missing date is the smallest integer; whole numbers are compared much faster than dates
        if values.view("int64").max() >= end.astype(DATE_DTYPE).view("int64"):
            wrong = values >= end
            issues.append(_flagged("warning", "DLQ-130", rule, wrong, fix))
    return issues
