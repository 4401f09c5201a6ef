"""Tables of a database brought to the disk, so that a run reads them as it reads files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from delinquency.storage._address import is_database
from delinquency.storage._commit import replace_file
from delinquency.storage._postgres_rows import DatabaseRows

__all__ = ["Fetched", "at_hand", "parquet_batches"]

_ORDER = ("account_id", "month", "snapshot_date", "at")


class Fetched(os.PathLike[str]):
    """A file that holds what a table of a database held; it prints as the address, without its login.

    Examples
    --------
    >>> file = Fetched(Path("/tmp/table.parquet"), "postgresql://localhost/risk#months")
    >>> os.fspath(file), str(file)
    ('/tmp/table.parquet', 'postgresql://localhost/risk#months')
    """

    def __init__(self, path: Path, address: str) -> None:
        self._path, self._address = path, address

    def __fspath__(self) -> str:
        return str(self._path)

    def __str__(self) -> str:
        return self._address


@contextmanager
def at_hand(place: Any, *, among: Iterable[str] | None = None) -> Iterator[Any]:
    """Hand out a place that is on the disk: a path as it is, a table of a database as a Parquet file.

    A run reads its input more than once, to hash it and to work on it, and may be killed and go on; a
    table may change meanwhile. So it is read once, in one consistent pass sorted by account, into a
    temporary file (in ``TMPDIR``), a few batches in memory. The same rows make the same bytes.

    Parameters
    ----------
    place : path, address or None
        Where the table is.
    among : collection of str, optional
        Of a table in a database only those columns that it has of these.

    Yields
    ------
    path, Fetched or None
        Gone when the block ends, where it was fetched.

    Raises
    ------
    InputError, EnvironmentFailure
        As for `DatabaseRows`; ``DLQ-501`` when the disk refuses.

    Examples
    --------
    >>> with at_hand("months.parquet") as path:
    ...     print(path)
    months.parquet
    """
    if not is_database(place):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="delinquency-") as folder:
        file = Path(folder) / "table.parquet"
        with (
            DatabaseRows(place, among=among, order=_ORDER) as rows,
            replace_file(file) as temporary,
        ):
            _write(rows, temporary)
        yield Fetched(file, str(rows.table))


def _write(rows: DatabaseRows, path: Path) -> None:
    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
    with pq.ParquetWriter(path, rows.schema, **options) as file:
        for batch in rows:
            file.write_batch(batch)


def parquet_batches(paths: Sequence[Path], rows: int = 100_000) -> Iterator[pa.RecordBatch]:
    """Yield the rows of Parquet files one after the other.

    Parameters
    ----------
    paths : sequence of path
        Files with the same columns, such as those of `parquet_parts`.
    rows : int
        Most rows of a batch.

    Yields
    ------
    pyarrow.RecordBatch

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> pq.write_table(pa.table({"account_id": [1, 2, 3]}), folder / "a.parquet")
    >>> [len(batch) for batch in parquet_batches([folder / "a.parquet"], rows=2)]
    [2, 1]
    """
    for path in paths:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield from file.iter_batches(rows)
