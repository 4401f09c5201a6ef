"""Arms in the strategy file: persons stay on theirs, and every row knows its chance."""

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.strategy import Experiment, Strategy, assign, record_decisions, replay

TRIAL = """\
format: 1
name: trial
experiment:
  name: calls
  arms: {champion: 0.6, challenger: 0.3, nothing: 0.1}
  salt: s
  hold_out: nothing
stages: [{stage: all, dpd: [0, null]}]
bands: [A, B]
cells:
  - {stage: all, band: A, treatment: digital_reminder}
  - {stage: all, band: B, arm: champion, treatment: agent_call}
  - {stage: all, band: B, arm: challenger, treatment: [agent_call, digital_reminder], weights: [1, 3]}
"""
STRATEGY = Strategy.from_text(TRIAL)


@pytest.fixture
def plan(book):
    """400 accounts of 200 persons, bands in turn; every tenth account is disputed."""
    places = [(20, "AB"[n // 2 % 2]) for n in range(400)]
    scores, accounts = book(*places)
    accounts["person_id"] = [f"p{n // 2}" for n in range(400)]
    accounts["dispute"] = [n % 10 == 0 for n in range(400)]
    return assign(scores, accounts, strategy=STRATEGY, as_of="2026-07-01")


def test_every_account_of_a_person_is_on_the_arm_of_the_experiment(plan):
    """The arm is that of `Experiment`; under a hold nobody is randomised."""
    persons = [f"p{n // 2}" for n in range(400)]
    free = plan["treatment"] != "care_and_hold"
    arms = {"challenger": 0.3, "champion": 0.6, "nothing": 0.1}
    expected = Experiment("calls", arms, "s").assign(persons)["arm"]

    assert plan.loc[free, "arm"].tolist() == expected[free].tolist()
    assert set(plan.loc[~free, "arm"]) == {"outside"}
    assert (plan.loc[~free, "propensity"] == 1.0).all()
    assert free.sum() == 360


def test_each_arm_follows_its_own_cells(plan):
    """The champion calls, the challenger draws, and the hold-out gets the last resort."""
    found = plan[plan["arm"] != "outside"].groupby(["arm", "band"])["treatment"].agg(set)

    assert found["champion", "B"] == {"agent_call"}
    assert found["challenger", "B"] == {"agent_call", "digital_reminder"}
    assert found["champion", "A"] == found["challenger", "A"] == {"digital_reminder"}
    assert found["nothing", "A"] == found["nothing", "B"] == {"no_action"}
    assert set(plan.loc[plan["arm"] == "nothing", "rule"]) == {"hold_out"}


def test_the_propensity_is_the_chance_over_arms_and_draws(plan):
    """A call in B: 0.6 as champion, 0.3 x 1/4 as challenger; the message in A on two arms of three."""
    free = plan[plan["arm"] != "outside"]
    chance = free.groupby(["band", "treatment"])["propensity"].agg(["min", "max"])

    expected = {
        ("A", "digital_reminder"): 0.9,
        ("A", "no_action"): 0.1,
        ("B", "agent_call"): 0.675,
        ("B", "digital_reminder"): 0.225,
        ("B", "no_action"): 0.1,
    }
    assert {pair: round(low, 12) for pair, low in chance["min"].items()} == expected
    np.testing.assert_allclose(chance["min"], chance["max"])


def test_what_a_gate_removes_is_no_part_of_the_chance(book):
    """Without a number the challenger cannot draw a call: all its weight is on the message."""
    scores, accounts = book(*[(20, "B")] * 200, valid_phone=[False] * 200)

    plan = assign(scores, accounts, strategy=STRATEGY, as_of="2026-07-01")

    on = plan.set_index("arm")
    assert set(on.loc["champion", "treatment"]) == {"no_action"}
    assert set(on.loc["challenger", "treatment"]) == {"digital_reminder"}
    np.testing.assert_allclose(on.loc["challenger", "propensity"], 0.3)
    np.testing.assert_allclose(on.loc[["champion", "nothing"], "propensity"], 0.7)


def test_arms_and_chances_do_not_move_when_accounts_are_added(book, plan):
    """The first hundred accounts alone get what they got among four hundred."""
    scores, accounts = book(*[(20, "AB"[n // 2 % 2]) for n in range(100)])
    accounts["person_id"] = [f"p{n // 2}" for n in range(100)]
    accounts["dispute"] = [n % 10 == 0 for n in range(100)]

    alone = assign(scores, accounts, strategy=STRATEGY, as_of="2026-07-01")

    pd.testing.assert_frame_equal(alone, plan.head(100))


def test_the_order_of_the_arms_in_the_file_moves_nobody(book):
    """Two files that say the same have one hash and one plan."""
    arms = "champion: 0.6, challenger: 0.3, nothing: 0.1"
    turned = Strategy.from_text(TRIAL.replace(arms, ", ".join(reversed(arms.split(", ")))))
    tables = book(*[(20, "B")] * 50)

    plans = [assign(*tables, strategy=s, as_of="2026-07-01") for s in (STRATEGY, turned)]

    assert turned.hash == STRATEGY.hash
    pd.testing.assert_frame_equal(*plans)


def test_a_decision_of_an_experiment_is_proved_like_any_other(book, tmp_path):
    """Arms and chances come out of the recorded file again."""
    record_decisions(tmp_path, *book(*[(20, "B")] * 30), strategy=STRATEGY, as_of="2026-07-01")

    assert replay(tmp_path, "2026-07-01")["same"].all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("champion: 0.6", "champion: 0.7", "s.yaml:4:3: DLQ-205 .*add up to 1.1, not 1"),
        ("hold_out: nothing", "hold_out: nobody", "s.yaml:4:3: DLQ-205 .*one of the arms"),
        ("nothing: 0.1", "outside: 0.1", "DLQ-205 .*not randomised"),
        ("champion: 0.6", "champion: 0", "s.yaml:5:20: DLQ-205 .*greater than 0"),
        ("arm: champion", "arm: champon", 's.yaml:12:32: DLQ-206 .*did you mean "champion"'),
        ("arm: champion", "arm: nothing", "s.yaml:12:32: DLQ-206 .*a hold-out has no cells"),
        ("arm: challenger", "arm: champion", 'DLQ-208 .*band "B", arm "challenger"'),
        ("arm: challenger", "arm: champion", "s.yaml:13:5: DLQ-208 a cell is unreachable"),
        ("  - {stage: all, band: B, arm: champion, treatment: agent_call}\n", "", "DLQ-208"),
    ],
)
def test_a_mistake_in_an_experiment_has_its_place(old, new, message):
    """Shares, names of arms, and cells that an arm lacks."""
    assert old in TRIAL

    with pytest.raises(InputError, match=message):
        Strategy.from_text(TRIAL.replace(old, new), "s.yaml")
