"""What may be asked of an allocation: everything that was handed over is checked once, at the door."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.strategy._allocate_problem import Resource, Rows, Task

__all__ = ["admit_task"]


def admit_task(
    values: Any,
    needs: Mapping[Any, Any],
    capacities: Mapping[Any, Any],
    minimum: Mapping[Any, Any] | None,
    groups: Mapping[Any, Any] | None,
    persons: Any,
    contacts: Sequence[int] | None,
    fallback: int | None,
) -> Task:
    """Check everything that was handed over, all problems together, and lay it out."""
    problems: list[Problem] = []
    worth = _values(values, problems)
    if problems:
        raise InputError(*problems)
    worth, fallen = _with_fallback(worth, fallback, problems)
    limits = _limits(capacities, minimum or {}, needs, groups or {}, problems)
    resources = _resources(worth, needs, groups or {}, limits, problems)
    person, contact = _persons(worth, persons, contacts, problems)
    if problems:
        raise InputError(*problems)
    return Task(worth, resources, _rows(resources, limits), person, contact, fallen)


def _values(values: Any, problems: list[Problem]) -> np.ndarray:
    try:
        worth = np.ascontiguousarray(values, dtype="float64")
    except (TypeError, ValueError):
        worth = np.empty(0)
    if worth.ndim != 2 or 0 in worth.shape:
        what = "expected numbers of shape (accounts, treatments), with at least one of each"
        problems.append(Problem("DLQ-103", what, "values", fix="one row an account"))
        return worth
    low, high, unknown = worth.min(), worth.max(), False
    if np.isnan(low):
        unknown = True
        low, high = np.nanmin(worth, initial=0.0), np.nanmax(worth, initial=0.0)
    if high == np.inf:
        count = int((worth == np.inf).sum())
        fix = "a treatment that must happen is the only one left open: block the others"
        problems.append(Problem("DLQ-105", "values are infinite", "values", count, fix))
    if unknown:
        worth = np.where(np.isnan(worth), -np.inf, worth)
    return worth


def _with_fallback(
    worth: np.ndarray, fallback: int | None, problems: list[Problem]
) -> tuple[np.ndarray, np.ndarray | None]:
    closed = worth.max(axis=1) == -np.inf
    count = int(closed.sum())
    if fallback is not None and not _is_column(fallback, worth.shape[1]):
        what = f"treatment {fallback!r} does not exist; there are {worth.shape[1]}"
        problems.append(Problem("DLQ-160", what, "fallback", fix="number treatments from 0"))
    elif count and fallback is None:
        rows = ", ".join(f"{row:,}" for row in np.flatnonzero(closed)[:5])
        what = f"every treatment is blocked in {count:,} of {len(worth):,} rows, first at {rows}"
        fix = "leave no_action open, or name the treatment that such accounts get: fallback=0"
        problems.append(Problem("DLQ-161", what, "values", count, fix))
    elif count:
        worth = worth.copy()
        worth[closed, fallback] = 0.0
        return worth, closed
    return worth, None


Limits = dict[Hashable, list[tuple[Hashable, int, float]]]


def _limits(
    capacities: Mapping[Any, Any],
    minimum: Mapping[Any, Any],
    needs: Mapping[Any, Any],
    groups: Mapping[Any, Any],
    problems: list[Problem],
) -> Limits:
    """Return ``(key, sign, bound)`` of each limit by the resource that it limits."""
    limits: Limits = {}
    for where, sign, amounts in (("capacities", 1, capacities), ("minimum", -1, minimum)):
        for key, amount in amounts.items():
            name = _resource_of(key, needs, groups)
            if name is None:
                hint = did_you_mean(str(key), map(str, needs)) or "add its needs"
                problems.append(Problem("DLQ-162", f'"{key}" has no needs', where, fix=hint))
            elif not _is_amount(amount):
                what = f'"{key}": expected an amount of 0 or more'
                problems.append(Problem("DLQ-163", what, where, fix="leave it out if unlimited"))
            elif sign < 0 and not np.isfinite(amount):
                what = f'"{key}": a minimum without end can never be reached'
                problems.append(Problem("DLQ-163", what, where, fix="write how much is needed"))
            elif np.isfinite(amount):
                limits.setdefault(name, []).append((key, sign, float(amount)))
    for key in set(capacities) & set(minimum):
        if _is_amount(minimum[key]) and _is_amount(capacities[key]):
            short = float(minimum[key]) - float(capacities[key])
            if short > 0:
                what = f'"{key}": the minimum is {short:,.6g} above the capacity'
                problems.append(Problem("DLQ-164", what, "minimum", fix="lower it or add capacity"))
    return limits


def _is_column(number: Any, count: int) -> bool:
    whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    return bool(whole and 0 <= number < count)


def _is_amount(amount: Any) -> bool:
    try:
        return float(amount) >= 0
    except (TypeError, ValueError):
        return False


def _resource_of(key: Any, needs: Mapping[Any, Any], groups: Mapping[Any, Any]) -> Any:
    if key in needs and key not in groups:
        return key
    split = isinstance(key, tuple) and len(key) == 2 and key[0] in needs and key[0] in groups
    return key[0] if split else None


def _resources(
    worth: np.ndarray,
    needs: Mapping[Any, Any],
    groups: Mapping[Any, Any],
    limits: Limits,
    problems: list[Problem],
) -> tuple[Resource, ...]:
    resources = []
    for name, limit in limits.items():
        need = _need(worth, needs[name], f"needs[{name!r}]", problems)
        keys = tuple(dict.fromkeys(key for key, _, _ in limit))
        codes = None
        if name in groups:
            codes = _codes(groups[name], keys, len(worth), f"groups[{name!r}]", problems)
        resources.append(Resource(name, need, codes, keys))
    return tuple(resources)


def _need(worth: np.ndarray, need: Any, where: str, problems: list[Problem]) -> np.ndarray:
    try:
        each = np.ascontiguousarray(need, dtype="float64")
    except (TypeError, ValueError):
        each = np.empty(0)
    if each.shape not in {(worth.shape[1],), worth.shape}:
        shape = f"({worth.shape[1]},) or {worth.shape}"
        problems.append(Problem("DLQ-103", f"expected numbers of shape {shape}", where))
        return np.zeros(worth.shape[1])
    if np.isfinite(each.sum()) and each.min() >= 0:
        return each
    blocked = worth == -np.inf if each.ndim == 2 else (worth == -np.inf).all(axis=0)
    wrong = (~np.isfinite(each) | (each < 0)) & ~blocked
    if wrong.any():
        what = f"{int(wrong.sum()):,} needs of open treatments are missing, infinite or negative"
        fix = "an amount of 0 or more for each"
        problems.append(Problem("DLQ-106", what, where, int(wrong.sum()), fix))
    return np.where(blocked, 0.0, each)


def _codes(
    groups: Any, keys: tuple[Any, ...], n: int, where: str, problems: list[Problem]
) -> np.ndarray:
    given = np.asarray(groups)
    labels = pd.Index(given.ravel())
    if given.shape != (n,):
        problems.append(Problem("DLQ-103", f"expected {n:,} groups", where))
        return np.zeros(n, dtype="int64")
    return pd.Index([key[1] for key in keys]).get_indexer(labels).astype("int64")


def _persons(
    worth: np.ndarray, persons: Any, contacts: Sequence[int] | None, problems: list[Problem]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if persons is None:
        return None, None
    codes, _ = pd.factorize(pd.Series(np.asarray(persons).ravel()), use_na_sentinel=True)
    if len(codes) != len(worth) or (codes < 0).any():
        what = "expected the person of each account, none missing"
        problems.append(Problem("DLQ-103", what, "persons", fix="pass one id an account"))
        return None, None
    columns = list(range(1, worth.shape[1])) if contacts is None else list(contacts)
    odd = sum(not _is_column(column, worth.shape[1]) for column in columns)
    if odd:
        what, fix = f"{odd:,} of the contacts are no treatment", "number treatments from 0"
        problems.append(Problem("DLQ-160", what, "contacts", odd, fix))
        return None, None
    contact = np.zeros(worth.shape[1], dtype=bool)
    contact[columns] = True
    no_other = worth[:, ~contact].max(axis=1, initial=-np.inf) == -np.inf
    no_other &= np.bincount(codes)[codes] > 1
    if no_other.any():
        count = int(no_other.sum())
        what = f"{count:,} accounts of persons with several have no treatment but contacts"
        fix = "leave no_action open: one contact a person may go to another account"
        problems.append(Problem("DLQ-165", what, "values", count, fix))
    return codes.astype("int64"), contact


def _rows(resources: tuple[Resource, ...], limits: Limits) -> Rows:
    found = [
        (number, resource.keys.index(key) if resource.codes is not None else 0, sign, bound)
        for number, resource in enumerate(resources)
        for key, sign, bound in limits[resource.name]
    ]
    table = np.array(found, dtype="float64").reshape(-1, 4)
    whole = table[:, :3].astype("int64")
    return Rows(whole[:, 0], whole[:, 1], whole[:, 2], table[:, 3])
