"""The loops of the allocation: the best treatment at given prices, and moves that fit.

Sums are taken in whole multiples of a grid, so that neither threads nor the order of the accounts
change a bit. Where numba is switched off (``NUMBA_DISABLE_JIT=1``) the same loops run, only slower.
"""

from __future__ import annotations

import numpy as np

from delinquency.kernels import compiled

__all__ = [
    "add_priced",
    "apply_moves",
    "best_moves",
    "choose",
    "choose_both",
    "fingerprints",
    "one_each",
    "whole_use",
]


@compiled
def add_priced(total, need, price):
    """Add what needs cost at a price, in place: needs of each account are read once."""
    for i in range(need.shape[0]):
        for b in range(need.shape[1]):
            total[i, b] += price * need[i, b]


@compiled
def whole_use(need, treatment, unit):
    """Return the use of the chosen treatments in whole units; such sums hang on no order."""
    total = 0.0
    for i in range(need.shape[0]):
        total += np.rint(need[i, treatment[i]] / unit)
    return total


@compiled
def choose(values, cost, grid, treatment):
    """Write the best treatment of each account at these costs; return the sum of what is left.

    `cost` has one row, or one an account. The lowest number wins a tie.
    """
    total, wide = 0.0, cost.shape[0] > 1
    for i in range(values.shape[0]):
        best, at, j = -np.inf, 0, i if wide else 0
        for b in range(values.shape[1]):
            left = values[i, b] - cost[j, b]
            if left > best:
                best, at = left, b
        treatment[i] = at
        total += np.rint(best / grid)
    return total


@compiled
def choose_both(values, cost, contact, grid, rest, gain, quiet, loud):
    """Write the best treatment without and with contact, and what the contact adds."""
    total, wide = 0.0, cost.shape[0] > 1
    for i in range(values.shape[0]):
        without, among, j = -np.inf, -np.inf, i if wide else 0
        quiet[i] = loud[i] = -1
        for b in range(values.shape[1]):
            left = values[i, b] - cost[j, b]
            if contact[b]:
                if left > among:
                    among, loud[i] = left, b
            elif left > without:
                without, quiet[i] = left, b
        if quiet[i] < 0:  # nothing but contacts is open: the contact is no choice
            rest[i], gain[i] = among, np.inf
        else:
            rest[i], gain[i] = without, among - without
        total += np.rint(rest[i] / grid)
    return total


@compiled
def one_each(person, gain, prints, grid, winner, quiet, loud, treatment):
    """Write the treatments when each person's best contact alone happens; return what it adds."""
    winner[:] = -1
    for i in range(len(person)):
        if gain[i] <= 0:
            continue
        w = winner[person[i]]
        better = w < 0 or gain[i] > gain[w] or (gain[i] == gain[w] and prints[i] < prints[w])
        if better:
            winner[person[i]] = i
    total = 0.0
    for i in range(len(person)):
        treatment[i] = quiet[i]
        if winner[person[i]] == i:
            treatment[i] = loud[i]
            if gain[i] < np.inf:
                total += np.rint(gain[i] / grid)
    return total


@compiled
def fingerprints(numbers, prints):
    """Return `prints` mixed with the numbers of each row; equal rows keep equal prints."""
    mixed = prints.copy()
    word = np.empty(1, dtype=np.float64)
    for i in range(numbers.shape[0]):
        h = mixed[i]
        for b in range(numbers.shape[1]):
            word[0] = numbers[i, b] + 0.0  # one zero, not two
            h = (h ^ word.view(np.uint64)[0]) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(29)
        mixed[i] = h
    return mixed


@compiled
def best_moves(left, treatment, relief, allowed, target, ratio):
    """Write the cheapest move of each account that gives relief, and its cost per unit of relief.

    `left` is what each treatment leaves at the prices, `relief` how much a move to it frees in the
    row to be repaired, `allowed` which treatments a move may go to.
    """
    for i in range(left.shape[0]):
        target[i], ratio[i] = -1, np.inf
        now = left[i, treatment[i]]
        for b in range(left.shape[1]):
            if relief[i, b] > 0 and allowed[i, b] and left[i, b] > -np.inf:
                cost = (now - left[i, b]) / relief[i, b]
                if cost < ratio[i]:
                    target[i], ratio[i] = b, cost


@compiled
def apply_moves(order, account, target, delta, room, row, person, busy, contact, treatment):
    """Make the moves in turn, each if it fits, until the row to be repaired holds; return how many.

    `room` is what each row has left (negative where broken) and is updated. A move may use less of
    anything; it may use more only where there is room. `row` is the row to be repaired, -1 for
    moves that are made because they bring more.
    """
    made = 0
    for position in order:
        if row >= 0 and room[row] >= 0:
            break
        i, b = account[position], target[position]
        starts = contact[b] and not contact[treatment[i]]
        if starts and busy[person[i]]:
            continue
        fits = True
        for k in range(len(room)):
            if delta[position, k] > 0 and delta[position, k] > room[k]:
                fits = False
                break
        if not fits:
            continue
        for k in range(len(room)):
            room[k] -= delta[position, k]
        if starts:
            busy[person[i]] = True
        elif contact[treatment[i]] and not contact[b]:
            busy[person[i]] = False
        treatment[i] = b
        made += 1
    return made
