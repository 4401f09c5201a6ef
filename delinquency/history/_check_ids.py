"""Checks on account ids: what loses a digit or meets another id loses a customer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["id_issues"]

_EXACT = 2**53


def id_issues(
    ids: pd.Series, issue: Callable[..., Any], first_rows: Callable[[np.ndarray], list[int]]
) -> list[Any]:
    """Return the issues of an id column."""
    found = []

    def report(severity: str, code: str, rule: str, wrong: np.ndarray, fix: str) -> None:
        if wrong.any():
            found.append(issue(severity, code, rule, int(wrong.sum()), first_rows(wrong), fix))

    if ids.hasnans:
        report("error", "DLQ-104", "account_id is missing", ids.isna().to_numpy(), "fill or drop")
    as_text = "read the column as text or integer; a float id loses digits above 2^53"
    if pd.api.types.is_float_dtype(ids.dtype) or pd.api.types.is_bool_dtype(ids.dtype):
        everywhere = np.ones(len(ids), dtype=bool)
        report("error", "DLQ-107", "account ids are floats", everywhere, as_text)
    elif pd.api.types.is_integer_dtype(ids.dtype):
        rule = "ids beyond 2^53 are all even, as if they had been floats"
        report("warning", "DLQ-107", rule, _rounded(ids), as_text)
    else:
        codes, words = pd.factorize(ids)
        text = pd.Series(words).astype("str")
        mixed = pd.api.types.infer_dtype(words, skipna=True) not in ("string", "empty")
        report(
            "error",
            "DLQ-103",
            "ids are neither all text nor all integers",
            np.full(len(ids), mixed),
            "make every id text, or every id an integer",
        )
        float_like = text.str.fullmatch(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+|\d+\.0+").to_numpy(bool)
        report(
            "error",
            "DLQ-107",
            "ids are written like floats",
            np.append(float_like, False)[codes],
            as_text,
        )
        report(
            "error",
            "DLQ-108",
            "ids collide after Unicode normalisation or trimming",
            np.append(_colliding(text), False)[codes],
            "write each id in one way",
        )
    return found


def _rounded(ids: pd.Series) -> np.ndarray:
    """Return the large ids when ten or more are all even: chance does that once in 1,024."""
    numbers = ids.to_numpy(dtype="int64", na_value=0) if ids.hasnans else ids.to_numpy()
    if not len(numbers) or (numbers.max() <= _EXACT and numbers.min() >= -_EXACT):
        return np.zeros(len(numbers), dtype=bool)
    large = (numbers > _EXACT) | (numbers < -_EXACT)
    distinct = np.unique(numbers[large])
    return large if len(distinct) >= 10 and not (distinct % 2).any() else np.zeros_like(large)


def _colliding(text: pd.Series) -> np.ndarray:
    plain = text.map(lambda word: unicodedata.normalize("NFKC", str(word)).strip())
    return plain.duplicated(keep=False).to_numpy()
