"""A plan over periods: value iteration where nothing binds, prices where something does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import plan_sequence


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
