"""Limits that cannot hold: which ones, alone or together, and by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from delinquency.errors import InputError, Problem
from delinquency.strategy._allocate_dual import Pricer, find_prices
from delinquency.strategy._allocate_problem import Task

__all__ = ["amount", "lacking", "refuse_alone", "refuse_together"]


def amount(x: float) -> str:
    """Return a number as a person writes it."""
    return f"{x:,.0f}" if abs(x) >= 99.95 or x == round(x) else f"{x:,.3g}"


def _reach(task: Task, row: int) -> float:
    """Return the least signed use of a row when it alone is looked at."""
    total = 0.0
    for at in range(0, task.n, 65536):
        part = np.arange(at, min(at + 65536, task.n))
        needs = np.where(task.values[part] > -np.inf, task.needs(row, part), np.inf)
        total += needs.min(axis=1).sum()
    return float(total)


def refuse_alone(task: Task) -> None:
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
        raise InputError(*lacking(task, over))


def refuse_together(task: Task, threads: int) -> None:
    """Refuse limits that cannot hold together: the search for prices with all values at 0."""
    nothing = replace(task, values=np.where(task.values > -np.inf, 0.0, -np.inf))
    pricer = Pricer(nothing, threads)
    unit = 1.0 / np.maximum(task.rows.bound, pricer.widest)
    bundle = find_prices(pricer, np.zeros(len(unit)), unit, unit, trust=1.0, tolerance=1e-9)
    if bundle.bound < -1e-7:
        over = -(bundle.weights @ np.array(bundle.slopes[: len(bundle.weights)]))
        raise InputError(*lacking(task, np.where(over * unit > 1e-7, over, 0.0)))


def lacking(task: Task, over: np.ndarray) -> list[Problem]:
    """Return one problem for each row that must be broken, and by how much."""
    problems = []
    for row in np.flatnonzero(over > 0):
        resource = task.resources[task.rows.resource[row]]
        name, bound = resource.keys[task.rows.group[row]], task.rows.bound[row]
        by, together = amount(over[row]), "" if np.count_nonzero(over) == 1 else " with the others"
        if task.rows.sign[row] < 0:
            what = f'"{name}" can reach {amount(bound - over[row])} of {amount(bound)}, {by} short'
            fix = f"lower the minimum by {by}, or open more treatments{together}"
            problems.append(Problem("DLQ-166", what, "minimum", fix=fix))
        else:
            what = f'"{name}" must use {amount(bound + over[row])} of {amount(bound)}, {by} over'
            fix = f"add {by}, or open a treatment that needs none"
            problems.append(Problem("DLQ-166", what, "capacities", fix=fix))
    return problems or [Problem("DLQ-166", "the limits cannot hold together", "capacities")]
