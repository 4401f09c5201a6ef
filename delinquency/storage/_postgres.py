"""PostgreSQL through ADBC: the connection, the columns of a table, and errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from delinquency.errors import DelinquencyError, EnvironmentFailure, InputError, Problem
from delinquency.storage._address import DatabaseTable

__all__ = ["TEXT", "DatabaseColumn", "columns_of", "connected", "in_our_words"]

TEXT = ("text", "character varying", "character")
"""The types of SQL that hold text."""

# An unattended run must not wait for ever on a server that has gone away.
_OPTIONS = {
    "application_name": "delinquency",
    "client_encoding": "UTF8",
    "connect_timeout": "30",
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "6",
}


def _driver() -> Any:
    try:
        import adbc_driver_postgresql.dbapi as driver
    except ImportError:
        fix = 'pip install "delinquency[postgres]"'
        what = "the PostgreSQL driver is not installed"
        raise EnvironmentFailure(Problem("DLQ-506", what, fix=fix)) from None
    return driver


def _with_options(url: str) -> str:
    wanting = [f"{name}={value}" for name, value in _OPTIONS.items() if f"{name}=" not in url]
    return url + ("&" if "?" in url else "?") + "&".join(wanting) if wanting else url


@contextmanager
def connected(table: DatabaseTable, *, autocommit: bool = False) -> Iterator[Any]:
    """Hand out a connection; close it at the end, which undoes what was not committed."""
    with in_our_words(table, "connecting"):
        connection = _driver().connect(_with_options(table.url), autocommit=autocommit)
    try:
        yield connection
    finally:
        with suppress(Exception):  # a connection that is already gone cannot be closed
            connection.rollback()
        with suppress(Exception):
            connection.close()


# What the server says of a statement, by the first characters of its SQLSTATE: code, words, fix.
_REFUSALS = {
    "08": ("DLQ-504", "the connection was lost", "run again"),
    "57P": ("DLQ-504", "the server ended the connection", "run again"),
    "40": ("DLQ-504", "another session was in the way", "run again"),
    "55P03": ("DLQ-504", "another session holds the table", "run again"),
    "28": ("DLQ-505", "the login is refused", "check user and password"),
    "3D": ("DLQ-505", "there is no such database", "check the address"),
    "42501": ("DLQ-505", "the user may not do this", "grant the right, or use another user"),
    "53100": ("DLQ-505", "the server's disk is full", "free space there"),
    "53": ("DLQ-505", "the server is out of resources", "try later, or free some there"),
    "57014": ("DLQ-505", "the server cancelled the statement", "raise its statement_timeout"),
}
# These are about what came, so they are bad input and not the server's fault.
_OF_INPUT = {
    "21000": ("DLQ-101", "a key stands twice", "keep one row a key"),
    "23502": (
        "DLQ-104",
        "a column of the table must not be missing",
        "give it a value or a default",
    ),
    "22": ("DLQ-103", "a value does not fit its column", "widen the column"),
    "23": ("DLQ-103", "a rule of the table refuses a row", "look at its constraints"),
    "42P10": ("DLQ-102", "the table has no unique key over the key columns", "add a primary key"),
    "42846": ("DLQ-103", "a column of the table has another type", "change the type"),
    "42804": ("DLQ-103", "a column of the table has another type", "change the type"),
}


@contextmanager
def in_our_words(table: DatabaseTable, doing: str) -> Iterator[None]:
    """Say in one line what the database or its driver raised; their text may quote a row or a login."""
    driver = _driver()
    try:
        yield
    except DelinquencyError:
        raise
    except (driver.Error, pa.ArrowException, OSError) as error:
        # `from None`: the text of the cause would stand in a log beside ours
        raise _translated(table, doing, getattr(error, "sqlstate", None) or "") from None


def _translated(table: DatabaseTable, doing: str, state: str) -> DelinquencyError:
    told = f" (SQLSTATE {state})" if state else ""
    for known, kind in ((_OF_INPUT, InputError), (_REFUSALS, EnvironmentFailure)):
        for length in (5, 3, 2):
            if state and state[:length] in known:
                code, what, fix = known[state[:length]]
                return kind(Problem(code, f"{what} while {doing}{told}", str(table), fix=fix))
    if state:
        what = f"the database refused while {doing}{told}"
        return EnvironmentFailure(Problem("DLQ-505", what, str(table), fix="see the server's log"))
    if doing == "connecting":
        what = "the database cannot be reached, or refuses the login"
        fix = "check address, user and password, and that the server runs"
        return EnvironmentFailure(Problem("DLQ-504", what, str(table), fix=fix))
    what = f"the connection was lost while {doing}"
    return EnvironmentFailure(Problem("DLQ-504", what, str(table), fix="run again"))


@dataclass(frozen=True)
class DatabaseColumn:
    """A column: its type as SQL says it without lengths, a domain by what it stands on."""

    name: str
    type: str
    digits: int | None  # of a numeric without a fraction


_COLUMNS = """
SELECT a.attname, format_type(b.oid, NULL),
       CASE WHEN b.typname = 'numeric' AND m.typmod > 0 AND (m.typmod - 4) & 65535 = 0
            THEN (m.typmod - 4) >> 16 END
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) m (typmod)
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


def columns_of(cursor: Any, table: DatabaseTable) -> dict[str, DatabaseColumn]:
    """Return the columns of a table by name, in their order; none when there is no such table."""
    cursor.execute(_COLUMNS, parameters=(table.sql,))
    return {row[0]: DatabaseColumn(*row) for row in cursor.fetchall()}
