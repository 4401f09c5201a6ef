"""What the loops read: rows sorted by account and month, and the cuts that each snapshot makes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from delinquency.features._feature import Feature

__all__ = ["Block", "Cuts", "Keys", "Memory", "Rows", "Turns", "fresh"]

Memory = Callable[[int, int], np.ndarray]  # given columns and rows, where to write so many


def fresh(columns: int, rows: int) -> np.ndarray:
    """Return new memory for the values of so many columns and rows."""
    return np.empty((columns, rows))


class Rows(NamedTuple):
    """Columns of the months table; one that no chosen feature reads is empty."""

    month: np.ndarray  # int64, year * 12 + month - 1
    since: np.ndarray  # int16, number of the first snapshot that knows the row
    days: np.ndarray
    due: np.ndarray
    paid: np.ndarray
    balance: np.ndarray
    limit: np.ndarray
    status: np.ndarray  # int8, place in STATUSES, -1 for missing
    opened: np.ndarray  # float64, a month number, NaN for missing
    written_off: np.ndarray
    recovered: np.ndarray


class Turns:
    """Pieces of memory taken in turn: asking the system for it costs more than the features."""

    def __init__(self, pieces: int) -> None:
        self._pieces = deque([np.empty(0)] * pieces)

    def __call__(self, columns: int, rows: int) -> np.ndarray:
        needed = columns * rows
        self._pieces.rotate()
        if len(self._pieces[0]) < needed:
            self._pieces[0] = np.empty(needed + needed // 8)  # batches differ a little in size
        return self._pieces[0][:needed].reshape(columns, rows)


class Keys(NamedTuple):
    """Where accounts begin, and the month of each row."""

    month: np.ndarray  # int64, year * 12 + month - 1
    starts: np.ndarray  # first row of each account, and the number of rows at the end


class Cuts(NamedTuple):
    """What one account shows to one snapshot: rows ``begin <= i < end`` that are known by then.

    The first and the last of these rows are known, so there is always one.
    """

    accounts: np.ndarray
    views: np.ndarray  # number of the snapshot
    begins: np.ndarray
    ends: np.ndarray
    nows: np.ndarray  # snapshot month, year * 12 + month - 1


@dataclass(frozen=True)
class Block:
    """Features that one loop writes, in the order of its slots.

    ``loop(cuts, rows, windows, out, at)`` writes the features of each cut into its row of `out` from
    column `at` on: the windowed ones window by window, then those told once.
    """

    loop: Callable[[Cuts, Rows, np.ndarray, np.ndarray, int], Any]
    windowed: tuple[Feature, ...]
    once: tuple[Feature, ...]

    def entries(self, windows: tuple[int, ...]) -> tuple[Feature, ...]:
        """Return the entries in the order of their columns."""
        return (*(f.over(months) for months in windows for f in self.windowed), *self.once)

    def width(self, windows: tuple[int, ...]) -> int:
        """Return how many columns the loop writes; asked once a chunk, so without making the entries."""
        return len(windows) * len(self.windowed) + len(self.once)
