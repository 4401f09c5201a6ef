"""The Parquet files of a folder, found in one way by whoever reads it, whole or in a stream."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from delinquency.errors import InputError, Problem

__all__ = ["parquet_parts"]


def parquet_parts(source: Path) -> list[Path]:
    """Return the Parquet files of a folder, or the file itself; notes and half-written parts are none.

    Parameters
    ----------
    source : path
        A file, or a folder. What begins with ``.`` or ``_`` belongs to whoever writes there.

    Returns
    -------
    list of path
        Sorted, so that rows come in the same order on every machine.

    Raises
    ------
    InputError
        ``DLQ-109`` for a folder that holds none; ``DLQ-102`` when parts have other columns than the
        first: what one lacks would be missing without a word.

    Examples
    --------
    >>> parquet_parts(Path("months.parquet"))
    [PosixPath('months.parquet')]
    """
    if not source.is_dir():
        return [source]
    parts = sorted(
        part
        for part in source.glob("**/*.parquet")
        if not any(name.startswith((".", "_")) for name in part.relative_to(source).parts)
    )
    if not parts:
        what = "the folder holds no Parquet file"
        raise InputError(Problem("DLQ-109", what, source.name, fix="check the path"))
    names = [set(pq.read_schema(part).names) for part in parts]
    odd = [part for part, have in zip(parts, names, strict=True) if have != names[0]]
    if odd:
        what = f"{len(odd)} of {len(parts)} parts have other columns than the first"
        fix = f"export them again, first {odd[0].name}"
        raise InputError(Problem("DLQ-102", what, source.name, len(odd), fix))
    return parts
