"""Rows out of a table of a database: one consistent pass, sorted by the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.storage._address import DatabaseTable, quoted
from delinquency.storage._content import ContentHash
from delinquency.storage._postgres import (
    TEXT,
    DatabaseColumn,
    columns_of,
    connected,
    in_our_words,
)

__all__ = ["DatabaseRows"]

_BATCH = "adbc.postgresql.batch_size_hint_bytes"
_IDS = ("account_id", "person_id")
# what ADBC hands out as a plain Arrow type; all else is asked for as text
_PLAIN = (
    *TEXT,
    *("boolean", "smallint", "integer", "bigint", "real", "double precision", "date"),
    *("timestamp without time zone", "timestamp with time zone"),
)


def _value(column: DatabaseColumn) -> str:
    """Return what to select so that Arrow gets a plain type: ADBC hands out ``numeric`` as opaque text."""
    name, kind = quoted(column.name), column.type
    if kind == "numeric" and column.name in _IDS:
        # a float would lose digits above 2^53; text keeps whatever is no 64-bit integer
        exact = column.digits is not None and column.digits <= 18
        return f"{name}::int8" if exact else f"{name}::text"
    if kind in ("numeric", "money"):
        return f"{name}::numeric::float8"
    return name if kind in _PLAIN else f"{name}::text"


def _rank(column: DatabaseColumn) -> str:
    value = _value(column)
    # text by its bytes, as we compare, and not by the rules of some language
    text = value.endswith("::text") or column.type in TEXT
    return f'{value} COLLATE "C"' if text else value


class DatabaseRows:
    """One consistent pass over a table of a database, in batches, sorted.

    The server sorts; a few batches at most are in memory. Use it in a ``with`` block.

    Parameters
    ----------
    place : str or DatabaseTable
        See `DatabaseTable.at`.
    columns : sequence of str, optional
        Only these; all by default.
    among : collection of str, optional
        Only those of these that the table has, for example ``schema.MONTHS.columns``.
    order : sequence of str
        Sorted by these, where the table has them, rows that are equal in them by all other columns
        that are read; text by its bytes.
    batch_bytes : int
        About how large a batch may be.

    Attributes
    ----------
    names : list of str
        The columns that are read, known once the block is entered.
    rows : int
        How many rows were handed out so far.

    Raises
    ------
    InputError
        ``DLQ-109`` when there is no such table, ``DLQ-102`` when columns are missing.
    EnvironmentFailure
        ``DLQ-504`` when the database cannot be reached or the connection is lost, ``DLQ-505`` when it
        refuses, ``DLQ-506`` when the extra ``postgres`` is not installed.
    """

    def __init__(
        self,
        place: Any,
        *,
        columns: Sequence[str] | None = None,
        among: Iterable[str] | None = None,
        order: Sequence[str] = ("account_id", "month"),
        batch_bytes: int = 16 << 20,
    ) -> None:
        self.table = DatabaseTable.at(place)
        self.names: list[str] = []
        self.rows = 0
        self._columns, self._order, self._batch_bytes = columns, order, batch_bytes
        self._among = None if among is None else set(among)
        self._content = ContentHash()

    def __enter__(self) -> DatabaseRows:
        self._block = self._open()
        self._reader = self._block.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._block.__exit__(*error)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with connected(self.table) as connection:
            cursor = connection.cursor()
            try:
                with in_our_words(self.table, "opening the table"):
                    query = self._query(columns_of(cursor, self.table))
                    cursor.adbc_statement.set_options(**{_BATCH: str(self._batch_bytes)})
                    cursor.execute(query)
                    reader = cursor.fetch_record_batch()
                yield reader
            finally:
                with suppress(Exception):
                    cursor.close()

    def _query(self, have: dict[str, DatabaseColumn]) -> str:
        if not have:
            fix = "check schema and name; capitals count"
            raise InputError(Problem("DLQ-109", "no such table", str(self.table), fix=fix))
        self.names = self._chosen(list(have))
        chosen = ", ".join(f"{_value(have[name])} AS {quoted(name)}" for name in self.names)
        keys = [name for name in self._order if name in have]
        # rows of one key by all the rest: else the server hands them out as they lie, now so, now so
        rest = [name for name in self.names if name not in keys]
        order = ", ".join(_rank(have[name]) for name in (*keys, *rest))
        return f"SELECT {chosen} FROM {self.table.sql}" + (f" ORDER BY {order}" if keys else "")

    def _chosen(self, have: list[str]) -> list[str]:
        if self._columns is None:
            names = [name for name in have if self._among is None or name in self._among]
            if names:
                return names
            fix = "name the table that has them"
            what = "none of the columns asked for stands in the table"
            raise InputError(Problem("DLQ-102", what, str(self.table), fix=fix))
        lacking = [name for name in self._columns if name not in have]
        if lacking:
            what = f"lacks {len(lacking)} of {len(self._columns)} columns, first {lacking[0]!r}"
            fix = did_you_mean(lacking[0], have) or "add or rename"
            raise InputError(Problem("DLQ-102", what, str(self.table), len(lacking), fix))
        return list(self._columns)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            with in_our_words(self.table, "reading"):
                batch = next(self._reader, None)
            if batch is None:
                return
            batch = pa.RecordBatch.from_arrays(batch.columns, schema=_bare(batch.schema))
            self.rows += len(batch)
            self._content.add(batch)
            yield batch

    @property
    def schema(self) -> pa.Schema:
        """Names and types of what is read."""
        return _bare(self._reader.schema)

    def read(self) -> pa.Table:
        """Return all rows as one table."""
        return pa.Table.from_batches(list(self), schema=self.schema)

    def describe(self) -> dict[str, Any]:
        """Return what a manifest says of the rows handed out so far: address, rows, SHA-256 of the content.

        The hash is that of the values in their order, whatever the batches were; no login stands in it.
        """
        return {"path": str(self.table), "rows": self.rows, "sha256": self._content.hexdigest()}


def _bare(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.remove_metadata() for field in schema])
