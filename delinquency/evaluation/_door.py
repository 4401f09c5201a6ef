"""The door of the room: outcomes and scores are checked here once and trusted afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["finite_of", "flags", "level_of", "outcomes_and_scores", "whole_of"]


def outcomes_and_scores(
    y: Any, score: Any, *, name: str = "probability", share: bool = True, both: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes as 0 and 1 and scores as floats, or refuse with everything that is wrong.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    score : array-like of shape (n,)
        Higher is riskier.
    name : str
        How errors name the scores.
    share : bool
        Whether scores must lie in [0, 1].
    both : bool
        Whether the sample must hold goods and bads.

    Raises
    ------
    InputError
        ``DLQ-100`` no rows, ``DLQ-103`` no numbers, lengths that differ, labels other than 1 and 0,
        or probabilities outside [0, 1], ``DLQ-104`` missing, ``DLQ-105`` infinite, ``DLQ-150`` one
        class.
    """
    problems: list[Problem] = []
    labels = _floats(y, "y", problems)
    scores = _floats(score, name, problems)
    if not problems and len(labels) != len(scores):
        what = f"{len(labels):,} outcomes for {len(scores):,} scores"
        problems.append(Problem("DLQ-103", what, name, fix="pass one score for each outcome"))
    if not problems and len(labels) == 0:
        problems.append(Problem("DLQ-100", "no rows", name, 0, "there is nothing to evaluate"))
    if not problems:
        problems += _value_problems(labels, scores, name, share=share)
    if not problems and both:
        problems += _class_problems(labels)
    if problems:
        raise InputError(*problems)
    return labels.astype("int64"), scores


def _floats(values: Any, name: str, problems: list[Problem]) -> np.ndarray:
    try:
        # pandas knows what a missing value is in each of its types
        array = pd.Series(np.asarray(values) if np.ndim(values) != 1 else values)
        return array.to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError):
        what = "expected one column of numbers"
        problems.append(Problem("DLQ-103", what, name, fix="pass numbers of shape (n,)"))
        return np.empty(0)


def _value_problems(
    labels: np.ndarray, scores: np.ndarray, name: str, *, share: bool
) -> list[Problem]:
    missing, absent = np.isnan(labels), np.isnan(scores)
    other = ~(missing | (labels == 0) | (labels == 1))
    outside = np.isfinite(scores) & ((scores < 0) | (scores > 1)) & share
    unlabelled = "leave out indeterminate and immature accounts before evaluating"
    rules = [
        ("DLQ-104", "outcomes are missing", "y", missing, unlabelled),
        ("DLQ-103", "outcomes are not 1 or 0", "y", other, "1 is bad, 0 is good"),
        ("DLQ-104", "scores are missing", name, absent, "score every account or leave it out"),
        ("DLQ-105", "scores are infinite", name, np.isinf(scores), "repair the scores"),
        ("DLQ-103", "values lie outside [0, 1]", name, outside, "pass probabilities of bad"),
    ]
    return [
        _rows_problem(code, what, where, wrong, fix)
        for code, what, where, wrong, fix in rules
        if wrong.any()
    ]


def _rows_problem(code: str, what: str, where: str, wrong: np.ndarray, fix: str) -> Problem:
    rows, count = np.flatnonzero(wrong)[:5], int(wrong.sum())
    first = ("row " if len(rows) == 1 else "rows ") + ", ".join(f"{row:,}" for row in rows)
    return Problem(
        code, f"{what} in {count:,} of {len(wrong):,} rows, first at {first}", where, count, fix
    )


def _class_problems(labels: np.ndarray) -> list[Problem]:
    if 0 < labels.sum() < len(labels):
        return []
    only = "bad" if labels[0] == 1 else "good"
    fix = "evaluate on a sample that holds goods and bads"
    return [Problem("DLQ-150", f"all {len(labels):,} accounts are {only}", "y", len(labels), fix)]


def flags(values: Any, name: str) -> np.ndarray:
    """Return decisions as True and False, or refuse.

    Examples
    --------
    >>> flags([1, 0], "favoured")
    array([ True, False])
    """
    problems: list[Problem] = []
    numbers = _floats(values, name, problems)
    missing = np.isnan(numbers)
    other = ~(missing | (numbers == 0) | (numbers == 1))
    if missing.any():
        fix = "decide for every account or leave it out"
        problems.append(_rows_problem("DLQ-104", "decisions are missing", name, missing, fix))
    if other.any():
        what = "decisions are not true or false"
        problems.append(_rows_problem("DLQ-103", what, name, other, "pass booleans"))
    if problems:
        raise InputError(*problems)
    return numbers == 1


def level_of(level: Any) -> float:
    """Return the level of an interval, or refuse one that is no share.

    Examples
    --------
    >>> level_of(95)
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-103 level: expected a share between 0 and 1. fix: write 0.95...
    """
    if isinstance(level, (int, float)) and 0 < level < 1:
        return float(level)
    what = "expected a share between 0 and 1"
    raise InputError(Problem("DLQ-103", what, "level", fix="write 0.95 for 95%"))


def whole_of(value: Any, name: str, least: int) -> int:
    """Return a setting that must be a whole number of at least `least`, or refuse it.

    Examples
    --------
    >>> whole_of(10.0, "bins", 1)
    10
    """
    number = isinstance(value, (int, float, np.integer)) and not isinstance(value, bool)
    if number and value == value // 1 and value >= least:
        return int(value)
    what = f"expected a whole number of at least {least:,}"
    raise InputError(Problem("DLQ-103", what, name, fix=f"pass {least:,} or more"))


def finite_of(values: Any, where: str, expected: str) -> np.ndarray:
    """Return one number or several, or refuse what is missing or none.

    Examples
    --------
    >>> finite_of(3, "actual", "the figure so far")
    array([3.])
    """
    try:
        numbers = np.asarray(values, dtype="float64").ravel()
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if not len(numbers) or not np.isfinite(numbers).all():
        what = f"expected {expected}, none missing"
        raise InputError(Problem("DLQ-186", what, where, fix="pass finite numbers"))
    return numbers
