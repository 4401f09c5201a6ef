"""A run: its lock, its steps, and the one moment in which its files are shown.

The files of a run are made step by step in a folder of their own; a journal names each finished step. A run
that is killed leaves that folder, and the next run with the same key goes on behind the last sound step. A
run that fails by an error takes its folder away. Readers see the files of one run or of the other,
never of both (`delinquency.storage._versions`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delinquency.errors import EnvironmentFailure, IntegrityError, LockError, Problem
from delinquency.storage._commit import flush, write_bytes
from delinquency.storage._failpoint import reached
from delinquency.storage._inputs import Stamps, stamps_of, weighed
from delinquency.storage._lock import locked
from delinquency.storage._manifest import (
    NAME,
    RUNS,
    read_manifest,
    shown,
    to_json,
    verify,
    versions,
    weigh,
    write_manifest,
)
from delinquency.storage._versions import clear, is_shown, standing, switch, version_of

__all__ = ["QUARANTINE", "WORK", "Run", "open_run"]

QUARANTINE = "quarantine"
JOURNAL = ".journal"
WORK = ".work"  # files of steps that only later steps read: gone when the run is shown

# What a step hands back: the files it wrote, relative to the folder, and what it wants to remember.
Work = Callable[[Path], tuple[Iterable[str], Mapping[str, Any]]]


class Run:
    """A run that is being written; see `open_run`.

    Attributes
    ----------
    key : str
        Hash of the job: what it is called, its date, its inputs and its settings.
    last : dict or None
        Manifest of the run that stands in the folder.
    committed : dict or None
        Manifest of this run when it stands already; then there is nothing to do.
    folder : Path
        Where the steps write.
    """

    def __init__(self, root: Path, document: Mapping[str, Any], stamps: Stamps) -> None:
        self.root, self.document, self._stamps = root, dict(document), dict(stamps)
        self.key = job_key(document)
        self.last, self.last_hash = standing(root)
        self.committed: dict[str, Any] | None = None
        self.folder = version_of(root, self.key)
        self._steps: dict[str, dict[str, Any]] = {}  # finished, by this run or by one before it
        self._used: dict[str, dict[str, Any]] = {}

    def step(self, name: str, work: Work) -> dict[str, Any]:
        """Do a step once: a step that a killed run had finished is remembered and not done again.

        Parameters
        ----------
        name : str
            The same in every run with this key.
        work : callable
            Given the folder, writes files through `replace_file` and returns their names and what to
            remember, as JSON.

        Returns
        -------
        dict
            What was remembered.
        """
        if name not in self._steps:
            files, facts = work(self.folder)
            sizes = {file: weigh(self.folder / file) for file in files}
            entry = {"step": name, "files": sizes, "facts": dict(facts)}
            with _disk(self.root), (self.folder / JOURNAL).open("ab") as journal:
                journal.write(json.dumps(entry).encode() + b"\n")
                journal.flush()
                os.fsync(journal.fileno())
            reached("run.journalled")
            self._steps[name] = entry
        self._used[name] = self._steps[name]
        return self._used[name]["facts"]

    def write(self, name: str, content: bytes) -> None:
        """Write one file as a step."""

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            write_bytes(folder / name, content)
            return [name], {}

        self.step(name, work)

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """Every file of the steps that this run went through, with its bytes and SHA-256.

        Those in the folder `WORK` are not among them: they are for later steps alone.
        """
        used = _files(self._used).items()
        return {name: file for name, file in used if Path(name).parts[0] != WORK}

    def commit(self, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Write the manifest, show the run, and return the manifest.

        Parameters
        ----------
        facts : mapping, optional
            What else the manifest should say: reconciliation, gates, hashes.
        """
        if stamps_of(self._stamps) != self._stamps:
            what = "an input changed while it was read"
            fix = "run again when nobody writes to it"
            raise IntegrityError(Problem("DLQ-604", what, str(self.root), fix=fix))
        document = {
            **self.document,
            "versions": versions(),
            **(facts or {}),
            "job_key": self.key,
            "previous": self.last_hash,
        }
        with _disk(self.root):
            self._drop(keep={*_files(self._used), JOURNAL})
        manifest = write_manifest(self.folder, document, self.files)
        reached("run.sealed")
        self._show(manifest)
        return manifest

    def _show(self, manifest: dict[str, Any]) -> None:
        with _disk(self.root):
            (self.folder / JOURNAL).unlink(missing_ok=True)
            reached("run.unjournalled")
            _remove(self.folder / WORK)
            switch(self.root, self.folder, _names(manifest))
            _remove(self.root / QUARANTINE / self.key[:16])
        self.committed = manifest

    def quarantine(self, reports: Mapping[str, bytes]) -> Path:
        """Put the files aside instead of committing them, with reports, and return where they are."""
        aside = self.root / QUARANTINE / self.key[:16]
        for name, content in reports.items():
            write_bytes(self.folder / name, content)
        with _disk(self.root):
            _remove(aside)
            aside.parent.mkdir(exist_ok=True)
            self.folder.replace(aside)
            flush(aside.parent)
        return aside

    def _begin(self, new_version: bool) -> None:
        if self._is_ours(self.last) and _sound(self.root):
            self.committed = self.last
        elif is_shown(self.root) and not new_version and not self._is_ours(self.last):
            what = f"another run stands in this folder ({_told(self.last)})"
            fix = "write elsewhere, or replace it with --new-version"
            raise LockError(Problem("DLQ-402", what, str(self.root), fix=fix))
        with _disk(self.root):
            self._fetch_from_quarantine()
            clear(self.root, *([] if self.committed else [self.folder]))
            if self.committed:
                self._finish_taking_over(self.committed)
            else:
                self.folder.mkdir(exist_ok=True)
                self._resume()

    def _finish_taking_over(self, manifest: Mapping[str, Any]) -> None:
        """Show what stands under every name: a kill may have left files of an older layout beside it."""
        names, version = _names(manifest), shown(self.root)
        if version != self.root and not all((self.root / name).is_symlink() for name in names):
            switch(self.root, version, names)

    def _is_ours(self, manifest: Mapping[str, Any] | None) -> bool:
        return manifest is not None and manifest.get("job_key") == self.key

    def _fetch_from_quarantine(self) -> None:
        """Go on with what a gate had stopped, so that an override costs no second computation."""
        aside = self.root / QUARANTINE / self.key[:16]
        if aside.is_dir() and not self.folder.exists() and not self.committed:
            aside.replace(self.folder)

    def _resume(self) -> None:
        if (self.folder / NAME).exists() and _sound(self.folder):
            self._show(read_manifest(self.folder))  # killed after its last step: only to be shown
            return
        for line in _lines(self.folder / JOURNAL):
            entry = _entry(line)
            if entry is None or not _there(self.folder, entry["files"]):
                break  # a step that was not finished; those behind it are done again
            self._steps[entry["step"]] = entry
        self._drop(keep=set(_files(self._steps)))
        if self._steps:
            lines = (json.dumps(entry).encode() + b"\n" for entry in self._steps.values())
            write_bytes(self.folder / JOURNAL, b"".join(lines))

    def _drop(self, keep: set[str]) -> None:
        """Remove files that no step answers for, such as those of a step that a kill cut short."""
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if path.relative_to(self.folder).as_posix() not in keep:
                path.unlink()


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


def _names(manifest: Mapping[str, Any]) -> set[str]:
    """Return what people see of a run: files and folders at the top of its version."""
    return {Path(name).parts[0] for name in manifest["outputs"]} | {NAME}


def job_key(document: Mapping[str, Any]) -> str:
    """Return the hash of what decides a result: job, date, content of the inputs, settings."""
    content = {role: entry["sha256"] for role, entry in document["inputs"].items()}
    return hashlib.sha256(to_json({**document, "inputs": content})).hexdigest()


def _undo(run: Run, made: bool) -> None:
    """Take away what a failed run had made; what stood before stands."""
    if shown(run.root) != run.folder:
        _remove(run.folder)
    # a run whose manifest is gone or cannot be read just now still has its files
    if not is_shown(run.root) and not (run.root / QUARANTINE).exists():
        _remove(run.root / RUNS)
        if made:
            run.root.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)


def _told(manifest: Mapping[str, Any] | None) -> str:
    if manifest is None:
        return "its manifest is damaged"
    return (
        f"{manifest.get('job', 'of an older version')}, as of {manifest.get('as_of', 'some day')}"
    )


def _sound(folder: Path) -> bool:
    try:
        return bool((verify(folder)["state"] == "same").all())
    except IntegrityError:
        return False


def _files(steps: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: file for entry in steps.values() for name, file in entry["files"].items()}


def _lines(journal: Path) -> list[bytes]:
    return journal.read_bytes().split(b"\n") if journal.exists() else []


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return a line of the journal, None when the kill hit it."""
    try:
        entry = json.loads(line)
        sound = {"step", "files", "facts"} == entry.keys()
    except (ValueError, AttributeError):
        return None
    return entry if sound else None


def _there(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(
        (folder / name).is_file() and weigh(folder / name) == entry for name, entry in files.items()
    )


@contextmanager
def _disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"could not write: {error.strerror or type(error).__name__}"
        fix = "free space or choose another folder; the last good run stands"
        raise EnvironmentFailure(Problem("DLQ-501", what, str(root), fix=fix)) from error
