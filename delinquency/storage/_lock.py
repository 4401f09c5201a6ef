"""One writer at a time; the system frees the lock when a writer dies, so none is ever stale."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from delinquency.errors import LockError, Problem
from delinquency.storage._commit import on_disk

__all__ = ["LOCK", "locked"]

LOCK = ".lock"


@contextmanager
def locked(root: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep a folder for one writer, until the block ends or the process does.

    Parameters
    ----------
    root : path
        The folder, made when it is not there; the lock is its file ``.lock``.
    wait : bool
        Wait for the other writer instead of refusing: for changes that take milliseconds.

    Yields
    ------
    None
        While the block runs, no other process gets past this line.

    Raises
    ------
    LockError
        ``DLQ-401`` when another process holds it and we do not wait.
    EnvironmentFailure
        ``DLQ-501`` when nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with locked(folder), locked(folder):
    ...     pass
    Traceback (most recent call last):
        ...
    delinquency.errors.LockError: DLQ-401 ...: another process is writing here. fix: wait ...
    """
    file = _opened(root / LOCK)
    try:
        while not _ours(file, root / LOCK, wait):
            file.close()  # a holder took the file away while we stood at its door
            file = _opened(root / LOCK)
        yield
    finally:
        file.close()


def _opened(path: Path) -> IO[bytes]:
    with on_disk(path.parent, fix="choose another folder, or give the right to write in it"):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")


def _ours(file: IO[bytes], path: Path, wait: bool) -> bool:
    """Take the lock, or raise; False when what we locked is no longer the file of that name."""
    try:
        _take(file, wait)
    except BlockingIOError as error:
        what, fix = "another process is writing here", "wait for it to end, then run again"
        raise LockError(Problem("DLQ-401", what, str(path.parent), fix=fix)) from error
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _take(file: IO[bytes], wait: bool) -> None:
    try:
        import fcntl
    except ImportError:  # pragma: no cover - no such lock on this system
        return
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
