"""The road on files: read, walk, commit; the manifest last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import report, schema, scoring, storage
from delinquency import strategy as strategies
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._plan import doubts, load_rules, load_strategy, plan
from delinquency.workflows._review import review_files
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._story import tell

__all__ = ["commit", "plan_files", "report_files"]

Path_ = str | os.PathLike[str]


def commit(
    out: Path_,
    job: str,
    *,
    as_of: Any,
    inputs: Mapping[str, Path_],
    tables: Mapping[str, pd.DataFrame],
    texts: Mapping[str, bytes] | None = None,
    bundle: storage.Bundle | None = None,
    facts: Mapping[str, Any] | None = None,
    stamps: storage.Stamps | None = None,
) -> dict[str, Any]:
    """Write the files of a run and its manifest, show all of them at once, and return the manifest.

    What stands in the folder is replaced; the same content again changes nothing.

    Parameters
    ----------
    out : path
        The run's folder.
    job : str
        What was done.
    as_of : date
        For which day.
    inputs : mapping of str to path
        What was read, by role.
    tables : mapping of str to DataFrame
        File name to table; the first is what `delinquency.storage.read_table` reads of the folder.
    texts : mapping of str to bytes, optional
        File name to content, such as a report.
    bundle : Bundle, optional
        Kept in the folder ``bundle``.
    facts : mapping, optional
        What else the manifest should say: reconciliation, hashes of bundle and strategy.
    stamps : mapping, optional
        From `delinquency.storage.stamps_of` before the inputs were read; then nothing is shown that says
        it was made of what has been written to since.
    """
    contents = {name: storage.table_bytes(table) for name, table in tables.items()}
    contents |= dict(texts or {})
    settings = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    settings |= {"bundle": bundle.hash} if bundle else {}
    day = str(schema.as_date(as_of).date())
    keys = {"as_of": day, "inputs": inputs, "settings": settings, "new_version": True}
    with storage.open_run(out, job, **keys, stamps=stamps) as run:
        if run.committed:
            return run.committed
        for name, content in contents.items():
            run.write(name, content)
        if bundle:
            run.step("bundle", lambda folder: (_saved(bundle, folder), {}))
        rows = {name: len(table) for name, table in tables.items()}
        return run.commit({"rows": rows, "main": next(iter(tables), ""), **(facts or {})})


def _saved(bundle: storage.Bundle, folder: Path) -> list[str]:
    return [f"bundle/{part}" for part in storage.save_bundle(bundle, folder / "bundle")]


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
    """
    # files that people wrote come first, so that a mistake in them costs no time
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    given = {"scores": scores, "months": months, "accounts": accounts, "contacts": contacts}
    inputs = {role: path for role, path in given.items() if path is not None}
    for path in inputs.values():
        storage.must_exist(path)
    written = {"strategy": strategy, "house_policy": house_policy}
    inputs |= {role: Path(path) for role, path in written.items() if path is not None}
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
        run.write("plan.parquet", storage.table_bytes(table))
        facts: dict[str, Any] = {"strategy": chosen.hash, "policy": table["policy"].iloc[0]}
        facts["warnings"] = warnings
        if log is not None:
            facts["decisions"] = decisions_told(log, table)
        rows = {"plan.parquet": len(table)}
        run.commit({"main": "plan.parquet", "rows": rows, **facts})
    return _by_band(table)


def _warn(lines: Sequence[str], say: Say) -> None:
    for line in lines:
        say(f"warning: {line}")


def _by_band(table: pd.DataFrame) -> pd.DataFrame:
    return report.plan_by_band(table).reset_index()


@fetching("months", "accounts", "contacts", "labels")
def report_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    labels: Path_ | None = None,
    at: Any = None,
    accounts: Path_ | None = None,
    contacts: Path_ | None = None,
    strategy: Path_ | None = None,
    packs: Sequence[str] = (),
    house_policy: Path_ | None = None,
    actors: Sequence[str] = (),
    goals: Path_ | None = None,
    say: Say = quiet,
) -> None:
    """Score, plan and write one HTML page; with labels it also says how good the scores were.

    With goals, a YAML file, it says how they stand; everything else is as for `plan_files`.
    """
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    standing = None if goals is None else review_files(goals, months, as_of=as_of)
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(storage.must_exist(bundle)))
    page = tell(
        storage.read_table(months),
        scorer,
        as_of=as_of,
        labels=read_or_none(labels),
        accounts=read_or_none(accounts),
        contacts=read_or_none(contacts),
        strategy=chosen,
        rules=rules,
        goals=standing,
        say=say,
    )
    storage.write_bytes(out, report.render_report(page).encode())


def decisions_told(log: Path_, table: pd.DataFrame) -> dict[str, Any]:
    """Return what a manifest says of the log: its last run, how much was new, and its last hash."""
    state = strategies.chain_head(log)
    return {**state, "new": int((table["run"] == state["run"]).sum())}
