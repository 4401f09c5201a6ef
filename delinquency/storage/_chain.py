"""A chain of entries: each holds the hash of the one before, so that any edit shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delinquency.errors import LockError, Problem

__all__ = ["START", "is_linked", "link", "locked"]

START = "0" * 64


def link(content: Mapping[str, Any], previous: str = START) -> dict[str, Any]:
    """Return an entry of a chain: the content, the hash of the entry before, and its own.

    Parameters
    ----------
    content : mapping
        JSON content, without ``previous`` and ``hash``.
    previous : str
        Hash of the entry before; `START` for the first.

    Examples
    --------
    >>> first = link({"did": "promote"})
    >>> second = link({"did": "roll back"}, first["hash"])
    >>> is_linked([first, second]), is_linked([first | {"did": "nothing"}, second])
    (True, False)
    """
    entry = {**content, "previous": previous}
    return {**entry, "hash": _hash_of(entry)}


def is_linked(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether every entry is what its hash says and names the one before."""
    previous = START
    for entry in entries:
        if entry.get("previous") != previous or entry.get("hash") != _hash_of(entry):
            return False
        previous = entry["hash"]
    return True


def _hash_of(entry: Mapping[str, Any]) -> str:
    content = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked(root: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep a folder for one writer; the system frees it when a writer dies.

    Parameters
    ----------
    root : path
        A folder that is there.
    wait : bool
        Wait for the other writer instead of refusing: for changes that take milliseconds.

    Raises
    ------
    LockError
        ``DLQ-401`` when another process holds it and we do not wait.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover - no such lock on this system
        yield
        return
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = "another process is writing to this log"
            raise LockError(Problem("DLQ-401", what, str(root), fix="wait for it")) from error
        yield
