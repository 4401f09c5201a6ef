"""Which account gets which treatment when there is not enough of everything."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import did_you_mean
from delinquency.strategy._allocate_admit import admit_task
from delinquency.strategy._allocate_dual import Bundle, Pricer
from delinquency.strategy._allocate_limits import amount, refuse_alone
from delinquency.strategy._allocate_problem import Task
from delinquency.strategy._allocate_solve import brought, gap_of, solve

__all__ = ["Allocation", "allocate"]

_LOG = logging.getLogger("delinquency")


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
    notes : tuple of str
        Limits on groups in which no account stands: right where a small group is empty today, a slip
        where its name was misspelt. `explain` says them last.

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
    notes: tuple[str, ...] = field(repr=False, default=())

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
        return "\n".join([*map(self._line, names), *self.notes])

    def _line(self, name: Hashable) -> str:
        price, used, label = self.prices[name], self.used[name], _label(name)
        if price < 0:
            asked = amount(self.minimum[name])
            return f"{label}: one fewer required would bring {amount(-price)}; {asked} are asked."
        worth = amount(price) if price else "nothing"
        limit = self.capacities.get(name, math.inf)
        if limit == math.inf:
            how = f"{amount(used)} are used, without a limit"
        elif price and used >= limit * (1 - 1e-9):
            how = f"all {amount(limit)} are used"
        else:
            how = f"{amount(used)} of {amount(limit)} are used"
        return f"{label}: one more is worth {worth}; {how}."


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
        limit is free, and a limit on a group that no account is in is noted in the result.
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
        ``DLQ-103``, ``DLQ-105``, ``DLQ-106`` tables that cannot be used; ``DLQ-160`` no such fallback
        or contact; ``DLQ-161`` accounts with everything blocked; ``DLQ-162`` a limit without needs;
        ``DLQ-163`` an amount below 0, or a minimum without end; ``DLQ-164``, ``DLQ-166`` limits that
        cannot hold, and by how much; ``DLQ-165`` persons with several accounts that all must be
        contacted.
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
    refuse_alone(task)
    treatment, bundle = solve(task, threads, tolerance)
    return _as_allocation(task, treatment, bundle, capacities, minimum or {}, needs, groups or {})


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
        brought(task, treatment),
        prices,
        gap_of(task, treatment, bundle.bound),
        used,
        bundle.bound,
        {key: float(amount) for key, amount in capacities.items()},
        {key: float(amount) for key, amount in minimum.items()},
        np.empty(0, dtype="int64") if task.fallen is None else np.flatnonzero(task.fallen),
        tuple(_empty_groups(task, groups)),
    )


def _label(name: Hashable) -> str:
    return " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _empty_groups(task: Task, groups: Mapping[Any, Any]) -> Iterator[str]:
    """Say which limits are on groups that no account is in.

    It is no mistake that a small region is empty tonight; where accounts without a limit stand in a group
    of nearly that name it most likely is one, and that is logged too.
    """
    for resource in task.resources:
        if resource.codes is None:
            continue
        seen = np.bincount(resource.codes[resource.codes >= 0], minlength=len(resource.keys))
        empty = [key for key, count in zip(resource.keys, seen, strict=True) if not count]
        if not empty:
            continue
        free = pd.unique(np.asarray(groups[resource.name]).ravel()[resource.codes < 0])
        for key in empty:
            group = str(key[1]) if isinstance(key, tuple) else str(key)
            hint = did_you_mean(group, map(str, free) if len(free) < 10_000 else [])
            said = f'No account is in "{_label(key)}"' + (f"; {hint}" if hint else ".")
            if hint:
                _LOG.warning("allocate: %s", said)
            yield said
