"""Which account gets which treatment when there is not enough of everything."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from delinquency.errors import GateError, InputError, Problem
from delinquency.strategy._allocate_dual import Bundle, Pricer, find_prices, lowest
from delinquency.strategy._allocate_exact import exact, shortfalls
from delinquency.strategy._allocate_problem import Task, admit_task
from delinquency.strategy._allocate_repair import blend, fill, margin, repair

__all__ = ["Allocation", "allocate"]

SMALL = 4000  # pairs of account and treatment up to which branch and bound closes the gap
SAMPLE = 16384  # accounts on which the search for prices begins


@dataclass(frozen=True)
class Allocation:
    """Treatments that keep every limit, what the limits are worth, and how good the answer is.

    Attributes
    ----------
    treatment : ndarray (n,)
        Column of `values` chosen for each account.
    value : float
        What the choice brings, the sum of the chosen values.
    prices : dict
        What one more unit of each capacity would bring, in the unit of the values; 0 where it is slack.
        A minimum that binds has a negative price: what one unit less of it would bring.
    gap : float
        ``(bound - value) / |bound|``: no allocation can bring more than this share above the value.
    used : dict
        What the choice uses of each capacity.
    bound : float
        The certificate: the dual value, never below the best allocation.
    capacities, minimum : dict
        The limits that were kept.
    fallen : ndarray of int
        Accounts whose every treatment was blocked, and that got the fallback.

    Examples
    --------
    >>> result = allocate([[0, 9], [0, 4]], {"hours": [0, 2]}, {"hours": 3})
    >>> result.treatment
    array([1, 0])
    """

    treatment: np.ndarray
    value: float
    prices: dict[Hashable, float]
    gap: float
    used: dict[Hashable, float]
    bound: float
    capacities: dict[Hashable, float] = field(repr=False, default_factory=dict)
    minimum: dict[Hashable, float] = field(repr=False, default_factory=dict)
    fallen: np.ndarray = field(repr=False, default_factory=lambda: np.empty(0, dtype="int64"))

    def explain(self) -> str:
        """Return the prices in words, the dearest first.

        Examples
        --------
        >>> result = allocate(
        ...     [[0.0, 9.0], [0.0, 4.0], [0.0, 3.0]],
        ...     {"hours": [0, 1], "letters": [0, 1]},
        ...     {"hours": 1, "letters": 8},
        ... )
        >>> print(result.explain())
        hours: one more is worth 4; all 1 are used.
        letters: one more is worth nothing; 1 of 8 are used.
        """
        names = sorted(self.prices, key=lambda name: (-abs(self.prices[name]), str(name)))
        return "\n".join(self._line(name) for name in names)

    def _line(self, name: Hashable) -> str:
        price, used = self.prices[name], self.used[name]
        label = " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)
        if price < 0:
            asked = _number(self.minimum[name])
            return f"{label}: one fewer required would bring {_number(-price)}; {asked} are asked."
        worth = _number(price) if price else "nothing"
        limit = self.capacities.get(name, math.inf)
        if limit == math.inf:
            how = f"{_number(used)} are used, without a limit"
        elif price and used >= limit * (1 - 1e-9):
            how = f"all {_number(limit)} are used"
        else:
            how = f"{_number(used)} of {_number(limit)} are used"
        return f"{label}: one more is worth {worth}; {how}."


def _number(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 100 or x == round(x) else f"{x:,.3g}"


def allocate(
    values: Any,
    needs: Mapping[Any, Any],
    capacities: Mapping[Any, Any],
    *,
    minimum: Mapping[Any, Any] | None = None,
    groups: Mapping[Any, Any] | None = None,
    persons: Any = None,
    contacts: Sequence[int] | None = None,
    fallback: int | None = None,
    tolerance: float = 1e-4,
    n_jobs: int | None = None,
) -> Allocation:
    """Choose one treatment an account so that the sum of values is greatest and every limit holds.

    The prices of the capacities are found first (the dual, by cutting planes); each account then takes
    what is best at the prices, and what does not fit is moved where it costs least. The prices prove
    how far from the best the answer can be at most. Small tables are solved to the end by branch
    and bound. The order of the accounts makes no difference.

    Parameters
    ----------
    values : array-like of shape (n, a)
        What each treatment brings for each account; -inf or NaN where it is blocked. By custom
        column 0 is no action.
    needs : mapping of name to array-like of shape (a,) or (n, a)
        What each treatment uses of each capacity, 0 or more.
    capacities : mapping of name to float
        The most that may be used. With `groups`, the key is ``(name, group)``.
    minimum : mapping, optional
        The least that must be used: a minimum share for an agency, coverage, an exploration floor.
        Ones in `needs` count accounts.
    groups : mapping of name to array-like of shape (n,), optional
        Parts a capacity by the group of the account, such as visits by region; a group without a
        limit is free.
    persons : array-like of shape (n,), optional
        Whose account it is; then at most one account of a person gets a contact.
    contacts : sequence of int, optional
        The columns that contact a person; all but column 0 by default.
    fallback : int, optional
        The treatment, worth 0, of accounts whose every treatment is blocked.
    tolerance : float
        A gap that is good enough.
    n_jobs : int, optional
        Threads; as many as there are cores by default. The result does not depend on it.

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        ``DLQ-103``, ``DLQ-105``, ``DLQ-106`` tables that cannot be used; ``DLQ-160`` no such fallback;
        ``DLQ-161`` accounts with everything blocked; ``DLQ-162`` a limit without needs; ``DLQ-163`` an
        amount below 0; ``DLQ-164``, ``DLQ-166`` limits that cannot hold, and by how much; ``DLQ-165``
        persons with several accounts that all must be contacted.
    GateError
        ``DLQ-320`` limits that fractions of accounts could keep, but no choice was found that does.

    Examples
    --------
    Ten hours, and three ways to spend them:

    >>> values = [[0, 30, 50], [0, 20, 60], [0, 5, 100]]
    >>> result = allocate(values, {"agent_hours": [0, 2, 5]}, {"agent_hours": 10})
    >>> result.treatment, result.value, result.used
    (array([0, 2, 2]), 160.0, {'agent_hours': 10.0})
    >>> result.prices["agent_hours"] > 0, result.gap
    (True, 0.0)

    The second treatment is blocked for the first account, and somebody must get it:

    >>> values = [[0, float("-inf")], [0, -1.0]]
    >>> allocate(values, {"visits": [0, 1]}, {}, minimum={"visits": 1}).treatment
    array([0, 1])
    >>> allocate(values, {"visits": [0, 1]}, {}, minimum={"visits": 2})
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-166 minimum: "visits" can reach 1 of 2, 1 short. fix: ...
    """
    asked = (minimum, groups, persons, contacts, fallback)
    task = admit_task(values, needs, capacities, *asked)
    threads = (os.cpu_count() or 1) if n_jobs is None else max(1, n_jobs)
    _refuse_alone(task)
    treatment, bundle = _solve(task, threads, tolerance)
    return _as_allocation(task, treatment, bundle, capacities, minimum or {}, needs, groups or {})


def _solve(task: Task, threads: int, tolerance: float) -> tuple[np.ndarray, Bundle]:
    pricer = Pricer(task, threads)
    bundle = _prices(pricer, threads)
    small = task.n * task.a <= SMALL
    treatment = _whole(pricer, bundle, 0.0 if small else tolerance)
    if small and (treatment is None or _gap(task, treatment, bundle.bound) > 1e-12):
        found, bound = exact(task)
        if found is None and treatment is None:
            raise InputError(*_lacking(task, shortfalls(task)))
        if found is not None and (treatment is None or _sum(task, found) >= _sum(task, treatment)):
            treatment = found
        if treatment is not None:
            bundle = replace(bundle, bound=min(bundle.bound, max(bound, _sum(task, treatment))))
    elif treatment is not None and _gap(task, treatment, bundle.bound) > tolerance:
        treatment = _polished(pricer, bundle, treatment)
    return (_second_try(task, threads, bundle) if treatment is None else treatment), bundle


def _polished(pricer: Pricer, bundle: Bundle, treatment: np.ndarray) -> np.ndarray:
    """Return the choice after branch and bound over the accounts that are nearest to a change."""
    task = pricer.task
    if task.person is not None:
        return treatment
    left = task.values - pricer.cost(bundle.prices, slice(None))
    regret = left[np.arange(task.n), treatment][:, None] - left
    nearest = np.partition(regret, 1, axis=1)[:, 1] if task.a > 1 else regret[:, 0]
    order = np.lexsort((task.prints, np.abs(nearest)))[: SMALL // 10]
    few, now = task.take(order, 1.0), treatment[order]
    rest = task.rows.bound - task.used(treatment) + few.used(now)
    near = regret[order] <= np.partition(regret[order].ravel(), SMALL // 4)[SMALL // 4]
    near[np.arange(len(order)), now] = True
    worth = np.where(near, few.values, -np.inf)
    found, _ = exact(replace(few, values=worth, rows=replace(few.rows, bound=rest)), seconds=2.0)
    if found is None or _sum(few, found) <= _sum(few, now):
        return treatment
    result = treatment.copy()
    result[order] = found
    used = task.rows.sign * task.used(result)
    return result if (used <= task.rows.signed + margin(task)).all() else treatment


def _second_try(task: Task, threads: int, bundle: Bundle) -> np.ndarray:
    """Return a choice found with a little room kept back, or say what cannot hold."""
    _refuse_together(task, threads)
    for share in (1e-5, 1e-4, 1e-3, 1e-2):
        pricer = Pricer(task.tightened(share * task.rows.bound), threads)
        treatment = _whole(pricer, _prices(pricer, threads), np.inf)
        if treatment is not None:
            fill(Pricer(task, threads), bundle.prices, treatment)
            return treatment
    what = "no choice of whole accounts was found that keeps every limit"
    raise GateError(Problem("DLQ-320", what, "capacities", fix="leave room in the minima"))


def _whole(pricer: Pricer, bundle: Bundle, tolerance: float) -> np.ndarray | None:
    """Return the better of two ways from prices to a choice that keeps every limit."""
    best = None
    for start in (blend(pricer, bundle), None):
        treatment = pricer(bundle.prices)[2].astype("int64") if start is None else start
        if not repair(pricer, bundle.prices, treatment):
            continue
        enough = bundle.bound * (1 - math.copysign(1, bundle.bound) * tolerance / 3)
        if _sum(pricer.task, treatment) < enough:
            fill(pricer, bundle.prices, treatment)
        if best is None or _sum(pricer.task, treatment) > _sum(pricer.task, best):
            best = treatment
        if _gap(pricer.task, best, bundle.bound) <= tolerance / 2:
            break
    return best


def _prices(pricer: Pricer, threads: int) -> Bundle:
    """Return the prices: first on a sample, then on everybody from there on."""
    task = pricer.task
    start, trust = np.zeros(len(task.rows)), 1.0
    if not len(task.rows):
        return Bundle(start, pricer(start)[0])
    unit, most = _units(task)
    if task.n > 4 * SAMPLE and task.person is None:
        chosen = np.flatnonzero(task.prints % np.uint64(task.n // SAMPLE) == 0)
        few = Pricer(task.take(chosen, len(chosen) / task.n), threads) if len(chosen) else pricer
        start = find_prices(few, start, unit, most, trust=1.0, tolerance=1e-5).prices
        trust = 0.02
    bundle = find_prices(pricer, start, unit, most, trust=trust, tolerance=3e-6)
    return _lowered(pricer, bundle, unit)


def _lowered(pricer: Pricer, bundle: Bundle, unit: np.ndarray) -> Bundle:
    """Return the bundle at the lowest prices that prove as much; a slack capacity is then free."""
    goal = bundle.bound + 1e-9 * abs(bundle.bound)
    for _ in range(8 if pricer.task.n * pricer.task.a <= SMALL else 2):
        prices = lowest(bundle, unit)
        if (prices == bundle.prices).all():
            break
        bundle.add(prices, pricer(prices))
        if bundle.bounds[-1] <= goal:
            bundle.prices, bundle.bound = prices, min(bundle.bound, bundle.bounds[-1])
    return bundle


def _units(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return a usual price of each row, and one that no row needs."""
    unit = np.empty(len(task.rows))
    most = np.empty(len(task.rows))
    for row, number in enumerate(task.rows.resource):
        need = task.resources[number].need
        some = need[need > 0]
        unit[row] = 2 * task.scale / (some.min() + some.max() if len(some) else 2.0)
        most[row] = 1e3 * task.scale / (some.min() if len(some) else 1.0)
    return unit, most


def _sum(task: Task, treatment: np.ndarray) -> float:
    return math.fsum(task.values[np.arange(task.n), treatment])


def _gap(task: Task, treatment: np.ndarray, bound: float) -> float:
    missing = max(bound - _sum(task, treatment), 0.0)
    return missing / abs(bound) if bound else missing


def _reach(task: Task, row: int) -> float:
    """Return the least signed use of a row when it alone is looked at."""
    total = 0.0
    for at in range(0, task.n, 65536):
        part = np.arange(at, min(at + 65536, task.n))
        needs = np.where(task.values[part] > -np.inf, task.needs(row, part), np.inf)
        total += needs.min(axis=1).sum()
    return float(total)


def _refuse_alone(task: Task) -> None:
    """Refuse limits that cannot hold even when each is looked at alone."""
    over = np.zeros(len(task.rows))
    idle = (task.values > -np.inf).all(axis=0) if len(over) else np.empty(0)
    for row, number in enumerate(task.rows.resource):
        need = task.resources[number].need
        free = any((need[..., b] == 0).all() for b in np.flatnonzero(idle))
        if task.rows.sign[row] < 0 or not free:
            over[row] = _reach(task, row) - task.rows.signed[row]
    over[over <= 1e-9 * np.maximum(1.0, task.rows.bound)] = 0.0
    if over.any():
        raise InputError(*_lacking(task, over))


def _refuse_together(task: Task, threads: int) -> None:
    """Refuse limits that cannot hold together: the search for prices with all values at 0."""
    nothing = replace(task, values=np.where(task.values > -np.inf, 0.0, -np.inf))
    pricer = Pricer(nothing, threads)
    unit = 1.0 / np.maximum(task.rows.bound, pricer.widest)
    bundle = find_prices(pricer, np.zeros(len(unit)), unit, unit, trust=1.0, tolerance=1e-9)
    if bundle.bound < -1e-7:
        over = -(bundle.weights @ np.array(bundle.slopes[: len(bundle.weights)]))
        raise InputError(*_lacking(task, np.where(over * unit > 1e-7, over, 0.0)))


def _lacking(task: Task, over: np.ndarray) -> list[Problem]:
    """Return one problem for each row that must be broken, and by how much."""
    problems = []
    for row in np.flatnonzero(over > 0):
        resource = task.resources[task.rows.resource[row]]
        name, bound = resource.keys[task.rows.group[row]], task.rows.bound[row]
        by, together = _number(over[row]), "" if np.count_nonzero(over) == 1 else " with the others"
        if task.rows.sign[row] < 0:
            what = (
                f'"{name}" can reach {_number(bound - over[row])} of {_number(bound)}, {by} short'
            )
            fix = f"lower the minimum by {by}, or open more treatments{together}"
            problems.append(Problem("DLQ-166", what, "minimum", fix=fix))
        else:
            what = f'"{name}" must use {_number(bound + over[row])} of {_number(bound)}, {by} over'
            fix = f"add {by}, or open a treatment that needs none"
            problems.append(Problem("DLQ-166", what, "capacities", fix=fix))
    return problems or [Problem("DLQ-166", "the limits cannot hold together", "capacities")]


def _as_allocation(
    task: Task,
    treatment: np.ndarray,
    bundle: Bundle,
    capacities: Mapping[Any, Any],
    minimum: Mapping[Any, Any],
    needs: Mapping[Any, Any],
    groups: Mapping[Any, Any],
) -> Allocation:
    asked = dict.fromkeys([*capacities, *minimum])
    prices, used = dict.fromkeys(asked, 0.0), dict.fromkeys(asked, 0.0)
    for number, resource in enumerate(task.resources):
        net = Pricer(task, 1).net(bundle.prices, number)
        for group, key in enumerate(resource.keys):
            prices[key] = float(net[group])
            used[key] = float(resource.used(treatment)[group])
    return Allocation(
        treatment,
        _sum(task, treatment),
        prices,
        _gap(task, treatment, bundle.bound),
        used,
        bundle.bound,
        {key: float(amount) for key, amount in capacities.items()},
        {key: float(amount) for key, amount in minimum.items()},
        np.empty(0, dtype="int64") if task.fallen is None else np.flatnonzero(task.fallen),
    )
