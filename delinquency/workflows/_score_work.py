"""The work of a batch run: batch after batch to scores and counts, each a step of the run."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency import features, scoring, storage
from delinquency.errors import InputError, Problem
from delinquency.workflows._intake import Intake
from delinquency.workflows._say import Say
from delinquency.workflows._score_tables import column, nobody, refused_table
from delinquency.workflows._tally import Tally, of_part

if TYPE_CHECKING:
    from delinquency.workflows._score_plan import Planner

__all__ = ["AHEAD", "Work"]

# Batches between their features and the disk: nobody idles when another, or the disk, is slow for once.
AHEAD = 3
_REASONS = [f"reason_{k}" for k in range(1, 5)]


class _Made(NamedTuple):
    """What was made of a batch: its tables, its counts, and what a plan needs beside its scores."""

    tables: dict[str, pa.Table]
    facts: dict[str, Any]
    standing: list[pd.DataFrame]


@dataclass
class Work:
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
        # a batch of another size, or made by other versions, is another step
        how = storage.to_json([self.source.rows_at_once, storage.versions()])
        self.how = hashlib.sha256(how).hexdigest()[:8]

    def score(self, batches: Iterator[features.FeatureBatch], say: Say) -> dict[str, Any]:
        """Walk through all batches, and return the summary of the run."""
        tally = Tally(self.as_of)
        batch, pending = None, deque[Future[dict[str, Any]]]()
        # two are scored at a time: much of it is one thread's work; one is written, in their order
        with ThreadPoolExecutor(2) as scoring_some, ThreadPoolExecutor(1) as writing_one:
            for number, batch in enumerate(batches):
                made = None
                if not self.run.has(self._step(number)):
                    made = scoring_some.submit(self._scored, batch)
                pending.append(writing_one.submit(self._done, number, batch, made))
                tally.read(batch)
                if len(pending) > AHEAD:
                    self._count(tally, pending.popleft(), say)
            for part in pending:
                self._count(tally, part, say)
        if batch is None or not tally.accounts:
            raise _nothing_known(tally)
        self._finish(batch)
        summary = tally.summary()
        warnings = [*_stale(tally), *([] if self.planner is None else self.planner.warnings)]
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

    def _step(self, number: int) -> str:
        return f"{number:05d} {self.how}"

    def _done(
        self, number: int, batch: features.FeatureBatch, made: Future[_Made] | None
    ) -> dict[str, Any]:
        """Keep or write what was made of a batch; nothing where a killed run had written it."""
        if self.source.whole and made is not None:
            return self._whole(made.result())
        return self._part(number, batch, made)

    def _count(self, tally: Tally, part: Future[dict[str, Any]], say: Say) -> None:
        """Wait for the scores of a batch, and count them."""
        tally.scored(part.result())
        say(_progress(tally, self.source.rows))

    def _whole(self, made: _Made) -> dict[str, Any]:
        """Keep the scores of a small table, which become one file."""
        self.kept.append(made.tables)
        self.standing += made.standing
        return made.facts

    def _part(
        self, number: int, batch: features.FeatureBatch, made: Future[_Made] | None
    ) -> dict[str, Any]:
        """Write the scores of one batch, unless a killed run has done so."""
        # the key in the name: no reader that looks into the folder can mix the parts of two versions
        part = f"part-{number:05d}-{self.run.key[:8]}.parquet"

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            assert made is not None  # the run has no such step
            tables, facts, standing = made.result()
            filled = {f"{n}.parquet/{part}": table for n, table in tables.items() if len(table)}
            for name, table in filled.items():
                storage.write_table(table, folder / name)
            rows = {name: len(table) for name, table in tables.items()}
            return [*filled, *_left(standing, folder, part)], {**facts, "rows": rows}

        done = self.run.step(self._step(number), work)
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

    def _scored(self, batch: features.FeatureBatch) -> _Made:
        """Score one batch."""
        matrix, whole = batch.values, batch.whole
        if batch.names != self.scorer.names:
            matrix, whole = self.scorer.matrix(batch.frame()), None
        why = self.scorer.why_refused(matrix, batch.last("status"), whole)
        threads = os.cpu_count() or 1
        scored = self.scorer.score_matrix(matrix, batch.keys(), why, threads=threads)
        fine = why == ""
        tables = {
            "scores": self._scores(scored.scores, batch, fine),
            "refused": refused_table(scored, batch),
        }
        facts = of_part(batch, scored, fine, self.as_of, self.scorer.reference)
        return _Made(tables, facts, [] if self.planner is None else self.planner.standing(batch))

    def _scores(
        self, scores: pd.DataFrame, batch: features.FeatureBatch, fine: np.ndarray
    ) -> pa.Table:
        wanted = scores["band"].isin(self.bands).to_numpy()
        columns = {name: column(name, scores[name]) for name in scores.columns}
        columns |= dict.fromkeys(_REASONS, pa.nulls(len(scores), pa.string()))
        if wanted.any():
            threads = os.cpu_count() or 1
            X = batch.frame()[fine][wanted]
            texts = scoring.reasons(self.scorer, X, lang=self.lang, threads=threads)
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


def _nothing_known(tally: Tally) -> InputError:
    what = f"no row is known at {tally.as_of.date()}"
    if tally.first is not None and tally.last is not None:
        what += f"; the months of the table run from {tally.first.date()} to {tally.last.date()}"
    fix = "choose an --as-of that they reach"
    return InputError(Problem("DLQ-100", what, "months", 0, fix))


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
