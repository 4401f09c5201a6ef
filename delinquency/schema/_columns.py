"""One column at the door: ids, dates and numbers, each to its canonical type or to a problem."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import Problem
from delinquency.schema._tables import Column
from delinquency.schema._time import DATE_DTYPE, month_ends

__all__ = ["canonical", "first_rows"]


def canonical(values: pd.Series, column: Column, where: str, problems: list[Problem]) -> pd.Series:
    """Return the column in its canonical type; a column that cannot be is reported and returned."""
    at, kind = f"{where}.{values.name}", column.kind
    found: list[Problem] = []
    if kind == "id":
        result = _ids(values, at, found)
    elif kind in ("month", "date"):
        result = _dates(values, at, found, required=column.required)
        if kind == "month" and not found:
            result = month_ends(result)
    elif kind in ("money", "days", "number", "label"):
        result = _numbers(values, kind, at, found)
    else:
        result = values
    problems.extend(found)
    return result.reset_index(drop=True)


def _ids(values: pd.Series, at: str, problems: list[Problem]) -> pd.Series:
    missing = values.isna().to_numpy()
    if missing.any():
        problems.append(
            _rows_problem("DLQ-104", "ids are missing", at, missing, "every row needs its id")
        )
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_float_dtype(values.dtype):
        fix = "read the column as text or integer; a float id loses digits above 2^53"
        problems.append(Problem("DLQ-107", f"ids are {values.dtype}", at, len(values), fix))
        return values
    if problems:
        return values
    if pd.api.types.is_integer_dtype(values.dtype):
        return _exact_integers(values, at, problems)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _ids(values.astype(values.cat.categories.dtype), at, problems)
    if not _all_text(values):
        fix = "make every id text, or every id an integer"
        problems.append(
            Problem("DLQ-103", "ids are neither all text nor all integers", at, fix=fix)
        )
        return values
    return values.astype("str")


def _exact_integers(values: pd.Series, at: str, problems: list[Problem]) -> pd.Series:
    # a cast would wrap silently, and give the account the id of another
    wide = (values > np.iinfo("int64").max).to_numpy(dtype=bool)
    if wide.any():
        what = "ids are above the range of 64-bit integers"
        problems.append(_rows_problem("DLQ-107", what, at, wide, "give such ids as text"))
        return values
    return values.astype("int64")


def _all_text(values: pd.Series) -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")


def _dates(values: pd.Series, at: str, problems: list[Problem], *, required: bool) -> pd.Series:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp(how="start")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        fix = "convert to the local date of the book, then drop the zone"
        problems.append(Problem("DLQ-103", "dates carry a time zone", at, len(values), fix))
        return values
    if pd.api.types.is_numeric_dtype(values.dtype):
        problems.append(
            Problem("DLQ-103", "expected dates, got numbers", at, len(values), "use ISO")
        )
        return values
    parsed = values if pd.api.types.is_datetime64_any_dtype(values.dtype) else _parsed(values)
    if isinstance(parsed.dtype, pd.DatetimeTZDtype):
        return _dates(parsed, at, problems, required=required)
    missing = parsed.isna().to_numpy()
    if missing.any():
        broken = missing & values.notna().to_numpy()
        if broken.any():
            text = "expected dates, got other values"
            problems.append(_rows_problem("DLQ-103", text, at, broken, "write dates as YYYY-MM-DD"))
            return values
        if required:
            text = "dates are missing"
            problems.append(_rows_problem("DLQ-104", text, at, missing, "fill or drop"))
    try:
        return parsed.astype(DATE_DTYPE)
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        far = np.abs(parsed.dt.year.to_numpy(dtype="float64", na_value=np.nan)) > _LAST_YEAR
        what = "dates lie beyond any calendar"
        problems.append(_rows_problem("DLQ-103", what, at, far, "write dates as YYYY-MM-DD"))
        return values


_LAST_YEAR = 290_000  # microseconds since 1970 reach a little farther


def _parsed(values: pd.Series) -> pd.Series:
    """Return dates written as text or objects; what is none comes back as missing."""
    no_date = _no_dates(values)
    try:
        return pd.to_datetime(
            values.mask(no_date) if no_date.any() else values, errors="coerce", format="ISO8601"
        )
    except (TypeError, ValueError, OverflowError):
        return pd.Series(pd.NaT, index=values.index)


# pandas takes these for dates, and would read the clock
_CLOCK_WORDS = ("now", "today")
_PLAIN_DATES = ("string", "date", "datetime", "datetime64", "period", "empty")


def _no_dates(values: pd.Series) -> np.ndarray:
    """Return which values pandas would make dates of although they say none."""
    wrong = values.isin(_CLOCK_WORDS).to_numpy(dtype=bool, copy=True)
    if values.dtype == object and pd.api.types.infer_dtype(values) not in _PLAIN_DATES:
        wrong |= np.array([isinstance(v, Number) and not _blank(v) for v in values], dtype=bool)
    return wrong


def _blank(value: Any) -> bool:
    return bool(value != value)  # NaN is a number, and means missing


_NO_NUMBERS = {
    "dates": pd.api.types.is_datetime64_any_dtype,
    "durations": pd.api.types.is_timedelta64_dtype,
    "complex numbers": pd.api.types.is_complex_dtype,
}


def _numbers(values: pd.Series, kind: str, at: str, problems: list[Problem]) -> pd.Series:
    for kind_of, test in _NO_NUMBERS.items():
        if test(values.dtype):
            what = f"expected numbers, got {kind_of}"
            problems.append(Problem("DLQ-103", what, at, len(values), "export plain numbers"))
            return values
    numbers = pd.to_numeric(values, errors="coerce") if values.dtype == object else values
    if not pd.api.types.is_numeric_dtype(numbers.dtype) or _holds_text(values):
        parsed = pd.to_numeric(values.astype("str"), errors="coerce").isna() & values.notna()
        count = int(parsed.sum())
        what = f"expected numbers, got text; {count:,} of {len(values):,} values would not parse"
        what += f", {first_rows(parsed.to_numpy())}" if count else ""
        problems.append(Problem("DLQ-103", what, at, count, "export the column as a number"))
        return values
    numbers = numbers.astype("float64")
    array = numbers.to_numpy()
    for code, what, wrong, fix in _number_rules(array, kind):
        if wrong.any():
            problems.append(_rows_problem(code, what, at, wrong, fix))
    return numbers


def _holds_text(values: pd.Series) -> bool:
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in (
        "string",
        "mixed",
        "mixed-integer",
    )


def _number_rules(array: np.ndarray, kind: str) -> list[tuple[str, str, np.ndarray, str]]:
    with np.errstate(all="ignore"):  # one pass: a sum shows each missing and infinite value
        if kind in ("money", "number") and np.isfinite(array.sum()):
            return []
        if kind == "days" and _whole_days(array):
            return []
    missing = np.isnan(array)
    rules = [("DLQ-105", "values are infinite", np.isinf(array), "repair the export")]
    if kind == "days":
        whole = np.isfinite(array) & (array != np.floor(array))
        rules += [
            ("DLQ-104", "values are missing", missing, "fill from the ledger or drop the rows"),
            ("DLQ-106", "values are negative", array < 0, "0 is current; days early are not DPD"),
            ("DLQ-103", "expected whole days, got fractions", whole, "count calendar days"),
        ]
    if kind == "label":
        other = ~(missing | (array == 0) | (array == 1))
        rules.append(("DLQ-103", "labels are not 1, 0 or missing", other, "1 is bad"))
    return rules


def _whole_days(array: np.ndarray) -> bool:
    """Return whether every value is a whole number from 0 up, in as few passes as it takes."""
    if not len(array):
        return True
    sound = array.min() >= 0 and array.max() < np.inf  # a missing value is neither
    return bool(sound) and np.array_equal(array, np.floor(array))


def _rows_problem(code: str, what: str, at: str, wrong: np.ndarray, fix: str) -> Problem:
    count = int(wrong.sum())
    what = f"{what} in {count:,} of {len(wrong):,} rows, {first_rows(wrong)}"
    return Problem(code, what, at, count, fix)


def first_rows(wrong: np.ndarray) -> str:
    rows = np.flatnonzero(wrong)[:5]
    return "first at " + ("row " if len(rows) == 1 else "rows ") + ", ".join(f"{r:,}" for r in rows)
