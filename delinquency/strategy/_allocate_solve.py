"""From prices to a choice of whole accounts: find them, choose at them, repair, and close the gap."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from delinquency.errors import GateError, InputError, Problem
from delinquency.strategy._allocate_dual import Bundle, Pricer, find_prices, lowest
from delinquency.strategy._allocate_exact import exact, shortfalls
from delinquency.strategy._allocate_limits import lacking, refuse_together
from delinquency.strategy._allocate_problem import Task
from delinquency.strategy._allocate_repair import blend, fill, margin, repair

__all__ = ["brought", "gap_of", "solve"]

SMALL = 4000  # pairs of account and treatment up to which branch and bound closes the gap
SAMPLE = 16384  # accounts on which the search for prices begins


def solve(task: Task, threads: int, tolerance: float) -> tuple[np.ndarray, Bundle]:
    """Return the choice and the bundle of cuts whose bound certifies it."""
    pricer = Pricer(task, threads)
    bundle = _prices(pricer, threads)
    small = task.n * task.a <= SMALL
    treatment = _whole(pricer, bundle, 0.0 if small else tolerance)
    if small and (treatment is None or gap_of(task, treatment, bundle.bound) > 1e-12):
        found, bound = exact(task)
        if found is None and treatment is None:
            raise InputError(*lacking(task, shortfalls(task)))
        if found is not None and (
            treatment is None or brought(task, found) >= brought(task, treatment)
        ):
            treatment = found
        if treatment is not None:
            bundle = replace(bundle, bound=min(bundle.bound, max(bound, brought(task, treatment))))
    elif treatment is not None and gap_of(task, treatment, bundle.bound) > tolerance:
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
    if found is None or brought(few, found) <= brought(few, now):
        return treatment
    result = treatment.copy()
    result[order] = found
    used = task.rows.sign * task.used(result)
    return result if (used <= task.rows.signed + margin(task)).all() else treatment


def _second_try(task: Task, threads: int, bundle: Bundle) -> np.ndarray:
    """Return a choice found with a little room kept back, or say what cannot hold."""
    refuse_together(task, threads)
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
        if brought(pricer.task, treatment) < enough:
            fill(pricer, bundle.prices, treatment)
        if best is None or brought(pricer.task, treatment) > brought(pricer.task, best):
            best = treatment
        if gap_of(pricer.task, best, bundle.bound) <= tolerance / 2:
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


def brought(task: Task, treatment: np.ndarray) -> float:
    """Return what a choice brings; the exact sum, whatever the order of the accounts."""
    return math.fsum(task.values[np.arange(task.n), treatment])


def gap_of(task: Task, treatment: np.ndarray, bound: float) -> float:
    """Return the share of the bound that a choice may lack at most."""
    missing = max(bound - brought(task, treatment), 0.0)
    return missing / abs(bound) if bound else missing
