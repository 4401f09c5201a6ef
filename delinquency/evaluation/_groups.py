"""Accounts in named groups: bands, segments, months."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["groups_of", "month_ends", "rate"]


def groups_of(values: Any, n: int, name: str) -> tuple[pd.Index, np.ndarray]:
    """Return the names of groups in order, and the position of each account's group.

    An ordered categorical keeps its order and its empty groups; anything else is sorted.

    Examples
    --------
    >>> names, codes = groups_of(["B", "A", "B"], 3, "band")
    >>> list(names), codes.tolist()
    (['A', 'B'], [1, 0, 1])
    """
    series = pd.Series(values).reset_index(drop=True)
    if len(series) != n:
        what = f"{len(series):,} values for {n:,} outcomes"
        raise InputError(Problem("DLQ-103", what, name, fix="pass one for each outcome"))
    missing = int(series.isna().sum())
    if missing:
        what = f"values are missing in {missing:,} of {n:,} rows"
        raise InputError(Problem("DLQ-104", what, name, missing, 'name them, such as "unknown"'))
    if isinstance(series.dtype, pd.CategoricalDtype):
        if not series.cat.ordered:
            series = series.astype(series.cat.categories.dtype).astype("category")
    else:
        series = series.astype("category")
    return series.cat.categories, series.cat.codes.to_numpy()


def month_ends(values: Any, n: int) -> pd.Series:
    """Return the last day of each row's month.

    Raises
    ------
    InputError
        ``DLQ-103`` when the values are no dates or not one a row, ``DLQ-104`` when some are
        missing.

    Examples
    --------
    >>> month_ends(["2026-02-03", "2026-01"], 2).dt.strftime("%Y-%m-%d").tolist()
    ['2026-02-28', '2026-01-31']
    """
    series = pd.Series(values).reset_index(drop=True)
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    dates = series
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        numbers = pd.api.types.is_numeric_dtype(series.dtype)
        parsed = pd.to_datetime(series.astype("str"), errors="coerce", format="ISO8601")
        dates = parsed.where(series.notna() & (not numbers))
    if len(dates) != n or (dates.isna() & series.notna()).any():
        what = f"expected {n:,} dates, one for each outcome"
        raise InputError(Problem("DLQ-103", what, "month", fix="write dates as YYYY-MM-DD"))
    missing = int(dates.isna().sum())
    if missing:
        what = f"dates are missing in {missing:,} of {n:,} rows"
        raise InputError(Problem("DLQ-104", what, "month", missing, "leave these rows out"))
    firsts = dates.to_numpy().astype("datetime64[M]")
    ends = (firsts + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return pd.Series(ends.astype("datetime64[us]"))


def rate(part: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return ``part / n``, missing where there is nobody."""
    return np.divide(part, n, out=np.full(len(n), np.nan), where=n > 0)
