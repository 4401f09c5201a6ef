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
from delinquency.features._rows import Keys
from delinquency.schema import DATE_DTYPE, MONTHS, month_number

__all__ = ["changes", "short_way"]

_DAY = 86_400_000_000  # microseconds
_WHOLE = float(1 << 52)
PLAIN = (1 << 62) - 1  # as in `_kernels`; a loop keeps its own, for its cache knows this file alone


def short_way(table: pa.Table) -> tuple[pd.DataFrame, Keys] | None:
    """Return what `admit` would, and the keys of its rows; None for a batch that must go there.

    Parameters
    ----------
    table : Table
        Columns of a months table, each in one piece, accounts rising.
    """
    names = {*table.column_names}
    if not names >= {"account_id", "month"} or not any(names.issuperset(g) for g in MONTHS.either):
        return None
    frame = table.to_pandas(split_blocks=True, date_as_object=False)  # the columns as they stand
    ids: Any = table["account_id"].chunk(0)
    keys = _keys(ids, frame["month"].to_numpy())
    if keys is None:
        return None
    for name in table.column_names:
        kind, values = MONTHS.columns[name].kind, frame[name]
        if kind == "id":
            if values.dtype.kind != "i":
                frame[name] = values.astype("str")
        elif kind in ("days", "money"):
            if values.dtype.kind not in "iuf":
                return None
            if values.dtype != np.float64:
                frame[name] = values = values.astype("float64")
            sound = _whole_days if kind == "days" else _finite_or_missing
            if not sound(values.to_numpy()):
                return None
        elif kind != "text" and values.dtype != DATE_DTYPE:
            return None
    return frame, keys


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
def _whole_days(values):  # pragma: no cover
    """Tell whether all are whole numbers from 0 up; a missing one is not."""
    sound = True
    for value in values:
        whole = (
            value + _WHOLE
        ) - _WHOLE  # beyond it a double keeps no fraction; faster than a floor
        sound &= (value >= 0.0) & (value < _WHOLE) & (value == whole)
    return sound


@compiled
def _finite_or_missing(values):  # pragma: no cover
    """Tell whether none is infinite."""
    sound = True
    for value in values:
        sound &= abs(value) != np.inf
    return sound
