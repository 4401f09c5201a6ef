"""What to do now when what is done now changes what can be done later: a plan over periods."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from delinquency.errors import InputError, Problem

__all__ = ["SequencePlan", "plan_sequence"]


@dataclass(frozen=True)
class SequencePlan:
    """A plan for a book of accounts over several periods.

    Attributes
    ----------
    value : float
        Expected discounted value of the book.
    accounts : ndarray (periods, states, treatments)
        Expected number of accounts in each state that get each treatment.
    policy : ndarray (periods, states, treatments)
        The same as shares of the state; the best treatment where nobody is expected.
    prices : dict of capacity to ndarray (periods,)
        What one more unit in a period would bring, in money of the first; hand those of the first period
        to the choice among accounts.
    worth : ndarray (periods + 1, states)
        What one more account in a state is worth at the start of a period, in money of the first.
    future : ndarray (states, treatments)
        What is worth having after each treatment of the first period, in money of the first: rows of it,
        one an account, are the ``future`` of `treatment_values`. The allocation of the first period
        under its own capacities then asks the prices of the first period.
    """

    value: float
    accounts: np.ndarray = field(repr=False)
    policy: np.ndarray = field(repr=False)
    prices: dict[Hashable, np.ndarray]
    worth: np.ndarray = field(repr=False)
    future: np.ndarray = field(repr=False)

    def first_prices(self) -> dict[Hashable, float]:
        """Return what one more unit of each capacity would bring in the first period.

        Examples
        --------
        >>> plan = plan_sequence(
        ...     [[[1], [1]]], [[0, 3]], [5], {"calls": [0, 1]}, {"calls": [2, 9]}, periods=2
        ... )
        >>> plan.first_prices()
        {'calls': 3.0}
        """
        return {name: float(each[0]) for name, each in self.prices.items()}


def plan_sequence(
    moves: Any,
    rewards: Any,
    start: Any,
    needs: Mapping[Any, Any],
    capacities: Mapping[Any, Any],
    *,
    periods: int,
    discount: float = 1.0,
    final: Any = None,
) -> SequencePlan:
    """Plan treatments over stages of arrears (and whatever else a state holds) under capacities.

    A linear programme on occupancy: how many accounts are in each state and get each treatment in each
    period. Accounts are conserved, what they use fits the capacities of each period. Without
    limits that bind the answer is that of value iteration; with K that bind, at most K states a
    period are split between treatments. Altman, Constrained Markov Decision Processes (1999).

    Parameters
    ----------
    moves : array-like of shape (states, treatments, states)
        Chance of the next state; each row adds up to 1.
    rewards : array-like of shape (states, treatments)
        What a period brings; -inf or NaN where the treatment is not allowed.
    start : array-like of shape (states,)
        Accounts in each state now.
    needs : mapping of capacity to array-like of shape (treatments,) or (states, treatments)
    capacities : mapping of capacity to float or array-like of shape (periods,)
    periods : int
    discount : float
        Per period.
    final : array-like of shape (states,), optional
        What an account is worth at the end; 0 by default.

    Raises
    ------
    InputError
        ``DLQ-103`` shapes that do not fit or what is no number, ``DLQ-168`` chances that do not add up to
        1, ``DLQ-162`` a capacity without needs, ``DLQ-105`` amounts that are missing or infinite,
        ``DLQ-106`` needs below 0, ``DLQ-163`` capacities that are no amounts, ``DLQ-166`` capacities that
        cannot be kept. An infinite capacity is none.

    Examples
    --------
    Late accounts are cured by a call with chance 0.5, by themselves with 0.2; being cured is worth 10, and
    four of ten can be called in each of two periods:

    >>> moves = [[[1, 0], [1, 0]], [[0.2, 0.8], [0.5, 0.5]]]
    >>> rewards = [[0, 0], [0, -1]]
    >>> plan = plan_sequence(
    ...     moves, rewards, [0, 10], {"calls": [0, 1]}, {"calls": 4}, periods=2, final=[10, 0]
    ... )
    >>> plan.accounts[:, 1, 1].round(6)
    array([4., 4.])
    >>> plan.prices["calls"].round(6)
    array([1.4, 2. ])
    """
    given = _admit(moves, rewards, start, final, needs, capacities, periods, discount)
    chance, worth, first, last, need, most = given
    n_states, n_treatments = worth.shape
    size = n_states * n_treatments
    factor = discount ** np.arange(periods + 1)
    gain = (factor[:periods, None] * np.where(np.isfinite(worth), worth, 0.0).ravel()).ravel()
    into_last = chance.reshape(size, n_states) @ last * factor[periods]
    gain[-size:] += into_last
    flow = _conservation(chance, periods)
    use = (
        vstack([coo_array(np.kron(np.eye(periods), row.ravel())) for row in need.values()])
        if need
        else None
    )
    limits: Any = use
    open_to = np.tile(np.where(np.isfinite(worth).ravel(), np.inf, 0), periods)
    bounds: Any = np.column_stack([np.zeros(len(gain)), open_to])
    answer: Any = linprog(
        -gain,
        A_ub=limits,
        b_ub=np.concatenate(list(most.values())) if need else None,
        A_eq=flow,
        b_eq=np.append(first, np.zeros(n_states * (periods - 1))),
        bounds=bounds,
        method="highs",
    )
    if answer.x is None:
        fix = "allow a treatment that needs nothing in every state"
        raise InputError(Problem("DLQ-166", "the capacities cannot be kept", "capacities", fix=fix))
    accounts = answer.x.reshape(periods, n_states, n_treatments)
    duals = -answer.eqlin.marginals.reshape(periods, n_states)
    value = np.vstack([duals, factor[periods] * last])
    paid = -answer.ineqlin.marginals.reshape(len(need), periods) if need else np.empty((0, periods))
    prices = {name: np.maximum(paid[k], 0.0) for k, name in enumerate(need)}
    policy = _shares(accounts, chance, worth, value, factor, need, prices)
    return SequencePlan(float(-answer.fun), accounts, policy, prices, value, chance @ value[1])


def _conservation(chance: np.ndarray, periods: int) -> Any:
    """Return the rows that say: who is in a state was there at the start, or came from before."""
    n_states, n_treatments, _ = chance.shape
    leave = np.kron(np.eye(n_states), np.ones(n_treatments))
    come = -chance.reshape(n_states * n_treatments, n_states).T
    return coo_array(np.kron(np.eye(periods), leave) + np.kron(np.eye(periods, k=-1), come))


def _shares(
    accounts: np.ndarray,
    chance: np.ndarray,
    worth: np.ndarray,
    value: np.ndarray,
    factor: np.ndarray,
    need: dict[Hashable, np.ndarray],
    prices: dict[Hashable, np.ndarray],
) -> np.ndarray:
    policy = np.zeros_like(accounts)
    for t in range(len(accounts)):
        cost = sum((prices[name][t] * need[name] for name in need), np.zeros_like(worth))
        left = np.where(
            np.isfinite(worth), factor[t] * worth + chance @ value[t + 1] - cost, -np.inf
        )
        policy[t, np.arange(len(worth)), left.argmax(axis=1)] = 1.0
        there = accounts[t].sum(axis=1)
        some = there > 1e-9 * max(float(there.sum()), 1e-300)
        policy[t, some] = accounts[t, some] / there[some, None]
    return policy


def _admit(
    moves: Any,
    rewards: Any,
    start: Any,
    final: Any,
    needs: Mapping[Any, Any],
    capacities: Mapping[Any, Any],
    periods: int,
    discount: Any,
) -> tuple[Any, ...]:
    problems: list[Problem] = []
    worth = _numbers(rewards, "rewards", problems)
    chance, first = _numbers(moves, "moves", problems), _numbers(start, "start", problems)
    shape = worth.shape if worth.ndim == 2 else (0, 0)
    last = np.zeros(shape[0]) if final is None else _numbers(final, "final", problems)
    fits = chance.shape == (*shape, shape[0]) and first.shape == last.shape == shape[:1]
    whole = isinstance(periods, (int, np.integer)) and periods >= 1
    if problems or not fits or 0 in shape or not whole:
        what = "expected moves (s, a, s), rewards (s, a), start (s,) and at least one period"
        raise InputError(*(problems or [Problem("DLQ-103", what, "plan_sequence")]))
    if not np.allclose(chance.sum(axis=2), 1) or chance.min() < 0 or first.min() < 0:
        what = "chances do not add up to 1, or something is below 0"
        problems.append(Problem("DLQ-168", what, "moves", fix="one row a state and treatment"))
    closed = np.isnan(worth) | (worth == -np.inf)
    step = _numbers(discount, "discount", problems)
    for where, numbers in (
        ("start", first),
        ("final", last),
        ("rewards", np.where(closed, 0.0, worth)),
        ("discount", np.where(step < 0, np.nan, step)),
    ):
        if not np.isfinite(numbers).all():
            what = "amounts are missing, infinite or of the wrong sign"
            problems.append(Problem("DLQ-105", what, where, fix="-inf closes a treatment"))
    need, most = _limits(needs, capacities, shape, periods, float(first.sum()), problems)
    if problems:
        raise InputError(*problems)
    return chance, worth, first, last, need, most


def _numbers(values: Any, where: str, problems: list[Problem]) -> np.ndarray:
    try:
        return np.asarray(values, dtype="float64")
    except (TypeError, ValueError):
        fix = "pass numbers, all rows of one length"
        problems.append(Problem("DLQ-103", "expected numbers", where, fix=fix))
        return np.empty(0)


def _limits(
    needs: Mapping[Any, Any],
    capacities: Mapping[Any, Any],
    shape: tuple[int, ...],
    periods: int,
    total: float,
    problems: list[Problem],
) -> tuple[dict[Hashable, np.ndarray], dict[Hashable, np.ndarray]]:
    """Return what each treatment uses of each capacity that is limited, and the limits by period."""
    need, most = {}, {}
    for name, amount in capacities.items():
        if name not in needs:
            problems.append(
                Problem("DLQ-162", f'"{name}" has no needs', "capacities", fix="add its needs")
            )
            continue
        each = _numbers(needs[name], f"needs[{name!r}]", problems)
        limit = _numbers(amount, f"capacities[{name!r}]", problems)
        if each.shape not in {shape, shape[1:]} or limit.shape not in {(), (periods,)}:
            what = f"expected needs of shape {shape[1:]} or {shape}, and one amount or one a period"
            problems.append(Problem("DLQ-103", what, f"needs[{name!r}]"))
            continue
        if not (np.isfinite(each).all() and (each >= 0).all()):
            what, fix = "needs are missing, infinite or negative", "an amount of 0 or more for each"
            problems.append(Problem("DLQ-106", what, f"needs[{name!r}]", fix=fix))
        if not (limit >= 0).all():
            what, fix = f'"{name}": expected amounts of 0 or more', "leave it out if unlimited"
            problems.append(Problem("DLQ-163", what, "capacities", fix=fix))
        need[name] = np.broadcast_to(each, shape)
        # more than everybody together could use is as good as no limit
        limit = np.where(np.isinf(limit), 1 + total * each.max(), limit)
        most[name] = np.broadcast_to(limit, (periods,)).copy()
    return need, most
