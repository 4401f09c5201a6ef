"""Addresses: what names a table, and what may be without_login of a login."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.storage import DatabaseTable, is_database, without_login

SECRET = "zq7canary91"


@pytest.mark.parametrize(
    ("address", "url", "sql"),
    [
        ("postgresql://h/db#months", "postgresql://h/db", '"months"'),
        ("postgres://h/db#credit.months", "postgres://h/db", '"credit"."months"'),
        ("postgresql://h/db?a=b#Credit.Months", "postgresql://h/db?a=b", '"Credit"."Months"'),
        (
            'postgresql://h/db#credit."Loan ""book"""',
            "postgresql://h/db",
            '"credit"."Loan ""book"""',
        ),
        ('postgresql://h/db#"a.b"."c#d"', "postgresql://h/db", '"a.b"."c#d"'),
        ("postgresql://u:p#w@h/db#months", "postgresql://u:p#w@h/db", '"months"'),
        ("postgresql://h/db#账户", "postgresql://h/db", '"账户"'),
        (
            'postgresql://h/db#"x""; DROP TABLE months; --"',
            "postgresql://h/db",
            '"x""; DROP TABLE months; --"',
        ),
    ],
)
def test_an_address_names_a_connection_and_a_table(address, url, sql):
    """Names are taken exactly, in quotes; a number sign in a password or a name parts nothing."""
    table = DatabaseTable.at(address)

    assert (table.url, table.sql) == (url, sql)


def test_the_table_may_be_named_beside_the_address():
    """An address from a secret store need not be edited."""
    table = DatabaseTable.at("postgresql://u:p#w@h/db", "credit.months")

    assert (table.url, table.sql) == ("postgresql://u:p#w@h/db", '"credit"."months"')


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://me:{SECRET}@h/db",
        f"postgresql://me:{SECRET}@h/db#",
        f"postgresql://me:{SECRET}@h/db#a.b.c",
        f"postgresql://me:{SECRET}@h/db#months; drop",
        f"postgresql://me:{SECRET}@h/db#1st",
        f"postgresql:/me:{SECRET}@h/db#months",
        f"postgresql:me:{SECRET}#months",
    ],
)
def test_an_address_without_a_table_is_refused_and_not_repeated(address):
    """One line says how to spell it, and the login is not in it."""
    with pytest.raises(InputError, match="DLQ-109") as caught:
        DatabaseTable.at(address)

    assert SECRET not in str(caught.value) and "me" not in str(caught.value).split("fix")[0].split()


def test_paths_are_no_addresses():
    """A file may be called what it likes."""
    assert not any(map(is_database, ["months.parquet", Path("postgres/months.csv"), 7, None]))
    assert without_login(Path("data") / "months.csv") == "data/months.csv"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (f"postgresql://me:{SECRET}@h:5432/db#s.t", "postgresql://h:5432/db#s.t"),
        (f"postgresql://me@h/db?password={SECRET}#t", "postgresql://h/db#t"),
        (f"postgresql://h,g:5433/db?password={SECRET}#t", "postgresql://h,g:5433/db#t"),
        (f"postgresql://me:{SECRET}@[::1]:5432/db#t", "postgresql://[::1]:5432/db#t"),
        (f"postgresql:///db?host=/run&password={SECRET}#t", "postgresql:///db#t"),
        # what libpq would not even understand, typed in a hurry
        (f"postgresql://me:a/{SECRET}@h/db#t", "postgresql://h/db#t"),
        (f"postgresql://me:a#{SECRET}@h/db#t", "postgresql://h/db#t"),
        (f"postgresql://me:a@{SECRET}@h/db#t", "postgresql://h/db#t"),
        (f"postgresql://me:{SECRET}#t", "postgresql://...#t"),
        (f"postgresql://me:{SECRET}?x@h/db#t", "postgresql://...#t"),
        (f"postgresql://me:{SECRET}/x#t", "postgresql://...#t"),
        (f"postgresql://h/db?password=a@{SECRET}#t", "postgresql://...#t"),
    ],
)
def test_what_is_shown_of_an_address_holds_no_login(address, public):
    """Host, port, database and table, or less where the rest might be a password."""
    table = DatabaseTable.at(address)

    assert without_login(address) == without_login(table) == str(table) == public
    assert SECRET not in repr(table)


@given(password=st.text(st.sampled_from("ab1:/?#@%&=. \"'\\[]"), max_size=12))
def test_no_password_however_strange_is_shown(password):
    """Whatever is typed between user and host, its middle never comes out."""
    address = f"postgresql://me:{password}{SECRET}{password}@host.example/db#credit.months"

    assert SECRET not in without_login(address)
