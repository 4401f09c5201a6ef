"""The way into a run: its lock, what stands already, and what an error takes away again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delinquency.storage._failpoint import reached
from delinquency.storage._inputs import Stamps, stamps_of, weighed
from delinquency.storage._lock import locked
from delinquency.storage._manifest import RUNS, shown
from delinquency.storage._run import QUARANTINE, Run
from delinquency.storage._versions import is_shown, remove_folder

__all__ = ["open_run"]


@contextmanager
def open_run(
    out: str | os.PathLike[str],
    job: str,
    *,
    as_of: str,
    inputs: Mapping[str, str | os.PathLike[str]],
    settings: Mapping[str, Any] | None = None,
    new_version: bool = False,
    stamps: Stamps | None = None,
) -> Iterator[Run]:
    """Lock a run's folder, and hand out the run: new, to be gone on with, or committed already.

    Parameters
    ----------
    out : path
        The run's folder, made when it is not there.
    job : str
        What is done, such as ``"score"``.
    as_of : str
        For which day.
    inputs : mapping of str to path
        What is read, by role; every byte is hashed.
    settings : mapping, optional
        What else decides the result, as JSON.
    new_version : bool
        Whether a run of other inputs that stands in the folder may be replaced.
    stamps : mapping, optional
        From `stamps_of`, where the inputs were read before the run was opened.

    Yields
    ------
    Run
        Ask ``run.committed`` first; else do its steps and ``run.commit()``.

    Raises
    ------
    InputError
        ``DLQ-109`` when an input is not there, or is in a database; see `at_hand`.
    LockError
        ``DLQ-401`` when another live process writes to the folder; ``DLQ-402`` when a run of other
        inputs stands there.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; the run that stood before stands.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "run"
    >>> for turn in ("first", "again"):
    ...     with open_run(out, "note", as_of="2026-06-30", inputs={}) as run:
    ...         if run.committed:
    ...             print("stands already")
    ...         else:
    ...             run.write("note.txt", b"done")
    ...             manifest = run.commit()
    stands already
    >>> (out / "note.txt").read_text()
    'done'
    """
    root = Path(out)
    stamps = stamps_of(inputs.values()) if stamps is None else stamps
    document = {
        "job": job,
        "as_of": as_of,
        "inputs": {role: weighed(path) for role, path in inputs.items()},
        "settings": dict(settings or {}),
    }
    made = not root.exists()
    with locked(root / RUNS):
        reached("run.locked")
        run = Run(root, document, stamps)
        try:
            run._begin(new_version)
            reached("run.begun")
            yield run
        except Exception:
            with contextlib.suppress(OSError):
                _undo(run, made)
            raise


def _undo(run: Run, made: bool) -> None:
    """Take away what a failed run had made; what stood before stands."""
    if shown(run.root) != run.folder:
        remove_folder(run.folder)
    # a run whose manifest is gone or cannot be read just now still has its files
    if not is_shown(run.root) and not (run.root / QUARANTINE).exists():
        remove_folder(run.root / RUNS)
        if made:
            run.root.rmdir()
