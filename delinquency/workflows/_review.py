"""The review: how the score did, and how the goals stand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import evaluation, portfolio, schema, storage
from delinquency.errors import InputError, Problem
from delinquency.workflows._database import fetching, read_or_none

__all__ = ["review", "review_files", "review_goals"]

_RECOVERIES = schema.Table(
    "recoveries",
    ("month",),
    {"month": schema.Column("month", True), "amount": schema.Column("money", True)},
    repeats=True,
)
_EXTRA = schema.Table(
    "extra",
    ("account_id",),
    {"account_id": schema.Column("id", True), "extra": schema.Column("money", True)},
)


def review(holdout: pd.DataFrame) -> tuple[evaluation.Discrimination, evaluation.Calibration]:
    """Return how well scores ranked and how true their probabilities were.

    Parameters
    ----------
    holdout : DataFrame
        ``bad`` (1 or 0) and ``probability`` of accounts whose outcome is known, such as
        ``Trained.holdout``.

    Raises
    ------
    InputError
        As `delinquency.evaluation.discrimination`, such as ``DLQ-150`` for goods or bads alone.
    """
    y, probability = holdout["bad"], holdout["probability"]
    return evaluation.discrimination(y, probability), evaluation.calibration(y, probability)


def review_goals(
    goals: Sequence[evaluation.GoalEntry],
    months: Any,
    *,
    as_of: Any,
    recoveries: Any = None,
    extra: Any = None,
    prices: Mapping[str, float] | None = None,
    holidays: Sequence[Any] = (),
) -> pd.DataFrame:
    """Say of each goal how it stands, where it will end, and what it would take.

    The figure so far is read from the months unless the goal states it; the end is simulated by
    `delinquency.portfolio.cohort_outlook`.

    Parameters
    ----------
    goals : sequence of GoalEntry
        From `delinquency.evaluation.read_goals`.
    months : table
        The book.
    as_of : date
        Nothing later is read. Figures from months reach to the last month end before it.
    recoveries : table, optional
        ``month, amount``: what written-off claims are expected to bring back, such as
        `delinquency.recovery.RecoveryModel.expected_recoveries` added up; for goals that count them.
    extra : table, optional
        ``account_id, extra``: what the best plan is expected to collect beyond what comes anyway,
        such as the chosen values of `delinquency.strategy.allocate`. Without it nothing is said of
        feasibility.
    prices : mapping of capacity to float, optional
        What one more unit of each would bring, from the same allocation.
    holidays : sequence of date
        Days without work.

    Returns
    -------
    DataFrame
        One row a goal: ``goal, metric, target, cohort, accounts, until, actual, expected`` (share by now),
        ``pace, days_left, run_rate, probability, p10, p50, p90`` (of the simulated ends), ``feasible,
        lacking, text`` (a sentence a line), ``warnings``.

    Raises
    ------
    InputError
        As `delinquency.portfolio.cohort_outlook`; what `delinquency.schema.admit` finds in a table;
        ``DLQ-115`` when ids are text in one table and integers in the other.
    """
    settings = {"as_of": as_of, "prices": prices, "holidays": holidays}
    rows = [_row(entry, months, recoveries, extra, settings) for entry in goals]
    return pd.DataFrame(rows)


def _row(
    entry: evaluation.GoalEntry, months: Any, recoveries: Any, extra: Any, settings: dict[str, Any]
) -> dict[str, Any]:
    goal, as_of = entry.as_goal(), schema.as_date(settings["as_of"])
    outlook = portfolio.cohort_outlook(
        months, start=goal.start, end=goal.end, as_of=as_of, days=entry.days_past_due
    )
    more = _recovered(entry, recoveries, outlook.until, goal.end)
    actual = _so_far(entry, outlook)
    ends = _ends(entry, outlook, actual, more)
    until = as_of if entry.actual is not None else min(as_of, outlook.until)
    money = entry.metric in ("amount", "rate")
    told = goal.review(
        actual,
        as_of=until,
        forecast=ends,
        best_plan=_best(entry, outlook, ends, extra) if money else None,
        prices=settings["prices"],
        guardrails=entry.figures,
        holidays=settings["holidays"],
        curve=outlook.curve.tolist() if money and outlook.curve.sum() > 0 else None,
    )
    low, middle, high = np.full(3, np.nan) if ends is None else np.quantile(ends, [0.1, 0.5, 0.9])
    return {
        "goal": entry.goal,
        "metric": entry.metric,
        "target": entry.target,
        "cohort": goal.cohort,
        "accounts": outlook.accounts,
        "until": until,
        "actual": actual,
        "expected": told.expected_share,
        **{name: getattr(told, name) for name in ("pace", "days_left", "run_rate", "probability")},
        "p10": low,
        "p50": middle,
        "p90": high,
        "feasible": told.feasible,
        "lacking": told.lacking,
        "text": "\n".join(told.lines),
        "warnings": "\n".join(told.warnings),
    }


def _whole(entry: evaluation.GoalEntry, outlook: portfolio.Outlook) -> float:
    """Return what an amount is divided by to be in the unit of the target."""
    if entry.metric != "rate":
        return 1.0
    name = entry.denominator.removeprefix("opening ")
    whole = outlook.arrears if name == "arrears" else outlook.balance
    if not whole > 0:
        what = f"the months do not say the {entry.denominator} that the rate is a share of"
        fix = f'add the column "{name}", or choose another denominator'
        raise InputError(Problem("DLQ-102", what, "months", 1, fix))
    return whole


def _so_far(entry: evaluation.GoalEntry, outlook: portfolio.Outlook) -> float:
    if entry.actual is not None:
        return entry.actual
    if entry.metric == "cost_to_collect":
        spent = entry.spent or 0.0
        return spent / outlook.collected if outlook.collected > 0 else np.inf if spent else 0.0
    if entry.metric in ("cure", "roll"):
        return outlook.cured if entry.metric == "cure" else outlook.rolled
    return outlook.collected / _whole(entry, outlook)


def _ends(
    entry: evaluation.GoalEntry, outlook: portfolio.Outlook, actual: float, more: float
) -> np.ndarray | None:
    """Return simulated ends in the unit of the target; a stated figure so far is kept."""
    if entry.metric in ("cure", "roll"):
        return outlook.ends["cured" if entry.metric == "cure" else "rolled"].to_numpy()
    ends = outlook.ends["collected"].to_numpy() + more
    if entry.metric == "cost_to_collect":
        cost = entry.spent if entry.budget is None else entry.budget
        return None if cost is None or not (ends > 0).all() else cost / ends
    return actual + (ends - outlook.collected) / _whole(entry, outlook)


def _best(
    entry: evaluation.GoalEntry, outlook: portfolio.Outlook, ends: np.ndarray | None, extra: Any
) -> np.ndarray | None:
    """Return simulated ends under the best plan; None where nobody says what it adds."""
    if extra is None or ends is None:
        return None
    return ends + _extra(extra, outlook) / _whole(entry, outlook)


def _recovered(entry: evaluation.GoalEntry, recoveries: Any, until: Any, end: Any) -> float:
    if recoveries is None or not entry.recoveries:
        return 0.0
    table = schema.admit(recoveries, _RECOVERIES)
    dates = table["month"]
    inside = (dates > until) & (dates <= end + pd.offsets.MonthEnd(0))
    return float(table.loc[inside, "amount"].sum())


def _extra(extra: Any, outlook: portfolio.Outlook) -> float:
    table = schema.admit(extra, _EXTRA)
    schema.refuse_other_ids(table["account_id"], outlook.account_ids, "extra, months")
    return float(table.loc[table["account_id"].isin(outlook.account_ids), "extra"].sum())


@fetching("months", "recoveries", "extra")
def review_files(
    goals: str | os.PathLike[str],
    months: str | os.PathLike[str],
    *,
    as_of: Any,
    recoveries: str | os.PathLike[str] | None = None,
    extra: str | os.PathLike[str] | None = None,
    prices: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Review the goals of a file against a file of months.

    Parameters
    ----------
    goals : path
        A YAML file; see `delinquency.evaluation.read_goals`.
    months, recoveries, extra : path or address
        Tables; see `review_goals`.
    as_of, prices
        See `review_goals`.

    Returns
    -------
    DataFrame
        As `review_goals`.

    Raises
    ------
    InputError
        Mistakes in the file, each with line and column, before any table is read; as `review_goals`.
    """
    asked = evaluation.read_goals(goals)  # first, so that a mistake in it costs no time
    return review_goals(
        asked,
        storage.read_table(months),
        as_of=as_of,
        recoveries=read_or_none(recoveries),
        extra=read_or_none(extra),
        prices=prices,
    )
