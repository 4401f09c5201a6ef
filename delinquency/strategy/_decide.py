"""From a plan to decisions: what is worth most under the capacities, inside what policy and law allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.strategy._allocate import Allocation, allocate
from delinquency.strategy._assign import assign, decision_ids
from delinquency.strategy._eligible import eligible
from delinquency.strategy._facts import admit_accounts, instant_of
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._strategy import Strategy

__all__ = ["Decisions", "decide"]

_TOLD = ["channel", "earliest_at", "notices", "warnings"]


@dataclass(frozen=True)
class Decisions:
    """What was decided.

    Parameters
    ----------
    plan : DataFrame
        As of `assign`, with ``value`` filled where worth decided; its ``rule`` then reads ``value``, and
        the rule of the policy after it.
    allocation : Allocation or None
        Prices, use and gap; None where nobody was left to decide by worth.
    """

    plan: pd.DataFrame
    allocation: Allocation | None


def decide(
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    values: Any,
    needs: Mapping[Any, Any] | None = None,
    capacities: Mapping[Any, float] | None = None,
    minimum: Mapping[Any, float] | None = None,
    strategy: Strategy | None = None,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
    as_of: Any,
) -> Decisions:
    """Plan by the policy, then let worth choose among what is allowed and no harsher.

    The plan of `assign` stands first. Where values are given, an account may get another treatment
    instead, one that every gate lets through now (`eligible`) and that stands on no higher rung than the
    plan's: worth may be gentler than the policy, never harsher. Holds, accounts whose treatment was drawn
    by lot for an experiment, and accounts of a person with several (they share caps) keep the plan's.

    Parameters
    ----------
    scores, accounts, contacts, strategy, packs, house_policy, actors, holidays, as_of
        As for `assign`.
    values : DataFrame (n, treatments)
        What each treatment is worth for each account, indexed by ``account_id``, one column a treatment;
        see `treatment_values`. Missing means that it may not be chosen; accounts without a row keep the
        plan's.
    needs : mapping of capacity to mapping of treatment to float, optional
        What one treatment uses of each capacity; none for those left out.
    capacities, minimum : mapping of capacity to float, optional
        As for `allocate`.

    Returns
    -------
    Decisions
        The plan, and the prices of the capacities.

    Raises
    ------
    InputError
        What `assign`, `eligible` and `allocate` find; ``DLQ-206`` for unknown treatments; ``DLQ-101``
        for accounts that stand twice among the values.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 2],
    ...         "snapshot_date": "2026-06-30",
    ...         "probability": 0.1,
    ...         "points": 600.0,
    ...         "band": "C",
    ...     }
    ... )
    >>> accounts = pd.DataFrame({"account_id": [1, 2], "days_past_due": [20, 20]})
    >>> values = pd.DataFrame(
    ...     {"no_action": [0.0, 0.0], "digital_reminder": [3.0, 9.0]}, index=[1, 2]
    ... )
    >>> decided = decide(
    ...     scores,
    ...     accounts,
    ...     values=values,
    ...     needs={"messages": {"digital_reminder": 1}},
    ...     capacities={"messages": 1},
    ...     as_of="2026-07-01",
    ... )
    >>> decided.plan[["treatment", "value"]].values.tolist()
    [['no_action', 0.0], ['digital_reminder', 9.0]]
    """
    strategy = Strategy.default() if strategy is None else strategy
    rules = {"packs": packs, "house_policy": house_policy, "actors": actors, "holidays": holidays}
    worth = _admitted(values, strategy)
    plan = assign(scores, accounts, contacts, strategy=strategy, as_of=as_of, **rules)
    table = admit_accounts(accounts)
    table = table[table["account_id"].isin(plan["account_id"])]
    bound = packs_of([*packs, *strategy.packs()], house_policy)
    told = eligible(
        table,
        contacts,
        at=as_of,
        packs=bound,
        treatments=strategy.treatments,
        actors=actors or strategy.file.actors,
        holidays=holidays,
    )
    open_to = _open_to(plan, table, told, worth, strategy)
    rows = np.flatnonzero(open_to.any(axis=1))
    if not len(rows):
        return Decisions(plan, None)
    names = list(worth.columns)
    amounts = worth.reindex(plan["account_id"]).to_numpy()[rows]
    result = allocate(
        np.where(open_to[rows], amounts, -np.inf),
        {name: [float(used.get(t, 0)) for t in names] for name, used in (needs or {}).items()},
        capacities or {},
        minimum=minimum,
    )
    chosen = np.array(names, dtype=object)[result.treatment]
    value = amounts[np.arange(len(rows)), result.treatment]
    hashed = (strategy, tuple(bound), instant_of(as_of))
    return Decisions(_replaced(plan, rows, chosen, value, told, hashed), result)


def _admitted(values: Any, strategy: Strategy) -> pd.DataFrame:
    table = pd.DataFrame(values).astype("float64")
    unknown = [str(name) for name in table.columns if name not in strategy.treatments]
    problems = [
        Problem("DLQ-206", f'unknown treatment "{n}"', "values", fix=did_you_mean(n, known))
        for n in unknown
        for known in [list(strategy.treatments)]
    ]
    twice = int(table.index.duplicated().sum())
    if twice:
        what = f"{twice:,} accounts stand twice"
        problems.append(Problem("DLQ-101", what, "values", twice, "keep one row an account"))
    if problems:
        raise InputError(*problems)
    return table


def _open_to(
    plan: pd.DataFrame,
    table: pd.DataFrame,
    told: pd.DataFrame,
    worth: pd.DataFrame,
    strategy: Strategy,
) -> np.ndarray:
    """Return which treatments (columns of the values) worth may choose for each row of the plan."""
    names = list(worth.columns)
    listed = told["treatment"].iloc[: len(told) // len(plan)].tolist()  # the same for every account
    allowed = told["allowed"].to_numpy(dtype=bool).reshape(len(plan), len(listed))
    allowed = allowed[:, [listed.index(name) for name in names]]
    rung = {name: treatment.rung for name, treatment in strategy.treatments.items()}
    highest = plan["treatment"].map(rung).to_numpy()
    gentle = np.array([rung[name] for name in names])[None, :] <= highest[:, None]
    own = plan["treatment"].to_numpy()[:, None] == np.array(names, dtype=object)[None, :]
    priced = worth.reindex(plan["account_id"]).notna().to_numpy()
    drawn = (plan["propensity"] < 1).to_numpy()
    held = plan["rule"].str.startswith("hold:").to_numpy()
    kept = held | drawn | _shares_a_person(table)
    return ((allowed & gentle) | own) & priced & ~kept[:, None]


def _shares_a_person(table: pd.DataFrame) -> np.ndarray:
    """Return which accounts stand beside another of their person, with whom they share caps."""
    if "person_id" not in table:
        return np.zeros(len(table), dtype=bool)
    person = table["person_id"]
    return (person.notna() & person.duplicated(keep=False)).to_numpy()


def _replaced(
    plan: pd.DataFrame,
    rows: np.ndarray,
    chosen: np.ndarray,
    value: np.ndarray,
    told: pd.DataFrame,
    hashed: tuple[Any, ...],
) -> pd.DataFrame:
    """Return the plan with what worth chose, and what the gates say of it."""
    result = plan.copy()
    result.loc[result.index[rows], "value"] = value
    other = chosen != plan["treatment"].to_numpy()[rows]
    moved = result.index[rows[other]]
    if not len(moved):
        return result
    result.loc[moved, "treatment"] = chosen[other]
    result.loc[moved, "also"] = ""
    result.loc[moved, "rule"] = "value, not " + plan.loc[moved, "rule"]
    keys = pd.MultiIndex.from_arrays([plan.loc[moved, "account_id"], chosen[other]])
    facts = told.set_index(["account_id", "treatment"]).loc[keys, [*_TOLD, "to_confirm"]]
    for name in _TOLD:
        result.loc[moved, name] = facts[name].to_numpy()
    asked = facts["to_confirm"].astype(object).to_numpy()
    result.loc[moved, "to_confirm"] = np.where(asked == "", "", chosen[other] + ": " + asked)
    result.loc[moved, "postponed"] = ""  # worth chooses among what may be done now
    result["decision_id"] = decision_ids(result["account_id"], result["treatment"], *hashed)
    return result
