"""Tables in and out of files."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import to_frame
from delinquency.storage._commit import replace_file

__all__ = ["read_table", "write_table"]

_IDS = ("account_id", "person_id")


def read_table(
    path: str | os.PathLike[str], *, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    r"""Read a table from ``.parquet``, a folder of Parquet, ``.csv`` or ``.csv.gz``.

    Parameters
    ----------
    path : path
        Where the table is.
    columns : sequence of str, optional
        Only these; all by default.

    Returns
    -------
    DataFrame
        Ids of a CSV stay text unless every one is a plain integer, so ``00123`` keeps its zeros.

    Raises
    ------
    InputError
        ``DLQ-109`` when the file is not there, empty, cut short, damaged, or of an unknown kind.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> _ = file.write_text("account_id,month,days_past_due\n007,2026-01,0\n")
    >>> read_table(file)["account_id"].tolist()
    ['007']
    """
    source = Path(path)
    if not source.exists():
        folder = source.parent
        near = (
            did_you_mean(source.name, (entry.name for entry in folder.iterdir()))
            if folder.is_dir()
            else ""
        )
        raise _unreadable(source, "no such file", near or "check the path")
    try:
        table = _read(source, columns)
    except (pa.ArrowException, OSError, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        # Arrow's text may quote a cell, so only what kind of file it should have been is told
        what = f"cannot be read as {_kind(source)}: damaged, cut short, or of another kind"
        raise _unreadable(source, what, "export it again") from error
    return table.to_pandas()


def _kind(source: Path) -> str:
    name = source.name.lower()
    if source.is_dir() or name.endswith((".parquet", ".pq")):
        return "Parquet"
    if name.endswith((".csv", ".csv.gz")):
        return "CSV"
    raise _unreadable(source, "unknown kind of file", "use .parquet, .csv or .csv.gz")


def _unreadable(source: Path, what: str, fix: str) -> InputError:
    return InputError(Problem("DLQ-109", what, source.name, fix=fix))


def _read(source: Path, columns: Sequence[str] | None) -> pa.Table:
    kind = _kind(source)
    if source.is_file() and source.stat().st_size == 0:
        raise _unreadable(source, "the file is empty", "an empty run is never committed")
    if kind == "Parquet":
        have = _parquet_names(source)
        names = None if columns is None else _known(source, list(columns), have)
        return pq.read_table(source, columns=names, page_checksum_verification=True)
    return _read_csv(source, columns)


def _parquet_names(source: Path) -> list[str]:
    if source.is_file():
        return pq.read_schema(source).names
    parts = sorted(source.glob("**/*.parquet"))
    if not parts:
        raise _unreadable(source, "the folder holds no Parquet file", "check the path")
    return pq.read_schema(parts[0]).names


def _known(source: Path, wanted: list[str], have: list[str]) -> list[str]:
    lacking = [name for name in wanted if name not in have]
    if lacking:
        what = f"lacks {len(lacking)} of {len(wanted)} columns, first {lacking[0]!r}"
        fix = did_you_mean(lacking[0], have) or "add or rename"
        raise InputError(Problem("DLQ-102", what, source.name, len(lacking), fix))
    return wanted


def _read_csv(source: Path, columns: Sequence[str] | None) -> pa.Table:
    if source.name.lower().endswith(".gz"):
        with gzip.open(source) as stream:
            content: Any = io.BytesIO(stream.read())  # Arrow drops the error of a cut gzip stream
    else:
        content = source
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in _IDS},
        strings_can_be_null=True,
        include_columns=None if columns is None else list(columns),
    )
    table = pa_csv.read_csv(content, convert_options=convert)
    for name in _IDS:
        if name in table.column_names:
            position = table.column_names.index(name)
            table = table.set_column(position, name, _integers_if_exact(table[name]))
    return table


def _integers_if_exact(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return integers when each text is exactly what its integer prints as, else the text."""
    try:
        integers = pc.cast(ids, pa.int64())
    except pa.ArrowInvalid:
        return ids
    same = pc.all(pc.equal(pc.cast(integers, pa.string()), ids)).as_py()
    return integers if same else ids


def write_table(table: Any, path: str | os.PathLike[str]) -> None:
    """Write a table to ``.parquet`` (zstd, page checksums) or ``.csv``, all or nothing.

    Parameters
    ----------
    table : table
        pandas, polars, pyarrow, DuckDB. The index of a pandas frame is not written.
    path : path
        The ending decides the kind.

    Raises
    ------
    InputError
        ``DLQ-109`` for an unknown ending.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; an older file at `path` stands.
    """
    target = Path(path)
    kind = _kind(target)
    arrow = pa.Table.from_pandas(to_frame(table), preserve_index=False)
    with replace_file(target) as temporary:
        if kind == "Parquet":
            # no pandas metadata: it names library versions, and the same rows must give the same bytes
            pq.write_table(
                arrow.replace_schema_metadata(None),
                temporary,
                compression="zstd",
                write_page_checksum=True,
            )
        else:
            pa_csv.write_csv(arrow, temporary)
