"""Worth chooses inside policy and law: gentler perhaps, harsher never, and no more than there is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import (
    RulePack,
    Strategy,
    assign,
    decide,
    eligible,
    explain,
    treatments,
)

AS_OF = "2026-07-01T10:00+00:00"
NAMES = ["no_action", "digital_reminder", "ai_voice_call", "agent_call", "field_visit"]
RUNG = treatments().set_index("treatment")["rung"]


def book(seed, n=40):
    """Accounts late by up to two months, some held, with scores and values made up."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n)
    scores = pd.DataFrame(
        {
            "account_id": ids,
            "snapshot_date": "2026-06-30",
            "probability": rng.random(n),
            "points": 600.0,
            "band": rng.choice(list("ABCDE"), n),
        }
    )
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "days_past_due": rng.integers(0, 60, n),
            "dispute": rng.random(n) < 0.2,
            "opt_out_phone": rng.random(n) < 0.2,
        }
    )
    values = pd.DataFrame(rng.normal(10, 20, (n, len(NAMES))), index=ids, columns=NAMES)
    values["no_action"] = 0.0
    return scores, accounts, values


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), calls=st.integers(0, 12))
def test_worth_never_trades_a_gate_a_hold_or_a_rung(seed, calls):
    """Every change is allowed now, no harsher than the policy, and fits the agents there are."""
    scores, accounts, values = book(seed)
    plan = assign(scores, accounts, as_of=AS_OF)
    called = int((plan["treatment"] == "agent_call").sum())

    decided = decide(
        scores,
        accounts,
        values=values,
        needs={"calls": {"agent_call": 1}},
        capacities={"calls": called + calls},
        as_of=AS_OF,
    ).plan

    gates = eligible(accounts, at=AS_OF).set_index(["account_id", "treatment"])["allowed"]
    moved = decided["treatment"] != plan["treatment"]
    keys = list(decided.loc[moved, ["account_id", "treatment"]].itertuples(index=False, name=None))
    assert all(gates[key] for key in keys)
    assert (decided["treatment"].map(RUNG) <= plan["treatment"].map(RUNG)).all()
    held = plan["rule"].str.startswith("hold:")
    pd.testing.assert_frame_equal(decided[held], plan[held])
    assert (decided["treatment"] == "agent_call").sum() <= called + calls


HOURS = RulePack.from_text("""
format: 1
id: house.hours
version: "1"
title: calls in the afternoon
jurisdiction: any
actors: [any]
status: house
rules:
  - {id: hours, kind: contact_window, mode: executable, severity: block, evidence: primary,
     channels: [phone], window: {allow: ["15:00", "20:00"]}}
""")


def test_a_treatment_that_worth_chose_is_told_like_one_of_the_policy():
    """The message need not wait as the call does, and what to confirm of it is said in words."""
    scores = book(0, n=1)[0].assign(band="C")
    accounts = pd.DataFrame({"account_id": [0], "days_past_due": [20], "time_zone": "UTC"})
    values = pd.DataFrame({"digital_reminder": [9.0], "agent_call": 1.0}, index=[0])
    rules = {"house_policy": HOURS, "as_of": AS_OF}
    own = "cells:\n  - {stage: late, band: C, treatment: digital_reminder}\n"
    head = "format: 1\nname: own\nstages: [{stage: late, dpd: [0, null]}]\nbands: [{band: C}]\n"

    plan = assign(scores, accounts, **rules).iloc[0]
    chosen = decide(scores, accounts, values=values, **rules).plan.iloc[0]
    by_policy = assign(scores, accounts, strategy=Strategy.from_text(head + own), **rules).iloc[0]

    assert (plan["treatment"], plan["postponed"]) == ("agent_call", "hours")
    assert chosen["treatment"] == "digital_reminder"
    told = ["channel", "earliest_at", "postponed", "to_confirm", "notices", "warnings"]
    assert chosen[told].tolist() == by_policy[told].tolist()
    assert "Before Overdue reminder by message, confirm: " in explain(chosen.to_dict())


def test_without_limits_each_gets_what_is_worth_most():
    """Among what is open to it; worth is never below that of the plan's own treatment."""
    scores, accounts, values = book(1)
    plan = assign(scores, accounts, as_of=AS_OF)

    decided = decide(scores, accounts, values=values, as_of=AS_OF)

    own = [
        values.at[i, t] if t in NAMES else np.nan
        for i, t in zip(plan["account_id"], plan["treatment"], strict=True)
    ]
    assert not (decided.plan["value"] < np.array(own)).any()
    moved = decided.plan["treatment"] != plan["treatment"]
    assert moved.any()
    assert decided.plan.loc[moved, "rule"].str.startswith("value, not ").all()
    assert (decided.plan.loc[moved, "decision_id"] != plan.loc[moved, "decision_id"]).all()
    assert (decided.plan.loc[~moved, "decision_id"] == plan.loc[~moved, "decision_id"]).all()


def test_more_agents_never_lower_the_worth():
    """And an agent that nobody waits for has no price."""
    scores, accounts, values = book(2)
    values["agent_call"] += 30
    results = [
        decide(
            scores,
            accounts,
            values=values,
            needs={"calls": {"agent_call": 1}},
            capacities={"calls": calls},
            as_of=AS_OF,
        )
        for calls in (5, 10, 40)
    ]

    worth = [result.allocation.value for result in results]
    assert worth == sorted(worth)
    assert results[-1].allocation.prices["calls"] == 0


def test_accounts_of_one_person_keep_the_plan():
    """They share caps, which one account alone cannot see."""
    scores, accounts, values = book(3)
    accounts["person_id"] = accounts["account_id"] // 2
    plan = assign(scores, accounts, as_of=AS_OF)

    decided = decide(scores, accounts, values=values, as_of=AS_OF)

    pd.testing.assert_frame_equal(decided.plan, plan)
    assert decided.allocation is None


def test_without_values_the_plan_stands():
    """An account without a row, or with missing figures alone, is not decided by worth."""
    scores, accounts, values = book(4)
    plan = assign(scores, accounts, as_of=AS_OF)

    for given_values in (values.iloc[:0], values * np.nan):
        decided = decide(scores, accounts, values=given_values, as_of=AS_OF)
        pd.testing.assert_frame_equal(decided.plan, plan)


def test_the_order_of_rows_is_irrelevant():
    """Tables may come in any order."""
    scores, accounts, values = book(5)
    again = [frame.sample(frac=1, random_state=7) for frame in (scores, accounts, values)]

    one = decide(scores, accounts, values=values, as_of=AS_OF).plan
    other = decide(again[0], again[1], values=again[2], as_of=AS_OF).plan

    pd.testing.assert_frame_equal(one, other)


def test_mistakes_are_named():
    """A treatment that there is not, with the nearest that is; an account that stands twice."""
    scores, accounts, values = book(6)

    with pytest.raises(InputError, match=r'DLQ-206 .*"agent_cal".*did you mean "agent_call"'):
        decide(
            scores, accounts, values=values.rename(columns={"agent_call": "agent_cal"}), as_of=AS_OF
        )
    with pytest.raises(InputError, match="DLQ-101 values: 40 accounts stand twice"):
        decide(scores, accounts, values=pd.concat([values, values]), as_of=AS_OF)


DRAWN = """\
format: 1
name: trial
role: challenger
stages: [{stage: all, dpd: [0, null]}]
bands: [A]
cells:
  - {stage: all, band: A, treatment: [digital_reminder, agent_call, ai_voice_call], weights: [1, 2, 1]}
"""


def test_a_lot_drawn_is_not_drawn_again(tmp_path):
    """Weights in a cell are an experiment of their own: such accounts keep what they drew."""
    (tmp_path / "trial.yaml").write_text(DRAWN)
    trial = Strategy.load(tmp_path / "trial.yaml")
    scores, accounts, values = book(7)
    scores["band"], accounts["days_past_due"] = "A", 20
    plan = assign(scores, accounts, strategy=trial, as_of=AS_OF)

    decided = decide(scores, accounts, values=values, strategy=trial, as_of=AS_OF).plan

    drawn = plan["propensity"] < 1
    assert drawn.sum() > 10
    pd.testing.assert_frame_equal(decided[drawn], plan[drawn])
