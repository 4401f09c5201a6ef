"""Checks that warn before a wrong month becomes a wrong score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import did_you_mean
from delinquency.history._check_ids import id_issues
from delinquency.history._check_kernel import RULES, SHOWN, scan
from delinquency.history._rows import against_previous, changes
from delinquency.schema import DATE_DTYPE, MONTHS, as_date, to_frame

__all__ = ["check_months"]

COLUMNS = ["severity", "code", "rule", "count", "first_rows", "fix"]
_ORDER = {"error": 0, "warning": 1, "note": 2}
_DAY = 86_400_000_000
_STATUS = ("open", "paid_off", "charged_off", "sold", "closed")
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

# rule: severity, code, what holds not, fix
_ROW_RULES = {
    "repeated": (
        "error",
        "DLQ-101",
        "(account_id, month) repeats",
        "keep one row a key: aggregate, or keep the row that was known last",
    ),
    "month_missing": ("error", "DLQ-104", "month is missing", "fill it or drop the rows"),
    "infinite": ("error", "DLQ-105", "a number is infinite", "repair the export"),
    "bad_days": (
        "error",
        "DLQ-106",
        "days_past_due is missing, negative or not whole",
        "count calendar days; 0 is current",
    ),
    "negative_due": ("error", "DLQ-106", "amount_due is negative", "floor credits at 0"),
    "negative_limit": ("error", "DLQ-106", "credit_limit is negative", "repair the export"),
    "negative_written_off": (
        "error",
        "DLQ-106",
        "written_off is negative",
        "book what comes back under recovered",
    ),
    "negative_recovered": (
        "warning",
        "DLQ-106",
        "recovered is negative",
        "right for a reversed recovery, else repair the sign",
    ),
    "negative_paid": (
        "note",
        "DLQ-106",
        "amount_paid is negative",
        "right for a reversal, else repair the sign",
    ),
    "gap": (
        "warning",
        "DLQ-122",
        "months are missing between two rows of an account",
        "export them; a missing month is skipped, never filled in",
    ),
    "rising_fast": (
        "warning",
        "DLQ-123",
        "days_past_due rises by more than the days that passed",
        "look for buckets written as days, or for months that were left out",
    ),
    "paid_but_late": (
        "warning",
        "DLQ-124",
        "what fell due was paid, yet days_past_due does not fall",
        "check that payments reach the oldest due, and that amount_due holds all that fell due",
    ),
    "never_due": (
        "warning",
        "DLQ-125",
        "days_past_due above 0 where nothing ever fell due",
        "add the dues, or set days_past_due to 0",
    ),
    "nothing_owed": (
        "warning",
        "DLQ-126",
        "days_past_due above 0 with nothing owed",
        "check which date balance and days_past_due are of",
    ),
    "above_limit": (
        "note",
        "DLQ-127",
        "balance is above credit_limit",
        "right for interest and fees, else check both columns",
    ),
    "after_end": (
        "error",
        "DLQ-128",
        "the account lives on after it was paid off, charged off or sold",
        "end its rows there, or give the new account its own id",
    ),
    "recovered_early": (
        "error",
        "DLQ-129",
        "recovered before anything was written off",
        "book it under amount_paid, or add the write-off",
    ),
    "fell_unpaid": (
        "note",
        "DLQ-134",
        "days_past_due falls to 0 without a payment",
        "right for a re-aged or extended account; keep its contractual days beside it",
    ),
}


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
    issues = id_issues(frame["account_id"], Issue, _first_rows)
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
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        text = values if not pd.api.types.is_numeric_dtype(values.dtype) else values.astype("str")
        parsed = pd.to_datetime(text, errors="coerce", format="ISO8601")
    else:
        parsed = values
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
        fix = "use " + ", ".join(_STATUS)
        issues.append(_flagged("warning", "DLQ-135", "status is not one we know", unknown, fix))
    arrays["status"] = status if order is None or not len(status) else status[order]
    return arrays, issues


def _status(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    if "status" not in frame:
        return np.zeros(0, dtype="int8"), np.zeros(0, dtype=bool)
    codes, words = pd.factorize(frame["status"])
    number = [_STATUS.index(word) if word in _STATUS else len(_STATUS) for word in words]
    # a missing status counts as open
    table = np.array([*number, 0], dtype="int8")
    status = table[codes]
    return status, status == len(_STATUS)


def _scanned(
    new: np.ndarray, dates: np.ndarray, columns: dict[str, np.ndarray], order: np.ndarray | None
) -> list[Issue]:
    days, month_of, first_day = _days(dates)
    ordered = [columns[name] for name in (*_NUMBERS[:5], "status", *_NUMBERS[5:])]
    counts, first = scan(new, days, month_of, first_day, *ordered)  # pyright: ignore[reportCallIssue]
    issues = []
    for at, name in enumerate(RULES):
        if counts[at]:
            severity, code, rule, fix = _ROW_RULES[name]
            rows = first[at][: min(counts[at], SHOWN)]
            rows = rows if order is None else order[rows]
            issues.append(Issue(severity, code, rule, int(counts[at]), rows.tolist(), fix))
    return issues


def _days(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each month's last day as a number, and the month number of every day in their span."""
    missing = np.isnat(dates)
    days = dates.view("int64") // _DAY
    if missing.all():
        return np.full(len(days), np.iinfo("int64").min), np.zeros(1, dtype="int32"), 0
    low, high = days[~missing].min() - 31, days[~missing].max() + 31
    span = np.arange(low, high + 1).astype("datetime64[D]").astype("datetime64[M]")
    month_of = span.astype("int64").astype("int32")
    ends = (span + 1).astype("datetime64[D]").astype("int64") - 1
    at = np.where(missing, 0, days - low)
    return np.where(missing, np.iinfo("int64").min, ends[at]), month_of, int(low)


def _after(frame: pd.DataFrame, dates: np.ndarray, as_of: pd.Timestamp) -> list[Issue]:
    rules = [("month", dates, "a month ends after as_of", "it counts once it has ended")]
    for name, fix in (
        ("known_at", "it is left out until it was booked"),
        ("opened", "repair the date"),
    ):
        if name in frame:
            rules.append((name, _as_dates(frame[name])[0], f"{name} lies after as_of", fix))
    end = np.datetime64(as_of) + np.timedelta64(1, "D")
    issues = []
    for _, values, rule, fix in rules:
        wrong = values >= end
        if wrong.any():
            issues.append(_flagged("warning", "DLQ-130", rule, wrong, fix))
    return issues
