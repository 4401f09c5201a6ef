"""A goal: a target that can be checked, and the share of it that is expected by a day."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.evaluation._door import finite_of
from delinquency.evaluation._goal_metrics import METRICS
from delinquency.evaluation._goal_review import (
    GoalReview,
    broken_guardrails,
    chance_to_reach,
    feasibility,
    lacking_in_best,
    number,
    standing,
)
from delinquency.schema import as_date

__all__ = ["Goal"]

# a money goal alone rewards pressure; these words name something that pressure makes worse
CONDUCT = (
    "complaint",
    "breach",
    "contact",
    "call",
    "harsh",
    "vulnerab",
    "satisf",
    "conduct",
    "opt_out",
)


@dataclass(frozen=True)
class Goal:
    """A target that can be checked: of what, how much, by when, for whom, and at whose expense not.

    Parameters
    ----------
    metric : {"amount", "rate", "cure", "roll", "cost_to_collect"}
        An amount to collect; a collected rate (of `denominator`); a cure rate; a roll rate, which is
        to fall; cost in shares of what was collected, which is to fall.
    target : float
        Above 0; shares at most 1.
    start, end : date
        First and last day, both included.
    cohort : str
        Who is counted, fixed at the start.
    guardrails : mapping of str to float
        What must not be exceeded meanwhile, such as ``{"complaint_rate": 0.002}``.
    denominator : str
        Of what a rate is a rate: "opening arrears", "balance placed". Asked for with "rate".

    Examples
    --------
    >>> goal = Goal("amount", 100_000, "2026-11-01", "2026-11-30", cohort="1-30 days past due")
    >>> goal.warnings
    ('a money goal stands without a guardrail of conduct',)
    >>> review = goal.review(40_000, as_of="2026-11-16")
    >>> print(review.lines[0])
    2026-11-16: 40,000 of 100,000; 52% was expected by now, so the pace is 0.76.
    >>> print(review.lines[1])
    10 working days are left; each must bring 6,000.
    >>> Goal("rate", 0.2, "2026-11-01", "2026-11-30", cohort="all")
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-185 goal: a rate needs the name of its denominator. fix: ...
    """

    metric: str
    target: float
    start: Any
    end: Any
    cohort: str
    guardrails: Mapping[str, float] | None = None
    denominator: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_date(self.start, "start"))
        object.__setattr__(self, "end", as_date(self.end, "end"))
        object.__setattr__(self, "guardrails", dict(self.guardrails or {}))
        problems = list(self._problems())
        if problems:
            raise InputError(*(Problem("DLQ-185", what, "goal", fix=fix) for what, fix in problems))

    def _problems(self) -> list[tuple[str, str]]:
        found = []
        if str(self.metric) not in METRICS:
            hint = did_you_mean(str(self.metric), METRICS) or "one of " + ", ".join(METRICS)
            found.append(("unknown metric", hint))
        top = 1.0 if self.metric != "amount" else sys.float_info.max
        if not (isinstance(self.target, Real) and 0 < self.target <= top):
            found.append(("the target is out of range", "an amount above 0, or a share up to 1"))
        if self.end < self.start:
            found.append(("the end is before the start", "swap them"))
        if self.metric == "rate" and not self.denominator:
            fix = 'denominator="opening arrears", "balance placed" or "exposure at default"'
            found.append(("a rate needs the name of its denominator", fix))
        limits = (self.guardrails or {}).values()
        if not all(isinstance(limit, Real) and math.isfinite(limit) for limit in limits):
            # no figure lies above a limit that is none: the guardrail would never be broken
            found.append(("a guardrail has no finite limit", "write a number for each"))
        if not self.cohort:
            found.append(("the cohort is empty", "say who is counted"))
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the goal as it stands."""
        money = METRICS[self.metric].money
        guarded = any(word in name.lower() for name in self.guardrails or {} for word in CONDUCT)
        return (
            ("a money goal stands without a guardrail of conduct",) if money and not guarded else ()
        )

    def expected_share(
        self, as_of: Any, *, holidays: Sequence[Any] = (), curve: Sequence[float] | None = None
    ) -> float:
        """Return the share of the whole that is expected by the end of a day.

        Parameters
        ----------
        as_of : date
        holidays : sequence of dates
            Days without work besides Saturdays and Sundays.
        curve : sequence of float, optional
            Weights of the working days in order, such as those of past months around pay day; all
            alike by default. Stretched when it has another length.

        Examples
        --------
        >>> goal = Goal("cure", 0.5, "2026-11-02", "2026-11-06", "1-5 days past due")
        >>> goal.expected_share("2026-11-03")
        0.4
        >>> goal.expected_share("2026-11-03", curve=[6, 1, 1, 1, 1])
        0.7
        """
        days = self._working_days(self.start, self.end, holidays)
        done = len(self._working_days(self.start, min(as_date(as_of), self.end), holidays))
        if not len(days):
            return 1.0
        if curve is None:
            return done / len(days)
        try:
            weights = np.asarray(curve, dtype="float64")
        except (TypeError, ValueError):
            weights = np.empty(0)
        sound = weights.ndim == 1 and np.isfinite(weights).all() and (weights >= 0).all()
        if not sound or not weights.sum() > 0:
            what = "expected weights of 0 or more, not all 0"
            raise InputError(Problem("DLQ-185", what, "curve", fix="one weight a working day"))
        whole = np.append(0.0, weights.cumsum()) / weights.sum()
        return float(np.interp(done / len(days), np.linspace(0, 1, len(whole)), whole))

    def _working_days(self, first: Any, last: Any, holidays: Sequence[Any]) -> pd.DatetimeIndex:
        days = pd.bdate_range(first, last)
        return days.difference(pd.DatetimeIndex([as_date(day, "holidays") for day in holidays]))

    def review(
        self,
        actual: float,
        *,
        as_of: Any,
        forecast: Any = None,
        best_plan: Any = None,
        prices: Mapping[str, float] | None = None,
        guardrails: Mapping[str, float] | None = None,
        holidays: Sequence[Any] = (),
        curve: Sequence[float] | None = None,
    ) -> GoalReview:
        """Say how the goal stands.

        Parameters
        ----------
        actual : float
            The figure so far, in the unit of the target.
        as_of : date
            The day it was read.
        forecast, best_plan : array-like of shape (m,), optional
            Simulated final figures: as things go, and under the best plan that the capacities allow.
        prices : mapping of capacity to float, optional
            What one more unit of each would bring, as `strategy.allocate` returns them; in the unit of
            the target.
        guardrails : mapping of str to float, optional
            Their figures so far. One that is missing is told: nobody knows whether its limit holds.
        holidays, curve
            See `expected_share`.

        Raises
        ------
        InputError
            ``DLQ-185`` a curve that cannot be used; ``DLQ-186`` figures that are missing or no numbers.

        Examples
        --------
        >>> goal = Goal("amount", 100, "2026-11-02", "2026-11-13", "all", {"complaint_rate": 0.01})
        >>> runs = np.linspace(60, 110, 51)
        >>> print(
        ...     goal.review(
        ...         30,
        ...         as_of="2026-11-06",
        ...         forecast=runs - 15,
        ...         best_plan=runs - 15,
        ...         prices={"agent_hours": 0.5},
        ...         guardrails={"complaint_rate": 0.02},
        ...     )
        ... )
        2026-11-06: 30 of 100; 50% was expected by now, so the pace is 0.6.
        5 working days are left; each must bring 14.
        The chance to reach it is 0%.
        100 lies beyond the P90 of the best plan, 90, by 10; 4 more agent_hours a day would do.
        warning: complaint_rate stands at 0.02, above its limit of 0.01
        """
        metric, day = METRICS[self.metric], as_date(as_of)
        share = self.expected_share(day, holidays=holidays, curve=curve)
        actual = float(finite_of(actual, "actual", "the figure so far")[0])
        tomorrow = max(day + pd.Timedelta(days=1), self.start)
        left = len(self._working_days(tomorrow, self.end, holidays))
        expected = self.target * share if metric.adds_up else self.target
        pace = actual / expected if expected > 0 else math.nan
        to_go = max(self.target - actual, 0.0) if metric.adds_up else 0.0
        rate = to_go / left if left else 0.0
        chance = chance_to_reach(self.target, metric, forecast)
        lacking = lacking_in_best(self.target, metric, best_plan)
        lines = [standing(self, day, actual, share, pace)]
        if to_go > 0:
            lines.append(f"{left} working days are left; each must bring {number(rate)}.")
        if not math.isnan(chance):
            lines.append(f"The chance to reach it is {chance:.0%}.")
        if lacking is not None:
            lines.append(feasibility(self.target, metric, lacking, prices or {}, left))
        return GoalReview(
            pace=pace,
            expected_share=share,
            days_left=left,
            run_rate=rate,
            probability=chance,
            feasible=None if lacking is None else lacking <= 0,
            lacking=max(lacking or 0.0, 0.0),
            lines=tuple(lines),
            warnings=(
                *self.warnings,
                *broken_guardrails(self.guardrails or {}, guardrails or {}),
            ),
        )
