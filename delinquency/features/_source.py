"""Where months come from: a table, a file, or batches one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from delinquency.errors import InputError, Problem, unless_memory
from delinquency.schema import MONTHS, to_frame
from delinquency.storage import DatabaseRows, is_database, parquet_parts, read_table

__all__ = ["open_batches", "whole_table"]


def whole_table(months: Any) -> Any:
    """Return a table as it is, a path as the table it holds, batches as one table."""
    if is_database(months) or isinstance(months, (str, os.PathLike)):
        return read_table(months)
    if isinstance(months, Iterator):
        frames = [to_frame(_as_table(batch), "months") for batch in months]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["month"])
    return months


def open_batches(months: Any, rows: int) -> tuple[list[str], Iterator[pa.Table]]:
    """Return the names of the columns, and the rows in batches of at most so many.

    Only the columns of a months table are read; the rest of a wide file stays on the disk.
    """
    if is_database(months):
        return _database_batches(months, rows)
    if isinstance(months, (str, os.PathLike)):
        return _file_batches(Path(months), rows)
    if isinstance(months, Iterator):
        tables = (_arrow(batch) for batch in months)
    elif hasattr(months, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(months)
        tables = (pa.Table.from_batches([batch]) for batch in reader)
    else:
        tables = iter([_arrow(months)])
    first = next(tables, None)
    if first is None:
        return [], iter([])
    names = _wanted_names(first.column_names)
    return names, _sliced(_chain(first, tables), names, rows)


def _database_batches(address: Any, rows: int) -> tuple[list[str], Iterator[pa.Table]]:
    def batches() -> Iterator[pa.Table]:
        with source:
            for batch in source:
                yield from _sliced(iter([pa.Table.from_batches([batch])]), source.names, rows)

    source = DatabaseRows(address, among=MONTHS.columns)
    started = batches()
    first = next(started, None)
    return ([], iter([])) if first is None else (source.names, _chain(first, started))


def _file_batches(path: Path, rows: int) -> tuple[list[str], Iterator[pa.Table]]:
    if not path.exists():
        raise InputError(Problem("DLQ-109", "no such file", path.name, fix="check the path"))
    if not path.is_dir() and not path.name.lower().endswith((".parquet", ".pq")):
        fix = "write the table as .parquet, or read it and use build_features"
        raise InputError(Problem("DLQ-109", "only Parquet can be streamed", path.name, fix=fix))
    files = _guarded(path, partial(parquet_parts, path))
    names = _wanted_names(_guarded(path, lambda: pq.read_schema(files[0]).names))
    return names, _parquet_batches(path, files, names, rows)


def _parquet_batches(
    path: Path, files: list[Path], names: list[str], rows: int
) -> Iterator[pa.Table]:
    # Small buffered reads, one row group after the other: read otherwise, the whole file ends in memory.
    opening = {"page_checksum_verification": True, "buffer_size": 1 << 20, "pre_buffer": False}
    for file in files:
        parquet = _guarded(path, partial(pq.ParquetFile, file, **opening))
        with parquet:
            lacking = [name for name in names if name not in parquet.schema_arrow.names]
            if lacking:
                what = f'one part lacks the column "{lacking[0]}"'
                fix = "export it again"
                raise InputError(Problem("DLQ-102", what, path.name, len(lacking), fix))
            for group in range(parquet.num_row_groups):
                options = {"row_groups": [group], "columns": names}
                size = _even(parquet.metadata.row_group(group).num_rows, rows)
                batches = parquet.iter_batches(size, **options)
                while (batch := _guarded(path, partial(next, batches, None))) is not None:
                    yield pa.Table.from_batches([batch])


def _even(all_rows: int, most: int) -> int:
    """Return rows of a batch such that all are alike: a remainder of a few costs as much as any."""
    batches = max(-(-all_rows // most), 1)
    return max(-(-all_rows // batches), 1)


def _guarded(path: Path, read: Any) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError) as error:
        unless_memory(error)
        # Arrow's text may quote a cell, so only what kind of file it should have been is told
        what = "cannot be read as Parquet: damaged, cut short, or of another kind"
        raise InputError(Problem("DLQ-109", what, path.name, fix="export it again")) from error


def _as_table(batch: Any) -> Any:
    return pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch


def _arrow(batch: Any) -> pa.Table:
    batch = _as_table(batch)
    if isinstance(batch, pa.Table):
        return batch
    return pa.Table.from_pandas(to_frame(batch, "months"), preserve_index=False)


def _wanted_names(names: list[str]) -> list[str]:
    return [name for name in names if name in MONTHS.columns]


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _sliced(tables: Iterator[pa.Table], names: list[str], rows: int) -> Iterator[pa.Table]:
    for table in tables:
        part = table.select(names)
        for start in range(0, len(part), rows):
            yield part.slice(start, rows)
