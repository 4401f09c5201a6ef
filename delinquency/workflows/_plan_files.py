"""A plan from files to a folder with a manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import report, schema, storage
from delinquency import strategy as strategies
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._plan import doubts, load_rules, load_strategy, plan
from delinquency.workflows._say import Say, quiet

__all__ = ["plan_files"]

Path_ = str | os.PathLike[str]
_PLAN = "plan.parquet"


@fetching("scores", "months", "accounts", "contacts")
def plan_files(
    scores: Path_,
    months: Path_,
    *,
    as_of: Any,
    out: Path_,
    at: Any = None,
    accounts: Path_ | None = None,
    contacts: Path_ | None = None,
    strategy: Path_ | None = None,
    packs: Sequence[str] = (),
    house_policy: Path_ | None = None,
    actors: Sequence[str] = (),
    log: Path_ | None = None,
    new_version: bool = False,
    say: Say = quiet,
) -> pd.DataFrame:
    """Plan a run of scores, or a file of them; write ``plan.parquet`` and the manifest.

    Parameters
    ----------
    scores, months, accounts, contacts : path or address
        Tables; see `plan`.
    as_of, at, packs, actors, log
        As for `plan`.
    out : path
        Folder to write.
    strategy, house_policy : path, optional
        YAML files.
    say : callable
        Told what is odd: scores from before the last month end, contact times without a zone. The
        manifest keeps it.

    Returns
    -------
    DataFrame
        Accounts by treatment (rows) and band (columns).

    Raises
    ------
    InputError
        ``DLQ-109`` when a table is not there; mistakes in a strategy or house policy, each with line and
        column; as for `plan`.
    LockError
        ``DLQ-401`` when another process writes to the folder or the log; ``DLQ-402`` when a run of other
        inputs stands there.
    """
    # files that people wrote come first, so that a mistake in them costs no time
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    tables = {"scores": scores, "months": months, "accounts": accounts, "contacts": contacts}
    inputs = _inputs(tables, {"strategy": strategy, "house_policy": house_policy})
    settings = {
        "strategy": chosen.hash,
        "packs": list(packs),
        "actors": list(actors),
        "at": None if at is None else str(at),
        "log": None if log is None else str(log),
    }
    day = str(schema.as_date(as_of).date())
    with storage.open_run(
        out, "plan", as_of=day, inputs=inputs, settings=settings, new_version=new_version
    ) as run:
        if run.committed:
            _warn(run.committed.get("warnings", []), say)
            return _by_band(storage.read_table(out))
        scored, log_of_contacts = storage.read_table(scores), read_or_none(contacts)
        warnings = doubts(scored, log_of_contacts, day)
        _warn(warnings, say)
        table = plan(
            scored,
            storage.read_table(months),
            as_of=as_of,
            accounts=read_or_none(accounts),
            contacts=log_of_contacts,
            strategy=chosen,
            log=log,
            **rules,
        )
        run.write(_PLAN, storage.table_bytes(table))
        decided = {} if log is None else {"decisions": _decided(log, table)}
        policy = {"strategy": chosen.hash, "policy": table["policy"].iloc[0]}
        rows = {_PLAN: len(table)}
        run.commit({"main": _PLAN, "rows": rows, **policy, "warnings": warnings, **decided})
    return _by_band(table)


def _inputs(
    tables: Mapping[str, Path_ | None], written: Mapping[str, Path_ | None]
) -> dict[str, Path_]:
    """Return what is read, by role: tables that are there, then files that people wrote."""
    given = {role: path for role, path in tables.items() if path is not None}
    for path in given.values():
        storage.must_exist(path)
    return given | {role: Path(path) for role, path in written.items() if path is not None}


def _warn(lines: Sequence[str], say: Say) -> None:
    for line in lines:
        say(f"warning: {line}")


def _by_band(table: pd.DataFrame) -> pd.DataFrame:
    return report.plan_by_band(table).reset_index()


def _decided(log: Path_, table: pd.DataFrame) -> dict[str, Any]:
    """Return what a manifest says of the log: its last run, how much was new, and its last hash."""
    state = strategies.chain_head(log)
    return {**state, "new": int((table["run"] == state["run"]).sum())}
