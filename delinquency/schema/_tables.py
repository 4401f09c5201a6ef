"""The tables as data: their columns, types and keys."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ACCOUNTS",
    "DUES",
    "LABELS",
    "MONTHS",
    "PAYMENTS",
    "SCORES",
    "STATUSES",
    "Column",
    "Table",
]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    kind : {"id", "month", "date", "money", "days", "number", "text", "flag", "label"}
        ``days`` are whole, not negative and never missing; ``money`` may be negative or missing;
        ``label`` is 1, 0 or missing.
    required : bool
        Whether the table is refused without it.
    """

    kind: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the house: its name, key and columns; other columns pass through untouched."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    either: tuple[tuple[str, ...], ...] = ()  # at least one of these groups must be there
    repeats: bool = False  # events: the key only sorts, and may stand on many rows


# What `status` of a months table may say; all but the first end an account.
STATUSES = ("open", "paid_off", "charged_off", "sold", "closed")

_ID, _KEY_MONTH, _DATE = Column("id", True), Column("month", True), Column("date")
_MONEY, _TEXT = Column("money"), Column("text")

DUES = Table(
    "dues",
    ("account_id", "due_date"),
    {
        "account_id": _ID,
        "due_date": Column("date", True),
        "amount_due": Column("money", True),
        "known_at": _DATE,
    },
    repeats=True,
)
PAYMENTS = Table(
    "payments",
    ("account_id", "paid_date"),
    {
        "account_id": _ID,
        "paid_date": Column("date", True),
        "amount_paid": Column("money", True),
        "known_at": _DATE,
    },
    repeats=True,
)
MONTHS = Table(
    "months",
    ("account_id", "month"),
    {
        "account_id": _ID,
        "month": _KEY_MONTH,
        "days_past_due": Column("days"),
        "amount_due": _MONEY,
        "amount_paid": _MONEY,
        "balance": _MONEY,
        "credit_limit": _MONEY,
        "status": _TEXT,
        "written_off": _MONEY,
        "recovered": _MONEY,
        "known_at": _DATE,
        "opened": _DATE,
    },
    either=(("days_past_due",), ("amount_due", "amount_paid")),
)
ACCOUNTS = Table(
    "accounts",
    ("account_id",),
    {
        "account_id": _ID,
        "person_id": Column("id"),
        "segment": _TEXT,
        "product": _TEXT,
        "opened": _DATE,
        "jurisdiction": _TEXT,
        "time_zone": _TEXT,
        "balance": _MONEY,
    },
)
LABELS = Table(
    "labels",
    ("account_id", "snapshot_date"),
    {
        "account_id": _ID,
        "snapshot_date": Column("date", True),
        "bad": Column("label", True),
        "why": _TEXT,
    },
)
SCORES = Table(
    "scores",
    ("account_id", "snapshot_date"),
    {
        "account_id": _ID,
        "snapshot_date": Column("date", True),
        "probability": Column("number", True),
        "points": Column("number", True),
        "band": Column("text", True),
    },
)
