"""Rows into the tables of a database: all of them or none, and the same again changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import to_frame
from delinquency.storage._address import DatabaseTable, quoted
from delinquency.storage._postgres import (
    TEXT,
    DatabaseColumn,
    columns_of,
    connected,
    in_our_words,
)

__all__ = ["Transaction", "Upserted", "transaction", "write_rows"]

_STAGE = "delinquency_stage"
_WHOLE = ("smallint", "integer", "bigint")
_NUMBERS = (*_WHOLE, "real", "double precision", "numeric", "boolean")


@dataclass(frozen=True)
class Upserted:
    """What one table received: rows handed over, and how many of them were new or different.

    Examples
    --------
    >>> Upserted(rows=3, changed=0)  # the same three again
    Upserted(rows=3, changed=0)
    """

    rows: int
    changed: int


def write_rows(rows: Any, place: Any, *, key: Sequence[str]) -> Upserted:
    """Write rows into one table, all or nothing; see `Transaction.upsert`.

    Parameters
    ----------
    rows : table, or iterator of batches
        pandas, polars, pyarrow, DuckDB; batches are passed on one after the other.
    place : str or DatabaseTable
        See `DatabaseTable.at`.
    key : sequence of str
        Columns that name a row.

    Returns
    -------
    Upserted
        Rows handed over, and changed.

    Raises
    ------
    InputError, EnvironmentFailure
        As for `Transaction.upsert`; the table is then as it was.
    """
    table = DatabaseTable.at(place)
    with transaction(table) as open_transaction:
        return open_transaction.upsert(rows, table, key=key)


@contextmanager
def transaction(place: Any) -> Iterator[Transaction]:
    """Open one transaction for several tables of a database: they change together or not at all.

    It is committed when the block ends without an error. Whatever else happens, a refused row, an
    exception, a killed process, a lost connection, leaves every table as it was.

    Parameters
    ----------
    place : str or DatabaseTable
        Any table of the database.

    Yields
    ------
    Transaction
        Open until the block ends.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-504`` when the connection is lost, ``DLQ-505`` when the database refuses, ``DLQ-506`` when
        the extra ``postgres`` is not installed. Lost in the very moment of the commit, nobody can tell
        whether all or nothing was stored; running again is right in both cases.
    """
    table = DatabaseTable.at(place)
    with connected(table) as connection:
        yield Transaction(connection, table)
        with in_our_words(table, "committing: all or nothing was stored"):
            connection.commit()


class Transaction:
    """An open transaction; made by `transaction`."""

    def __init__(self, connection: Any, table: DatabaseTable) -> None:
        self._connection, self._url = connection, table.url

    def upsert(
        self, rows: Any, place: Any, *, key: Sequence[str], empty_ok: bool = False
    ) -> Upserted:
        """Insert rows, and change those that are there and differ.

        The rows go into a temporary table of this session first; keys are checked there, and then one
        statement moves them over. A table that does not exist is made, with `key` as its primary key.
        Columns of the table that the rows lack keep what they hold, and rows of the table that do not
        come again stay.

        Parameters
        ----------
        rows : table, or iterator of batches
            What to store.
        place : str or DatabaseTable
            The table, in the database of this transaction.
        key : sequence of str
            Columns that name a row; the table needs a primary key or unique constraint over them.
        empty_ok : bool
            Whether no row at all is fine, as for a list of refusals.

        Returns
        -------
        Upserted
            Rows handed over, and changed. The same rows again change none.

        Raises
        ------
        InputError
            ``DLQ-100`` no rows, ``DLQ-101`` a key twice among the rows, ``DLQ-102`` a column that the
            table or the rows lack, ``DLQ-103`` a value that its column cannot keep, ``DLQ-104`` a key
            that is missing.
        EnvironmentFailure
            As for `transaction`.
        """
        table = DatabaseTable.at(place)
        if table.url != self._url:
            fix = "open one transaction for each database"
            raise InputError(Problem("DLQ-109", "is in another database", str(table), fix=fix))
        cursor = self._connection.cursor()
        try:
            staged, names = self._stage(cursor, rows, table)
            _check_key(table, names, key)
            if not staged:
                return _nothing(table, empty_ok)
            with in_our_words(table, "storing"):
                return Upserted(staged, self._store(cursor, table, names, key))
        finally:
            with suppress(Exception):
                cursor.close()

    def _stage(self, cursor: Any, rows: Any, table: DatabaseTable) -> tuple[int, list[str]]:
        """Put the rows into a temporary table, and return how many they were and their columns."""
        source = _Source(rows)
        try:
            with in_our_words(table, "sending rows"):
                cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_STAGE}")
                cursor.adbc_ingest(_STAGE, source.reader(), mode="create", temporary=True)
        except Exception:
            if source.error is not None:  # whoever made the rows failed, not the database
                raise source.error from None
            raise
        return source.rows, source.names

    def _store(
        self, cursor: Any, table: DatabaseTable, names: list[str], key: Sequence[str]
    ) -> int:
        # one writer at a time: two would meet the same rows in other orders and stop each other
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", (table.sql,))
        have = columns_of(cursor, table)
        if not have:
            keys = ", ".join(map(quoted, key))
            cursor.execute(
                f"CREATE TABLE {table.sql} (LIKE pg_temp.{_STAGE}, PRIMARY KEY ({keys}))"
            )
            have = columns_of(cursor, table)
        _check_columns(table, names, have)
        _refuse_fractions(cursor, table, names, have)
        _refuse_keys(cursor, table, [have[name] for name in key])
        cursor.execute(_merge(table, names, key, have))
        changed = cursor.rowcount
        cursor.execute(f"DROP TABLE pg_temp.{_STAGE}")
        return changed


def _merge(
    table: DatabaseTable, names: list[str], key: Sequence[str], have: dict[str, DatabaseColumn]
) -> str:
    """Return the one statement that moves the staged rows over."""
    into = ", ".join(map(quoted, names))
    values = ", ".join(_cast(have[name]) for name in names)
    keys = ", ".join(map(quoted, key))
    others = [quoted(name) for name in names if name not in key]
    old = ", ".join(f"old.{name}" for name in others)
    new = ", ".join(f"EXCLUDED.{name}" for name in others)
    differs = f"ROW({old}) IS DISTINCT FROM ROW({new})" if others else "false"
    # never DO NOTHING: it would let a key that stands twice pass without a word
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in others or map(quoted, key))
    return (
        f"INSERT INTO {table.sql} AS old ({into}) SELECT {values} FROM pg_temp.{_STAGE}"
        f" ORDER BY {keys} ON CONFLICT ({keys}) DO UPDATE SET {sets} WHERE {differs}"
    )


def _cast(column: DatabaseColumn, *, always: bool = False) -> str:
    """Return the staged value for a column.

    An assignment refuses what is too long for the column, where a cast would cut it off, so a cast is
    only made where PostgreSQL would not assign: text to a date, an enum, a uuid.
    """
    staged = f"{_STAGE}.{quoted(column.name)}"
    assigned = column.type in TEXT or (column.type in _NUMBERS and not always)
    return staged if assigned else f"{staged}::{column.type}"


def _check_key(table: DatabaseTable, names: list[str], key: Sequence[str]) -> None:
    lacking = [name for name in key if name not in names]
    if lacking or not key:
        what = f"the rows lack the key column {lacking[0]!r}" if lacking else "no key is named"
        fix = did_you_mean(lacking[0], names) if lacking else ""
        fix = fix or "name the columns that tell one row from another"
        raise InputError(Problem("DLQ-102", what, str(table), len(lacking), fix))


def _nothing(table: DatabaseTable, empty_ok: bool) -> Upserted:
    if empty_ok:
        return Upserted(0, 0)
    fix = "an empty run is never committed"
    raise InputError(Problem("DLQ-100", "no rows", str(table), 0, fix))


def _refuse_keys(cursor: Any, table: DatabaseTable, key: list[DatabaseColumn]) -> None:
    """Raise for a key that is missing or stands twice: the one would be refused, the other win or lose."""
    listed = ", ".join(column.name for column in key)
    missing = " OR ".join(f"{quoted(column.name)} IS NULL" for column in key)
    cursor.execute(f"SELECT count(*) FROM pg_temp.{_STAGE} WHERE {missing}")
    (blank,) = cursor.fetchone()
    if blank:
        what = f"the key ({listed}) is missing in {blank:,} rows"
        raise InputError(Problem("DLQ-104", what, str(table), blank, "every row needs its key"))
    # as the table will hold them: two moments of a day are one date
    keys = ", ".join(_cast(column, always=True) for column in key)
    groups = f"SELECT count(*) AS n FROM pg_temp.{_STAGE} GROUP BY {keys} HAVING count(*) > 1"
    cursor.execute(f"SELECT coalesce(sum(n), 0)::int8 FROM ({groups}) AS twice")
    (repeated,) = cursor.fetchone()
    if repeated:
        what = f"{repeated:,} rows repeat ({listed})"
        raise InputError(Problem("DLQ-101", what, str(table), repeated, "keep one row a key"))


def _check_columns(table: DatabaseTable, names: list[str], have: dict[str, DatabaseColumn]) -> None:
    lacking = [name for name in names if name not in have]
    if lacking:
        what = f"the table lacks {len(lacking)} of {len(names)} columns, first {lacking[0]!r}"
        fix = did_you_mean(lacking[0], have) or "add it, or store into a table of its own"
        raise InputError(Problem("DLQ-102", what, str(table), len(lacking), fix))


def _refuse_fractions(
    cursor: Any, table: DatabaseTable, names: list[str], have: dict[str, DatabaseColumn]
) -> None:
    """Raise for fractions on their way into whole numbers: PostgreSQL would round without a word."""
    staged = columns_of(cursor, DatabaseTable(table.url, _STAGE))
    for name in names:
        if have[name].type in _WHOLE and staged[name].type in ("real", "double precision"):
            value = quoted(name)
            asked = f"SELECT count(*) FROM pg_temp.{_STAGE} WHERE {value} <> trunc({value})"
            cursor.execute(asked)
            (count,) = cursor.fetchone()
            if count:
                what = f"{name!r} holds fractions in {count:,} rows and its column whole numbers"
                fix = "make the column double precision"
                raise InputError(Problem("DLQ-103", what, str(table), count, fix))


class _Source:
    """Rows on their way to the database: counted, and their maker's own error kept."""

    def __init__(self, rows: Any) -> None:
        self.rows = 0
        self.names: list[str] = []
        self.error: BaseException | None = None
        self._given = rows

    def reader(self) -> pa.RecordBatchReader:
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return pa.RecordBatchReader.from_batches(pa.schema([("none", pa.int8())]), [])
        self.names = first.schema.names
        rest = itertools.chain([first], batches)
        return pa.RecordBatchReader.from_batches(first.schema, self._counted(rest, first.schema))

    def _counted(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        with self._kept():
            for batch in batches:
                self.rows += len(batch)
                yield batch if batch.schema == schema else batch.cast(schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with self._kept():
            tables = self._given if isinstance(self._given, Iterator) else [self._given]
            for table in tables:
                yield from _arrow(table)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep an error, because on its way through the driver it would become another."""
        try:
            yield
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            # Arrow's text would quote a cell
            what, fix = "a column holds values of several types", "give every column one plain type"
            self.error = InputError(Problem("DLQ-103", what, "rows", fix=fix))
            raise self.error from None
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = self.error or error
            raise


def _arrow(table: Any) -> list[pa.RecordBatch]:
    if isinstance(table, pa.RecordBatch):
        return [table]
    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(to_frame(table), preserve_index=False)
    plain = table.replace_schema_metadata(None)
    nested = [field.name for field in plain.schema if pa.types.is_nested(field.type)]
    if nested:
        what, fix = f"{nested[0]!r} holds lists or records", "give every column one plain type"
        raise InputError(Problem("DLQ-103", what, "rows", len(nested), fix))
    return plain.to_batches() or [pa.RecordBatch.from_pylist([], schema=plain.schema)]
