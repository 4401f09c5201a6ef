"""From an admitted table to a matrix: rows as arrays, cuts, and the loops over chunks of cuts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from delinquency.errors import InputError, Problem
from delinquency.features._compile import compile_notice
from delinquency.features._kernels import find_cuts
from delinquency.features._plan import Plan
from delinquency.features._rows import Block, Cuts, Keys, Memory, Rows, fresh
from delinquency.features._short_way import changes
from delinquency.kernels import side_by_side
from delinquency.schema import STATUSES, known_as_of, month_number

__all__ = ["compute", "nothing_known"]


# Cuts at a time: their features stay in the second-level cache until they are put away.
CHUNK = 1024
_LEAST_HISTORY = 24  # what is told once looks back two years, however short the windows
_NUMBERS = {
    "days_past_due": "days",
    "amount_due": "due",
    "amount_paid": "paid",
    "balance": "balance",
    "credit_limit": "limit",
    "written_off": "written_off",
    "recovered": "recovered",
}


def compute(
    table: pd.DataFrame,
    plan: Plan,
    memory: Memory = fresh,
    keys: Keys | None = None,
) -> tuple[Cuts, np.ndarray, np.ndarray]:
    """Return the cuts of an admitted table that have a row, the planned features of each, what is whole.

    Rows of the matrix are sorted by account and date, columns stand as ``plan.wanted``. It lies in what
    `memory` gives, one column after another: pandas, Arrow and the scoring kernel all read columns. A
    column is whole when its sum shows that no value is missing or infinite; sums cost least here, where
    the values still lie in the cache.
    """
    keys = keys or keys_of(table)
    rows = _rows(table, keys.month, plan.dates, plan.inputs)
    cuts = _cuts(keys.starts, rows, plan.dates, max(*plan.windows, _LEAST_HISTORY))
    values = memory(len(plan.wanted), len(cuts.begins)).T
    starts = range(0, len(values), CHUNK)
    left = iter(starts)  # who is free takes the next
    sums = np.zeros((plan.threads, len(plan.written)))

    def work(worker: int) -> None:
        block = np.empty((CHUNK, len(plan.written)))
        for start in left:
            some = Cuts(*(column[start : start + CHUNK] for column in cuts))
            part = block[: len(some.begins)]
            run(plan.blocks, some, rows, plan.windows, part)
            with np.errstate(all="ignore"):
                sums[worker] += part.sum(axis=0)
            values[start : start + CHUNK] = part[:, plan.picks]

    with compile_notice():
        side_by_side(work, min(plan.threads, len(starts)))
    with np.errstate(all="ignore"):
        whole = np.isfinite(sums.sum(axis=0))
    return cuts, values, whole[plan.picks]


def nothing_known(where: str, months: pd.Series | None = None) -> InputError:
    """Return the refusal of a table none of whose rows any snapshot knows; it names the months there are."""
    what, fix = "no row is known at the snapshot", "check the snapshot date against the months"
    if months is not None and len(months):
        first, last = months.min().date(), months.max().date()
        what += f"; the months of the table run from {first} to {last}"
    return InputError(Problem("DLQ-100", what, where, 0, fix))


def run(
    blocks: Sequence[Block], cuts: Cuts, rows: Rows, windows: tuple[int, ...], out: np.ndarray
) -> None:
    """Let each block write its columns of `out`, one row a cut."""
    at, lengths = 0, np.array(windows)
    with np.errstate(all="ignore"):  # speaks only where the loops run uncompiled
        for block in blocks:
            block.loop(cuts, rows, lengths, out, at)
            at += block.width(windows)


def keys_of(table: pd.DataFrame) -> Keys:
    """Return the keys of an admitted table."""
    starts = np.flatnonzero(changes(pa.array(table["account_id"], from_pandas=True))) + 1
    return Keys(month_number(table["month"]), np.concatenate(([0], starts, [len(table)])))


def _rows(
    table: pd.DataFrame, month: np.ndarray, dates: Sequence[pd.Timestamp], read: Collection[str]
) -> Rows:
    def column(name: str) -> np.ndarray:
        if name not in read:
            return np.empty(0)
        if name not in table:
            return np.full(len(table), np.nan)
        return np.ascontiguousarray(table[name].to_numpy())

    rows = Rows(
        month=month,
        since=_known_since(table, month, dates),
        status=_status(table, read),
        opened=_opened(table, read),
        **{field: column(name) for name, field in _NUMBERS.items()},
    )
    return Rows(*map(_read_only, rows))


def _read_only(values: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written.

    pandas hands out arrays of both kinds, and the loops would be compiled anew for each mixture.
    """
    view = values.view()
    view.flags.writeable = False
    return view


def _known_since(
    table: pd.DataFrame, month: np.ndarray, dates: Sequence[pd.Timestamp]
) -> np.ndarray:
    """Return, for each row, the number of the first snapshot at which it was known.

    Dates rise, so a row once known stays known. The rule itself is `known_as_of`, here as everywhere;
    without booking dates it depends on the month alone, so it is asked once a month and not once a row.
    """
    if "known_at" in table:
        return _unknown_at(table, dates)
    first = month.min()
    starts = np.arange(first, month.max() + 2) - 1970 * 12
    ends = starts.astype("datetime64[M]").astype("datetime64[D]")[1:] - np.timedelta64(1, "D")
    of_month = _unknown_at(pd.DataFrame({"month": ends.astype("datetime64[us]")}), dates)
    if (of_month == of_month[0]).all():  # mostly all months are known, and there is one snapshot
        return np.full(len(month), of_month[0])
    return of_month.take(month - first)


def _unknown_at(rows: pd.DataFrame, dates: Sequence[pd.Timestamp]) -> np.ndarray:
    """Return at how many of the dates each row was not yet known."""
    since = np.zeros(len(rows), dtype=np.int16)
    for date in dates:
        since += ~known_as_of(rows, date)
    return since


def _status(table: pd.DataFrame, read: Collection[str]) -> np.ndarray:
    if "status" not in read:
        return np.empty(0, dtype=np.int8)
    if "status" not in table:
        return np.full(len(table), -1, dtype=np.int8)
    place = pc.index_in(pa.array(table["status"], from_pandas=True), pa.array(STATUSES))  # pyright: ignore[reportAttributeAccessIssue]
    return place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int8)


def _opened(table: pd.DataFrame, read: Collection[str]) -> np.ndarray:
    if "opened" not in read:
        return np.empty(0)
    if "opened" not in table:
        return np.full(len(table), np.nan)
    missing = table["opened"].isna().to_numpy()
    return np.where(missing, np.nan, month_number(table["opened"]).astype("float64"))


def _cuts(starts: np.ndarray, rows: Rows, dates: Sequence[pd.Timestamp], horizon: int) -> Cuts:
    # A month that ends on the date itself has ended: the month of the next day is the first unknown.
    nows = month_number([date + pd.Timedelta(days=1) for date in dates]) - 1
    shape = (len(starts) - 1, len(nows))
    begins, ends = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    find_cuts(starts, rows.month, rows.since, nows, horizon, begins, ends)
    accounts, views = np.nonzero(begins < ends)
    return Cuts(accounts, views, begins[accounts, views], ends[accounts, views], nows[views])
