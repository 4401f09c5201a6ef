"""How a goal stands on a day: its chance, what the best plan lacks, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from delinquency.evaluation._door import finite_of
from delinquency.evaluation._goal_metrics import METRICS, Metric

if TYPE_CHECKING:
    from delinquency.evaluation._goal import Goal

__all__ = [
    "GoalReview",
    "broken_guardrails",
    "chance_to_reach",
    "feasibility",
    "lacking_in_best",
    "number",
    "standing",
]


@dataclass(frozen=True)
class GoalReview:
    """How a goal stands on a day.

    Attributes
    ----------
    pace : float
        Actual over what was expected by now; 1 is on course. For shares that are to fall, below 1 is good.
    expected_share : float
        Share of the whole expected by now, from the curve and the working days.
    days_left : int
        Working days from tomorrow to the end.
    run_rate : float
        What each of them must bring, in the unit of the actual figure; 0 when the goal is reached.
    probability : float
        Chance to reach the goal, by simulation; missing without a forecast.
    feasible : bool or None
        Whether the target lies within the P90 of the best plan; None without one.
    lacking : float
        What the P90 of the best plan lacks.
    lines : tuple of str
        The same in words.
    warnings : tuple of str
        What is wrong with the goal itself, and guardrails that are broken.
    """

    pace: float
    expected_share: float
    days_left: int
    run_rate: float
    probability: float
    feasible: bool | None
    lacking: float
    lines: tuple[str, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*self.lines, *(f"warning: {text}" for text in self.warnings)])


def standing(goal: Goal, day: pd.Timestamp, actual: float, share: float, pace: float) -> str:
    """Say where the figure stands, and against what was expected by now."""
    of = f" of {goal.denominator}" if goal.denominator else ""
    stands = f"{day:%Y-%m-%d}: {number(actual)} of {number(goal.target)}{of}"
    if not METRICS[goal.metric].adds_up:
        return f"{stands} at most."
    if math.isnan(pace):
        return f"{stands}; nothing was expected yet."
    return f"{stands}; {share:.0%} was expected by now, so the pace is {number(pace)}."


def chance_to_reach(target: float, metric: Metric, forecast: Any) -> float:
    """Return the share of simulated final figures that reach the target; missing without any."""
    if forecast is None:
        return math.nan
    finals = finite_of(forecast, "forecast", "simulated final figures")
    return float((finals >= target).mean() if metric.rises else (finals <= target).mean())


def lacking_in_best(target: float, metric: Metric, best_plan: Any) -> float | None:
    """Return what the P90 of the best plan lacks, 0 or below where it reaches; None without a plan."""
    if best_plan is None:
        return None
    finals = finite_of(best_plan, "best_plan", "simulated final figures")
    best = float(np.quantile(finals, 0.9 if metric.rises else 0.1))
    return target - best if metric.rises else best - target


def feasibility(
    target: float, metric: Metric, lacking: float, prices: Mapping[str, float], left: int
) -> str:
    """Say whether the best plan reaches, and else how much more of a capacity a day would do."""
    if lacking <= 0:
        return f"{number(target)} lies within the P90 of the best plan."
    best = target - lacking if metric.rises else target + lacking
    text = (
        f"{number(target)} lies beyond the P90 of the best plan, {number(best)}, "
        f"by {number(lacking)}"
    )
    worth = {name: price for name, price in prices.items() if price > 0}
    if not worth or not left:
        return text + "."
    ways = [
        f"{math.ceil(lacking / price / left - 1e-9):,} more {name}" for name, price in worth.items()
    ]
    return f"{text}; {' or '.join(ways)} a day would do."


def broken_guardrails(limits: Mapping[str, float], figures: Mapping[str, float]) -> list[str]:
    """Say which figures stand above their limits, and which limits have a figure that is missing."""
    found = []
    for name, limit in limits.items():
        if name not in figures:
            continue
        figure = figures[name]
        if pd.isna(figure):
            found.append(f"{name} has no figure; its limit is {number(limit)}")
        elif finite_of(figure, f"guardrails.{name}", "a figure")[0] > limit:
            stands, most = number(figure), number(limit)
            found.append(f"{name} stands at {stands}, above its limit of {most}")
    return found


def number(x: float) -> str:
    """Return a figure as people read it: whole from 99.5 on, two digits below."""
    # from 99.5 on two digits would be written as 1e+02
    return f"{x:,.0f}" if abs(x) >= 99.5 or x == round(x) else f"{x:.2g}"
