"""The decision log: what was decided, from what, in a chain that shows every edit.

A log is a folder. ``chain.json`` names each run with the SHA-256 of its files and of the run
before, and is written last: a run that is not in it does not exist. Beside the plan stand its
inputs, so that it can be decided again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.errors import InputError, Problem
from delinquency.schema import as_date, to_frame
from delinquency.strategy._assign import assign, period_of
from delinquency.strategy._chain import add_run, damaged, locked, sound_entries
from delinquency.strategy._contacts import instants_of
from delinquency.strategy._facts import instant_of
from delinquency.strategy._file import StrategyFile
from delinquency.strategy._rule_models import PackFile
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import Treatment

__all__ = ["read_decisions", "record_decisions", "replay"]


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

    A treatment is decided at most once for an account and period, whatever is run again, by
    whatever strategy. The run is in the log wholly or not at all.

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
    with locked(root):  # makes the folder where there is none
        entries = sound_entries(root)
        plan["period"] = period_of(plan["as_of"].iloc[0], strategy.file.period)
        plan["decided"] = _is_new(root, entries, plan)
        run = f"{len(entries) + 1:06d}"
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
    columns = ["account_id", "treatment", "period"]
    known: set[tuple[Any, ...]] = set()
    for entry in entries:
        earlier = storage.read_table(root / entry["run"] / "plan.parquet", columns=columns)
        earlier = earlier[earlier["period"] == plan["period"].iloc[0]]
        known.update(zip(earlier["account_id"].astype(str), earlier["treatment"], strict=True))
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


def replay(folder: str | os.PathLike[str], as_of: Any) -> pd.DataFrame:
    """Decide again what was decided on a day, from the recorded inputs, and compare.

    Parameters
    ----------
    folder : path
        A log made by `record_decisions`.
    as_of : date
        The day of the decision; every run of that day is replayed.

    Returns
    -------
    DataFrame
        ``run, account_id, treatment`` (as recorded), ``replayed, same``: whether every column of
        the plan came out the same.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says.
    InputError
        ``DLQ-126`` when nothing was decided on that day.
    """
    root, day = Path(folder), as_date(as_of)
    found = []
    for entry in sound_entries(root):
        run = root / entry["run"]
        recorded = storage.read_table(run / "plan.parquet")
        if recorded["as_of"].iloc[0] == day:
            found.append(_compared(run, recorded))
    if not found:
        fix = "see read_decisions(folder)"
        raise InputError(Problem("DLQ-126", "nothing was decided on that day", str(root), fix=fix))
    return pd.concat(found, ignore_index=True)


def _frozen(value: Any) -> Any:
    """Return JSON as our models take it: sequences are tuples."""
    if isinstance(value, dict):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value


def _compared(run: Path, recorded: pd.DataFrame) -> pd.DataFrame:
    policy = _frozen(json.loads((run / "policy.json").read_bytes()))
    strategy = Strategy(
        StrategyFile.model_validate(policy["strategy"]),
        {name: Treatment.model_validate(t) for name, t in policy["treatments"].items()},
    )
    packs = [RulePack(PackFile.model_validate(pack)) for pack in policy["packs"]]
    logged = run / "contacts.parquet"
    again = assign(
        storage.read_table(run / "scores.parquet"),
        storage.read_table(run / "accounts.parquet"),
        storage.read_table(logged) if logged.exists() else None,
        strategy=strategy,
        packs=packs,
        actors=policy["actors"],
        holidays=policy["holidays"],
        as_of=policy["as_of"],
    )
    plain = recorded.drop(columns=["decided", "period"])
    same = pd.Series(True, index=recorded.index)
    for name in again.columns:
        ours, theirs = again[name], plain[name]
        same &= (ours == theirs) | (ours.isna() & theirs.isna())
    return pd.DataFrame(
        {
            "run": run.name,
            "account_id": recorded["account_id"],
            "treatment": recorded["treatment"],
            "replayed": again["treatment"],
            "same": same.astype(bool),
        }
    )
