"""Where are we going, shall we get there, and what would it take? A goal and its review."""

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
from delinquency.schema import as_date

__all__ = ["Goal", "GoalReview"]

# metric: whether it is money (and so needs a guardrail of conduct), whether more is better
METRICS = {
    "amount": (True, True),
    "rate": (True, True),
    "cure": (False, True),
    "roll": (False, False),
    "cost_to_collect": (True, False),
}
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
        money, _ = METRICS[self.metric]
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
        share = self.expected_share(as_of, holidays=holidays, curve=curve)
        actual = float(finite_of(actual, "actual", "the figure so far")[0])
        day = as_date(as_of)
        left = len(
            self._working_days(max(day + pd.Timedelta(days=1), self.start), self.end, holidays)
        )
        adds_up = self.metric in ("amount", "rate", "cure")
        expected = self.target * share if adds_up else self.target
        pace = actual / expected if expected > 0 else math.nan
        rate = max(self.target - actual, 0.0) / left if adds_up and left else 0.0
        chance = self._chance(forecast)
        feasible, lacking = self._reach(best_plan)
        lines = [self._standing(day, actual, share, pace, adds_up)]
        if adds_up and actual < self.target:
            lines.append(f"{left} working days are left; each must bring {_number(rate)}.")
        if not math.isnan(chance):
            lines.append(f"The chance to reach it is {chance:.0%}.")
        if feasible is not None:
            lines.append(self._feasibility(feasible, lacking, prices or {}, left))
        broken = self._broken(guardrails or {})
        return GoalReview(
            pace,
            share,
            left,
            rate,
            chance,
            feasible,
            lacking,
            tuple(lines),
            (*self.warnings, *broken),
        )

    def _standing(
        self, day: pd.Timestamp, actual: float, share: float, pace: float, adds_up: bool
    ) -> str:
        of = f" of {self.denominator}" if self.denominator else ""
        stands = f"{day:%Y-%m-%d}: {_number(actual)} of {_number(self.target)}{of}"
        if not adds_up:
            return f"{stands} at most."
        if math.isnan(pace):
            return f"{stands}; nothing was expected yet."
        return f"{stands}; {share:.0%} was expected by now, so the pace is {_number(pace)}."

    def _chance(self, forecast: Any) -> float:
        if forecast is None:
            return math.nan
        finals = finite_of(forecast, "forecast", "simulated final figures")
        _, rises = METRICS[self.metric]
        return float((finals >= self.target).mean() if rises else (finals <= self.target).mean())

    def _reach(self, best_plan: Any) -> tuple[bool | None, float]:
        if best_plan is None:
            return None, 0.0
        finals = finite_of(best_plan, "best_plan", "simulated final figures")
        _, rises = METRICS[self.metric]
        best = float(np.quantile(finals, 0.9 if rises else 0.1))
        lacking = self.target - best if rises else best - self.target
        return lacking <= 0, max(lacking, 0.0)

    def _feasibility(
        self, feasible: bool, lacking: float, prices: Mapping[str, float], left: int
    ) -> str:
        if feasible:
            return f"{_number(self.target)} lies within the P90 of the best plan."
        _, rises = METRICS[self.metric]
        best = self.target - lacking if rises else self.target + lacking
        text = (
            f"{_number(self.target)} lies beyond the P90 of the best plan, {_number(best)}, "
            f"by {_number(lacking)}"
        )
        worth = {name: price for name, price in prices.items() if price > 0}
        if not worth or not left:
            return text + "."
        ways = [
            f"{math.ceil(lacking / price / left - 1e-9):,} more {name}"
            for name, price in worth.items()
        ]
        return f"{text}; {' or '.join(ways)} a day would do."

    def _broken(self, figures: Mapping[str, float]) -> list[str]:
        found = []
        for name, limit in (self.guardrails or {}).items():
            if name not in figures:
                continue
            figure = figures[name]
            if pd.isna(figure):
                found.append(f"{name} has no figure; its limit is {_number(limit)}")
            elif finite_of(figure, f"guardrails.{name}", "a figure")[0] > limit:
                stands, most = _number(figure), _number(limit)
                found.append(f"{name} stands at {stands}, above its limit of {most}")
        return found


def _number(x: float) -> str:
    # from 99.5 on two digits would be written as 1e+02
    return f"{x:,.0f}" if abs(x) >= 99.5 or x == round(x) else f"{x:.2g}"
