"""Batch scoring: months of any size to scores, in bounded memory, unattended."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency import features, schema, scoring, storage
from delinquency.errors import InputError, Problem
from delinquency.workflows import _gates as gate
from delinquency.workflows._database import fetching
from delinquency.workflows._intake import Intake, memory_bytes, open_months
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._tally import Tally, of_part

__all__ = ["JOB", "bundle_file", "score_files"]

Path_ = str | os.PathLike[str]
JOB = "score"
_REASONS = [f"reason_{k}" for k in range(1, 5)]


@fetching("months")
def score_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    lang: str = "en",
    reasons_for: Sequence[str] | None = None,
    memory: str | int = "1GiB",
    last: Path_ | None = None,
    limits: gate.GateLimits | None = None,
    override: Mapping[str, str] | None = None,
    new_version: bool = False,
    say: Say = quiet,
) -> pd.DataFrame:
    """Score a table of months of any size; write scores, refused accounts and the manifest.

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
        How much the process may hold, such as ``"1GiB"``.
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
        Tables that cannot be used; ``DLQ-112`` when accounts do not rise.
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
    with storage.open_run(
        out,
        JOB,
        as_of=str(as_of.date()),
        inputs={"months": months, "bundle": bundle_file(Path(bundle))},
        settings={"lang": lang, "reasons_for": list(bands)},
        new_version=new_version,
    ) as run:
        if run.committed:
            say("this run stands already, from the same inputs; nothing to do")
            return _by_band(scorer, run.committed)
        work = _Work(run, source, scorer, as_of, lang, bands)
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

    def __post_init__(self) -> None:
        self.rows_written = {"scores": 0, "refused": 0}
        self.kept: list[dict[str, pa.Table]] = []
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
        return facts

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
            return list(filled), {**facts, "rows": rows}

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
        empty = _refused(_nobody(), batch)

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            files, rows = [], {}
            for name in names:
                tables = [kept[name] for kept in self.kept] or [empty]
                table = pa.concat_tables(tables).combine_chunks()
                rows[name] = len(table)
                files.append(f"{name}.parquet")
                storage.write_table(table, folder / files[-1])
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
            "refused": _refused(scored, batch),
        }
        return tables, of_part(batch, scored, fine, self.as_of, self.scorer.reference)

    def _scores(self, scores: pd.DataFrame, X: pd.DataFrame) -> pa.Table:
        wanted = scores["band"].isin(self.bands).to_numpy()
        columns = {name: _column(name, scores[name]) for name in scores.columns}
        columns |= dict.fromkeys(_REASONS, pa.nulls(len(scores), pa.string()))
        if wanted.any():
            threads = os.cpu_count() or 1
            texts = scoring.reasons(self.scorer, X[wanted], lang=self.lang, threads=threads)
            texts = texts.set_index(np.flatnonzero(wanted)).reindex(range(len(scores)))
            columns |= {name: _column(name, texts[name]) for name in texts.columns}
        columns["bundle"] = pa.repeat(self.hash, len(scores))
        return pa.table(columns)


_DATES = pa.timestamp("us")


def _column(name: str, values: pd.Series) -> pa.Array:
    """Return a column in its one type, also where a part holds no value of it."""
    if name == "snapshot_date":
        return pa.array(values.astype("datetime64[us]"), _DATES, from_pandas=True)
    if name in ("probability", "points"):
        return pa.array(values, pa.float64())
    if name == "account_id" and pd.api.types.is_integer_dtype(values.dtype):
        return pa.array(values, pa.int64())
    # pyarrow 16 keeps the large strings of pandas whatever type is asked for
    texts: Any = pa.array(values, pa.string(), from_pandas=True)
    return texts.cast(pa.string())


def _refused(scored: scoring.Scored, batch: features.FeatureBatch) -> pa.Table:
    refused = scored.refused
    if not len(refused):  # an empty frame forgets what its ids were
        refused = refused.assign(account_id=batch.account_id[:0].to_numpy())
    return pa.table({name: _column(name, refused[name]) for name in refused.columns})


def _nobody() -> scoring.Scored:
    none = pd.DataFrame({"account_id": [], "snapshot_date": [], "why": []}, dtype=object)
    return scoring.Scored(none, none)


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
