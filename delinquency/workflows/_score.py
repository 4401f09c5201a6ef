"""Batch scoring: months of any size to scores, in bounded memory, unattended."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency import features, schema, scoring, storage
from delinquency.errors import InputError, Problem
from delinquency.workflows import _gates as gate
from delinquency.workflows._asked import PlanAsked
from delinquency.workflows._database import fetching
from delinquency.workflows._intake import Intake, memory_bytes, open_months
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._score_tables import column, nobody, refused_table
from delinquency.workflows._tally import Tally, of_part

if TYPE_CHECKING:
    from delinquency.workflows._score_plan import Planner

__all__ = ["JOB", "bundle_file", "score_files"]

Path_ = str | os.PathLike[str]
JOB = "score"
_REASONS = [f"reason_{k}" for k in range(1, 5)]


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
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(bundle))
    bands = _bands_with_reasons(scorer, reasons_for)
    gate.override([], override or {})  # a mistake in it costs no time
    before = None if last is None else storage.read_manifest(storage.shown(last))
    asked = PlanAsked(strategy, accounts, contacts, packs, house_policy, actors, at)
    planner = asked.planner(as_of, memory)
    with storage.open_run(
        out,
        JOB,
        as_of=str(as_of.date()),
        inputs={"months": months, "bundle": bundle_file(Path(bundle)), **asked.inputs},
        settings={"lang": lang, "reasons_for": list(bands), **asked.settings},
        new_version=new_version,
    ) as run:
        if run.committed:
            say("this run stands already, from the same inputs; nothing to do")
            return _by_band(scorer, run.committed)
        work = _Work(run, source, scorer, as_of, lang, bands, planner)
        summary = work.score(say)
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
        say(f"committed: run {manifest['run_id']}")
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


@dataclass
class _Work:
    """Scoring batch by batch, each a step of the run."""

    run: storage.Run
    source: Intake
    scorer: scoring.Scorer
    as_of: pd.Timestamp
    lang: str
    bands: tuple[str, ...]
    planner: Planner | None

    def __post_init__(self) -> None:
        self.rows_written = {"scores": 0, "refused": 0}
        self.kept: list[dict[str, pa.Table]] = []
        self.standing: list[pd.DataFrame] = []
        self.hash = self.scorer.to_bundle().hash
        self.windows = scoring.windows_of(self.scorer)
        # a batch of another size, or made by other versions, is another step
        how = storage.to_json([self.source.rows_at_once, storage.versions()])
        self.how = hashlib.sha256(how).hexdigest()[:8]

    def score(self, say: Say) -> dict[str, Any]:
        """Walk through all batches, and return the summary of the run."""
        tally = Tally(self.as_of)
        batch, coming = None, None
        with ThreadPoolExecutor(
            1
        ) as scoring_one:  # while the next is read and its features computed
            for number, batch in enumerate(self.source.batches(self.as_of, self.windows)):
                before, coming = coming, scoring_one.submit(self._done, number, batch)
                self._count(tally, before, say)
                tally.read(batch)
            self._count(tally, coming, say)
        if batch is None or not tally.accounts:
            fix = "check the snapshot date against the months of the table"
            raise InputError(
                Problem("DLQ-100", "no row is known at the snapshot", "months", 0, fix)
            )
        self._finish(batch)
        summary = tally.summary()
        warnings = list(_stale(tally))
        for line in warnings:
            say(f"warning: {line}")
        columns = [f"{name}: {kind}" for name, kind in batch.months.dtypes.items()]
        return {**summary, "columns": columns, "warnings": warnings}

    def plan(self, counts: Mapping[str, int], say: Say) -> dict[str, Any]:
        """Write the plan where one is asked for, and return what the summary then says as well."""
        if self.planner is None:
            return {}
        told = self.planner.write(self.run, self.how, counts["scored"], say)
        return {"reconciliation": {**counts, "planned": told["rows"]}, "plan": told}

    def _done(self, number: int, batch: features.FeatureBatch) -> dict[str, Any]:
        return self._whole(batch) if self.source.whole else self._part(number, batch)

    def _count(self, tally: Tally, part: Future[dict[str, Any]] | None, say: Say) -> None:
        """Wait for the scores of a batch, and count them."""
        if part is not None:
            tally.scored(part.result())
            say(_progress(tally, self.source.rows))

    def _whole(self, batch: features.FeatureBatch) -> dict[str, Any]:
        """Keep the scores of a small table, which become one file."""
        tables, facts = self._scored(batch)
        self.kept.append(tables)
        self.standing += self._standing(batch)
        return facts

    def _standing(self, batch: features.FeatureBatch) -> list[pd.DataFrame]:
        """Return what a plan needs of a batch beside its scores, where there will be one."""
        return [] if self.planner is None else self.planner.standing(batch)

    def _part(self, number: int, batch: features.FeatureBatch) -> dict[str, Any]:
        """Write the scores of one batch, unless a killed run has done so."""
        # the key in the name: no reader that looks into the folder can mix the parts of two versions
        part = f"part-{number:05d}-{self.run.key[:8]}.parquet"

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            tables, facts = self._scored(batch)
            filled = {f"{n}.parquet/{part}": table for n, table in tables.items() if len(table)}
            for name, table in filled.items():
                storage.write_table(table, folder / name)
            rows = {name: len(table) for name, table in tables.items()}
            files = [*filled, *_left(self._standing(batch), folder, part)]
            return files, {**facts, "rows": rows}

        done = self.run.step(f"{number:05d} {self.how}", work)
        if done["accounts"] != len(batch.values):
            what = "what a killed run left does not fit the input"
            fix = f"remove {self.run.folder} and run again"
            raise InputError(Problem("DLQ-109", what, str(self.run.root), fix=fix))
        for name, rows in done["rows"].items():
            self.rows_written[name] += rows
        return done

    def _finish(self, batch: features.FeatureBatch) -> None:
        """Write the files of a small table, and those of which no batch had a row."""
        names = [name for name, rows in self.rows_written.items() if not rows]
        empty = refused_table(nobody(), batch)

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            files, rows = [], {}
            for name in names:
                tables = [kept[name] for kept in self.kept] or [empty]
                table = pa.concat_tables(tables).combine_chunks()
                rows[name] = len(table)
                files.append(f"{name}.parquet")
                storage.write_table(table, folder / files[-1])
            files += _left(self.standing, folder, "whole.parquet")
            return files, {"rows": rows}

        self.rows_written |= self.run.step(f"rest {self.how}", work)["rows"]

    def _scored(self, batch: features.FeatureBatch) -> tuple[dict[str, pa.Table], dict[str, Any]]:
        """Score one batch: its tables and its counts."""
        X = batch.frame()
        threads = os.cpu_count() or 1
        scored = self.scorer.score(X, status=batch.last("status"), threads=threads)
        fine = np.ones(len(X), dtype=bool)
        if len(scored.refused):
            fine = ~batch.account_id.isin(scored.refused["account_id"]).to_numpy()
        tables = {
            "scores": self._scores(scored.scores, X[fine]),
            "refused": refused_table(scored, batch),
        }
        return tables, of_part(batch, scored, fine, self.as_of, self.scorer.reference)

    def _scores(self, scores: pd.DataFrame, X: pd.DataFrame) -> pa.Table:
        wanted = scores["band"].isin(self.bands).to_numpy()
        columns = {name: column(name, scores[name]) for name in scores.columns}
        columns |= dict.fromkeys(_REASONS, pa.nulls(len(scores), pa.string()))
        if wanted.any():
            threads = os.cpu_count() or 1
            texts = scoring.reasons(self.scorer, X[wanted], lang=self.lang, threads=threads)
            texts = texts.set_index(np.flatnonzero(wanted)).reindex(range(len(scores)))
            columns |= {name: column(name, texts[name]) for name in texts.columns}
        columns["bundle"] = pa.repeat(self.hash, len(scores))
        return pa.table(columns)


def _left(standing: Sequence[pd.DataFrame], folder: Path, name: str) -> list[str]:
    """Leave the standing of accounts for the plan, which is made behind the scores."""
    if not standing:
        return []
    table = pd.concat(standing, ignore_index=True)
    storage.write_table(table, folder / storage.WORK / name)
    return [f"{storage.WORK}/{name}"]


def _progress(tally: Tally, rows: int | None) -> str:
    share = f" ({tally.rows / rows:.0%})" if rows else ""
    return (
        f"{tally.rows:,} rows{share}, {tally.accounts:,} accounts, {tally.of('refused'):,} refused"
    )


def _stale(tally: Tally) -> list[str]:
    """Say so when the months do not reach the day of the run."""
    lines = []
    last, day = tally.last, tally.as_of
    if last is not None and last < day - pd.Timedelta(days=31):
        lines.append(f"the last month is {last.date()}, the run is as of {day.date()}")
    if tally.behind:
        lines.append(f"{tally.behind:,} accounts have no row for the last month before the date")
    return lines
