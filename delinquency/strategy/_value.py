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
    complaints : mapping or table (n, a), optional
        Chance of a complaint. A DataFrame, here and below, is read by the names of its columns, an
        array by their places.
    conduct_price : float
        What a complaint is held to cost; a decision of the house, 0 or more.
    relationship : table (n, a) or float
        What the treatment costs in future business.
    allowed : table of bool (n, a), optional
        What the gates let through; the rest is -inf, which `allocate` never chooses. Each entry says
        yes or no: what is missing or written as text is refused, never taken for a yes.
    future : table (n, a) or float
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
        ``DLQ-167`` costs or complaints of treatments that there are not, shapes or columns that differ,
        amounts that are no numbers, an `allowed` that is neither yes nor no; ``DLQ-162`` a price without
        needs.

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
    worth = _numbers(table, names, "recoveries", problems).copy()
    if problems:
        raise InputError(*problems)
    parts: dict[str, Any] = {
        "cost": cost or {},
        "complaints": {} if complaints is None else complaints,
        "conduct_price": conduct_price,
        "relationship": relationship,
        "future": future,
    }
    known = {
        where: _known(part, names, worth.shape, where, problems) for where, part in parts.items()
    }
    if np.min(known["conduct_price"]) < 0:
        problems.append(
            Problem(
                "DLQ-167", "a complaint cannot bring money", "conduct_price", fix="give 0 or more"
            )
        )
    charged = _charged(prices or {}, needs or {}, names, worth.shape, problems)
    open_to = np.array(True) if allowed is None else _yes(allowed, names, worth.shape, problems)
    if problems:
        raise InputError(*problems)
    worth += known["future"] - known["cost"] - known["relationship"] - charged
    worth -= known["conduct_price"] * known["complaints"]
    return pd.DataFrame(np.where(open_to, worth, -np.inf), index=table.index, columns=table.columns)


def _by_name(part: Any, names: list[str], where: str, problems: list[Problem]) -> Any:
    """Return a DataFrame's columns in the order of the treatments; anything else as it is."""
    if not isinstance(part, pd.DataFrame):
        return part
    part = part.set_axis([str(name) for name in part.columns], axis=1)
    if sorted(part.columns) != sorted(names):
        fix = "one column a treatment, by the names in recoveries"
        problems.append(Problem("DLQ-167", "the columns are not the treatments", where, fix=fix))
        return np.zeros((len(part), len(names)))
    return part[names]


def _numbers(part: Any, names: list[str], where: str, problems: list[Problem]) -> np.ndarray:
    """Return numbers by the names of the treatments, NaN for missing."""
    part = _by_name(part, names, where, problems)
    try:
        if isinstance(part, pd.DataFrame):
            return part.to_numpy("float64", na_value=np.nan)
        return np.asarray(part, dtype="float64")
    except (TypeError, ValueError):
        fix = "pass amounts as numbers"
        problems.append(Problem("DLQ-167", "something is no number", where, fix=fix))
        return np.zeros(())


def _known(
    part: Any, names: list[str], shape: tuple[int, ...], where: str, problems: list[Problem]
) -> np.ndarray:
    """Return numbers, none missing, of one for all or one an account and treatment."""
    if isinstance(part, Mapping):
        for name in part:
            if str(name) not in names:
                hint = did_you_mean(str(name), names)
                problems.append(Problem("DLQ-167", f'no treatment "{name}"', where, fix=hint))
        part, allowed = [part.get(name, 0.0) for name in names], {shape[1:]}
    else:
        allowed = {(), shape}
    numbers = _numbers(part, names, where, problems)
    if numbers.shape not in allowed | {()}:
        problems.append(Problem("DLQ-167", f"expected shape {shape}", where))
    elif not np.isfinite(numbers).all():
        count = int((~np.isfinite(numbers)).sum())
        what, fix = f"{count:,} amounts are missing or infinite", "write 0 for nothing"
        problems.append(Problem("DLQ-167", what, where, count, fix))
    else:
        return numbers
    return np.zeros(())


def _yes(
    allowed: Any, names: list[str], shape: tuple[int, ...], problems: list[Problem]
) -> np.ndarray:
    """Return where the gates say yes in as many words; anything but yes and no is refused."""
    given = np.asarray(_by_name(allowed, names, "allowed", problems))
    if given.shape not in {(), shape}:
        problems.append(Problem("DLQ-167", f"expected shape {shape}", "allowed"))
        return np.array(False)
    said = pd.DataFrame(np.atleast_2d(given)).isin([True, False]).to_numpy()
    if not said.all():
        count = int((~said).sum())
        what = f"{count:,} entries are neither true nor false"
        fix = "what is not known is not allowed: write false"
        problems.append(Problem("DLQ-167", what, "allowed", count, fix))
        return np.array(False)
    return given.astype(bool)


def _charged(
    prices: Mapping[Any, float],
    needs: Mapping[Any, Any],
    names: list[str],
    shape: tuple[int, ...],
    problems: list[Problem],
) -> np.ndarray:
    """Return what each treatment's use of capacities costs at their prices."""
    total = np.zeros(shape)
    for name, price in prices.items():
        where = f"needs[{name!r}]"
        if name not in needs:
            hint = did_you_mean(str(name), map(str, needs)) or "add its needs"
            problems.append(Problem("DLQ-162", f'"{name}" has no needs', "prices", fix=hint))
            continue
        need = _numbers(needs[name], names, where, problems)
        if need.shape not in {shape, shape[1:]}:
            what = f"expected shape {shape[1:]} or {shape}"
            problems.append(Problem("DLQ-167", what, where))
            continue
        total += _known(price, names, shape, f"prices[{name!r}]", problems) * need
    return total


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
        ``DLQ-102`` missing columns, ``DLQ-103`` amounts or rates that are no numbers, ``DLQ-101`` a cell
        twice, ``DLQ-168`` accounts in cells without rates.

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
        fix = "keep one row a cell"
        raise InputError(Problem("DLQ-101", f"{twice:,} cells stand twice", "rates", twice, fix))
    place = keys.get_indexer(pd.MultiIndex.from_frame(table[list(by)].astype(str)))
    lacking = int((place < 0).sum())
    if lacking:
        what = f"{lacking:,} of {len(table):,} accounts are in cells without rates"
        fix = "add a row for each cell; what is not known can be left missing"
        raise InputError(Problem("DLQ-168", what, "rates", lacking, fix))
    treatments = [name for name in cells.columns if name not in by]
    try:
        share = cells[treatments].to_numpy("float64", na_value=np.nan)[place]
        owed = table[amount].to_numpy("float64", na_value=np.nan)[:, None]
    except (TypeError, ValueError):
        what = "amounts or rates are no numbers"
        raise InputError(Problem("DLQ-103", what, "rates", fix="repair the export")) from None
    return pd.DataFrame(share * owed, index=table.index, columns=treatments)
