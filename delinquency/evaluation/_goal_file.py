"""Goals as a file that people write: YAML 1.2, every mistake with its line and column."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field, model_validator

from delinquency.errors import InputError
from delinquency.evaluation._goal import Goal
from delinquency.evaluation._goal_metrics import MetricName
from delinquency.settings import Model, Name, read_settings

__all__ = ["GoalEntry", "read_goals"]

Amount = Annotated[float, Field(ge=0)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Days = Annotated[int, Field(ge=0)]


class GoalEntry(Model):
    """One goal of a file: what `Goal` asks for, who is in its cohort, and figures that months lack.

    Parameters
    ----------
    goal : str
        Its name.
    metric, target, start, end, denominator, guardrails
        As in `Goal`; dates as YYYY-MM-DD.
    days_past_due : (int, int or null)
        Who is counted: least and most days past due at the month end before the start.
    actual : float, optional
        The figure so far, where it is not to be read from the months.
    spent, budget : float, optional
        Cost so far, and by the end: what a cost to collect is made of.
    figures : mapping of str to float
        The guardrails' figures so far.
    recoveries : bool
        Whether recoveries of what was written off, forecast elsewhere, count too.
    """

    goal: Name
    metric: MetricName
    target: Annotated[float, Field(gt=0)]
    start: Day
    end: Day
    days_past_due: tuple[Days, Days | None] = (0, None)
    denominator: Literal["", "opening balance", "opening arrears"] = ""
    guardrails: dict[Name, Amount] = Field(default_factory=dict)
    figures: dict[Name, Amount] = Field(default_factory=dict)
    actual: Amount | None = None
    spent: Amount | None = None
    budget: Amount | None = None
    recoveries: bool = False

    @model_validator(mode="after")
    def _sound(self) -> GoalEntry:
        try:
            self.as_goal()
        except InputError as error:
            raise ValueError(error.problems[0].what) from None
        low, high = self.days_past_due
        if high is not None and low > high:
            raise ValueError("days_past_due: the least is above the most")
        if self.metric == "cost_to_collect" and self.actual is None and self.spent is None:
            raise ValueError("a cost to collect needs what was spent so far: spent")
        return self

    def as_goal(self) -> Goal:
        """Return the goal; the cohort in words."""
        low, high = self.days_past_due
        until = "and more" if high is None else f"to {high}"
        cohort = f"{low} {until} days past due at the start"
        return Goal(
            self.metric,
            self.target,
            self.start,
            self.end,
            cohort,
            guardrails=self.guardrails,
            denominator=self.denominator,
        )


class _GoalFile(Model):
    format: Literal[1]
    goals: Annotated[tuple[GoalEntry, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> _GoalFile:
        names = [entry.goal for entry in self.goals]
        if len(set(names)) < len(names):
            raise ValueError("two goals share a name")
        return self


def read_goals(path: str | os.PathLike[str]) -> tuple[GoalEntry, ...]:
    r"""Read the goals of a file.

    Raises
    ------
    InputError
        All mistakes of one pass, each with ``file:line:column``: ``DLQ-201`` to ``DLQ-205``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "goals.yaml"
    >>> text = "format: 1\ngoals:\n  - {goal: cures, metric: cure, target: 0.4,"
    >>> text += " start: 2026-11-01, end: 2026-11-30, days_past_due: [1, 29]}\n"
    >>> _ = file.write_text(text, "utf-8")
    >>> read_goals(file)[0].as_goal().cohort
    '1 to 29 days past due at the start'
    """
    return read_settings(_GoalFile, path).goals
