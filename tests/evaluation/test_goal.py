"""A goal is specific, its pace is counted in working days, and what cannot be reached is said."""

from typing import get_args

import numpy as np
import pytest

from delinquency.errors import InputError
from delinquency.evaluation import Goal
from delinquency.evaluation._goal_metrics import METRICS, MetricName


def month(metric="amount", target=1000.0, **more):
    """Return a goal for November 2026, 21 working days."""
    return Goal(metric, target, "2026-11-01", "2026-11-30", "all", **more)


def test_a_file_of_goals_may_name_every_metric_and_no_other():
    """The type that a file is checked by, and the table that the reckoning uses."""
    assert get_args(MetricName) == tuple(METRICS)


def test_pace_counts_working_days_and_holidays():
    """By Friday 13th ten of 21 days are gone; with a holiday on the 11th nine of 20."""
    review = month().review(500, as_of="2026-11-13")
    assert review.pace == pytest.approx(500 / (1000 * 10 / 21))
    assert (review.days_left, review.run_rate) == (11, pytest.approx(500 / 11))

    shorter = month().review(500, as_of="2026-11-13", holidays=["2026-11-11"])
    assert shorter.expected_share == pytest.approx(9 / 20)


def test_the_chance_is_the_share_of_runs_that_reach_the_target():
    """Three of four simulated ends; a roll rate counts the other way."""
    ends = [900, 1000, 1100, 1200]
    assert month().review(0, as_of="2026-11-01", forecast=ends).probability == 0.75
    roll = month("roll", 0.1).review(0.12, as_of="2026-11-20", forecast=[0.09, 0.1, 0.11, 0.2])
    assert roll.probability == 0.5
    assert roll.pace == pytest.approx(1.2)


def test_what_lies_beyond_the_best_plan_is_said_with_what_it_would_take():
    """P90 of the best plan is 900: 100 short, 11 days left, an hour brings 2: 5 hours a day."""
    review = month().review(
        300,
        as_of="2026-11-13",
        best_plan=np.linspace(0, 1000, 101),
        prices={"agent_hours": 2.0, "letters": 0.0},
    )
    assert review.feasible is False
    assert review.lacking == pytest.approx(100)
    assert "5 more agent_hours a day would do" in str(review)


def test_a_money_goal_without_a_conduct_guardrail_warns():
    """Amount and rate warn, cure does not, and a complaint limit settles it."""
    assert month().warnings
    assert month("rate", 0.3, denominator="balance placed").warnings
    assert not month("cure", 0.3).warnings
    assert not month(guardrails={"complaint_rate": 0.01}).warnings
    assert month(guardrails={"cost": 5.0}).warnings


def test_a_broken_guardrail_stands_in_the_review():
    """Money ahead of pace does not hide it."""
    goal = month(guardrails={"complaint_rate": 0.01})
    review = goal.review(900, as_of="2026-11-13", guardrails={"complaint_rate": 0.02})

    assert review.pace > 1
    assert review.warnings == ("complaint_rate stands at 0.02, above its limit of 0.01",)


def test_a_goal_that_is_not_specific_is_refused_with_all_that_lacks():
    """A rate of nothing, for nobody, ending before it starts."""
    with pytest.raises(InputError) as caught:
        Goal("rate", 2, "2026-11-30", "2026-11-01", "")
    assert len(caught.value.problems) == 4
    with pytest.raises(InputError, match=r'did you mean "amount"'):
        Goal("amont", 2, "2026-11-01", "2026-11-30", "all")


def test_before_the_start_and_after_the_end():
    """Nothing is expected yet; everything is, and no day is left."""
    assert month().expected_share("2026-10-15") == 0
    late = month().review(800, as_of="2026-12-05")
    assert (late.expected_share, late.days_left, late.run_rate) == (1.0, 0, 0.0)


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), "little"])
def test_a_guardrail_that_nothing_could_break_is_refused(limit):
    """No figure lies above a missing limit, so it would have stood there for show."""
    with pytest.raises(InputError, match=r"DLQ-185 goal: a guardrail has no finite limit"):
        month(guardrails={"complaint_rate": limit})


def test_a_guardrail_without_a_figure_is_told():
    """A missing figure is not one that keeps the limit."""
    goal = month(guardrails={"complaint_rate": 0.01})
    found = goal.review(900, as_of="2026-11-13", guardrails={"complaint_rate": float("nan")})

    assert found.warnings == ("complaint_rate has no figure; its limit is 0.01",)


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("DLQ-186 actual", {"actual": float("nan")}),
        ("DLQ-186 actual", {"actual": "much"}),
        ("DLQ-186 forecast", {"actual": 1, "forecast": ["much"]}),
        ("DLQ-186 best_plan", {"actual": 1, "best_plan": [1.0, np.inf]}),
        ("DLQ-185 curve", {"actual": 1, "curve": ["steep"]}),
        ("DLQ-185 curve", {"actual": 1, "curve": [1.0, np.inf]}),
    ],
)
def test_figures_that_are_none_are_refused(code, more):
    """By name, in one line."""
    with pytest.raises(InputError, match=code):
        month().review(as_of="2026-11-13", **more)


def test_figures_just_below_a_hundred_are_written_out():
    """99.6 is 100 to two digits, and nobody writes 1e+02."""
    review = month(target=np.int64(100)).review(99.6, as_of="2026-11-13")

    assert review.lines[0].startswith("2026-11-13: 100 of 100;")


def test_a_metric_that_is_no_word_is_refused():
    """As any other that is unknown."""
    with pytest.raises(InputError, match="DLQ-185 goal: unknown metric"):
        month(["amount"])
