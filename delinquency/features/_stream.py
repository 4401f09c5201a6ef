"""The streaming form: months in, features out, never more than a few batches in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from delinquency.errors import InputError, Problem
from delinquency.features._build import framed
from delinquency.features._compute import compute, nothing_known
from delinquency.features._plan import Plan, plan_features
from delinquency.features._rows import Cuts, Keys, Memory, Turns, fresh
from delinquency.features._short_way import short_way
from delinquency.features._source import open_batches
from delinquency.features._spec import WINDOWS, FeatureSpec
from delinquency.schema import MONTHS, admit
from delinquency.storage import replace_file

__all__ = ["FeatureBatch", "Streamed", "feature_batches", "stream_features"]


@dataclass(frozen=True)
class Streamed:
    """What a stream did: rows read, rows written (one an account and snapshot), features a row."""

    rows_read: int
    rows_written: int
    features: int


@dataclass(frozen=True)
class FeatureBatch:
    """The features of some whole accounts, and the months they were made of.

    Parameters
    ----------
    months : DataFrame
        The rows read for them, in canonical types, sorted.
    values : ndarray (n, features)
        One row an account and snapshot date that has a known month.
    whole : bool array (features,)
        Which columns surely hold no missing and no infinite value.
    """

    months: pd.DataFrame
    values: np.ndarray
    whole: np.ndarray
    _cuts: Cuts
    _plan: Plan

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the columns."""
        return tuple(feature.name for feature in self._plan.wanted)

    @property
    def account_id(self) -> pd.Series:
        """The account of each row."""
        return self.months["account_id"].iloc[self._cuts.begins]

    def last(self, name: str) -> np.ndarray | None:
        """Return a column of the months in each row's last known month; None where it is not there."""
        if name not in self.months:
            return None
        return self.months[name].to_numpy(dtype=object)[self._cuts.ends - 1]

    @property
    def snapshot_date(self) -> np.ndarray:
        """The snapshot date of each row, datetime64[us]."""
        return np.array(self._plan.dates, dtype="datetime64[us]")[self._cuts.views]

    def keys(self) -> pd.DataFrame:
        """Return ``account_id, snapshot_date`` of each row."""
        ids = self.account_id.reset_index(drop=True)
        return pd.DataFrame({"account_id": ids, "snapshot_date": self.snapshot_date}, copy=False)

    def frame(self) -> pd.DataFrame:
        """Return the table that `build_features` would give for these accounts."""
        return framed(self.months, self._plan, self._cuts, self.values)


def feature_batches(
    months: Any,
    as_of: Any = None,
    *,
    snapshots: Iterable[Any] | None = None,
    windows: Sequence[int] = WINDOWS,
    spec: FeatureSpec | None = None,
    threads: int | None = None,
    rows_at_once: int = 500_000,
    reuse: int = 0,
) -> Iterator[FeatureBatch]:
    """Yield the features of a table of any size, batch by batch, each of whole accounts.

    Parameters
    ----------
    months, as_of, snapshots, windows, spec, threads, rows_at_once
        As for `stream_features`. A batch whose accounts have no month known yet has no rows.
    reuse : int
        How many batches stay as they are; the memory of one before them is written over by the next that
        is asked for. 0: all stay.

    Raises
    ------
    InputError
        As for `stream_features`, where the batch is reached.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2],
    ...         "month": ["2026-01", "2026-02", "2026-02"],
    ...         "days_past_due": 0,
    ...     }
    ... )
    >>> [batch.values.shape for batch in feature_batches(months, "2026-02-28", rows_at_once=2)]
    [(1, 47), (1, 47)]
    """
    names, batches = open_batches(months, rows_at_once)
    if not names:
        raise InputError(Problem("DLQ-100", "no rows", "months", 0, "check the export"))
    plan = plan_features(names, as_of, snapshots, windows, spec, threads)
    for_months, for_values = (Turns(reuse + 1) if reuse else fresh for _ in range(2))
    empty = True
    for start, table in _whole_accounts(batches):
        empty = False
        admitted, keys = _entered(table, f"months, rows from {start:,} on", for_months)
        cuts, values, whole = compute(admitted, plan, for_values, keys)
        yield FeatureBatch(admitted, values, whole, cuts, plan)
    if empty:
        raise InputError(Problem("DLQ-100", "no rows", "months", 0, "check the export"))


def _entered(table: pa.Table, where: str, memory: Memory) -> tuple[pd.DataFrame, Keys | None]:
    """Return a batch in canonical types; its keys too, where they were seen on the way."""
    found = short_way(table, memory)
    if found is not None:
        return found
    return admit(table.to_pandas(date_as_object=False), MONTHS, where), None


def stream_features(
    months: Any,
    out: str | os.PathLike[str],
    as_of: Any = None,
    *,
    snapshots: Iterable[Any] | None = None,
    windows: Sequence[int] = WINDOWS,
    spec: FeatureSpec | None = None,
    threads: int | None = None,
    rows_at_once: int = 500_000,
) -> Streamed:
    """Build features from a file of any size into a Parquet file, in bounded memory.

    Rows are read in batches and cut between accounts, so each account is seen whole; the next batch is
    read and the last one written while this one is computed. The features are those of
    `build_features`, bit for bit. The file appears when it is complete.

    Parameters
    ----------
    months : path, table, or iterator of batches
        A Parquet file or a folder of them (parts in the order of their names), anything with an Arrow
        stream, or an iterator of tables. Rows of one account must stand together and accounts must
        rise; the rows of an account may stand in any order.
    out : path
        The Parquet file to write: ``account_id``, ``snapshot_date``, one float64 column a feature.
    as_of, snapshots, windows, spec, threads
        As for `build_features`.
    rows_at_once : int
        Rows in a batch. Memory grows with it and not with the size of the file; an account with more
        rows than this is still read whole.

    Returns
    -------
    Streamed
        What was read and written.

    Raises
    ------
    InputError
        As for `build_features`; ``DLQ-112`` when accounts do not rise; ``DLQ-109`` for a file that
        cannot be read. Nothing is written then.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; an older file at `out` stands.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2],
    ...         "month": ["2026-01", "2026-02", "2026-02"],
    ...         "days_past_due": 0,
    ...     }
    ... )
    >>> out = pathlib.Path(tempfile.mkdtemp()) / "features.parquet"
    >>> stream_features(months, out, "2026-02-28", rows_at_once=2)
    Streamed(rows_read=3, rows_written=2, features=47)
    """
    read = written = width = 0
    asked = feature_batches(
        months,
        as_of,
        snapshots=snapshots,
        windows=windows,
        spec=spec,
        threads=threads,
        rows_at_once=rows_at_once,
        reuse=1,  # the pipeline has written a batch before it takes the next
    )
    with replace_file(out) as temporary, _Pipeline(temporary) as pipeline:
        for batch in asked:
            read += len(batch.months)
            written += len(batch.values)
            width = len(batch.names)
            pipeline.write(_arrow(batch))
        if not written:
            raise nothing_known("months")
    return Streamed(read, written, width)


def _arrow(batch: FeatureBatch) -> pa.Table:
    """Return the features of a batch as an Arrow table."""
    ids, dates = pa.array(batch.account_id, from_pandas=True), pa.array(batch.snapshot_date)
    columns = [pa.array(column) for column in batch.values.T]
    names = ["account_id", "snapshot_date", *batch.names]
    return pa.Table.from_arrays([ids, dates, *columns], names=names)


def _whole_accounts(batches: Iterator[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Yield batches cut between accounts, each with the number of its first row."""
    carried: pa.Table | None = None
    start = 0
    for batch in _ahead(batches):
        table = batch if carried is None else pa.concat_tables([carried, batch])
        ids = table["account_id"].combine_chunks()
        _check_rising(ids, start)
        cut = _last_account(ids)
        if cut:
            yield start, table.slice(0, cut)
            start += cut
        carried = table.slice(cut)
    if carried is not None and len(carried):
        yield start, carried


def _last_account(ids: pa.Array) -> int:
    """Return where the rows of the last account begin."""
    rows, look = len(ids), 1024
    while rows:
        start = max(rows - look, 0)
        other = pc.not_equal(ids[start:], ids[-1]).to_numpy(zero_copy_only=False)  # pyright: ignore[reportAttributeAccessIssue]
        places = np.flatnonzero(other)
        if len(places):
            return start + int(places[-1]) + 1
        if not start:
            break
        look *= 8  # an account of many rows: look farther back
    return 0


def _check_rising(ids: pa.Array, start: int) -> None:
    if pa.types.is_integer(ids.type) and not ids.null_count:
        values = ids.to_numpy()
        falls = values[1:] < values[:-1]
    else:
        falls = pc.less(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)  # pyright: ignore[reportAttributeAccessIssue]
    if falls.any():
        row = start + 1 + int(np.flatnonzero(falls)[0])
        what = f"accounts do not rise, first at row {row:,}"
        fix = "sort the file by account_id, or read it whole with build_features"
        raise InputError(Problem("DLQ-112", what, "months", int(falls.sum()), fix))


def _ahead(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the batches, each read while the one before is at work."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


class _Pipeline:
    """Writes tables to one Parquet file, each while the next is computed."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.file: pq.ParquetWriter | None = None
        self.thread = ThreadPoolExecutor(1)
        self.last: Future[None] | None = None

    def write(self, table: pa.Table) -> None:
        """Hand over a table; wait for the one before."""
        self._wait()
        if len(table):  # in an empty one pandas 2 forgets what its ids are
            self.last = self.thread.submit(self._write, table)

    def _write(self, table: pa.Table) -> None:
        if self.file is None:
            # Floats of features rarely repeat: dictionaries and compression cost more than they save.
            self.file = pq.ParquetWriter(
                self.path,
                table.schema,
                compression="none",
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            )
        self.file.write_table(table)

    def _wait(self) -> None:
        if self.last is not None:
            self.last.result()

    def __enter__(self) -> _Pipeline:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self.thread.shutdown()
            if self.file is not None:
                self.file.close()
