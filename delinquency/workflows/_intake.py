"""Months of any size, as batches of whole accounts that fit the memory they are given."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from delinquency import features, schema, storage
from delinquency.errors import InputError, Problem

__all__ = ["Intake", "begun", "memory_bytes", "open_months"]

_UNITS = {"": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_LEAST = 512 * 2**20
# Python with the libraries loaded, and what a row costs on its way: read ahead, admitted, in work; measured
# on rows of twelve columns with text ids, which take most.
_BASE = 416 * 2**20
_ROW = 1792
_MOST_ROWS, _FEWEST_ROWS = 500_000, 20_000


def memory_bytes(text: str | int) -> int:
    """Return an amount of memory in bytes.

    Raises
    ------
    InputError
        ``DLQ-103`` when it is none, or less than half a gibibyte: the libraries alone take that.

    Examples
    --------
    >>> memory_bytes("1GiB"), memory_bytes("600 MB")
    (1073741824, 600000000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?B)?", str(text).strip().upper())
    amount = float(match[1]) * _UNITS[match[2] or ""] if match else 0
    if amount < _LEAST:
        fix = "write an amount such as 1GiB; at least 512MiB"
        raise InputError(Problem("DLQ-103", "expected an amount of memory", "memory", fix=fix))
    return int(amount)


class Intake:
    """Where a run takes its months from.

    Attributes
    ----------
    rows_at_once : int
        Rows in a batch.
    whole : bool
        Whether everything is one batch.
    rows : int or None
        How many rows there are, where that is known beforehand.
    """

    def __init__(self, path: Path, memory: int) -> None:
        self.path = path
        self.rows_at_once = int(np.clip((memory - _BASE) // _ROW, _FEWEST_ROWS, _MOST_ROWS))
        most = storage.most_rows(path)
        self.whole = most <= self.rows_at_once
        self.rows = None if ".csv" in path.name.lower() else most

    def batches(
        self, as_of: pd.Timestamp, windows: tuple[int, ...], reuse: int = 0
    ) -> Iterator[features.FeatureBatch]:
        """Yield the features of all accounts, each account once; `reuse` as for `feature_batches`.

        Raises
        ------
        InputError
            What `features.feature_batches` finds; ``DLQ-101`` when an account stands in several
            partitions; ``DLQ-109`` when files stand beside partitions, and would be read by nobody.
        """
        keys = {"windows": windows, "rows_at_once": self.rows_at_once, "reuse": reuse}
        sources = self._sources()
        seen = _Seen() if len(sources) > 1 else None
        for source in sources:
            for batch in features.feature_batches(source, as_of, **keys):
                if seen is not None:
                    seen.add(batch.account_id)
                yield batch
        if seen is not None:
            seen.check()

    def _sources(self) -> list[Any]:
        if self.whole:
            return [schema.admit(storage.read_table(self.path), schema.MONTHS)]
        if self.path.is_dir():
            return _partitions(self.path)
        if self.path.name.lower().endswith((".csv", ".csv.gz")):
            return [storage.stream_csv(self.path, schema.MONTHS)]
        return [self.path]


def begun(batches: Iterator[features.FeatureBatch]) -> Iterator[features.FeatureBatch]:
    """Return the batches, the first of which is being computed already, beside what the caller does.

    What is wrong with it is told when it is asked for.

    Examples
    --------
    >>> list(begun(iter("abc")))
    ['a', 'b', 'c']
    """
    beside = ThreadPoolExecutor(1)
    first = beside.submit(list, itertools.islice(batches, 1))
    beside.shutdown(wait=False)  # it ends with its one task

    def all_of_them() -> Iterator[features.FeatureBatch]:
        yield from first.result()
        yield from batches

    return all_of_them()


def _partitions(folder: Path) -> list[Path]:
    """Return the partitions of a folder, such as ``bucket=7``, or the folder itself when it has none."""
    parts = [part.relative_to(folder).parts for part in storage.parquet_parts(folder)]
    inside = [names[0] for names in parts if len(names) > 1 and "=" in names[0]]
    beside = len(parts) - len(inside)
    if inside and beside:
        what = f"{beside} of {len(parts)} Parquet files stand beside the partitions"
        fix = "put every file into a partition, or none"
        raise InputError(Problem("DLQ-109", what, folder.name, beside, fix))
    return [folder / name for name in sorted(set(inside))] or [folder]


def open_months(path: Any, memory: int) -> Intake:
    """Return the months of a path.

    Raises
    ------
    InputError
        ``DLQ-109`` when there are none, or no file of ours.
    """
    return Intake(storage.must_exist(path), memory)


class _Seen:
    """Which accounts came by, as 64-bit hashes: partitions may overlap, and nobody is scored twice."""

    def __init__(self) -> None:
        self.hashes: list[np.ndarray] = []

    def add(self, ids: pd.Series) -> None:
        self.hashes.append(pd.util.hash_array(ids.to_numpy()))

    def check(self) -> None:
        every = np.concatenate(self.hashes) if self.hashes else np.empty(0)
        twice = len(every) - len(np.unique(every))
        if twice:
            what = f"{twice:,} accounts stand in more than one partition"
            fix = "partition by account, or sort the table by account_id into one folder"
            raise InputError(Problem("DLQ-101", what, "months", twice, fix))
