"""Value is what comes back less what it costs; uplift only where propensities were logged."""

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.strategy import (
    PredictedResponse,
    UpliftResponse,
    allocate,
    rates_response,
    treatment_values,
)

RECOVERIES = pd.DataFrame({"no_action": [10.0, 20.0], "agent_call": [18.0, 21.0]})


def test_value_is_worked_by_hand_and_blocked_is_blocked():
    """18 - 5 - 100 x 0.01 - 2 = 10; what the gates removed is never chosen."""
    allowed = np.array([[True, True], [True, False]])
    values = treatment_values(
        RECOVERIES,
        cost={"agent_call": 5.0},
        complaints={"agent_call": 0.01},
        conduct_price=100.0,
        relationship=[[0.0, 2.0], [0.0, 0.0]],
        allowed=allowed,
    )
    assert values["agent_call"].tolist() == [10.0, -np.inf]
    assert allocate(values, {"hours": [0, 1]}, {"hours": 2}).treatment.tolist() == [0, 0]


def test_costs_of_unknown_treatments_are_refused():
    """A typo would make a treatment free."""
    with pytest.raises(InputError, match=r'DLQ-167 .*did you mean "agent_call"'):
        treatment_values(RECOVERIES, cost={"agent_cal": 5.0})


def test_rates_are_shares_of_the_amount_and_must_cover_the_accounts():
    """A cell without a row is refused; a missing rate stays missing, that is blocked."""
    rates = pd.DataFrame({"stage": ["a", "b"], "band": "A", "x": [0.1, 0.2], "y": [0.5, np.nan]})
    accounts = pd.DataFrame({"stage": ["b", "a"], "band": "A", "balance": [10.0, 100.0]})
    found = rates_response(accounts, rates)

    assert found["x"].tolist() == [2.0, 10.0]
    assert np.isnan(found.loc[0, "y"])
    with pytest.raises(InputError, match="DLQ-168"):
        rates_response(accounts.assign(band="B"), rates)


def confounded(n=20_000, seed=0):
    """Return a log in which risk, seen only in part, drives the calls; the call adds 1 if x > 0."""
    rng = np.random.default_rng(seed)
    x, hidden = rng.normal(0, 1, (2, n))
    chance = np.clip(1 / (1 + np.exp(2 * hidden)), 0.2, 0.8)
    called = rng.random(n) < chance
    reward = 3 * hidden + (x > 0) * called + rng.normal(0, 0.5, n)
    log = (pd.DataFrame({"x": x}), np.where(called, "call", "no_action"), reward)
    return *log, np.where(called, chance, 1 - chance)


def test_uplift_is_right_where_predicted_response_is_fooled():
    """The call went to those who pay less: without propensities it looks harmful."""
    X, treatment, reward, propensity = confounded()
    asked = pd.DataFrame({"x": np.linspace(-1.5, 1.5, 301)})
    high = asked["x"] > 0
    fooled = PredictedResponse().fit(X, treatment, reward).predict(asked)
    uplift = UpliftResponse().fit(X, treatment, reward, propensity).predict(asked)

    assert (fooled["call"] - fooled["no_action"]).mean() < -1
    assert uplift.loc[~high, "call"].mean() == pytest.approx(0.0, abs=0.3)
    assert uplift.loc[high, "call"].mean() == pytest.approx(1.0, abs=0.3)
    assert (uplift["no_action"] == 0).all()


def test_uplift_asks_for_propensities():
    """Missing ones are refused, with the name that is due instead."""
    X, treatment, reward, propensity = confounded(200)
    with pytest.raises(InputError, match=r"DLQ-169.*PredictedResponse"):
        UpliftResponse().fit(X, treatment, reward, propensity * np.nan)


NEITHER = {
    "missing": np.array([[1.0, np.nan], [1.0, 0.0]]),
    "not known": pd.DataFrame({"no_action": [True] * 2, "agent_call": pd.array([None, True])}),
    "text": np.array([["True", "False"], ["True", "False"]]),
    "other words": pd.DataFrame({"no_action": [True, True], "agent": [False, False]}),
    "another length": np.ones((3, 2), dtype=bool),
}


@pytest.mark.parametrize("allowed", NEITHER.values(), ids=NEITHER.keys())
def test_what_is_not_said_to_be_allowed_is_no_permission(allowed):
    """A missing entry, or the text "False", was read as yes: a hold would have been traded for money."""
    with pytest.raises(InputError, match="DLQ-167 allowed"):
        treatment_values(RECOVERIES, allowed=allowed)


def test_tables_of_treatments_are_read_by_the_names_of_their_columns():
    """The gates' table in another order of columns blocks the call, not the doing of nothing."""
    gates = pd.DataFrame({"agent_call": [False, False], "no_action": [True, True]})
    risk = pd.DataFrame({"agent_call": [0.01, 0.02], "no_action": [0.0, 0.0]})
    blocked = treatment_values(RECOVERIES, allowed=gates)
    priced = treatment_values(RECOVERIES, complaints=risk, conduct_price=100.0)

    assert blocked["no_action"].tolist() == [10.0, 20.0]
    assert (blocked["agent_call"] == -np.inf).all()
    assert priced.to_numpy().tolist() == [[10.0, 17.0], [20.0, 19.0]]


@pytest.mark.parametrize(
    "more",
    [
        {"cost": {"agent_call": np.nan}},
        {"cost": {"agent_call": "5 EUR"}},
        {"complaints": np.zeros((3, 2)), "conduct_price": 1.0},
        {"conduct_price": np.nan, "complaints": {"agent_call": 0.1}},
        {"future": "much"},
        {"relationship": [[0.0, np.inf], [0.0, 0.0]]},
        {"prices": {"hours": np.nan}, "needs": {"hours": [0, 1]}},
    ],
)
def test_amounts_that_are_no_numbers_are_refused(more):
    """A missing cost would have closed the treatment to everybody without a word."""
    with pytest.raises(InputError, match="DLQ-167"):
        treatment_values(RECOVERIES, **more)


@pytest.mark.parametrize("kind", [PredictedResponse, UpliftResponse])
def test_responses_read_columns_by_their_names(kind):
    """Columns in another order changed every prediction without a word."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": np.arange(200.0), "z": rng.random(200)})
    reward = X["x"] + np.tile([0.0, 50.0], 100) * (X["x"] > 100)
    log = (X, ["no_action", "call"] * 100, reward)
    model = kind(least=5).fit(*log, *([np.full(200, 0.5)] if kind is UpliftResponse else []))
    expected = model.predict(X)

    assert expected["call"].nunique() > 1
    pd.testing.assert_frame_equal(model.predict(X[["z", "x"]].assign(other=1)), expected)
    with pytest.raises(InputError, match='DLQ-102 X: 1 columns of training are missing, first "z"'):
        model.predict(X[["x"]])


def test_a_log_with_missing_treatments_teaches_nothing():
    """ "nan" was a treatment like any other."""
    X = pd.DataFrame({"x": np.arange(4.0)})
    for treatment, reward in (
        (["a", None, "a", "b"], [1.0] * 4),
        (pd.Series(["a", np.nan, "a", "b"]), [1.0] * 4),
        (["a"] * 4, ["much"] * 4),
        (["a"] * 3, [1.0] * 4),
    ):
        with pytest.raises(InputError, match="DLQ-103 log"):
            PredictedResponse().fit(X, treatment, reward)
    with pytest.raises(InputError, match="DLQ-103 person"):
        UpliftResponse().fit(X, ["no_action"] * 4, [1.0] * 4, [0.5] * 4, person=[1, 2])
    with pytest.raises(InputError, match="DLQ-169"):
        UpliftResponse().fit(X, ["no_action"] * 4, [1.0] * 4, ["half"] * 4)


@pytest.mark.parametrize("wrong", [{"balance": ["much"]}, {"x": ["half"]}])
def test_rates_and_amounts_are_numbers(wrong):
    """Text is refused, whichever of the two tables it stands in."""
    tables = [{"stage": ["a"], "balance": [1.0]}, {"stage": ["a"], "x": [0.1]}]
    accounts, rates = (
        pd.DataFrame({**t, **{k: v for k, v in wrong.items() if k in t}}) for t in tables
    )
    with pytest.raises(InputError, match="DLQ-103 rates"):
        rates_response(accounts, rates, by=["stage"])
