"""The prices: the dual of the allocation in as many dimensions as there are limits.

For prices l >= 0 of the signed rows R x <= b, ``D(l) = l'b + sum_i max_a (V_ia - l'R_ia)`` is never below
what any allocation can bring. D is convex and falls apart into accounts, so its minimum is found by
cutting planes: a small linear programme over what was seen so far proposes prices, one walk over the
accounts prices them. A region of trust around the best prices keeps the proposals sober. J. E. Kelley,
J. SIAM 8 (1960) 703-712; C. Lemarechal, Nonsmooth Optimization (1978).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linprog

from delinquency.strategy._allocate_kernels import add_priced, choose, choose_both, one_each
from delinquency.strategy._allocate_problem import Task

__all__ = ["Bundle", "Pricer", "find_prices", "lowest"]

BLOCK = 8192


class Pricer:
    """Prices a task: the best choice at given prices, and the bound that it proves."""

    def __init__(self, task: Task, threads: int) -> None:
        self.task, self.threads = task, threads
        # whole multiples of the grid add up exactly below 2**53, whatever their order
        self.fine = task.n * 2.0**-51
        self.grid = max(task.scale, 1e-300) * self.fine
        self.widest = np.array([task.resources[f].widest for f in task.rows.resource])
        if task.person is not None:
            self.winner = np.empty(int(task.person.max()) + 1, dtype=np.int64)

    def __call__(self, prices: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the bound at these prices, the slope there, and the choice behind it.

        The slope is the room that the choice leaves in each row, negative where the row is broken.
        """
        task = self.task
        # small numbers of treatments: many choices are kept, and a byte each is enough
        treatment = np.empty(task.n, dtype=np.uint8 if task.a < 256 else np.int64)
        # costs lift sums out of the grid's range at extreme prices: widen it as they rise
        grid = self.grid * (1 + float(prices @ self.widest) / task.scale)
        solve = self._alone if task.person is None else self._by_person
        total, used = solve(prices, grid, treatment)
        bound = float(prices @ task.rows.signed) + total * grid
        return bound, task.rows.signed - task.rows.sign * used, treatment

    def _alone(
        self, prices: np.ndarray, grid: float, treatment: np.ndarray
    ) -> tuple[float, np.ndarray]:
        def block(part: slice) -> tuple[float, np.ndarray]:
            mine = treatment[part]
            total = choose(self.task.values[part], self.cost(prices, part), grid, mine)
            return total, self.task.used(mine, part, self.fine)

        totals, used = zip(*self._map(block), strict=True)
        return float(sum(totals)), np.sum(used, axis=0) * self.fine * self.widest

    def _by_person(
        self, prices: np.ndarray, grid: float, treatment: np.ndarray
    ) -> tuple[float, np.ndarray]:
        task = self.task
        rest, gain = np.empty(task.n), np.empty(task.n)
        quiet, loud = np.empty(task.n, dtype=np.int64), np.empty(task.n, dtype=np.int64)

        def block(part: slice) -> float:
            cost, into = self.cost(prices, part), (rest[part], gain[part], quiet[part], loud[part])
            return choose_both(task.values[part], cost, task.contact, grid, *into)

        total = float(sum(self._map(block)))
        found = (gain, task.prints, grid, self.winner, quiet, loud, treatment)
        total += one_each(task.person, *found)
        return total, task.used(treatment, grid=self.fine) * self.fine * self.widest

    def _map(self, work: Callable[[slice], Any]) -> list[Any]:
        parts = [slice(at, at + BLOCK) for at in range(0, self.task.n, BLOCK)]
        if self.threads < 2 or len(parts) < 4:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, parts))

    def cost(self, prices: np.ndarray, part: slice) -> np.ndarray:
        """Return what each treatment costs at these prices: ``(1, a)`` or one row an account."""
        task = self.task
        common, each = np.zeros((1, task.a)), None
        for number, resource in enumerate(task.resources):
            net = self.net(prices, number)
            if not net.any():
                continue
            if resource.codes is None and resource.need.ndim == 1:
                common += net[0] * resource.need
                continue
            need = resource.need if resource.need.ndim == 1 else resource.need[part]
            if resource.codes is None and each is not None:
                add_priced(each, need, net[0])
                continue
            if resource.codes is None:
                more = net[0] * need
            else:
                # -1, no limited group, reads the zero that stands last
                more = np.append(net, 0.0)[resource.codes[part]][:, None] * need
            each = more if each is None else np.add(each, more, out=each)
        return common if each is None else each + common

    def net(self, prices: np.ndarray, number: int) -> np.ndarray:
        """Return the price of one resource by group: what its limits above and below add up to."""
        rows = self.task.rows
        mine = rows.resource == number
        weights = (rows.sign * prices)[mine]
        return np.bincount(rows.group[mine], weights, len(self.task.resources[number].keys))


@dataclass
class Bundle:
    """What the search has seen: prices, bounds, slopes; the best of them; weights of the last cuts."""

    prices: np.ndarray
    bound: float
    points: list[np.ndarray] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    slopes: list[np.ndarray] = field(default_factory=list)
    choices: list[np.ndarray] = field(default_factory=list)
    weights: np.ndarray = field(default_factory=lambda: np.empty(0))
    rounds: int = 0

    def add(self, point: np.ndarray, found: tuple[float, np.ndarray, np.ndarray]) -> None:
        """Keep one cut."""
        bound, slope, choice = found
        self.points.append(point)
        self.bounds.append(bound)
        self.slopes.append(slope)
        self.choices.append(choice)
        if bound < self.bound:
            self.prices, self.bound = point, bound


def find_prices(
    pricer: Pricer,
    start: np.ndarray,
    unit: np.ndarray,
    most: np.ndarray,
    *,
    trust: float,
    tolerance: float,
    rounds: int = 120,
) -> Bundle:
    """Return the prices with the lowest bound found, and the cuts on the way.

    Parameters
    ----------
    start, unit, most : ndarray (rows,)
        Where to begin, what a usual price is, and what no price may exceed.
    trust : float
        First radius of the region of trust, in usual prices.
    tolerance : float
        Stop when the cuts promise less than this share of the bound.
    """
    bundle = Bundle(start, np.inf)
    bundle.add(start, pricer(start))
    radius = trust * unit
    for _ in range(rounds):
        bundle.rounds += 1
        low, high = np.maximum(bundle.prices - radius, 0), np.minimum(bundle.prices + radius, most)
        point, promised, bundle.weights = _master(bundle, low, high, unit)
        held = ((point <= low) & (low > 0)) | ((point >= high) & (high < most))
        expected = bundle.bound - promised
        if expected <= tolerance * max(abs(bundle.bound), 1e-300):
            if not held.any():
                break
            radius = radius * 4
            continue
        before = bundle.bound
        bundle.add(point, pricer(point))
        gained = before - bundle.bounds[-1]
        if gained > 0.5 * expected:
            radius = np.where(held, radius * 2, radius)
        elif gained < 0.1 * expected:
            radius = radius * 0.6
    return bundle


def lowest(bundle: Bundle, unit: np.ndarray) -> np.ndarray:
    """Return the lowest prices that the cuts hold to be as good as the best.

    Where one unit more and one unit less are worth different things, every price between them is a
    dual optimum; the lowest is what one more is worth.
    """
    slopes, lift, steep = _cuts(bundle, unit)
    answer = linprog(
        np.ones(len(unit)),
        A_ub=slopes / steep,
        b_ub=(1e-12 * abs(bundle.bound) - lift) / steep,
        bounds=[*zip(-bundle.prices / unit, np.zeros(len(unit)), strict=True)],
        method="highs-ds",
    )
    if answer.x is None:
        return bundle.prices
    point = np.maximum(bundle.prices + answer.x * unit, 0.0)
    return np.where(point <= 1e-12 * unit, 0.0, point)


def _cuts(bundle: Bundle, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return slopes, heights above the best bound at the best prices, and the steepest slope.

    Prices are measured in usual prices, so that the solver sees numbers near 1.
    """
    slopes = np.array(bundle.slopes)
    ahead = np.array(bundle.points) - bundle.prices
    lift = np.array(bundle.bounds) - bundle.bound - np.einsum("ij,ij->i", slopes, ahead)
    return slopes * unit, lift, max(float(np.abs(slopes * unit).max()), 1e-300)


def _master(
    bundle: Bundle, low: np.ndarray, high: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the lowest point of the cuts inside the box, its height, and the weights of the cuts."""
    slopes, lift, steep = _cuts(bundle, unit)
    edges = zip((low - bundle.prices) / unit, (high - bundle.prices) / unit, strict=True)
    answer = linprog(
        np.append(np.zeros(len(unit)), 1.0),
        A_ub=np.column_stack([slopes / steep, -np.ones(len(lift))]),
        b_ub=-lift / steep,
        bounds=[*edges, (None, None)],
        method="highs-ds",
    )
    if answer.x is None:
        return bundle.prices, bundle.bound, np.eye(len(lift))[-1]
    point = np.clip(bundle.prices + answer.x[:-1] * unit, low, high)
    # a price that the programme puts on its edge is exactly there, not a rounding away
    for edge in (low, high):
        point = np.where(np.abs(point - edge) <= 1e-12 * unit, edge, point)
    weights = np.maximum(-answer.ineqlin.marginals, 0.0)
    height = bundle.bound + float(answer.x[-1]) * steep
    return point, height, weights / max(float(weights.sum()), 1e-300)
