"""The best possible in the simulator: prices on the capacities, and a bound that nobody beats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from delinquency.datasets._simulator_accounts import Department
from delinquency.datasets._simulator_dp import best_plans
from delinquency.datasets._simulator_world import TREATMENTS
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["Oracle", "find_best"]


@dataclass(frozen=True)
class Oracle:
    """The best possible: nobody who keeps to the capacities brings more in the mean.

    Attributes
    ----------
    value : float
        Bound on the expected value of any policy, from now to the horizon, under the capacities.
    prices : DataFrame
        What one more unit of each capacity would bring: one row a month, one column a capacity.
    plan : ndarray (n, months, stages, fatigue levels)
        The best treatment, by number.
    """

    value: float
    prices: pd.DataFrame = field(repr=False)
    plan: np.ndarray = field(repr=False)

    def policy(self, known: pd.DataFrame) -> np.ndarray:
        """Return the best treatment; hand it to `CollectionsSimulator.run`."""
        stage, fatigue = known["stage_number"].to_numpy(), known["fatigue"].to_numpy()
        number = self.plan[known.index.to_numpy(), known["month"].to_numpy(), stage, fatigue]
        return np.array(TREATMENTS, dtype=object)[number]


def find_best(
    department: Department, n_months: int, capacities: Mapping[str, float] | None
) -> Oracle:
    """Return the best possible under the capacities; the prices are sought on a sample of accounts."""
    limits = department.capacities if capacities is None else capacities
    _refuse_unknown(limits, department)
    most = np.array([limits.get(name, np.inf) for name in department.needs], dtype="float64")
    n = len(department.balance)
    rows = np.arange(min(n, 2000))
    price = _find_prices(department, n_months, rows, most * len(rows) / n)
    value, _, plan = _plans(department, np.arange(n), price)
    value += _room(department, price, most)
    table = pd.DataFrame(price.T, columns=list(department.needs))
    return Oracle(value, table.rename_axis("month"), plan)


def _refuse_unknown(limits: Mapping[str, float], department: Department) -> None:
    for name, amount in limits.items():
        if name not in department.needs or not amount >= 0:
            fix = did_you_mean(str(name), department.needs)
            fix = fix or "one of " + ", ".join(department.needs)
            what = "a capacity is unknown, or its amount is below 0"
            raise InputError(Problem("DLQ-195", what, "capacities", fix=fix))


def _room(department: Department, price: np.ndarray, most: np.ndarray) -> float:
    """Return what the capacities are worth at the prices, discounted month by month."""
    each = np.where(price > 0, price, 0.0) * np.where(np.isfinite(most), most, 0.0)[:, None]
    return float((each * department.world.discount ** np.arange(price.shape[1])).sum())


def _find_prices(
    department: Department, n_months: int, rows: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Lower the bound by subgradients; any prices prove a bound, these a good one."""
    unit = float(np.mean(department.balance)) * department.world.instalment
    price = np.zeros((len(most), n_months))
    best, lowest = price, np.inf
    limited = np.isfinite(most)[:, None]
    there = np.where(limited, most[:, None], 0.0)
    for turn in range(80 if limited.any() else 0):
        value, used, _ = _plans(department, rows, price)
        value += _room(department, price, most)
        if value < lowest:
            best, lowest = price, value
        over = (used - there) / np.maximum(there, 1e-9)
        step = 0.6 * unit / (1 + turn / 6) * np.clip(over, -1, 2)
        price = np.where(limited, np.maximum(price + step, 0.0), 0.0)
    return best


def _plans(
    department: Department, rows: np.ndarray, price: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the value of the best plans at the prices, what they use, and the plans."""
    d, w = department, department.world
    numbers = (w.instalment, w.settlement, w.write_off, w.discount, w.wear, w.conduct_price)
    tables = np.array([w.fatigue, w.cost, w.complaint, *d.needs.values()], dtype="float64")
    plan = np.zeros((len(rows), price.shape[1], 6, 3), dtype=np.uint8)
    used = np.zeros(price.shape)
    solve: Any = best_plans
    value = solve(
        np.array(w.stage_log_odds),
        *(column[rows] for column in (d.push, d.effect, d.chance, d.cure, d.balance, d.first)),
        numbers,
        tables,
        np.array(w.opens),
        price,
        np.array(w.worth),
        plan,
        used,
    )
    return float(value), used, plan
