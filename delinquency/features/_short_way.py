"""The short way through the door, for batches that need no change.

Most batches of a file are canonical as they stand: accounts rise, months are month ends and rise within
an account, days are whole. That is seen here in one compiled pass a column. Whatever is otherwise, by
however little, goes through `schema.admit`, which makes it canonical or says what is wrong: the short way
refuses nothing and changes nothing, so that it cannot differ from the door.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from delinquency.features._compile import compiled
from delinquency.features._rows import Keys, Memory, fresh
from delinquency.schema import DATE_DTYPE, MONTHS, month_number

__all__ = ["changes", "short_way"]

_DAY = 86_400_000_000  # microseconds
_WHOLE = float(1 << 52)
PLAIN = (1 << 62) - 1  # as in `_kernels`; a loop keeps its own, for its cache knows this file alone


def short_way(table: pa.Table, memory: Memory = fresh) -> tuple[pd.DataFrame, Keys] | None:
    """Return what `admit` would, and the keys of its rows; None for a batch that must go there.

    Parameters
    ----------
    table : Table
        Columns of a months table, in the pieces in which they came; accounts rise.
    memory : callable
        Where the figures are joined: given columns and rows, returns an array of so many.
    """
    names = {*table.column_names}
    if not names >= {"account_id", "month"} or not any(names.issuperset(g) for g in MONTHS.either):
        return None
    kinds = {name: MONTHS.columns[name].kind for name in table.column_names}
    figures = [name for name, kind in kinds.items() if kind in ("days", "money")]
    room = memory(len(figures), len(table))
    columns: dict[str, Any] = dict.fromkeys(table.column_names)
    for name, out in zip(figures, room, strict=True):
        if not _joined(table[name], kinds[name], out):
            return None
        columns[name] = out
    others: dict[str, Any] = {n: table[n].combine_chunks() for n in names.difference(figures)}
    for name, joined in others.items():
        values = joined.to_pandas(date_as_object=False)
        if kinds[name] in ("month", "date") and values.dtype != DATE_DTYPE:
            return None
        columns[name] = values
    keys = _keys(others["account_id"], columns["month"].to_numpy())
    if keys is None:
        return None
    if columns["account_id"].dtype.kind != "i":
        columns["account_id"] = columns["account_id"].astype("str")
    return pd.DataFrame(columns, copy=False), keys


def _joined(column: pa.ChunkedArray, kind: str, out: np.ndarray) -> bool:
    """Join the pieces of figures into `out`; tell whether all are what their kind may be."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    join = _join_days if kind == "days" else _join_money
    at, sound = 0, True
    for piece in column.chunks:
        values = piece.to_numpy(zero_copy_only=False).astype("float64", copy=False)
        sound &= join(values, out[at : at + len(values)])
        at += len(values)
    return sound


def changes(ids: pa.Array) -> np.ndarray:
    """Return, for each id but the first, whether it is another than the one before."""
    if pa.types.is_integer(ids.type) and not ids.null_count:
        values = ids.to_numpy()
        return values[1:] != values[:-1]
    return pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)  # pyright: ignore[reportAttributeAccessIssue]


def _keys(ids: pa.Array, month: np.ndarray) -> Keys | None:
    """Return the keys of canonical rows; None when some are not."""
    known = pa.types.is_int64(ids.type) or pa.types.is_string(ids.type)
    known |= pa.types.is_large_string(ids.type)
    if not known or ids.null_count or month.dtype != DATE_DTYPE:
        return None
    times = month.view("int64")
    first, last = int(times.min()) // _DAY, int(times.max()) // _DAY
    # so few rows that a calendar would cost more, or a missing month: the lowest of all numbers
    if last - first >= len(times):
        return None
    number_of = month_number(np.arange(first, last + 3).astype("datetime64[D]").astype(DATE_DTYPE))
    is_end = number_of[1:] != number_of[:-1]
    begins = np.concatenate(([True], changes(ids)))
    number = np.empty(len(times), dtype=np.int64)
    if not _number_months(times, begins, first, number_of, is_end, number):
        return None
    return Keys(number, np.append(np.flatnonzero(begins), len(times)))


@compiled
def _number_months(times, begins, first, number_of, is_end, out):  # pragma: no cover
    """Write the number of each row's month; tell whether all are month ends that rise in an account."""
    sound = True
    for row in range(times.shape[0]):
        since = times[row] - first * _DAY
        # the nearest day, by a product: a division takes far longer, and what is no whole day is unsound
        day = np.int64(since * (1.0 / _DAY) + 0.5)
        out[row] = number_of[day & PLAIN]
        sound &= is_end[day & PLAIN] & (since == day * _DAY)
    for row in range(1, times.shape[0]):
        sound &= begins[row] | (times[row] > times[row - 1])
    return sound


@compiled
def _join_days(values, out):  # pragma: no cover
    """Tell whether all are whole numbers from 0 up; a missing one is not."""
    sound = True
    for row in range(values.shape[0]):
        value = values[row]
        out[row] = value
        whole = (
            value + _WHOLE
        ) - _WHOLE  # beyond it a double keeps no fraction; faster than a floor
        sound &= (value >= 0.0) & (value < _WHOLE) & (value == whole)
    return sound


@compiled
def _join_money(values, out):  # pragma: no cover
    """Tell whether none is infinite."""
    sound = True
    for row in range(values.shape[0]):
        out[row] = values[row]
        sound &= abs(values[row]) != np.inf
    return sound
