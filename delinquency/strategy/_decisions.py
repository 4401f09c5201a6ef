"""The decision log: what was decided, from what, in a chain that shows every edit.

A log is a folder. ``chain.json`` names each run with the SHA-256 of its files and of the run
before, and is written last: a run that is not in it does not exist. Beside the plan stand its
inputs, so that it can be decided again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.schema import to_frame
from delinquency.strategy._assign import assign, period_of
from delinquency.strategy._chain import add_run, damaged, new_run, sound_entries
from delinquency.strategy._contacts import instants_of
from delinquency.strategy._facts import instant_of
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._strategy import Strategy

__all__ = ["last_plan", "read_decisions", "record_decisions"]


def record_decisions(
    folder: str | os.PathLike[str],
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    strategy: Strategy | None = None,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
    as_of: Any,
) -> pd.DataFrame:
    """Decide, and append what is new to the log.

    A treatment is decided at most once for an account and period (of the strategy that now decides),
    whatever is run again, by whatever strategy. The run is in the log wholly or not at all.

    Parameters
    ----------
    folder : path
        The log; made when it is not there.
    scores, accounts, contacts, strategy, packs, house_policy, actors, holidays, as_of
        As for `assign`.

    Returns
    -------
    DataFrame
        The plan's rows that had not been decided before: what is to be carried out.

    Raises
    ------
    InputError
        As `assign`.
    LockError
        ``DLQ-401`` when another process is writing to the log.
    IntegrityError
        ``DLQ-602`` when the log is damaged; nothing is added to it.
    """
    strategy = Strategy.default() if strategy is None else strategy
    bound = packs_of(packs, house_policy)
    settings = {
        "actors": [actors] if isinstance(actors, str) else list(actors),
        "holidays": _days(holidays),
    }
    plan = assign(
        scores,
        accounts,
        contacts,
        strategy=strategy,
        packs=bound,
        actors=actors,
        holidays=holidays,
        as_of=as_of,
    )
    root = Path(folder)
    with storage.locked(root):  # makes the folder where there is none
        entries = sound_entries(root)
        plan["period"] = period_of(plan["as_of"].iloc[0], strategy.file.period)
        plan["decided"] = _is_new(root, entries, plan)
        run = new_run(root, entries)
        storage.write_table(plan, root / run / "plan.parquet")
        storage.write_table(to_frame(scores), root / run / "scores.parquet")
        storage.write_table(to_frame(accounts), root / run / "accounts.parquet")
        if contacts is not None:
            storage.write_table(
                _until(contacts, instant_of(as_of)), root / run / "contacts.parquet"
            )
        storage.write_bytes(root / run / "policy.json", _policy(strategy, bound, settings, as_of))
        add_run(root, entries, run)
    return plan[plan["decided"]].drop(columns=["decided", "period"]).reset_index(drop=True)


def _until(contacts: Any, when: pd.Timestamp) -> pd.DataFrame:
    """Leave out what was not known: the log keeps no more of a person than the decision needed."""
    table = to_frame(contacts)
    return table[instants_of(table["at"]) <= when.value // 1000]


def _days(holidays: Mapping[str, Sequence[Any]] | None) -> dict[str, list[str]]:
    given = holidays or {}
    return {p: [str(pd.Timestamp(day).date()) for day in days] for p, days in given.items()}


def _policy(
    strategy: Strategy, packs: Sequence[RulePack], settings: dict[str, Any], as_of: Any
) -> bytes:
    document = {
        "as_of": instant_of(as_of).isoformat(),
        "strategy": strategy.file.model_dump(mode="json"),
        "treatments": {n: t.model_dump(mode="json") for n, t in strategy.treatments.items()},
        "packs": [pack.file.model_dump(mode="json") for pack in packs],
        **settings,
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()


def _is_new(root: Path, entries: list[dict[str, Any]], plan: pd.DataFrame) -> pd.Series:
    """Return which rows decide a treatment that the account has not had in this period."""
    known: set[tuple[str, str]] = set()
    for entry in entries:
        known.update(_pairs(root / entry["run"], plan["period"].iloc[0]))
    pairs = zip(plan["account_id"].astype(str), plan["treatment"], strict=True)
    return pd.Series([pair not in known for pair in pairs], index=plan.index)


def read_decisions(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return every decision of a verified log, oldest run first, with the run it was made in.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says.
    """
    root = Path(folder)
    plans = []
    for entry in sound_entries(root):
        plan = storage.read_table(root / entry["run"] / "plan.parquet")
        plans.append(plan[plan["decided"]].drop(columns="decided").assign(run=entry["run"]))
    if not plans:
        raise damaged(root, "there is no decision in this log")
    return pd.concat(plans, ignore_index=True)


def last_plan(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the plan of a log's last run in full, each row with the run that decided it first.

    A row whose ``run`` is an earlier one was decided then: whoever carries plans out does it once,
    however often the plan is made.

    Parameters
    ----------
    folder : path
        A log made by `record_decisions`.

    Returns
    -------
    DataFrame
        As `assign`, and ``run``.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says, or holds no run.
    """
    root = Path(folder)
    entries = sound_entries(root)
    if not entries:
        raise damaged(root, "there is no decision in this log")
    last = storage.read_table(root / entries[-1]["run"] / "plan.parquet")
    first: dict[tuple[str, str], str] = {}
    for entry in entries:
        for pair in _pairs(root / entry["run"], last["period"].iloc[0]):
            first.setdefault(pair, entry["run"])
    pairs = zip(last["account_id"].astype(str), last["treatment"], strict=True)
    return last.drop(columns=["decided", "period"]).assign(run=[first[pair] for pair in pairs])


def _pairs(run: Path, period: str) -> Iterator[tuple[str, str]]:
    """Return the accounts and treatments that a run decided or found decided in a period.

    By the day of the run, not by the period that its strategy named: a strategy by week does not decide
    again what one by month decided in this week.
    """
    plan = storage.read_table(run / "plan.parquet", columns=["account_id", "treatment", "as_of"])
    kind = "week" if "W" in period else "month" if len(period) == 7 else "day"
    if period_of(plan["as_of"].iloc[0], kind) != period:
        return iter(())
    return zip(plan["account_id"].astype(str), plan["treatment"], strict=True)
