"""Batch scoring: months of any size to scores, in bounded memory, unattended."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema, scoring, storage
from delinquency.errors import InputError, Problem
from delinquency.workflows import _gates as gate
from delinquency.workflows._asked import PlanAsked
from delinquency.workflows._database import fetching
from delinquency.workflows._intake import begun, memory_bytes, open_months
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._score_work import AHEAD, Work

__all__ = ["COMMITTED", "JOB", "bundle_file", "score_files"]

Path_ = str | os.PathLike[str]
JOB = "score"
COMMITTED = "committed"  # how the last word of a run begins


@fetching("months", "accounts", "contacts")
def score_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    lang: str = "en",
    reasons_for: Sequence[str] | None = None,
    memory: str | int = "1GiB",
    strategy: Path_ | None = None,
    accounts: Path_ | None = None,
    contacts: Path_ | None = None,
    packs: Sequence[str] = (),
    house_policy: Path_ | None = None,
    actors: Sequence[str] = (),
    at: Any = None,
    last: Path_ | None = None,
    limits: gate.GateLimits | None = None,
    override: Mapping[str, str] | None = None,
    new_version: bool = False,
    say: Say = quiet,
) -> pd.DataFrame:
    """Score a table of months of any size; write scores, refused accounts, plan and the manifest.

    Rows are read in batches of whole accounts; while the next is read and its features are computed,
    the last is scored and written. What fits one batch becomes ``scores.parquet`` and
    ``refused.parquet``; what does not becomes folders of these names, with a file a batch. A run that is
    killed goes on where it stopped when it is started again, and leaves the same bytes.

    Parameters
    ----------
    months : path
        Parquet, a folder of Parquet (also partitioned by account, as in ``bucket=7/``), ``.csv`` or
        ``.csv.gz``, or a table of a database
        (see `delinquency.storage.at_hand`). What does not fit one batch must have its accounts rising.
    bundle : path
        Folder of a trained scorer.
    as_of : date
        Nothing later is read.
    out : path
        The run's folder; read it with `delinquency.storage.read_table`.
    lang : {"en", "zh"}
        Language of the reasons.
    reasons_for : sequence of str, optional
        Bands whose accounts get reasons; the riskiest alone by default, none for an empty one.
    memory : str or int
        How much the process may hold, such as ``"1GiB"``; `accounts` and `contacts` come on top.
    strategy : path, optional
        Strategy file. With one, ``plan.parquet`` is made in the same run, of the same rows as
        `plan_files` would make of the finished scores.
    accounts, contacts, packs, house_policy, actors, at
        As for `plan_files`; for the plan alone.
    last : path, optional
        Folder of the run before, which the gates compare with; the one that stands in `out` if not given.
    limits : GateLimits, optional
        What the gates let pass.
    override : mapping of str to str, optional
        Gate to the reason why its failure is right; kept in the manifest.
    new_version : bool
        Whether a run of other inputs in `out` may be replaced.
    say : callable
        Told what is being done.

    Returns
    -------
    DataFrame
        One row a band: ``band, accounts, share, probability``.

    Raises
    ------
    InputError
        Tables that cannot be used; ``DLQ-112`` when accounts do not rise; ``DLQ-189`` what is for a
        plan, without a strategy, or more accounts of scattered persons than fit the memory.
    GateError
        ``DLQ-303`` when too many accounts were refused, ``DLQ-306`` for any other gate. The output
        is then in ``quarantine`` with a report, and what stood before stands.
    LockError
        ``DLQ-401`` when another process writes to `out`; ``DLQ-402`` when a run of other inputs
        stands there.
    """
    as_of = schema.as_date(as_of)
    source = open_months(months, memory_bytes(memory))
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(storage.must_exist(bundle)))
    bands = _bands_with_reasons(scorer, reasons_for)
    gate.override([], override or {})  # a mistake in it costs no time
    before = (
        None if last is None else storage.read_manifest(storage.shown(storage.must_exist(last)))
    )
    asked = PlanAsked(strategy, accounts, contacts, packs, house_policy, actors, at)
    planner = asked.planner(as_of, memory)
    inputs = {"months": months, "bundle": bundle_file(Path(bundle)), **asked.inputs}
    stamps = storage.stamps_of(inputs.values())  # from here on somebody's writing would be seen
    batches = begun(source.batches(as_of, scoring.windows_of(scorer), reuse=AHEAD))
    with storage.open_run(
        out,
        JOB,
        as_of=str(as_of.date()),
        inputs=inputs,
        settings={"lang": lang, "reasons_for": list(bands), **asked.settings},
        new_version=new_version,
        stamps=stamps,
    ) as run:
        if run.committed:
            say("this run stands already, from the same inputs; nothing to do")
            return _by_band(scorer, run.committed)
        work = Work(run, source, scorer, as_of, lang, bands, planner)
        summary = work.score(batches, say)
        gates = gate.judge(
            summary,
            scorer,
            rows_written=work.rows_written,
            last=before or run.last,
            limits=limits,
        )
        gates = gate.override(gates, override or {})
        _stop_if_failed(run, gates, summary, say)
        summary |= work.plan(summary["reconciliation"], say)
        manifest = run.commit(
            {
                **summary,
                "main": "scores.parquet",
                "bundle": scorer.to_bundle().hash,
                "gates": [entry.as_dict() for entry in gates],
            }
        )
        say(f"{COMMITTED}: run {manifest['run_id']}")
    return _by_band(scorer, manifest)


def bundle_file(bundle: Path) -> Path:
    """Return the file whose hash is that of the whole bundle: its manifest, or the archive it is in."""
    return bundle / "manifest.json" if bundle.is_dir() else bundle


def _bands_with_reasons(
    scorer: scoring.Scorer, reasons_for: Sequence[str] | None
) -> tuple[str, ...]:
    names = scorer.bands.names
    wanted = tuple(names[-1:] if reasons_for is None else reasons_for)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        what = f"{len(unknown)} bands are none of the bundle's"
        fix = f"choose from {', '.join(names)}"
        raise InputError(Problem("DLQ-103", what, "reasons", len(unknown), fix))
    return wanted


def _stop_if_failed(
    run: storage.Run, gates: Sequence[gate.Gate], summary: Mapping[str, Any], say: Say
) -> None:
    for line in gate.told(entry for entry in gates if entry.state == "overridden").splitlines():
        say(line)
    error = gate.failed(gates, str(run.root))
    if error is None:
        return
    report = {"gates": [entry.as_dict() for entry in gates], **summary}
    aside = run.quarantine(
        {"gates.json": storage.to_json(report), "gates.txt": gate.told(gates).encode()}
    )
    say(f"nothing committed; the output and gates.txt are in {aside}")
    raise error


def _by_band(scorer: scoring.Scorer, manifest: Mapping[str, Any]) -> pd.DataFrame:
    lie = manifest["distribution"]
    accounts = [lie["bands"].get(band, 0) for band in scorer.bands.names]
    table = pd.DataFrame({"band": scorer.bands.names, "accounts": accounts})
    table["share"] = table["accounts"] / max(sum(accounts), 1)
    table["probability"] = [lie["probability"].get(band, np.nan) for band in scorer.bands.names]
    return table
