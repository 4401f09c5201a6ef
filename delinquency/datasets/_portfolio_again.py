"""The same book lived on from a date many times over: the true chance of what happened once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.datasets._portfolio import Book, book_of
from delinquency.datasets._portfolio_kernel import OPEN, live
from delinquency.errors import InputError, Problem
from delinquency.schema import as_date, month_number

__all__ = ["hits", "open_at", "true_probability"]


def true_probability(
    n_accounts: int,
    n_months: int,
    seed: int = 0,
    *,
    at: Any,
    dpd: int = 60,
    within: int = 6,
    draws: int = 200,
    first_draw: int = 0,
    end: Any = "2026-06-30",
    loans: float = 0.4,
    strain: float = 1.0,
    shock: float = 1.6,
) -> pd.DataFrame:
    """Return the chance of each account of a `make_portfolio` book to fall behind after a date.

    Every account lives on from the date `draws` times with other luck, from where it truly stood; the
    chance is the share of these lives that reached `dpd`. It conditions on everything, also on what no bank
    sees: the hidden condition, the latent risk, the scars. What can be learnt from a history is less, so no
    score can rank as this one does.

    Parameters
    ----------
    n_accounts, n_months, seed, end, loans, strain, shock
        Those of the book.
    at : date
        The snapshot: the last day of one of the book's months. What came until then is as it was.
    dpd, within : int
        Bad is so many days past due, or more, within so many months after `at`, as
        ``LabelSpec(dpd, within)`` says it of accounts open at the snapshot.
    draws : int
        Lives; the standard error of a chance p is ``sqrt(p (1 - p) / draws)``.
    first_draw : int
        Number of the first; other numbers are other luck.

    Returns
    -------
    DataFrame
        ``account_id, snapshot_date, probability``, one row an account that was open at the snapshot.

    Raises
    ------
    InputError
        ``DLQ-216`` for a window that the book does not hold, or no draws.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> truth = true_probability(500, 24, seed=1, at="2025-12-31", draws=20)
    >>> hidden = make_portfolio(500, 24, seed=1).truth.rename(columns={"month": "snapshot_date"})
    >>> both = truth.merge(hidden, on=["account_id", "snapshot_date"])
    >>> chance = both.groupby("condition")["probability"].mean()
    >>> bool(chance["well"] < 0.1 < 0.5 < chance["distressed"])
    True
    """
    book = book_of(n_accounts, n_months, seed, end, loans, strain, shock)
    month = int(month_number([as_date(at, "at")])[0]) - book.first
    rules = [
        ("`at` and the window after it lie inside the book", 0 <= month < n_months - within),
        ("dpd, within and draws are 1 at least", min(dpd, within, draws) >= 1),
    ]
    problems = [Problem("DLQ-216", what, "true_probability") for what, holds in rules if not holds]
    if problems:
        raise InputError(*problems)
    places = open_at(book, month)
    total = np.zeros(len(places))
    for draw in range(first_draw, first_draw + draws):
        total += hits(book, month, dpd, within, draw)[places]
    columns = {
        "account_id": places + 1,
        "snapshot_date": as_date(at, "at"),
        "probability": total / draws,
    }
    return pd.DataFrame(columns)


def open_at(book: Book, month: int) -> np.ndarray:
    """Return the places of the accounts that were open at the end of a month of the book."""
    of, at, status = (live(*book.arguments(len(book.spend)))[0][k] for k in (0, 1, 6))
    return of[(at == month) & (status == OPEN)]


def hits(
    book: Book,
    month: int,
    dpd: int,
    within: int,
    draw: int,
    minds: np.ndarray | None = None,
) -> np.ndarray:
    """Return which accounts (n,) reach `dpd` in one more life after a month of the book.

    `minds` replaces what is hidden of each account in that life; see the kernel.
    """
    of, at, late = live(*book.until(month + within + 1).arguments(month + 1, draw, minds))[0][:3]
    reached = np.zeros(len(book.people["risk"]), dtype=bool)
    reached[of[(at > month) & (late >= dpd)]] = True
    return reached
