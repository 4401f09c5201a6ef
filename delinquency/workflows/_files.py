"""The road on files: read, walk, commit; the manifest last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import report, schema, scoring, storage
from delinquency import strategy as strategies
from delinquency.workflows import _road as road
from delinquency.workflows._plan import plan
from delinquency.workflows._road import Say, quiet
from delinquency.workflows._story import tell

__all__ = ["commit", "plan_files", "report_files", "score_files", "verify"]

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
) -> dict[str, Any]:
    """Write the files of a run and its manifest, and then put all in place; return the manifest.

    Until every file is on the disk nothing in the folder is touched, so a full disk leaves the run that
    stood there whole.

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
        File name to table.
    texts : mapping of str to bytes, optional
        File name to content, such as a report.
    bundle : Bundle, optional
        Kept in the folder ``bundle``.
    facts : mapping, optional
        What else the manifest should say: reconciliation, hashes of bundle and strategy.
    """
    document = {
        "job": job,
        "as_of": str(schema.as_date(as_of).date()),
        "inputs": {role: storage.describe(path) for role, path in inputs.items()},
        "rows": {name: len(table) for name, table in tables.items()},
        "versions": storage.versions(),
        **(facts or {}),
    }
    with storage.stage(out) as folder:
        for name, table in tables.items():
            storage.write_table(table, folder / name)
        for name, content in (texts or {}).items():
            storage.write_bytes(folder / name, content)
        parts = storage.save_bundle(bundle, folder / "bundle") if bundle else []
        names = [*tables, *(texts or {}), *(f"bundle/{part}" for part in parts)]
        manifest = storage.write_manifest(folder, document, names)
    for old in (Path(out) / "bundle").glob("arrays-*.bin"):
        if bundle and old.name not in parts:
            old.unlink(missing_ok=True)
    return manifest


def score_files(
    months: Path_, bundle: Path_, *, as_of: Any, out: Path_, lang: str = "en", say: Say = quiet
) -> pd.DataFrame:
    """Score a file of months; write ``scores.parquet``, ``refused.parquet`` and the manifest.

    Returns
    -------
    DataFrame
        One row a band: accounts, share, mean probability.
    """
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(bundle))
    result = road.score(storage.read_table(months), scorer, as_of=as_of, lang=lang, say=say)
    commit(
        out,
        "score",
        as_of=as_of,
        inputs={"months": months, "bundle": Path(bundle) / "manifest.json"},
        tables={"scores.parquet": result.scores, "refused.parquet": result.refused},
        facts={"reconciliation": result.reconciliation, "bundle": scorer.to_bundle().hash},
    )
    return scorer.bands.describe(result.scores["band"], result.scores["probability"])


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
) -> pd.DataFrame:
    """Plan a file of scores; write ``plan.parquet`` and the manifest.

    Parameters
    ----------
    scores, months, accounts, contacts : path
        Tables; see `plan`.
    as_of, at, packs, actors, log
        As for `plan`.
    out : path
        Folder to write.
    strategy, house_policy : path, optional
        YAML files.

    Returns
    -------
    DataFrame
        Accounts by treatment (rows) and band (columns).
    """
    # files that people wrote come first, so that a mistake in them costs no time
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    table = plan(
        storage.read_table(scores),
        storage.read_table(months),
        as_of=as_of,
        accounts=read_or_none(accounts),
        contacts=read_or_none(contacts),
        strategy=chosen,
        log=log,
        **rules,
    )
    inputs = {"scores": scores, "months": months, "accounts": accounts, "contacts": contacts}
    inputs |= {"strategy": strategy, "house_policy": house_policy}
    facts = {"strategy": chosen.hash, "policy": table["policy"].iloc[0]}
    if log is not None:
        facts["decisions"] = decisions_told(log, table)
    commit(
        out,
        "plan",
        as_of=as_of,
        inputs={role: path for role, path in inputs.items() if path is not None},
        tables={"plan.parquet": table},
        facts=facts,
    )
    return report.plan_by_band(table).reset_index()


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
    say: Say = quiet,
) -> None:
    """Score, plan and write one HTML page; with labels it also says how good the scores were."""
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(bundle))
    page = tell(
        storage.read_table(months),
        scorer,
        as_of=as_of,
        labels=read_or_none(labels),
        accounts=read_or_none(accounts),
        contacts=read_or_none(contacts),
        strategy=chosen,
        rules=rules,
        say=say,
    )
    storage.write_bytes(out, report.render_report(page).encode())


def load_strategy(path: Path_ | None) -> strategies.Strategy:
    """Return the strategy of a file, or the default one."""
    return strategies.Strategy.default() if path is None else strategies.Strategy.load(path)


def load_rules(
    packs: Sequence[str], house_policy: Path_ | None, actors: Sequence[str], at: Any
) -> dict[str, Any]:
    """Return what `plan` takes of rules, read from their files."""
    return {
        "packs": [strategies.RulePack.load(name) for name in packs],
        "house_policy": None if house_policy is None else strategies.RulePack.load(house_policy),
        "actors": tuple(actors),
        "at": at,
    }


def read_or_none(path: Path_ | None) -> pd.DataFrame | None:
    """Return the table of a file, or none where no file is given."""
    return None if path is None else storage.read_table(path)


def decisions_told(log: Path_, table: pd.DataFrame) -> dict[str, Any]:
    """Return what a manifest says of the log: its last run, how much was new, and its last hash."""
    state = strategies.chain_head(log)
    return {**state, "new": int((table["run"] == state["run"]).sum())}


def verify(folder: Path_) -> pd.DataFrame:
    """Hash again every file of a run, or of a decision log.

    Parameters
    ----------
    folder : path
        The folder of a run (it has a manifest), or a decision log (it has a chain).

    Returns
    -------
    DataFrame
        ``file, bytes, state``; all is well where every state is ``"same"``. See
        `delinquency.storage.verify` and `delinquency.strategy.verify_decisions`.

    Raises
    ------
    IntegrityError
        When the manifest or the chain cannot be read.
    """
    if (Path(folder) / "chain.json").is_file():
        return strategies.verify_decisions(folder)
    return storage.verify(folder)
