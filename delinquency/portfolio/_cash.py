"""Cash: what will be collected in the months to come, and how wrong that was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import BucketScheme
from delinquency.errors import InputError, Problem
from delinquency.portfolio._recoveries import by_ladder, money_of
from delinquency.portfolio._standing import Standing, standing_of
from delinquency.schema import MONTHS, admit, as_date, known_as_of

__all__ = [
    "back_test",
    "cash_path",
    "collected",
    "flows_of",
    "forecast_cash",
    "month_ends",
    "season_of",
]

_DRAWS = 400


def forecast_cash(
    months: Any,
    horizon: int = 12,
    method: str = "roll",
    *,
    window: int = 12,
    buckets: str | Sequence[int] | BucketScheme = "generic",
    inflow: float | None = None,
    seasonality: bool = True,
    level: float = 0.8,
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast collections month by month.

    ``method="roll"`` is for the whole book. Balances move between buckets as they did on average over the
    last `window` months, new balances flow in, and each bucket brings its share:
    ``b(t + 1) = F' b(t) + inflow``, ``cash(t + 1) = sum of b(t) x liquidation rate``. What was written off
    is a bucket of its own, which brings recoveries. The interval comes from drawing past months
    again, so it knows how rates vary but not that the world may change.

    ``method="chain_ladder"`` is for recoveries alone: accounts that were written off by now, in monthly
    cohorts; `chain_ladder` completes what is still owed of each. The interval is normal, with Mack's
    errors of the month's increments.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; needs ``balance`` and ``amount_paid`` (roll), or ``written_off`` and
        ``recovered`` (chain ladder).
    horizon : int
        Months to look ahead.
    method : {"roll", "chain_ladder"}
        See above.
    window : int
        Months whose average is taken for the rates.
    buckets
        See `delinquency.buckets.scheme_of`.
    inflow : float, optional
        New balance a month; that of the window by default, 0 for a book in run-off.
    seasonality : bool
        Scale by calendar month, where the book is two years long or more.
    level : float
        Of the interval.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        ``month``, ``collections``, ``low``, ``high``.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-102`` for columns that the method needs;
        ``DLQ-217`` for settings that make no sense; ``DLQ-100`` when there is nothing to learn from.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": 1,
    ...         "month": ["2026-01", "2026-02", "2026-03"],
    ...         "days_past_due": 0,
    ...         "balance": [100.0, 90.0, 81.0],
    ...         "amount_paid": [0.0, 10.0, 9.0],
    ...     }
    ... )
    >>> forecast_cash(months, 2)["collections"].round(2).tolist()
    [8.1, 7.29]
    """
    _check(horizon, method, window, level)
    standing = standing_of(months, buckets)
    ends = month_ends(standing.end, horizon)
    if method == "chain_ladder":
        cash, low, high = by_ladder(standing, horizon, level)
    else:
        history = flows_of(standing, window)
        factor = season_of(standing, history) if seasonality else np.ones(12)
        cash, low, high = _by_rolling(
            history, factor[(standing.end + 1 + np.arange(horizon)) % 12], inflow, level, seed
        )
    return pd.DataFrame({"month": ends, "collections": cash, "low": low, "high": high})


def _check(horizon: int, method: str, window: int, level: float) -> None:
    problems = []
    if method not in ("roll", "chain_ladder"):
        fix = 'use "roll" or "chain_ladder"'
        problems.append(Problem("DLQ-217", "method is not known", "method", fix=fix))
    if horizon < 1 or window < 1:
        problems.append(
            Problem(
                "DLQ-217",
                "horizon and window are 1 at least",
                "forecast_cash",
                fix="give months, 1 or more",
            )
        )
    if not 0 < level < 1:
        problems.append(
            Problem("DLQ-217", "level lies between 0 and 1", "level", fix="such as 0.9")
        )
    if problems:
        raise InputError(*problems)


def month_ends(last: int, horizon: int) -> np.ndarray:
    """Return the ends of the months after one that is given by its number."""
    months = (last - 1970 * 12 + 2 + np.arange(horizon)).astype("datetime64[M]")
    return (months.astype("datetime64[D]") - np.timedelta64(1, "D")).astype("datetime64[us]")


# ---------------------------------------------------------------- roll rates


@dataclass(frozen=True)
class _Flows:
    """What moved in each month of the book; states are the buckets and, last, what was written off."""

    start: np.ndarray  # (months, states) balance at the start of the step
    moved: np.ndarray  # (months, states, states) balance at its end, by where it came from
    cash: np.ndarray  # (months, states) collected during the step
    inflow: np.ndarray  # (months, states) balance of accounts that were not there before
    fresh_cash: np.ndarray  # (months,) what those paid
    now: np.ndarray  # (states,) balance at the end of the book
    first: int  # month number of the first step's end
    window: int

    def rates(self, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Return flow matrix, liquidation rates, inflow and first payments, pooled over some steps."""
        base = self.start[steps].sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            flow = np.where(base[:, None] > 0, self.moved[steps].sum(axis=0) / base[:, None], 0.0)
            paid = np.where(base > 0, self.cash[steps].sum(axis=0) / base, 0.0)
        return flow, paid, self.inflow[steps].mean(axis=0), float(self.fresh_cash[steps].mean())


def flows_of(standing: Standing, window: int) -> _Flows:
    """Return what moved and what was paid in each month of the book."""
    balance = np.maximum(money_of(standing, "balance"), 0.0)
    paid = money_of(standing, "amount_paid") + money_of(standing, "recovered", required=False)
    states = len(standing.scheme.labels) + 1
    held, state = _held(standing, balance, states - 1)
    first = int(standing.number.min())
    steps = standing.end - first
    if steps < 1:
        fix = "the table needs two months at least"
        raise InputError(Problem("DLQ-100", "nothing to learn from", "months", 0, fix))
    at = standing.number - first
    follows = np.append(False, (np.diff(standing.account) == 0) & (np.diff(at) == 1))
    row = np.flatnonzero(follows)
    shape = (steps + 1, states)
    moved = np.zeros((steps, states, states))
    np.add.at(moved, (at[row] - 1, state[row - 1], state[row]), held[row])
    fresh = np.flatnonzero(~follows & (at > 0))
    total, cash, inflow = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(total, (at, state), held)
    np.add.at(cash, (at[row], state[row - 1]), paid[row])
    np.add.at(inflow, (at[fresh], state[fresh]), held[fresh])
    return _Flows(
        start=total[:-1],
        moved=moved,
        cash=cash[1:],
        inflow=inflow[1:],
        fresh_cash=np.bincount(at[fresh], paid[fresh], minlength=steps + 1)[1:],
        now=total[-1],
        first=first + 1,
        window=window,
    )


def _held(standing: Standing, balance: np.ndarray, written: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the balance that each row stands for, and its state."""
    lost = money_of(standing, "written_off", required=False)
    state = np.where(standing.live, standing.state, written)
    running = np.cumsum(lost)
    before = np.append(0.0, running)[np.searchsorted(standing.account, standing.account)]
    # once written off, an account stands for what it took with it; other exits stand for nothing
    charged = standing.state == standing.names.index("charged_off")
    held = np.where(standing.live, balance, np.where(charged, running - before, 0.0))
    return held, state


def season_of(standing: Standing, flows: _Flows) -> np.ndarray:
    """Return a factor per calendar month, from what was collected over what pooled rates say."""
    steps = len(flows.start)
    if steps < 24:
        return np.ones(12)
    pooled = flows.rates(np.arange(steps))[1]
    fitted = flows.start @ pooled
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(fitted > 0, flows.cash.sum(axis=1) / fitted, np.nan)
    calendar = (flows.first + np.arange(steps)) % 12
    # the trend of the year is taken out, so that only what repeats is left
    smooth = pd.Series(ratio).rolling(13, center=True, min_periods=7).mean().to_numpy()
    shape = pd.Series(ratio / smooth).groupby(calendar).mean().reindex(range(12)).fillna(1.0)
    return (shape / shape.mean()).to_numpy()


def _by_rolling(
    flows: _Flows, season: np.ndarray, inflow: float | None, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps = np.arange(max(len(flows.start) - flows.window, 0), len(flows.start))
    cash = cash_path(flows, season, inflow, [steps] * len(season))
    draws = np.random.default_rng(seed).choice(steps, size=(_DRAWS, len(season), 1))
    paths = np.array([cash_path(flows, season, inflow, list(draw)) for draw in draws])
    low, high = np.quantile(paths, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return cash, np.minimum(low, cash), np.maximum(high, cash)


def cash_path(
    flows: _Flows,
    season: np.ndarray,
    inflow: float | None,
    months: list[np.ndarray],
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Return what each month ahead brings, as it went in the steps given for it.

    `start` is the balance by state to begin from, that of the whole book by default.
    """
    balance, cash = flows.now if start is None else start, np.zeros(len(season))
    for ahead, steps in enumerate(months):
        flow, paid, fresh, first_payments = flows.rates(steps)
        if inflow is not None:
            total = fresh.sum()
            share = inflow / total if total > 0 else 0.0
            fresh, first_payments = fresh * share, first_payments * share
            if total <= 0:
                fresh = np.eye(len(fresh))[0] * inflow
        cash[ahead] = season[ahead] * (balance @ paid) + first_payments
        balance = balance @ flow + fresh
    return cash


def back_test(
    months: Any, dates: Any, horizon: int = 6, method: str = "roll", **how: Any
) -> pd.DataFrame:
    """Forecast from earlier days, with what was known then, and hold it against what came.

    Parameters
    ----------
    months : table
        The whole book.
    dates : sequence of dates
        Days to forecast from.
    horizon, method, how
        As in `forecast_cash`.

    Returns
    -------
    DataFrame
        ``as_of``, ``month``, ``ahead`` (1, 2, ...), ``forecast``, ``low``, ``high``, ``actual``,
        ``error`` (forecast / actual - 1), ``inside`` (the interval held). Months that the book has not
        reached are left out.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> book = make_portfolio(2_000, 36, seed=3)
    >>> test = back_test(book.months, ["2025-12-31"], horizon=3)
    >>> test["ahead"].tolist(), bool(test["error"].abs().max() < 0.2)
    ([1, 2, 3], True)
    """
    frame = admit(months, MONTHS)
    parts = []
    for value in dates if not isinstance(dates, str) else [dates]:
        date = as_date(value, "dates")
        known = frame[known_as_of(frame, date)]
        forecast = forecast_cash(known, horizon, method, **how)
        actual = _collected(frame, known, method).rename("actual")
        joined = forecast.rename(columns={"collections": "forecast"}).join(actual, on="month")
        parts.append(joined.assign(as_of=date, ahead=np.arange(1, len(joined) + 1)))
    table = pd.concat(parts, ignore_index=True)
    table = table[table["month"] <= frame["month"].max()].fillna({"actual": 0.0})
    table["error"] = table["forecast"] / table["actual"].where(table["actual"] != 0) - 1
    table["inside"] = table["actual"].between(table["low"], table["high"])
    columns = ["as_of", "month", "ahead", "forecast", "low", "high", "actual", "error", "inside"]
    return table[columns].reset_index(drop=True)


def collected(months: Any, method: str = "roll") -> pd.Series:
    """Return what was collected each month, of the claims that a method of `forecast_cash` speaks of."""
    frame = admit(months, MONTHS)
    return _collected(frame, frame, method)


def _collected(frame: pd.DataFrame, known: pd.DataFrame, method: str) -> pd.Series:
    """Return what was collected each month, of the claims that the method speaks of."""
    back = frame["recovered"].fillna(0.0) if "recovered" in frame else pd.Series(0.0, frame.index)
    if method == "chain_ladder":
        lost = known.loc[known["written_off"] > 0, "account_id"]
        back = back.where(frame["account_id"].isin(lost), 0.0)
        return back.groupby(frame["month"]).sum()
    return (frame["amount_paid"].fillna(0.0) + back).groupby(frame["month"]).sum()
