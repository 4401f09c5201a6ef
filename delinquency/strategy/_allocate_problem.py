"""One allocation, laid out for the loops.

A *resource* is one way of counting what treatments use: agent hours, visits, or simply accounts. It may be
split into groups (visits by region). A *row* is one limit on one group of one resource: at most its
bound (sign +1) or at least its bound (sign -1).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from delinquency.strategy._allocate_kernels import fingerprints, whole_use

__all__ = ["Resource", "Rows", "Task"]


@dataclass(frozen=True)
class Resource:
    """What each treatment of each account uses of one thing.

    `need` is ``(a,)``, the same for all accounts, or ``(n, a)``; `codes` are the groups of the accounts,
    -1 for none that is limited.
    """

    name: Hashable
    need: np.ndarray
    codes: np.ndarray | None
    keys: tuple[Hashable, ...]

    def take(self, rows: np.ndarray) -> Resource:
        """Return the resource of some accounts."""
        need = self.need if self.need.ndim == 1 else self.need[rows]
        return replace(self, need=need, codes=None if self.codes is None else self.codes[rows])

    def at(self, rows: np.ndarray | slice, columns: np.ndarray) -> np.ndarray:
        """Return what these accounts use with these treatments."""
        if self.need.ndim == 1:
            return self.need[columns]
        if isinstance(rows, slice):
            return self.need[rows][np.arange(len(columns)), columns]
        return self.need[rows, columns]

    @cached_property
    def widest(self) -> float:
        """The largest need, or 1."""
        return float(self.need.max(initial=0.0)) or 1.0

    def used(
        self, treatment: np.ndarray, part: slice = slice(None), grid: float = 0.0
    ) -> np.ndarray:
        """Return what a choice for some accounts uses by group, in whole grids if there is one."""
        if grid and self.codes is None and self.need.ndim == 2:
            return np.array([whole_use(self.need[part], treatment, grid * self.widest)])
        each = self.at(part, treatment)
        if grid:
            each = np.rint(each / (grid * self.widest))
        if self.codes is None:
            return np.array([each.sum()])
        codes = self.codes[part]
        return np.bincount(codes[codes >= 0], each[codes >= 0], len(self.keys))


@dataclass(frozen=True)
class Rows:
    """The limits: resource and group of each, +1 for at most and -1 for at least, and the bound."""

    resource: np.ndarray
    group: np.ndarray
    sign: np.ndarray
    bound: np.ndarray

    def __len__(self) -> int:
        return len(self.bound)

    @property
    def signed(self) -> np.ndarray:
        """Bounds of the rows written as ``sign * use <= sign * bound``."""
        return self.sign * self.bound


@dataclass(frozen=True)
class Task:
    """One allocation: values with -inf for blocked, resources, rows, and who belongs to whom.

    `person` is None, or the person's number of each account; `contact` marks the treatments of which a
    person gets one at most.
    """

    values: np.ndarray
    resources: tuple[Resource, ...]
    rows: Rows
    person: np.ndarray | None = None
    contact: np.ndarray | None = None
    fallen: np.ndarray | None = field(default=None, compare=False)

    @property
    def n(self) -> int:
        """Number of accounts."""
        return self.values.shape[0]

    @property
    def a(self) -> int:
        """Number of treatments."""
        return self.values.shape[1]

    @cached_property
    def prints(self) -> np.ndarray:
        """A number for each account made of what is known about it, never of where it stands."""
        prints = fingerprints(self.values, np.zeros(self.n, dtype=np.uint64))
        for resource in self.resources:
            if resource.need.ndim == 2:
                prints = fingerprints(resource.need, prints)
            if resource.codes is not None:
                prints = fingerprints(resource.codes[:, None].astype("float64"), prints)
        return prints

    @cached_property
    def scale(self) -> float:
        """The span of what an account may bring: the unit of money of this task."""
        ends = [float(np.max(np.abs(v[np.isfinite(v)]), initial=0.0)) for v in self.blocks()]
        return max(ends) or 1.0

    def blocks(self, size: int = 65536) -> list[np.ndarray]:
        """Return the values in blocks that fit a cache."""
        return [self.values[at : at + size] for at in range(0, self.n, size)]

    def used(
        self, treatment: np.ndarray, part: slice = slice(None), grid: float = 0.0
    ) -> np.ndarray:
        """Return what a choice uses of each row's resource, shape ``(rows,)``.

        With a grid it is counted in whole grids of the largest need: such sums do not depend on the
        order of the accounts.
        """
        by_group = [resource.used(treatment, part, grid) for resource in self.resources]
        pairs = zip(self.rows.resource, self.rows.group, strict=True)
        return np.array([by_group[f][g] for f, g in pairs], dtype="float64")

    def need(self, row: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the signed need of these accounts under one row."""
        resource = self.resources[self.rows.resource[row]]
        each = self.rows.sign[row] * resource.at(rows, columns)
        if resource.codes is not None:
            each = each * (resource.codes[rows] == self.rows.group[row])
        return each

    def needs(self, row: int, rows: np.ndarray) -> np.ndarray:
        """Return the signed needs of these accounts under one row, shape ``(len(rows), a)``."""
        resource = self.resources[self.rows.resource[row]]
        need = resource.need if resource.need.ndim == 1 else resource.need[rows]
        each = np.broadcast_to(self.rows.sign[row] * need, (len(rows), self.a))
        if resource.codes is not None:
            each = each * (resource.codes[rows] == self.rows.group[row])[:, None]
        return each

    def take(self, rows: np.ndarray, share: float) -> Task:
        """Return the task of some accounts with that share of every bound."""
        return Task(
            self.values[rows],
            tuple(resource.take(rows) for resource in self.resources),
            replace(self.rows, bound=self.rows.bound * share),
            None if self.person is None else pd.factorize(self.person[rows])[0],
            self.contact,
        )

    def tightened(self, by: np.ndarray) -> Task:
        """Return the task with less room in each row."""
        return replace(self, rows=replace(self.rows, bound=self.rows.bound - self.rows.sign * by))
