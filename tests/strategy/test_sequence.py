"""A plan over periods: value iteration where nothing binds, prices where something does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import allocate, plan_sequence, treatment_values


def world(seed, states=5, treatments=3):
    """Return moves, rewards, a start and what accounts are worth at the end."""
    rng = np.random.default_rng(seed)
    moves = rng.dirichlet(np.ones(states), (states, treatments))
    rewards = rng.normal(0, 5, (states, treatments))
    rewards[:, 0] = 0
    return moves, rewards, rng.integers(0, 50, states) + 1.0, rng.normal(0, 10, states)


def iterated(moves, rewards, final, periods, discount):
    """Return the values of value iteration, the plain way."""
    value = final
    for _ in range(periods):
        value = (rewards + discount * moves @ value).max(axis=1)
    return value


@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0.8, 1.0))
def test_value_iteration_agrees_where_nothing_binds(seed, periods, discount):
    """The value of the book is that of its accounts one by one."""
    moves, rewards, start, final = world(seed)
    plan = plan_sequence(
        moves, rewards, start, {"h": [0, 1, 2]}, {"h": 1e9},
        periods=periods, discount=discount, final=final,
    )  # fmt: skip
    value = iterated(moves, rewards, final, periods, discount)

    assert plan.value == pytest.approx(start @ value, rel=1e-6, abs=1e-6)
    assert plan.worth[0] == pytest.approx(value, rel=1e-5, abs=1e-5)
    assert (plan.prices["h"] == 0).all()


@given(st.integers(0, 10**6), st.floats(1, 60), st.floats(1, 2))
def test_limits_are_kept_split_few_states_and_more_is_never_worse(seed, hours, factor):
    """One capacity: at most one state a period is split; twice the hours bring no less."""
    moves, rewards, start, final = world(seed)
    need = np.array([0, 1, 2])
    tight, wide = (
        plan_sequence(moves, rewards, start, {"h": need}, {"h": h}, periods=4, final=final)
        for h in (hours, hours * factor)
    )
    split = ((tight.policy > 1e-6) & (tight.policy < 1 - 1e-6)).any(axis=2).sum()

    assert (tight.accounts.sum(axis=1) @ need <= hours + 1e-6).all()
    assert tight.accounts.sum(axis=(1, 2)) == pytest.approx(start.sum())
    assert split <= 4
    assert wide.value >= tight.value - 1e-6
    assert np.allclose(tight.policy.sum(axis=2), 1)


def test_a_treatment_that_is_not_allowed_is_never_planned():
    """-inf is blocked, and a book that cannot keep a limit is refused."""
    moves, rewards, start, final = world(1)
    rewards[:, 1] = -np.inf
    plan = plan_sequence(moves, rewards, start, {}, {}, periods=3, final=final)
    assert plan.accounts[:, :, 1].sum() == 0
    with pytest.raises(InputError, match="DLQ-166"):
        plan_sequence(moves, rewards, start, {"h": [1, 1, 1]}, {"h": 1}, periods=2)


def book_of(seed, hours, accounts=60):
    """Return a sequence plan under hours in each period, and the accounts one by one in their states."""
    moves, rewards, _, final = world(seed)
    state = np.random.default_rng(seed).integers(0, len(rewards), accounts)
    start = np.bincount(state, minlength=len(rewards))
    needs = {"h": np.array([0.0, 1.0, 2.0])}
    plan = plan_sequence(moves, rewards, start, needs, {"h": hours}, periods=4, final=final)
    return plan, pd.DataFrame(rewards[state]), state, needs


@given(st.integers(0, 10**6))
def test_prices_of_a_sequence_change_nothing_where_nothing_binds(seed):
    """They are zero, and so is what they charge: the same values, the same choice."""
    plan, rewards, state, needs = book_of(seed, hours=1e9)
    prices, future = plan.first_prices(), plan.future[state]

    free = treatment_values(rewards, future=future)
    charged = treatment_values(rewards, future=future, prices=prices, needs=needs)

    assert prices == {"h": 0.0}
    pd.testing.assert_frame_equal(free, charged)
    # nobody waits for anybody, so each account's best is what the sequence does with its state
    best = plan.policy[0][state, charged.to_numpy().argmax(axis=1)]
    assert (best > 0).all()
    assert charged.to_numpy().max(axis=1).sum() == pytest.approx(plan.value, rel=1e-6, abs=1e-6)


@given(st.integers(0, 10**6), st.integers(3, 50))
def test_at_the_prices_of_a_sequence_each_account_chooses_as_the_sequence_does(seed, hours):
    """What the plan gives to a state is among the best of its accounts at the first prices."""
    plan, rewards, state, needs = book_of(seed, hours)
    charged = treatment_values(
        rewards, future=plan.future[state], prices=plan.first_prices(), needs=needs
    ).to_numpy()
    best = charged.max(axis=1)

    for treatment in range(charged.shape[1]):
        given_to = plan.policy[0][state, treatment] > 1e-6
        assert charged[given_to, treatment] == pytest.approx(best[given_to], abs=1e-5)


def test_the_allocation_asks_the_price_that_the_sequence_found():
    """Ten late accounts and four calls a period: a call now is worth 1.4, seen over both periods."""
    moves, rewards = [[[1, 0], [1, 0]], [[0.2, 0.8], [0.5, 0.5]]], [[0, 0], [0, -1]]
    needs = {"calls": [0, 1]}
    plan = plan_sequence(moves, rewards, [0, 10], needs, {"calls": 4}, periods=2, final=[10, 0])
    late = np.full(10, 1)

    values = treatment_values(pd.DataFrame([[0.0, -1.0]] * 10), future=plan.future[late])
    chosen = allocate(values, needs, {"calls": 4})

    assert chosen.treatment.sum() == 4
    assert chosen.prices["calls"] == pytest.approx(plan.first_prices()["calls"], abs=1e-6)
    assert plan.first_prices()["calls"] == pytest.approx(1.4)


def test_a_price_without_needs_is_refused():
    """With the nearest name."""
    with pytest.raises(InputError, match=r'DLQ-162 prices: "hour" has no needs.*"hours"'):
        treatment_values(pd.DataFrame([[0.0, 1.0]]), prices={"hour": 2.0}, needs={"hours": [0, 1]})


SOUND = {
    "moves": [[[1, 0], [1, 0]], [[0.2, 0.8], [0.5, 0.5]]],
    "rewards": [[0, 0], [0, -1]],
    "start": [0, 10],
    "needs": {"calls": [0, 1]},
    "capacities": {"calls": 4},
    "periods": 2,
    "final": [10, 0],
}


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("DLQ-105 start", {"start": [0, np.nan]}),
        ("DLQ-105 start", {"start": [0, np.inf]}),
        ("DLQ-105 final", {"final": [np.nan, 0]}),
        ("DLQ-105 rewards", {"rewards": [[0, 0], [0, np.inf]]}),
        ("DLQ-105 discount", {"discount": np.nan}),
        ("DLQ-105 discount", {"discount": -1.0}),
        ("DLQ-106 needs", {"needs": {"calls": [0, np.nan]}}),
        ("DLQ-106 needs", {"needs": {"calls": [0, -1]}}),
        ("DLQ-103 needs", {"needs": {"calls": [0, 1, 2]}}),
        ("DLQ-103 needs", {"capacities": {"calls": [1, 2, 3]}}),
        ("DLQ-163 capacities", {"capacities": {"calls": np.nan}}),
        ("DLQ-163 capacities", {"capacities": {"calls": -1}}),
        ("DLQ-103 rewards", {"rewards": [["a", "b"], ["c", "d"]]}),
        ("DLQ-103 moves", {"moves": [[[1, 0]], [[1, 0], [0, 1]]]}),
        ("DLQ-103 plan_sequence", {"periods": 2.5}),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(code, changed):
    """No solver's traceback; a reward of plus infinity is not taken for a closed treatment."""
    with pytest.raises(InputError, match=code):
        plan_sequence(**{**SOUND, **changed})


def test_an_infinite_capacity_is_no_limit():
    """As if it had been left out, and worth nothing."""
    free = plan_sequence(**{**SOUND, "needs": {}, "capacities": {}})
    vast = plan_sequence(**{**SOUND, "capacities": {"calls": np.inf}})

    assert vast.value == pytest.approx(free.value)
    assert vast.prices["calls"].tolist() == [0.0, 0.0]
