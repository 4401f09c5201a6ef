"""A cohort that was fixed on a day: what it has brought by now, and where it may end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.portfolio._cash import cash_path, flows_of, month_ends, season_of
from delinquency.portfolio._recoveries import money_of
from delinquency.portfolio._standing import EXITS, Standing, ahead, standing_of
from delinquency.schema import MONTHS, admit, as_date, known_as_of

__all__ = ["Outlook", "cohort_outlook"]

_PAID_OFF, _CHARGED_OFF = EXITS.index("paid_off"), EXITS.index("charged_off")


@dataclass(frozen=True)
class Outlook:
    """What a cohort has brought, and simulated ends.

    Attributes
    ----------
    accounts : int
        Accounts of the cohort.
    balance, arrears : float
        What they owed, and were late with, at the start; NaN where the months do not say.
    until : Timestamp
        Last month end that the figures so far include.
    collected : float
        Paid and recovered since the start.
    cured, rolled : float
        Share of the accounts that are current or paid off; share in a worse bucket than at the start,
        or charged off.
    curve : ndarray (months,)
        Collections expected of each month from the start to the end.
    account_ids : ndarray (accounts,)
        Who they are.
    ends : DataFrame
        One row a simulated run: ``collected, cured, rolled`` at the end.
    """

    accounts: int
    balance: float
    arrears: float
    until: pd.Timestamp
    collected: float
    cured: float
    rolled: float
    account_ids: np.ndarray = field(repr=False)
    curve: np.ndarray = field(repr=False)
    ends: pd.DataFrame = field(repr=False)


def cohort_outlook(
    months: Any,
    *,
    start: Any,
    end: Any,
    as_of: Any,
    days: tuple[int, int | None] = (0, None),
    window: int = 12,
    draws: int = 400,
    seed: int = 0,
) -> Outlook:
    """Follow the accounts that stood in a range of days past due when a period began.

    What they have done by now is counted. From there on they move as the whole book moved in months
    drawn at random from the last `window`, as in `forecast_cash`, but nobody joins them; the shares that
    cure and roll also vary as counts of so many accounts do. So the runs know how months differ, and
    not that the world may change.

    Parameters
    ----------
    months : table
        The book, with ``balance`` and ``amount_paid``; see `delinquency.schema.MONTHS`.
    start, end : date
        First and last day. The cohort is read at the last month end before the start; the end counts
        as the end of its month.
    as_of : date
        Nothing later is read.
    days : (int, int or None)
        Least and most days past due at the start, both included; None is open-ended.
    window : int
        Months of the book to draw from.
    draws : int
        Simulated runs.
    seed : int

    Raises
    ------
    InputError
        ``DLQ-100`` nobody in the cohort; ``DLQ-102`` columns that are missing; ``DLQ-217`` an end that is
        before the start.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> book = make_portfolio(2_000, 30, seed=3)
    >>> late = cohort_outlook(
    ...     book.months, start="2026-01-01", end="2026-06-30", as_of="2026-03-31", days=(1, 89)
    ... )
    >>> late.accounts > 0, late.collected > 0, 0 < late.cured < 1
    (True, True, True)
    >>> bool((late.ends["collected"] >= late.collected).all())
    True
    """
    first, last, day = as_date(start, "start"), as_date(end, "end"), as_date(as_of)
    if last < first:
        raise InputError(Problem("DLQ-217", "the end is before the start", "end", fix="swap them"))
    frame = admit(months, MONTHS)
    standing = standing_of(frame[known_as_of(frame, day)], "generic")
    opening = _month(first) - 1
    members = _members(standing, opening, days)
    flows = flows_of(standing, window)
    season = season_of(standing, flows)[np.arange(opening + 1, _month(last) + 1) % 12]
    paths = _Paths(standing, members, opening, _month(last), np.random.default_rng(seed))
    steps = np.arange(max(len(flows.start) - window, 0), len(flows.start))
    cash, shares = paths.simulated(flows, season, steps, draws)
    now = paths.shares(paths.counts_at(min(standing.end, _month(last))))
    so_far = paths.collected()
    ends = pd.DataFrame({"collected": so_far + cash, "cured": shares[:, 0], "rolled": shares[:, 1]})
    return Outlook(
        accounts=len(members),
        balance=paths.owed("balance"),
        arrears=paths.owed("arrears"),
        until=pd.Timestamp(month_ends(min(standing.end, _month(last)) - 1, 1)[0]),
        collected=so_far,
        cured=now[0],
        rolled=now[1],
        account_ids=standing.frame["account_id"].to_numpy()[members],
        curve=cash_path(flows, season, 0.0, [steps] * len(season), paths.held_at(opening)),
        ends=ends,
    )


def _month(day: pd.Timestamp) -> int:
    return day.year * 12 + day.month - 1


def _members(standing: Standing, opening: int, days: tuple[int, int | None]) -> np.ndarray:
    """Return the rows of the cohort at the month end before the start."""
    low, high = days
    late = standing.frame["days_past_due"].to_numpy(dtype="float64")
    inside = (late >= low) & (late <= (np.inf if high is None else high))
    rows = np.flatnonzero(standing.live & (standing.number == opening) & inside)
    if not len(rows):
        what = "nobody stood in that range of days past due at the month end before the start"
        fix = "widen the range, or give months that reach back to the start"
        raise InputError(Problem("DLQ-100", what, "months", 0, fix))
    return rows


class _Paths:
    """The cohort along the months: where it stood, what it paid, where it may go."""

    def __init__(
        self,
        standing: Standing,
        members: np.ndarray,
        opening: int,
        last: int,
        generator: np.random.Generator,
    ) -> None:
        self.standing, self.members, self.opening, self.last = standing, members, opening, last
        self.generator = generator
        self.began = np.full(int(standing.account.max()) + 1, -1)
        self.began[standing.account[members]] = standing.state[members]
        self.mine = self.began[standing.account] >= 0
        self.buckets = len(standing.scheme.labels)

    def owed(self, name: str) -> float:
        """Return a sum over the cohort at the start, NaN where the months do not say."""
        if name not in self.standing.frame:
            return float("nan")
        return float(np.nansum(self.standing.frame[name].to_numpy("float64")[self.members]))

    def collected(self) -> float:
        """Return what the cohort has paid and given back since the start."""
        number = self.standing.number
        rows = self.mine & (number > self.opening) & (number <= self.last)
        paid = money_of(self.standing, "amount_paid")
        return float((paid + money_of(self.standing, "recovered", required=False))[rows].sum())

    def held_at(self, month: int) -> np.ndarray:
        """Return the cohort's balance by bucket at a month end; what was written off comes last."""
        rows = self.mine & self.standing.live & (self.standing.number == month)
        balance = np.maximum(money_of(self.standing, "balance")[rows], 0.0)
        return np.bincount(self.standing.state[rows], balance, minlength=self.buckets + 1)[
            : self.buckets + 1
        ]

    def counts_at(self, month: int) -> np.ndarray:
        """Return accounts by the bucket they began in and the state they are in, exits included."""
        rows = np.flatnonzero(self.mine & (self.standing.number <= month))
        final = rows[np.append(np.diff(self.standing.account[rows]) > 0, True)]
        counts = np.zeros((self.buckets, len(self.standing.names)))
        state = self.standing.state[final]
        # who stopped without a word before that month has left
        gone = self.standing.live[final] & (self.standing.number[final] < month)
        state = np.where(gone, len(self.standing.names) - 1, state)
        np.add.at(counts, (self.began[self.standing.account[final]], state), 1.0)
        return counts

    def shares(self, counts: np.ndarray) -> tuple[float, float]:
        """Return the shares that are cured, and that have rolled on."""
        total = counts.sum()
        cured = counts[:, 0].sum() + counts[:, self.buckets + _PAID_OFF].sum()
        worse = np.triu(counts[:, : self.buckets], k=1).sum()
        rolled = worse + counts[:, self.buckets + _CHARGED_OFF].sum()
        return float(cured / total), float(rolled / total)

    def simulated(
        self, flows: Any, season: np.ndarray, steps: np.ndarray, draws: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what further months bring, and the shares at the end, one row a run."""
        now = min(self.standing.end, self.last)
        left = max(self.last - now, 0)
        held, counts = self.held_at(now), self.counts_at(now)
        moves = _moves(self.standing, flows.first)
        ahead_of = season[len(season) - left :]
        months = self.generator.choice(steps, size=(draws, left, 1))
        cash = np.array(
            [cash_path(flows, ahead_of, 0.0, list(drawn), held).sum() for drawn in months]
        )
        shares = np.array([self._drawn_shares(counts, moves[drawn[:, 0]]) for drawn in months])
        return cash, shares

    def _drawn_shares(self, counts: np.ndarray, moves: np.ndarray) -> tuple[float, float]:
        if not len(moves):
            return self.shares(counts)
        for move in moves:
            counts = counts @ move
        n = round(float(counts.sum()))
        cured, rolled = self.shares(counts)
        # two shares of one whole, so they are drawn together
        rest = max(1.0 - cured - rolled, 0.0)
        parts = np.array([cured, rolled, rest]) / (cured + rolled + rest)
        drawn = self.generator.multinomial(n, parts)
        return float(drawn[0] / n), float(drawn[1] / n)


def _moves(standing: Standing, first: int) -> np.ndarray:
    """Return one matrix a month: the share of each state that is in each state a month later."""
    rows, state, _ = ahead(standing, 1)
    size = len(standing.names)
    steps = standing.end - first + 1
    moves = np.zeros((steps, size, size))
    np.add.at(moves, (standing.number[rows] + 1 - first, standing.state[rows], state), 1.0)
    total = moves.sum(axis=2, keepdims=True)
    stay = np.broadcast_to(np.eye(size), moves.shape)
    return np.where(total > 0, moves / np.where(total > 0, total, 1.0), stay)
