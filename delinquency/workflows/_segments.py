"""Which columns of accounts the book is cut by, at training and when it is monitored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["asked_segments", "segments_of"]


def asked_segments(accounts: Any, segment: str | Sequence[str] | None) -> list[str]:
    """Return the columns to judge by; ``segment`` when accounts are given and none is named.

    Raises
    ------
    InputError
        ``DLQ-204`` when one is named and there are no accounts to find it in.
    """
    named = [segment] if isinstance(segment, str) else list(segment or ())
    if accounts is None and named:
        what, fix = "a segment is named, but no accounts to find it in", "give accounts too"
        raise InputError(Problem("DLQ-204", what, "segment", fix=f"{fix} (--accounts)"))
    return named or ([] if accounts is None else ["segment"])


def segments_of(accounts: Any, columns: Sequence[str]) -> dict[str, pd.Series[Any]]:
    """Return account to segment for each of these columns.

    Raises
    ------
    InputError
        ``DLQ-102`` for columns that accounts lack.
    """
    if not columns:
        return {}
    table = schema.admit(accounts, schema.ACCOUNTS)
    problems = [
        Problem(
            "DLQ-102",
            f'column "{name}" is missing',
            "accounts",
            fix=did_you_mean(name, map(str, table.columns)) or "name a column of accounts",
        )
        for name in columns
        if name not in table
    ]
    if problems:
        raise InputError(*problems)
    by_account = table.set_index("account_id")
    return {name: by_account[name] for name in columns}
