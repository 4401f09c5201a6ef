"""What each treatment is worth for each account: what it brings, less what it costs everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["rates_response", "treatment_values"]


def treatment_values(
    recoveries: Any,
    *,
    cost: Mapping[str, float] | None = None,
    complaints: Any = None,
    conduct_price: float = 0.0,
    relationship: Any = 0.0,
    allowed: Any = None,
    future: Any = 0.0,
    prices: Mapping[Any, float] | None = None,
    needs: Mapping[Any, Any] | None = None,
) -> pd.DataFrame:
    """Return ``V = recoveries - cost - conduct price x P(complaint) - relationship cost``.

    What a treatment leaves for later periods, and what it takes from capacities at given prices, are
    added where a plan over periods has found them: see `plan_sequence`.

    Parameters
    ----------
    recoveries : DataFrame (n, a)
        Discounted recoveries expected, one column a treatment; or what each adds to no action.
    cost : mapping of treatment to float, optional
        Cost of one treatment; 0 for those left out.
    complaints : mapping or array (n, a), optional
        Chance of a complaint.
    conduct_price : float
        What a complaint is held to cost; a decision of the house, 0 or more.
    relationship : array (n, a) or float
        What the treatment costs in future business.
    allowed : array of bool (n, a), optional
        What the gates let through; the rest is -inf, which `allocate` never chooses.
    future : array (n, a) or float
        What is worth having after the treatment: ``plan_sequence(...).future[state]`` of each
        account's state.
    prices : mapping of capacity to float, optional
        What one unit of each is worth, such as ``plan_sequence(...).first_prices()``; charged for
        what a treatment uses, so that each account can choose by itself. Do not charge what `allocate` is
        to keep within its limit as well: it finds that price.
    needs : mapping of capacity to array (a,) or (n, a), optional
        What each treatment uses of the priced capacities.

    Raises
    ------
    InputError
        ``DLQ-167`` costs or complaints of treatments that there are not, or shapes that differ;
        ``DLQ-162`` a price without needs.

    Examples
    --------
    >>> recoveries = pd.DataFrame({"no_action": [10.0], "agent_call": [18.0]})
    >>> treatment_values(
    ...     recoveries,
    ...     cost={"agent_call": 5.0},
    ...     complaints={"agent_call": 0.01},
    ...     conduct_price=100.0,
    ... )
       no_action  agent_call
    0       10.0        12.0
    """
    table = schema.to_frame(recoveries, "recoveries")
    names = [str(name) for name in table.columns]
    problems: list[Problem] = []
    worth = table.to_numpy("float64").copy()
    worth -= _by_treatment(cost or {}, names, "cost", problems)
    if complaints is not None:
        chance = _by_treatment(complaints, names, "complaints", problems)
        worth = worth - conduct_price * chance
    parts = {"relationship": relationship, "allowed": True if allowed is None else allowed}
    parts |= {"future": future}
    for where, part in parts.items():
        if np.shape(part) not in {(), worth.shape}:
            problems.append(Problem("DLQ-167", f"expected shape {worth.shape}", where))
    if conduct_price < 0:
        problems.append(Problem("DLQ-167", "a complaint cannot bring money", "conduct_price"))
    charged = _charged(prices or {}, needs or {}, worth.shape, problems)
    if problems:
        raise InputError(*problems)
    worth = worth - np.asarray(relationship) + np.asarray(future) - charged
    worth = np.where(np.asarray(parts["allowed"]), worth, -np.inf)
    return pd.DataFrame(worth, index=table.index, columns=table.columns)


def _charged(
    prices: Mapping[Any, float],
    needs: Mapping[Any, Any],
    shape: tuple[int, ...],
    problems: list[Problem],
) -> np.ndarray:
    """Return what each treatment's use of capacities costs at their prices."""
    total = np.zeros(shape)
    for name, price in prices.items():
        if name not in needs:
            hint = did_you_mean(str(name), map(str, needs)) or "add its needs"
            problems.append(Problem("DLQ-162", f'"{name}" has no needs', "prices", fix=hint))
            continue
        need = np.asarray(needs[name], dtype="float64")
        if need.shape not in {shape, shape[1:]}:
            what = f"expected shape {shape[1:]} or {shape}"
            problems.append(Problem("DLQ-167", what, f"needs[{name!r}]"))
            continue
        total += float(price) * need
    return total


def _by_treatment(given: Any, names: list[str], where: str, problems: list[Problem]) -> np.ndarray:
    if not isinstance(given, Mapping):
        part = np.asarray(given, dtype="float64")
        if part.ndim != 2 or part.shape[1] != len(names):
            what = f"expected one column for each of {len(names)} treatments"
            problems.append(Problem("DLQ-167", what, where))
            return np.zeros(len(names))
        return part
    for name in given:
        if name not in names:
            hint = did_you_mean(str(name), names)
            problems.append(Problem("DLQ-167", f'no treatment "{name}"', where, fix=hint))
    return np.array([float(given.get(name, 0.0)) for name in names])


def rates_response(
    accounts: Any, rates: Any, *, by: Sequence[str] = ("stage", "band"), amount: str = "balance"
) -> pd.DataFrame:
    """Return expected recoveries from a table of rates: the way without experiments.

    Parameters
    ----------
    accounts : table
        With the columns `by` and the amount that the rates are shares of.
    rates : table
        One row a cell (the columns `by`), one further column a treatment.

    Returns
    -------
    DataFrame
        One column a treatment, rows as in accounts; missing where the rate is missing, which
        `allocate` takes for blocked.

    Raises
    ------
    InputError
        ``DLQ-102`` missing columns, ``DLQ-101`` a cell twice, ``DLQ-168`` accounts in cells without rates.

    Examples
    --------
    >>> rates = pd.DataFrame({"stage": ["1-29"], "no_action": [0.5], "agent_call": [0.6]})
    >>> accounts = pd.DataFrame({"stage": ["1-29"], "balance": [200.0]})
    >>> rates_response(accounts, rates, by=["stage"])
       no_action  agent_call
    0      100.0       120.0
    """
    table, cells = schema.to_frame(accounts, "accounts"), schema.to_frame(rates, "rates")
    problems = [
        Problem("DLQ-102", f'column "{name}" is missing', where, 1, "add it or rename")
        for where, frame, needed in (("accounts", table, [*by, amount]), ("rates", cells, by))
        for name in needed
        if name not in frame
    ]
    if problems:
        raise InputError(*problems)
    keys = pd.MultiIndex.from_frame(cells[list(by)].astype(str))
    twice = int(keys.duplicated().sum())
    if twice:
        raise InputError(Problem("DLQ-101", f"{twice:,} cells stand twice", "rates", twice))
    place = keys.get_indexer(pd.MultiIndex.from_frame(table[list(by)].astype(str)))
    lacking = int((place < 0).sum())
    if lacking:
        what = f"{lacking:,} of {len(table):,} accounts are in cells without rates"
        fix = "add a row for each cell; what is not known can be left missing"
        raise InputError(Problem("DLQ-168", what, "rates", lacking, fix))
    treatments = [name for name in cells.columns if name not in by]
    share = cells[treatments].to_numpy("float64", na_value=np.nan)[place]
    owed = table[amount].to_numpy("float64")[:, None]
    return pd.DataFrame(share * owed, index=table.index, columns=treatments)
