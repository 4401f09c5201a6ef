"""Addresses of tables in a database: ``postgresql://host/database#schema.table``.

An address may hold a password. `DatabaseTable` therefore never prints what it was given: what stands in
messages, logs and manifests is what `without_login` returns: host, port, database and table.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from delinquency.errors import InputError, Problem

__all__ = ["DatabaseTable", "is_database", "without_login"]

_SCHEME = re.compile(r"postgres(ql)?:", re.IGNORECASE)
# one name, or two with a dot between; a name with other characters stands in double quotes
_NAME = r'(?:[^\W\d][\w$]*|"(?:[^"\x00]|"")+")'
_TABLE = re.compile(rf"(?:({_NAME})\.)?({_NAME})")
# what is left of an address once login and options are cut off, and may be shown to anyone
_PLACE = re.compile(r"([\w.,-]|:\d|\[[\da-fA-F:.]+\])*(/[\w.%-]*)?")


def is_database(place: Any) -> bool:
    """Return whether a place is an address in a database rather than a path.

    Examples
    --------
    >>> is_database("postgresql://localhost/risk#months"), is_database("months.parquet")
    (True, False)
    """
    return isinstance(place, DatabaseTable) or (
        isinstance(place, (str, os.PathLike)) and bool(_SCHEME.match(os.fspath(place)))
    )


def without_login(place: Any) -> str:
    """Return how a place may be shown: a path as it is, an address without login and options.

    Examples
    --------
    >>> without_login("postgresql://me:secret@db.example:5432/risk?sslmode=require#credit.months")
    'postgresql://db.example:5432/risk#credit.months'
    >>> without_login("months.parquet")
    'months.parquet'
    """
    if isinstance(place, DatabaseTable):
        return str(place)
    if not is_database(place):
        return os.fspath(place)
    url, table = _split(os.fspath(place))
    return _public(url) + (f"#{table}" if table else "")


@dataclass(frozen=True)
class DatabaseTable:
    """A table in a PostgreSQL database.

    Parameters
    ----------
    url : str
        How to connect, as libpq takes it; never printed.
    table : str
        Its name as written in SQL, quoted where it has to be.

    Examples
    --------
    >>> table = DatabaseTable.at("postgresql://me:secret@localhost/risk#credit.Months")
    >>> print(table), table.sql
    postgresql://localhost/risk#credit.Months
    (None, '"credit"."Months"')
    """

    url: str = field(repr=False)
    table: str

    @classmethod
    def at(cls, place: Any, table: str | None = None) -> DatabaseTable:
        """Return the table at an address.

        Parameters
        ----------
        place : str or DatabaseTable
            ``postgresql://user@host:port/database?options#schema.table``. Names are taken exactly as
            written, capitals too; one with other characters than letters, digits and ``_`` stands in
            double quotes. Leave the password out and give it by ``PGPASSWORD`` or ``~/.pgpass``; one in
            the address must have its special characters percent-encoded.
        table : str, optional
            The name, when the address does not end in it.

        Raises
        ------
        InputError
            ``DLQ-109`` when no table is named, or the name is none.
        """
        if isinstance(place, DatabaseTable):
            return place
        url, named = _split(os.fspath(place))
        if not re.match(r"postgres(ql)?://", url, re.IGNORECASE):
            fix = "write postgresql://host/database#schema.table"
            raise InputError(Problem("DLQ-109", "no database address", _public(url), fix=fix))
        name = table or named
        if not name or not _TABLE.fullmatch(name):
            what = "the address names no table" if not name else "the table's name is none"
            fix = (
                'end the address in #schema.table, other characters in double quotes: #"Loan book"'
            )
            raise InputError(Problem("DLQ-109", what, _public(url), fix=fix))
        return cls(url, name)

    @property
    def sql(self) -> str:
        """The name, each part in quotes."""
        match = _TABLE.fullmatch(self.table)
        assert match is not None  # `at` has looked
        return ".".join(quoted(_bare(part)) for part in match.groups() if part)

    def __str__(self) -> str:
        return f"{_public(self.url)}#{self.table}"


def quoted(name: str) -> str:
    """Return a name as an SQL identifier, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def _bare(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _split(place: str) -> tuple[str, str]:
    """Return the connection and the table; a ``#`` inside a password parts nothing."""
    url, mark, table = place.rpartition("#")
    # a name in quotes may hold a '#', so look from each of them
    while mark and not _TABLE.fullmatch(table):
        url, mark, more = url.rpartition("#")
        table = f"{more}#{table}"
    return (url, table) if mark else (place, "")


def _public(url: str) -> str:
    """Return the host, port and database of an address, or less where the rest could be a password."""
    scheme = "postgresql://"
    head, _, options = url.partition("://")[2].partition("?")
    place = head.rpartition("@")[2]
    if not _PLACE.fullmatch(place) or "@" in options or "#" in place:
        return f"{scheme}..."
    return scheme + place
