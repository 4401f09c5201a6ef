"""What a run says of its inputs: what they hold, and whether somebody wrote to them meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from delinquency.storage._fetched import Fetched
from delinquency.storage._manifest import describe, shown
from delinquency.storage._tables import must_exist

__all__ = ["Stamps", "stamps_of", "weighed"]

# Of each input: names, sizes and times of its files, which show that somebody wrote to it.
Stamps = Mapping[str, list[tuple[str, int, int]]]


def stamps_of(inputs: Iterable[str | os.PathLike[str]]) -> Stamps:
    """Return how inputs stand before they are read, so that a commit can tell that they changed since.

    Parameters
    ----------
    inputs : iterable of path
        Files, or folders with all in them.

    Returns
    -------
    dict of str to list of (name, bytes, time)
        By path; the time of the last write in nanoseconds.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> _ = file.write_text("account_id")
    >>> before = stamps_of([file])
    >>> _ = file.write_text("account_id,month")
    >>> stamps_of([file]) == before
    False
    """
    return {os.fspath(path): _stamp(path) for path in inputs}


def weighed(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what is said of an input; of another run's folder, its version that stands.

    Raises
    ------
    InputError
        ``DLQ-109`` for what is no file or folder: its hash would be that of nothing.
    """
    if not isinstance(path, Fetched):
        # an address in a database may hold a password, which no manifest shall keep
        must_exist(path)
    return {**describe(shown(path)), "path": str(path)}


def _stamp(path: str | os.PathLike[str]) -> list[tuple[str, int, int]]:
    source = shown(path)
    files = [source] if source.is_file() else sorted(source.rglob("*"))
    stats = [(str(file), file.stat()) for file in files]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
