"""Ids of two tables: they meet only where both are text or both are integers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["id_problems", "refuse_other_ids"]


def id_problems(first: Any, second: Any, where: str) -> list[Problem]:
    """Return what is wrong when ids are integers in one table and text in the other; else nothing.

    Compared as they are, no id of the one would be found in the other, and nobody would say so.

    Parameters
    ----------
    first, second : Series or Index
        Ids of two admitted tables.
    where : str
        Both tables, such as ``"scores, accounts"``.
    """
    kinds = {bool(pd.api.types.is_integer_dtype(ids.dtype)) for ids in (first, second) if len(ids)}
    if len(kinds) < 2:
        return []
    what = "ids are integers in one table and text in the other"
    return [Problem("DLQ-115", what, where, fix="export both in one type")]


def refuse_other_ids(first: Any, second: Any, where: str) -> None:
    """Raise `InputError` with what `id_problems` finds.

    Examples
    --------
    >>> refuse_other_ids(pd.Series([1, 2]), pd.Series(["1", "2"]), "scores, accounts")
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-115 scores, accounts: ids are integers in one table and...
    """
    problems = id_problems(first, second, where)
    if problems:
        raise InputError(*problems)
