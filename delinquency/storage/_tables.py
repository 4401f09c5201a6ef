"""Tables in and out of files, and of a database."""

from __future__ import annotations

import gzip
import io
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from delinquency.errors import EnvironmentFailure, InputError, Problem, did_you_mean, unless_memory
from delinquency.schema import to_frame
from delinquency.storage._address import DatabaseTable, is_database, without_login
from delinquency.storage._commit import replace_file
from delinquency.storage._csv_header import refuse_other_separators
from delinquency.storage._manifest import RUNS, read_manifest, shown
from delinquency.storage._parts import parquet_parts
from delinquency.storage._postgres_rows import DatabaseRows
from delinquency.storage._postgres_write import write_rows

__all__ = ["must_exist", "read_table", "table_bytes", "write_table"]

_LOG = logging.getLogger("delinquency")
_IDS = ("account_id", "person_id")


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    table: str | None = None,
) -> pd.DataFrame:
    r"""Read a table: ``.parquet``, a folder of it, ``.csv``, ``.csv.gz``, a run's folder, or PostgreSQL.

    Parameters
    ----------
    path : path or address
        Where the table is. A table of a database is ``postgresql://host/database#schema.table``; see
        `DatabaseTable.at`.
    columns : sequence of str, optional
        Only these; all by default.
    table : str, optional
        The table's name in a database, when the address does not end in it.

    Returns
    -------
    DataFrame
        Ids of a CSV stay text unless every one is a plain integer, so ``00123`` keeps its zeros.

    Raises
    ------
    InputError
        ``DLQ-109`` when the file is not there, empty, cut short, damaged, or of an unknown kind.
    EnvironmentFailure
        ``DLQ-504`` to ``DLQ-506`` when a database cannot be reached, refuses, or lacks its driver.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> _ = file.write_text("account_id,month,days_past_due\n007,2026-01,0\n")
    >>> read_table(file)["account_id"].tolist()
    ['007']
    """
    if is_database(path):
        with DatabaseRows(DatabaseTable.at(path, table), columns=columns) as rows:
            return rows.read().to_pandas(date_as_object=False)
    source = _standing(must_exist(path))
    try:
        return _whole(source, columns)
    except InputError:
        if _standing(Path(path)) == source:
            raise
        return read_table(path, columns=columns)  # a new version was committed under our hands


def must_exist(path: str | os.PathLike[str]) -> Path:
    """Return the path of a table that is there.

    Raises
    ------
    InputError
        ``DLQ-109`` when it is not, with the nearest name that is.
    """
    if is_database(path):
        what, fix = "is in a database; here it must be a file", "read it with `read_table`"
        raise InputError(Problem("DLQ-109", what, without_login(path), fix=fix))
    source = Path(path)
    if source.exists():
        return source
    folder = source.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    raise _unreadable(source, "no such file", did_you_mean(source.name, names) or "check the path")


def _standing(path: Path) -> Path:
    """Return the table that a run's folder shows now, or a link of it; other paths as they are."""
    if (path / RUNS).is_dir():
        version = shown(path)
        return version / str(read_manifest(version).get("main", ""))
    if path.is_symlink() and path.readlink().parts[:1] == (RUNS,):
        return shown(path.parent) / path.name
    return path


def _whole(source: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    try:
        # dates stay dates: as Python objects they cost fifty times the memory
        return _read(source, columns).to_pandas(date_as_object=False)
    except InputError:
        raise
    except (pa.ArrowException, OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        unless_memory(error)
        # Arrow's text may quote a cell, so only what kind of file it should have been is told
        what = f"cannot be read as {_kind(source)}: damaged, cut short, or of another kind"
        raise _unreadable(source, what, "export it again") from error


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
        parts = parquet_parts(source)
        have = pq.read_schema(parts[0]).names
        names = None if columns is None else _known(source, list(columns), have)
        paths = str(source) if source.is_file() else [str(part) for part in parts]
        return pq.read_table(paths, columns=names, page_checksum_verification=True)
    return _read_csv(source, columns)


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
    refuse_other_separators(_first_line(content), source.name)
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in _IDS},
        strings_can_be_null=True,
    )
    table = pa_csv.read_csv(content, convert_options=convert)
    names = table.column_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        what = f"{len(repeated)} column names stand twice"
        raise InputError(Problem("DLQ-103", what, source.name, len(repeated), "rename or drop"))
    if columns is not None:
        table = table.select(_known(source, list(columns), names))
    _refuse_strange_text(source, table)
    _warn_of_open_end(source, content)
    for name in _IDS:
        if name in table.column_names:
            position = table.column_names.index(name)
            table = table.set_column(position, name, _integers_if_exact(table[name]))
    return table


def _first_line(content: Path | io.BytesIO) -> bytes:
    if isinstance(content, io.BytesIO):
        line = content.readline()
        content.seek(0)
        return line
    with content.open("rb") as file:
        return file.readline()


def _refuse_strange_text(source: Path, table: pa.Table) -> None:
    """Raise for text that is not UTF-8, and for a quote that never closed and swallowed the rest."""
    other = [name for name in table.column_names if pa.types.is_binary(table[name].type)]
    if other:
        what = f"text in {len(other)} columns is not UTF-8"
        raise _unreadable(source, what, "export the file as UTF-8")
    last = [cell for column in table[-1:].columns for cell in column.to_pylist()]
    if any(isinstance(cell, str) and "\n" in cell for cell in last):
        raise _unreadable(source, "a quote never closes: cut short or damaged", "export it again")


def _warn_of_open_end(source: Path, content: Any) -> None:
    """Say so when the last line has no end: a file cut inside its last cell looks just like that."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read()
    else:
        last = content.getvalue()[-1:]
    if last not in (b"\n", b"\r"):
        _LOG.warning("%s: the last line does not end; was the file cut short?", source.name)


def _integers_if_exact(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return integers when each text is exactly what its integer prints as, else the text."""
    try:
        integers = pc.cast(ids, pa.int64())
    except pa.ArrowInvalid:
        return ids
    same = pc.all(pc.equal(pc.cast(integers, pa.string()), ids)).as_py()
    return integers if same else ids


def write_table(
    table: Any, path: str | os.PathLike[str], *, key: Sequence[str] | None = None
) -> None:
    """Write a table to ``.parquet`` (zstd, page checksums), ``.csv`` or PostgreSQL, all or nothing.

    Parameters
    ----------
    table : table
        pandas, polars, pyarrow, DuckDB. The index of a pandas frame is not written.
    path : path or address
        The ending of a file decides its kind. Rows of a table in a database are inserted or changed,
        the others stay; see `Transaction.upsert`.
    key : sequence of str, optional
        Columns that name a row; a database needs them.

    Raises
    ------
    InputError
        ``DLQ-109`` for an unknown ending, ``DLQ-103`` for a column that the kind of file cannot keep.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; an older file at `path` stands. ``DLQ-504`` to ``DLQ-506``
        when a database cannot be reached, refuses, or lacks its driver; it is as it was.
    """
    if is_database(path):
        write_rows(table, path, key=key or ())
        return
    target = Path(path)
    kind = _kind(target)
    with _plain_types(kind, target.name):
        arrow = _arrow(table)
        with replace_file(target) as temporary:
            _write(arrow, temporary, kind)


def table_bytes(table: Any, where: str = "table") -> bytes:
    """Return a table as the bytes of the Parquet file that `write_table` would write."""
    content = io.BytesIO()
    with _plain_types("Parquet", where):
        _write(_arrow(table), content, "Parquet")
    return content.getvalue()


@contextmanager
def _plain_types(kind: str, name: str) -> Iterator[None]:
    try:
        yield
    except EnvironmentFailure:
        raise
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        # Arrow's text would quote a cell
        what = f"a column holds values that {kind} cannot keep, or of several types"
        fix = "give every column one plain type"
        raise InputError(Problem("DLQ-103", what, name, fix=fix)) from error


def _arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    return pa.Table.from_pandas(to_frame(table), preserve_index=False)


def _repeats(column: pa.ChunkedArray) -> bool:
    """Return whether values seem to come again, as figures and ids do not.

    Of what does not repeat, a dictionary would be built and thrown away.
    """
    if pa.types.is_floating(column.type):
        return False
    if pa.types.is_null(column.type):
        return True  # all are missing alike; pyarrow 16 cannot count them
    some = column.slice(0, 1024)
    return not len(some) or pc.count_distinct(some).as_py() < len(some)  # pyright: ignore[reportAttributeAccessIssue]


def _write(arrow: pa.Table, path: Path | io.BytesIO, kind: str) -> None:
    if kind == "CSV":
        pa_csv.write_csv(arrow, path)
        return
    # no pandas metadata: it names library versions, and the same rows must give the same bytes
    plain = arrow.replace_schema_metadata(None)
    repeats: Any = [name for name in plain.column_names if _repeats(plain[name])]
    pq.write_table(
        plain, path, compression="zstd", write_page_checksum=True, use_dictionary=repeats
    )
