"""From prices to a choice that keeps every limit: blend, repair, fill."""

from __future__ import annotations

import numpy as np

from delinquency.strategy._allocate_dual import BLOCK, Bundle, Pricer
from delinquency.strategy._allocate_kernels import apply_moves, best_moves
from delinquency.strategy._allocate_problem import Task

__all__ = ["blend", "fill", "margin", "repair"]


def margin(task: Task) -> np.ndarray:
    """Return how far rounding may carry a sum over its bound: 1e-12 of it."""
    return 1e-12 * np.maximum(1.0, np.abs(task.rows.bound))


def blend(pricer: Pricer, bundle: Bundle) -> np.ndarray:
    """Return the choices of the last cuts, mixed in their weights.

    Where accounts are alike the best choice at any prices is all or nothing; the mixture is the
    fractional optimum, and only accounts on which the cuts disagree are split.
    """
    task, live = pricer.task, np.flatnonzero(bundle.weights > 1e-9)
    choices = [bundle.choices[cut] for cut in live]
    if task.person is not None or len(choices) < 2:
        return pricer(bundle.prices)[2].astype("int64")
    treatment = choices[0].astype("int64")
    pattern = np.zeros(task.n, dtype=np.int64)
    for choice in choices:
        pattern = pattern * task.a + choice if len(choices) * np.log2(task.a + 1) < 62 else pattern
    split = np.flatnonzero(np.any([choice != choices[0] for choice in choices], axis=0))
    order = split[np.lexsort((task.prints[split], pattern[split]))]
    start = np.flatnonzero(np.diff(pattern[order], prepend=-1))
    size = np.diff(np.append(start, len(order)))
    place = (np.arange(len(order)) - np.repeat(start, size) + 0.5) / np.repeat(size, size)
    turn = np.searchsorted(np.cumsum(bundle.weights[live]), place).clip(0, len(live) - 1)
    for nth, choice in enumerate(choices):
        treatment[order[turn == nth]] = choice[order[turn == nth]]
    return treatment


class _Moves:
    """Moves of accounts: what they cost at the prices and what they use."""

    def __init__(self, pricer: Pricer, prices: np.ndarray, treatment: np.ndarray) -> None:
        self.pricer, self.task, self.prices = pricer, pricer.task, prices
        self.treatment = treatment
        task = self.task
        self.contact = np.zeros(task.a, dtype=bool) if task.contact is None else task.contact
        self.person = np.zeros(task.n, dtype=np.int64) if task.person is None else task.person
        self.busy = np.zeros(int(self.person.max()) + 1, dtype=bool)
        self.busy[self.person[self.contact[treatment]]] = True

    def open(self, rows: np.ndarray) -> np.ndarray:
        """Return which treatments an account may move to without asking its person twice."""
        if self.task.person is None:
            return np.ones((len(rows), self.task.a), dtype=bool)
        mine = self.contact[self.treatment[rows]]
        return mine[:, None] | ~self.busy[self.person[rows]][:, None] | ~self.contact

    def delta(self, rows: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return what each move adds to each row, shape ``(moves, rows)``."""
        task, now = self.task, self.treatment[rows]
        columns = [
            task.need(k, rows, target) - task.need(k, rows, now) for k in range(len(task.rows))
        ]
        return np.column_stack(columns)

    def apply(
        self, rows: np.ndarray, target: np.ndarray, order: np.ndarray, room: np.ndarray, row: int
    ) -> int:
        """Make the moves that fit, in order, until the row holds."""
        delta = self.delta(rows, target)
        state = (self.person, self.busy, self.contact, self.treatment)
        return apply_moves(order, rows, target, delta, room, row, *state)


def repair(pricer: Pricer, prices: np.ndarray, treatment: np.ndarray) -> bool:
    """Move accounts, the cheapest at the prices first, until no row is broken; say whether done."""
    task = pricer.task
    moves = _Moves(pricer, prices, treatment)
    allowance = margin(task)
    for _ in range(8 * len(task.rows) + 8):
        room = task.rows.signed - task.rows.sign * task.used(treatment) + allowance
        if (room >= 0).all():
            return True
        size = np.maximum(np.abs(task.rows.bound), pricer.widest)
        made = 0
        for row in np.argsort(room / size)[: int((room < 0).sum())]:
            made += _relieve(moves, int(row), room)
        if not made:
            return False
    return False


def _relieve(moves: _Moves, row: int, room: np.ndarray) -> int:
    """Free what one row is over its bound."""
    found = [
        _candidates(moves, row, np.arange(at, min(at + BLOCK, moves.task.n)))
        for at in range(0, moves.task.n, BLOCK)
    ]
    rows, target, ratio = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((moves.task.prints[rows], ratio))
    return moves.apply(rows, target, order, room, row)


def _candidates(
    moves: _Moves, row: int, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    task, part = moves.task, slice(rows[0], rows[-1] + 1)
    now = moves.treatment[part]
    needs = task.needs(row, rows)
    relief = needs[np.arange(len(rows)), now][:, None] - needs
    left = task.values[part] - moves.pricer.cost(moves.prices, part)
    target, ratio = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    best_moves(left, now, relief, moves.open(rows), target, ratio)
    some = target >= 0
    return rows[some], target[some], ratio[some]


def fill(pricer: Pricer, prices: np.ndarray, treatment: np.ndarray, passes: int = 6) -> None:
    """Use the room that is left: moves that bring more, the best at the prices first."""
    task = pricer.task
    moves = _Moves(pricer, prices, treatment)
    for _ in range(passes):
        room = task.rows.signed - task.rows.sign * task.used(treatment) + margin(task)
        found = [
            _better(moves, room, np.arange(at, min(at + BLOCK, task.n)))
            for at in range(0, task.n, BLOCK)
        ]
        rows, target, worth = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((task.prints[rows], -worth))
        if not moves.apply(rows, target, order, room, -1):
            return


def _better(
    moves: _Moves, room: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each account the move that brings most beyond prices among those that fit."""
    task, part = moves.task, slice(rows[0], rows[-1] + 1)
    now, each = moves.treatment[part], np.arange(len(rows))
    values = task.values[part]
    more = values - values[each, now][:, None] > 1e-12 * task.scale
    some = np.flatnonzero((more & moves.open(rows)).any(axis=1))
    rows, now, values, more = rows[some], now[some], values[some], more[some]
    more &= moves.open(rows)
    for k in range(len(room)):
        needs = task.needs(k, rows)
        extra = needs - needs[np.arange(len(rows)), now][:, None]
        more &= (extra <= 0) | (extra <= room[k])
    cost = moves.pricer.cost(moves.prices, part)
    left = values - (cost if cost.shape[0] == 1 else cost[some])
    gain = np.where(more, left - left[np.arange(len(rows)), now][:, None], -np.inf)
    target = gain.argmax(axis=1)
    fits = more.any(axis=1)
    return rows[fits], target[fits], gain[np.arange(len(rows)), target][fits]
