"""The review of goals: figures from the months, simulated ends, feasibility, and a warning."""

import json

import numpy as np
import pandas as pd
import pytest

from delinquency import evaluation, workflows
from delinquency.datasets import make_portfolio
from delinquency.errors import InputError
from delinquency.portfolio import cohort_outlook
from delinquency.storage import write_table

SPAN = "start: 2026-01-01, end: 2026-06-30, days_past_due: [1, 89]"
GOALS = f"""\
format: 1
goals:
  - goal: arrears
    metric: amount
    target: 400000
    start: 2026-01-01
    end: 2026-06-30
    days_past_due: [1, 89]
    guardrails: {{complaint_rate: 0.002}}
    figures: {{complaint_rate: 0.003}}
  - {{goal: share, metric: rate, denominator: opening balance, target: 0.5, {SPAN}}}
  - {{goal: cures, metric: cure, target: 0.5, {SPAN}}}
  - {{goal: rolls, metric: roll, target: 0.2, {SPAN}}}
  - {{goal: cost, metric: cost_to_collect, target: 0.1, spent: 1000, budget: 4000, {SPAN}}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A made-up book and five goals on disk."""
    folder = tmp_path_factory.mktemp("review")
    write_table(make_portfolio(3000, 30, seed=3).months, folder / "months.parquet")
    (folder / "goals.yaml").write_text(GOALS, "utf-8")
    return folder


@pytest.fixture(scope="module")
def table(files):
    months, goals = files / "months.parquet", files / "goals.yaml"
    return workflows.review_files(goals, months, as_of="2026-04-15").set_index("goal")


@pytest.fixture(scope="module")
def outlook(files):
    months = pd.read_parquet(files / "months.parquet")
    span = {"start": "2026-01-01", "end": "2026-06-30", "days": (1, 89)}
    return cohort_outlook(months, **span, as_of="2026-04-15")


def test_every_metric_is_read_from_the_months(table, outlook):
    """Amount, share of the opening balance, cures, rolls, and cost over what was collected."""
    actual = table["actual"]

    assert actual["arrears"] == outlook.collected > 0
    assert actual["share"] == outlook.collected / outlook.balance
    assert (actual["cures"], actual["rolls"]) == (outlook.cured, outlook.rolled)
    assert actual["cost"] == 1000 / outlook.collected
    assert set(table["until"]) == {pd.Timestamp("2026-03-31")}
    assert set(table["accounts"]) == {outlook.accounts}


def test_the_chance_is_the_share_of_simulated_ends_that_reach_the_target(table, outlook):
    """Ends that are to fall count the other way."""
    ends = outlook.ends

    assert table["probability"]["arrears"] == (ends["collected"] >= 400_000).mean()
    assert table["probability"]["rolls"] == (ends["rolled"] <= 0.2).mean()
    assert table["probability"]["cost"] == (4000 / ends["collected"] <= 0.1).mean()
    assert table["p50"]["arrears"] == pytest.approx(ends["collected"].median())


def test_money_without_a_guardrail_warns_and_a_broken_one_is_told(table):
    """Rate and cost have none; the amount's stands above its limit; cures need none."""
    warned = table["warnings"]

    assert "above its limit" in warned["arrears"]
    assert "without a guardrail" in warned["share"]
    assert "without a guardrail" in warned["cost"]
    assert warned["cures"] == warned["rolls"] == ""


def test_what_lies_beyond_the_best_plan_is_said_with_its_price(files, outlook):
    """The plan adds 1 an account of the cohort; others add nothing; 65 working days are left."""
    months = pd.read_parquet(files / "months.parquet")
    goals = evaluation.read_goals(files / "goals.yaml")[:1]
    extra = pd.DataFrame({"account_id": [*outlook.account_ids, -1], "extra": 1.0})
    given = {"as_of": "2026-04-15", "extra": extra, "prices": {"agent_hours": 2.0}}

    row = workflows.review_goals(goals, months, **given).iloc[0]

    best = np.quantile(outlook.ends["collected"] + outlook.accounts, 0.9)
    assert row["days_left"] == 65
    assert row["lacking"] == pytest.approx(400_000 - best)
    hours = int(np.ceil((400_000 - best) / 2 / 65))
    assert f"{hours:,} more agent_hours a day would do" in row["text"]


def test_recoveries_of_another_room_count_where_the_goal_says_so(files, outlook):
    """April to June count, March is past and July beyond the end."""
    months = pd.read_parquet(files / "months.parquet")
    entry = evaluation.read_goals(files / "goals.yaml")[0].model_copy(update={"recoveries": True})
    back = pd.DataFrame(
        {"month": ["2026-03", "2026-04", "2026-06", "2026-07"], "amount": [1.0, 10.0, 100.0, 1e9]}
    )

    bare, with_them = (
        workflows.review_goals([entry], months, as_of="2026-04-15", recoveries=table).iloc[0]
        for table in (None, back)
    )

    assert with_them["p50"] - bare["p50"] == pytest.approx(110)


@pytest.mark.parametrize(
    ("role", "table", "code"),
    [
        ("recoveries", {"date": ["2026-04"], "amount": [1.0]}, "DLQ-102"),
        ("recoveries", {"month": ["zq7-canary"], "amount": [1.0]}, "DLQ-103"),
        ("extra", {"account": [1], "extra": [1.0]}, "DLQ-102"),
        ("extra", {"account_id": ["1"], "extra": [1.0]}, "DLQ-115"),
    ],
)
def test_tables_of_other_rooms_are_checked_at_the_door(files, role, table, code):
    """A missing column or a date that is none in one line without a cell; ids that never meet too."""
    months = pd.read_parquet(files / "months.parquet")
    entry = evaluation.read_goals(files / "goals.yaml")[0].model_copy(update={"recoveries": True})
    given = {role: pd.DataFrame(table)}

    with pytest.raises(InputError, match=code) as caught:
        workflows.review_goals([entry], months, as_of="2026-04-15", **given)
    assert "zq7" not in str(caught.value)


def test_the_verb_prints_words_and_figures(files, run):
    """Words for people, records for machines; the page has the goals too."""
    where = ("--months", files / "months.parquet", "--as-of", "2026-04-15")
    goals = ("--goals", files / "goals.yaml")
    told = run("review", *goals, *where, "--price", "agent_hours=212")
    records = run("review", *goals, *where, "--json")

    assert told.code == records.code == 0, told.err
    assert "arrears: amount, " in told.out
    assert "was expected by now, so the pace is" in told.out
    assert "The chance to reach it is" in told.out
    assert "warning: a money goal stands without a guardrail of conduct" in told.out
    assert [row["goal"] for row in json.loads(records.out)] == [
        *("arrears", "share", "cures", "rolls", "cost")
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metric: amount", "metric: amonut", r"goals.yaml:4:13: DLQ-205 .*expected 'amount'"),
        ("target: 400000", "target: 0", r"goals.yaml:5:13: DLQ-205"),
        ("guardrails:", "gardrails:", r'goals.yaml:9:5: DLQ-202 .*did you mean "guardrails"'),
        ("end: 2026-06-30\n", "end: 2025-06-30\n", r"goals.yaml:3:5: DLQ-205 .*end is before"),
        ("denominator: opening balance, ", "", r"DLQ-205 .*denominator"),
        ("spent: 1000, ", "", r"DLQ-205 .*what was spent"),
        ("goal: cures", "goal: rolls", r"DLQ-205 .*two goals share a name"),
        ("start: 2026-01-01\n", "start: yesterday\n", r"goals.yaml:6:12: DLQ-205"),
    ],
)
def test_a_mistake_in_the_goals_has_its_place(tmp_path, old, new, message):
    """File, line, column, rule."""
    assert old in GOALS
    (tmp_path / "goals.yaml").write_text(GOALS.replace(old, new, 1), "utf-8")

    with pytest.raises(InputError, match=message):
        evaluation.read_goals(tmp_path / "goals.yaml")


def test_a_rate_of_what_the_months_do_not_say_is_refused(files):
    """Balances may be missing; a rate of nothing is no rate."""
    months = pd.read_parquet(files / "months.parquet").drop(columns="arrears")
    entry = evaluation.read_goals(files / "goals.yaml")[1]
    asked = entry.model_copy(update={"denominator": "opening arrears"})

    with pytest.raises(InputError, match=r"DLQ-102 .*opening arrears"):
        workflows.review_goals([asked], months, as_of="2026-04-15")


def test_a_price_that_is_no_number_is_one_line(files, run):
    """Exit code 2."""
    where = ("--months", files / "months.parquet", "--as-of", "2026-04-15")
    done = run("review", "--goals", files / "goals.yaml", *where, "--price", "hours")

    assert (done.code, len(done.lines)) == (2, 1)
    assert "DLQ-205" in done.lines[0]
