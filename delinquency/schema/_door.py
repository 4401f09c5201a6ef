"""The door: a table is checked once, where it enters, and comes out in canonical types."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema._columns import canonical, first_rows
from delinquency.schema._tables import Table

__all__ = ["admit", "to_frame"]

_LOG = logging.getLogger("delinquency")


def to_frame(table: Any, where: str = "table") -> pd.DataFrame:
    """Return any table that speaks the Arrow C stream as pandas.

    Parameters
    ----------
    table : DataFrame or object with ``__arrow_c_stream__``
        pandas, polars, pyarrow, a DuckDB relation.
    where : str
        How an error names the table.

    Raises
    ------
    InputError
        ``DLQ-103`` when the object is no table.

    Examples
    --------
    >>> to_frame(pa.table({"account_id": [1, 2]})).shape
    (2, 1)
    >>> to_frame([1, 2])
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-103 table: expected a table, got list. fix: pass pandas,...
    """
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(table).read_all().to_pandas()
    what = f"expected a table, got {type(table).__name__}"
    raise InputError(
        Problem("DLQ-103", what, where, fix="pass pandas, polars, pyarrow, or a DuckDB relation")
    )


def admit(table: Any, spec: Table, where: str = "") -> pd.DataFrame:
    """Check a table at the door and return it in canonical types, sorted by its key.

    Parameters
    ----------
    table : table
        See `to_frame`. Not changed.
    spec : Table
        What the table must be.
    where : str
        How errors name it; the table's own name by default.

    Returns
    -------
    DataFrame
        Canonical columns first as given, fresh range index, sorted by the key.

    Raises
    ------
    InputError
        Everything that one pass finds, together: ``DLQ-100`` no rows, ``DLQ-101`` repeated key,
        ``DLQ-102`` missing column, ``DLQ-103`` wrong type, ``DLQ-104`` missing value, ``DLQ-105``
        infinite value, ``DLQ-106`` negative where the rule forbids, ``DLQ-107`` ids that lost precision.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {"account_id": [7, 7], "month": ["2026-02", "2026-01"], "days_past_due": [0, 31]}
    ... )
    >>> from delinquency.schema import MONTHS
    >>> admit(months, MONTHS)[["month", "days_past_due"]]
           month  days_past_due
    0 2026-01-31           31.0
    1 2026-02-28            0.0
    >>> admit(months.assign(month="2026-01"), MONTHS)
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-101 months: 2 of 2 rows repeat (account_id, month); first at...
    """
    where = where or spec.name
    frame = to_frame(table, where)
    _refuse(_shape_problems(frame, spec, where))
    problems: list[Problem] = []
    columns = {
        str(name): canonical(frame[name], spec.columns[name], where, problems)
        if name in spec.columns
        else frame[name].reset_index(drop=True)
        for name in frame.columns
    }
    _refuse(problems)
    return _sorted_by_key(pd.DataFrame(columns, copy=False), spec, where)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(*problems)


def _shape_problems(frame: pd.DataFrame, spec: Table, where: str) -> list[Problem]:
    repeated = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if repeated:
        what = f"{len(repeated)} column names stand twice, first {_quoted(repeated)}"
        return [Problem("DLQ-103", what, where, len(repeated), "rename or drop")]
    have = set(frame.columns)
    problems = []
    for name, column in spec.columns.items():
        if column.required and name not in have:
            problems.append(_missing_column([name], have - set(spec.columns), where))
    if spec.either and not any(have.issuperset(group) for group in spec.either):
        free = have - set(spec.columns)
        problems.append(_missing_column(list(spec.either[0]), free, where))
    if not problems and frame.empty:
        fix = "an empty run is never committed; check the export"
        problems.append(Problem("DLQ-100", "no rows", where, 0, fix))
    return problems


def _missing_column(names: list[str], have: Iterable[Any], where: str) -> Problem:
    """Say which column is missing; `have` is without columns that mean something already."""
    hint = did_you_mean(names[0], map(str, have))
    fix = f"{hint} rename it" if hint else "add it or rename"
    return Problem("DLQ-102", f"column {_quoted(names)} is missing", where, len(names), fix)


def _quoted(names: Sequence[Any]) -> str:
    return ", ".join(f'"{name}"' for name in names[:5])


def _sorted_by_key(frame: pd.DataFrame, spec: Table, where: str) -> pd.DataFrame:
    key = list(spec.key)
    keys = [_sortable(frame[name]) for name in key]
    if _rising(keys, strictly=True):
        return frame  # the usual table: sorted, and no key twice
    order = None
    if not _rising(keys):
        _LOG.info("%s: rows are not sorted by (%s); sorting them once", where, ", ".join(key))
        order = np.lexsort(keys[::-1])
        keys = [values[order] for values in keys]
    same = np.logical_and.reduce([values[1:] == values[:-1] for values in keys])
    if same.any() and not spec.repeats:
        wrong = np.zeros(len(frame), dtype=bool)
        wrong[1:] |= same
        wrong[:-1] |= same
        if order is not None:
            wrong[order] = wrong.copy()
        what = (
            f"{int(wrong.sum()):,} of {len(frame):,} rows repeat ({', '.join(key)}); "
            f"{first_rows(wrong)}"
        )
        fix = "keep one row a key: aggregate, or keep the row that was known last"
        raise InputError(Problem("DLQ-101", what, where, int(wrong.sum()), fix))
    return frame if order is None else frame.iloc[order].reset_index(drop=True)


def _sortable(values: pd.Series) -> np.ndarray:
    """Return integers in the order of the values; text goes through its sorted vocabulary once."""
    if values.dtype.kind in "iM":
        return values.to_numpy().view("int64") if values.dtype.kind == "M" else values.to_numpy()
    codes, _ = pd.factorize(values, sort=True)
    return np.asarray(codes, dtype="int64")


def _rising(keys: list[np.ndarray], *, strictly: bool = False) -> bool:
    """Return whether the rows stand in the order of their keys; strictly: and no key comes twice."""
    *outer, inner = keys
    rising = inner[1:] > inner[:-1] if strictly else inner[1:] >= inner[:-1]
    for values in reversed(outer):
        ahead, behind = values[1:], values[:-1]
        rising &= ahead == behind
        rising |= ahead > behind
    return bool(rising.all())
