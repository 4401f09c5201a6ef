"""A CSV of any size, block by block."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from delinquency.errors import InputError, Problem, unless_memory
from delinquency.schema import Table
from delinquency.storage._csv_header import refuse_other_separators
from delinquency.storage._parts import parquet_parts

__all__ = ["most_rows", "stream_csv"]

_BLOCK = 8 * 2**20
_LEAST_BYTES = 40  # of a row: to tell whether a CSV is small before it is read


def most_rows(path: Path) -> int:
    """Return the rows of Parquet, or how many a CSV can have at most; 0 for what is no table of ours.

    Parameters
    ----------
    path : path
        A file, or a folder of Parquet. Of a CSV only the size is looked at.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> _ = file.write_bytes(b"x" * 400)
    >>> most_rows(file)
    10
    """
    name = path.name.lower()
    try:
        if path.is_dir() or name.endswith((".parquet", ".pq")):
            return sum(pq.read_metadata(file).num_rows for file in parquet_parts(path))
    except (pa.ArrowException, OSError, InputError):
        return 0  # the reader of whole tables tells what is wrong
    if name.endswith(".csv"):
        return path.stat().st_size // _LEAST_BYTES
    # ten times smaller is what a packed one reaches
    return path.stat().st_size * 10 // _LEAST_BYTES if name.endswith(".csv.gz") else 0


def stream_csv(path: Path, spec: Table) -> Iterator[pa.Table]:
    r"""Yield the columns of a table from a CSV, in blocks, with the types that the table asks for.

    Ids are integers when every one is exactly what its integer prints as, else text, as in
    `read_table`; so the file is read twice.

    Parameters
    ----------
    path : path
        ``.csv`` or ``.csv.gz``.
    spec : Table
        Columns that it does not name are left out; those that the file lacks are left to the door.

    Yields
    ------
    pyarrow.Table
        The rows of some 8 MiB of the file, in its order.

    Raises
    ------
    InputError
        ``DLQ-109`` when it is cut short or damaged, or a number is none.

    Examples
    --------
    >>> import tempfile
    >>> from delinquency.schema import MONTHS
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> _ = file.write_text("account_id,month,days_past_due,branch\n7,2026-01,0,North\n")
    >>> [block.column_names for block in stream_csv(file, MONTHS)]
    [['account_id', 'month', 'days_past_due']]
    """
    names = [name for name in _header(path) if name in spec.columns]
    ids = [name for name in names if spec.columns[name].kind == "id"]
    exact = dict.fromkeys(ids, True)
    for block in _blocks(path, ids, dict.fromkeys(ids, pa.string())):
        for name in [name for name in ids if exact[name]]:
            exact[name] = _are_integers(block[name])
    types = {name: _type(spec.columns[name].kind) for name in names}
    for block in _blocks(path, names, types):
        for name in ids:
            if exact[name]:
                place = block.column_names.index(name)
                block = block.set_column(place, name, pc.cast(block[name], pa.int64()))
        yield block


def _type(kind: str) -> pa.DataType:
    # dates as text: the door reads them as it reads those of a small file
    return pa.float64() if kind in ("money", "days", "number", "label") else pa.string()


def _header(path: Path) -> list[str]:
    with _open(path) as stream:
        line = stream.readline()
    refuse_other_separators(line, path.name)
    try:
        table = pa_csv.read_csv(io.BytesIO(line))
    except pa.ArrowException as error:
        unless_memory(error)
        raise _unreadable(path) from error
    names = table.column_names
    twice = len(names) - len(set(names))
    if twice:
        what = f"{twice} column names stand twice"
        raise InputError(Problem("DLQ-103", what, path.name, twice, "rename or drop"))
    return names


def _open(path: Path) -> Any:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _blocks(path: Path, names: list[str], types: dict[str, pa.DataType]) -> Iterator[pa.Table]:
    convert = pa_csv.ConvertOptions(
        include_columns=names, column_types=types, strings_can_be_null=True
    )
    read = pa_csv.ReadOptions(block_size=_BLOCK)
    try:
        with _open(path) as stream:
            for batch in pa_csv.open_csv(stream, read_options=read, convert_options=convert):
                yield pa.Table.from_batches([batch])
            if path.name.lower().endswith(".gz"):
                stream.read()  # Arrow drops the error of a cut gzip stream
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        unless_memory(error)
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    # Arrow's text may quote a cell
    what = "cannot be read as CSV: damaged, cut short, or a number is none"
    return InputError(Problem("DLQ-109", what, path.name, fix="export it again"))


def _are_integers(ids: pa.ChunkedArray) -> bool:
    try:
        integers = pc.cast(ids, pa.int64())
    except pa.ArrowInvalid:
        return False
    return bool(pc.all(pc.equal(pc.cast(integers, pa.string()), ids)).as_py())
