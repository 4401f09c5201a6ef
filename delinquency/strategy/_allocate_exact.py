"""Small allocations by branch and bound (HiGHS), and what an impossible one lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, hstack

from delinquency.strategy._allocate_problem import Task

__all__ = ["exact", "shortfalls"]


def exact(task: Task, *, seconds: float = 10.0) -> tuple[np.ndarray | None, float]:
    """Return the best choice of treatments and a bound that none can beat; None when there is none.

    The accounts are handed over in the order of their fingerprints, so that ties between equally
    good answers do not depend on the order of the table.
    """
    order = np.argsort(task.prints, kind="stable")
    rows, columns = np.nonzero(task.values[order] > -np.inf)
    worth = task.values[order][rows, columns]
    tight = 0.0
    for _ in range(3):
        answer = milp(
            -worth / task.scale,
            constraints=_constraints(task, order, rows, columns, tight),
            integrality=np.ones(len(rows), dtype=np.int64),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0.0, "time_limit": seconds},
        )
        if answer.x is None:
            return None, np.inf
        treatment = np.zeros(task.n, dtype=np.int64)
        chosen = answer.x > 0.5
        treatment[order[rows[chosen]]] = columns[chosen]
        used = task.rows.sign * task.used(treatment)
        if (used <= task.rows.signed + 1e-12 * np.maximum(1.0, task.rows.bound)).all():
            bound = np.inf if tight else -float(answer.mip_dual_bound or np.inf) * task.scale
            return treatment, bound
        tight += 2e-6  # HiGHS keeps a row to within 1e-6
    return None, np.inf


def _constraints(
    task: Task, order: np.ndarray, rows: np.ndarray, columns: np.ndarray, tight: float
) -> list[Any]:
    place = np.arange(len(rows))
    one = coo_array((np.ones(len(rows)), (rows, place)), (task.n, len(rows)))
    each = LinearConstraint(one, 1.0, 1.0)
    needs, signed = _limits(task, order, rows, columns)
    found = [each, _at_most(needs, signed - tight)]
    if task.person is not None and task.contact is not None:
        asked = task.contact[columns]
        who = task.person[order[rows[asked]]]
        shape = (int(task.person.max()) + 1, len(rows))
        found.append(
            LinearConstraint(coo_array((np.ones(len(who)), (who, place[asked])), shape), -np.inf, 1)
        )
    return found


def _at_most(matrix: Any, most: Any) -> LinearConstraint:
    return LinearConstraint(matrix, -np.inf, most)


def _bounds(most: Any) -> Bounds:
    return Bounds(0, most)


def _limits(
    task: Task, order: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[coo_array, np.ndarray]:
    """Return the limits in units of each bound, over the open pairs of account and treatment."""
    size = np.maximum(np.abs(task.rows.bound), 1e-9)
    needs = [task.need(row, order[rows], columns) / size[row] for row in range(len(task.rows))]
    return coo_array(np.array(needs).reshape(len(size), len(rows))), task.rows.signed / size


def shortfalls(task: Task) -> np.ndarray:
    """Return by how much each row must be broken at least, summed in shares of its bound."""
    order = np.arange(task.n)
    rows, columns = np.nonzero(task.values > -np.inf)
    count, width = len(task.rows), len(rows)
    each, limits, *person = _constraints(task, order, rows, columns, 0.0)
    gives = coo_array((-np.ones(count), (np.arange(count), np.arange(count))), (count, count))
    blank = coo_array((task.n, count))
    constraints = [
        LinearConstraint(hstack([each.A, blank]), 1.0, 1.0),
        _at_most(hstack([limits.A, gives]), limits.ub),
    ]
    for rule in person:
        more = coo_array((rule.A.shape[0], count))
        constraints.append(LinearConstraint(hstack([rule.A, more]), -np.inf, 1.0))
    answer = milp(
        np.append(np.zeros(width), np.ones(count)),
        constraints=constraints,
        integrality=np.repeat(np.array([1, 0]), [width, count]),
        bounds=_bounds(np.append(np.ones(width), np.full(count, np.inf))),
        options={"time_limit": 10.0},
    )
    if answer.x is None:
        return np.zeros(count)
    return answer.x[width:] * np.maximum(np.abs(task.rows.bound), 1e-9)
