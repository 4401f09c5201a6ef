"""A made-up portfolio with a known truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency.datasets._portfolio_kernel import live
from delinquency.errors import InputError, Problem
from delinquency.schema import DATE_DTYPE, STATUSES, as_date, month_number

__all__ = ["Portfolio", "make_portfolio"]

_CONDITION = ("well", "strained", "distressed", "never_pays")
_SEGMENTS = ("prime", "near_prime", "thin_file")
_TERMS = np.array([12, 24, 36, 48])
_EPOCH_MONTH = 1970 * 12


class Portfolio(NamedTuple):
    """A made-up portfolio: what a bank would see, and what it would not.

    Attributes
    ----------
    dues, payments : DataFrame
        The ledger. What comes back after a write-off is in ``months.recovered`` alone.
    months : DataFrame
        One row per account and month: days past due, due, paid, arrears, balance, credit limit
        (missing for loans), status, written off, recovered, opened.
    accounts : DataFrame
        Person, segment and product, opening date and due day.
    truth : DataFrame
        What the months came from: per account and month the hidden condition (``"well"``,
        ``"strained"``, ``"distressed"``, ``"never_pays"``), the chance of strain that month, and the
        account's latent risk (standard normal; higher is riskier). Never a feature.
    """

    dues: pd.DataFrame
    payments: pd.DataFrame
    months: pd.DataFrame
    accounts: pd.DataFrame
    truth: pd.DataFrame


def make_portfolio(
    n_accounts: int,
    n_months: int,
    seed: int = 0,
    *,
    end: Any = "2026-06-30",
    loans: float = 0.4,
    strain: float = 1.0,
    shock: float = 1.6,
) -> Portfolio:
    """Make up a portfolio of credit cards and instalment loans.

    Every figure is invented; the shape is what repayment histories look like. Accounts open before and
    during the book; people pay around their due day, forget a due and pay two, fall into strain and
    distress and out of it, relapse more easily each time; spending and strain have seasons; a
    shock runs through the book from 60 % of its length for six months; later openings are riskier. A card is
    paid in full or by its minimum, a loan by equal instalments. 180 days late is charged off, with
    a tail of recoveries. An account's life does not depend on how many others there are.

    Parameters
    ----------
    n_accounts, n_months : int
        Size of the book; an account opened during the book has fewer months.
    seed : int
        Same seed, same portfolio.
    end : date
        The book ends with this date's month.
    loans : float
        Share of instalment loans; the rest are cards.
    strain : float
        Multiplies how often people fall into strain.
    shock : float
        Multiplies it again during the shock.

    Returns
    -------
    Portfolio
        ``dues``, ``payments``, ``months``, ``accounts``, ``truth``, canonical and sorted.

    Raises
    ------
    InputError
        ``DLQ-216`` for sizes below 1 or shares outside [0, 1].

    Examples
    --------
    >>> book = make_portfolio(1_000, 24, seed=1)
    >>> book.accounts["product"].value_counts().to_dict()
    {'card': 600, 'loan': 400}
    >>> states = ["open", "paid_off", "charged_off", "sold", "closed"]
    >>> bool(book.months["status"].isin(states).all())
    True
    """
    book = book_of(n_accounts, n_months, seed, end, loans, strain, shock)
    people, starts, first = book.people, book.starts, book.first
    raw = live(*book.arguments(n_months))
    months = _months(raw[0], people, starts, first)
    return Portfolio(
        dues=_events(raw[1], "due_date", "amount_due"),
        payments=_events(raw[2], "paid_date", "amount_paid"),
        months=months,
        accounts=_accounts(people, seed, first),
        truth=_truth(raw[0], months, people),
    )


class Book(NamedTuple):
    """What a book's lives are made of."""

    seed: int
    first: int
    people: dict[str, np.ndarray]
    starts: np.ndarray
    spend: np.ndarray
    hazard: np.ndarray

    def arguments(self, again_at: int, draw: int = 0, minds: np.ndarray | None = None) -> list[Any]:
        """Return what the kernel takes; from month `again_at` on with the luck of another draw."""
        lucks = [_seeded(self.seed, 1), _seeded(self.seed, 3, draw)]
        seasons = [self.spend, self.hazard, self.starts]
        minds = np.empty((0, 4)) if minds is None else minds
        return [lucks[0], *self.people.values(), *seasons, again_at, lucks[1], minds]

    def until(self, months: int) -> Book:
        """Return the book cut short; its months are those of the whole one."""
        return self._replace(
            starts=self.starts[: months + 1],
            spend=self.spend[:months],
            hazard=self.hazard[:months],
        )


def book_of(
    n_accounts: int,
    n_months: int,
    seed: int,
    end: Any,
    loans: float,
    strain: float,
    shock: float,
) -> Book:
    """Return what a book's lives are made of, sizes checked."""
    _check(n_accounts, n_months, loans, strain, shock)
    first = int(month_number([as_date(end, "end")])[0]) - n_months + 1
    season = np.arange(first, first + n_months) % 12
    return Book(
        seed,
        first,
        _people(n_accounts, n_months, seed, loans),
        _month_starts(first, n_months),
        _SPEND[season],
        _STRAIN[season] * strain * _shocked(n_months, shock),
    )


def _seeded(*names: int) -> np.uint64:
    return np.uint64(np.random.SeedSequence(names).generate_state(1, "uint64")[0])


# January to December: people spend before the holidays and struggle after them
_SPEND = np.array([0.9, 0.95, 0.95, 1.0, 1.0, 1.0, 1.05, 1.0, 0.95, 1.0, 1.1, 1.4])
_STRAIN = np.array([1.3, 1.25, 1.1, 1.0, 0.95, 0.9, 0.9, 0.95, 0.95, 1.0, 1.0, 0.95])


def _check(n_accounts: int, n_months: int, loans: float, strain: float, shock: float) -> None:
    rules = [
        ("n_accounts is 1 at least", n_accounts >= 1),
        ("n_months is 1 at least", n_months >= 1),
        ("loans is a share between 0 and 1", 0 <= loans <= 1),
        (
            "strain and shock are not negative, and finite",
            0 <= strain < np.inf and 0 <= shock < np.inf,
        ),
    ]
    problems = [Problem("DLQ-216", what, "make_portfolio") for what, holds in rules if not holds]
    if problems:
        raise InputError(*problems)


def _stream(seed: int, name: int, accounts: int) -> np.ndarray:
    """Return one uniform number per account; the same for account 5 however many accounts follow."""
    state = np.random.Philox(np.random.SeedSequence([seed, 2, name]))
    return np.random.Generator(state).random(accounts)


def _normals(seed: int, name: int, accounts: int) -> np.ndarray:
    from scipy.special import ndtri

    return ndtri(np.clip(_stream(seed, name, accounts), 1e-12, 1 - 1e-12))


def _people(n: int, span: int, seed: int, loans: float) -> dict[str, np.ndarray]:
    """Return what each account is born with, in the order in which the kernel takes it."""
    is_loan = _stream(seed, 0, n) < loans
    # a third of the book is old, two thirds open evenly over it; old accounts are up to three years old
    when = _stream(seed, 1, n)
    opened = np.where(when < 0.34, np.floor(-36 * when / 0.34) - 1, (when - 0.34) / 0.66 * span)
    person = _persons(seed, n)
    shared, own = _normals(seed, 2, n)[person], _normals(seed, 3, n)
    later = np.where(opened > span * 2 / 3, 0.3, 0.0)
    risk = 0.8 * shared + 0.6 * own + later
    size = np.exp(8.3 + 0.6 * _normals(seed, 4, n) - 0.1 * risk)
    return {
        "opened": np.floor(opened).astype("int64"),
        "is_loan": is_loan,
        "transactor": ~is_loan & (_stream(seed, 5, n) < 0.45 - 0.1 * np.tanh(risk)),
        "risk": risk,
        "forgetful": 0.01 + 0.05 * _stream(seed, 6, n),
        "due_of_month": 1 + np.floor(28 * _stream(seed, 7, n)).astype("int64"),
        "size": np.round(size, -2) + 500,
        "term": _TERMS[(len(_TERMS) * _stream(seed, 8, n)).astype("int64")],
        "never_pays": _stream(seed, 9, n) < 0.004 * np.exp(0.5 * risk),
    }


def _persons(seed: int, n: int) -> np.ndarray:
    """Return the person of each account: one in seven shares the account before it."""
    own = _stream(seed, 10, n) >= 1 / 7
    own[0] = True
    return np.maximum.accumulate(np.where(own, np.arange(n), 0))


def _shocked(span: int, shock: float) -> np.ndarray:
    months = np.arange(span)
    begin = int(0.6 * span)
    return np.where((months >= begin) & (months < begin + 6), shock, 1.0)


def _month_starts(first: int, span: int) -> np.ndarray:
    months = np.arange(first - _EPOCH_MONTH, first - _EPOCH_MONTH + span + 1)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")


def _stamps(days: np.ndarray) -> np.ndarray:
    return (days * 86_400_000_000).view(DATE_DTYPE)


def _opened_on(people: dict[str, np.ndarray], first: int) -> np.ndarray:
    months = people["opened"] + first - _EPOCH_MONTH
    return months.astype("datetime64[M]").astype(DATE_DTYPE)


def _months(
    raw: tuple[np.ndarray, ...], people: dict[str, np.ndarray], starts: np.ndarray, first: int
) -> pd.DataFrame:
    of, at, late, due, paid, held, status, lost, back, short = raw[:10]
    limit = np.where(people["is_loan"], np.nan, people["size"])
    columns = {
        "account_id": of + 1,
        "month": _stamps(starts[1:] - 1)[at],
        "days_past_due": late,
        "amount_due": due,
        "amount_paid": paid,
        "arrears": short,
        "balance": held,
        "credit_limit": limit[of],
        "status": _words(status, STATUSES),
        "written_off": lost,
        "recovered": back,
        "opened": _opened_on(people, first)[of],
    }
    return pd.DataFrame(columns, copy=False)


def _words(codes: np.ndarray, words: tuple[str, ...]) -> pd.Series:
    # Arrow spells out a code in a third of the time that pandas takes
    spelt = pa.DictionaryArray.from_arrays(codes.astype("int8"), pa.array(words, pa.large_string()))
    return spelt.cast(pa.large_string()).to_pandas().astype("str")


def _events(raw: tuple[np.ndarray, ...], day: str, amount: str) -> pd.DataFrame:
    columns = {"account_id": raw[0] + 1, day: _stamps(raw[1]), amount: raw[2]}
    return pd.DataFrame(columns, copy=False)


def _accounts(people: dict[str, np.ndarray], seed: int, first: int) -> pd.DataFrame:
    n = len(people["risk"])
    seen = people["risk"] + 0.8 * _normals(seed, 11, n)
    segment = np.digitize(seen, [0.3, 1.2]).astype("int8")
    columns = {
        "account_id": np.arange(1, n + 1),
        "person_id": _persons(seed, n) + 1,
        "segment": _words(segment, _SEGMENTS),
        "product": _words(people["is_loan"].astype("int8"), ("card", "loan")),
        "opened": _opened_on(people, first),
        "due_day": people["due_of_month"].astype("float64"),
        "amount": people["size"],
        "term": np.where(people["is_loan"], people["term"].astype("float64"), np.nan),
    }
    return pd.DataFrame(columns)


def _truth(
    raw: tuple[np.ndarray, ...], months: pd.DataFrame, people: dict[str, np.ndarray]
) -> pd.DataFrame:
    columns = {
        "account_id": months["account_id"].to_numpy(),
        "month": months["month"].to_numpy(),
        "condition": _words(raw[10], _CONDITION),
        "hazard": raw[11].astype("float64"),
        "risk": people["risk"][raw[0]],
    }
    return pd.DataFrame(columns, copy=False)
