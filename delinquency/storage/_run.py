"""A run: its steps, and the one moment in which its files are shown.

The files of a run are made step by step in a folder of their own; a journal names each finished step. A run
that is killed leaves that folder, and the next run with the same key goes on behind the last sound step. A
run that fails by an error takes its folder away. Readers see the files of one run or of the other,
never of both (`delinquency.storage._versions`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from delinquency.errors import IntegrityError, LockError, Problem
from delinquency.storage._commit import flush, on_disk, write_bytes
from delinquency.storage._failpoint import reached
from delinquency.storage._inputs import Stamps, stamps_of
from delinquency.storage._journal import (
    JOURNAL,
    add_step,
    entry_of,
    files_of,
    finished_steps,
    keep_steps,
)
from delinquency.storage._manifest import (
    NAME,
    read_manifest,
    shown,
    to_json,
    verify,
    versions,
    write_manifest,
)
from delinquency.storage._versions import (
    clear,
    is_shown,
    remove_folder,
    standing,
    switch,
    version_of,
)

__all__ = ["QUARANTINE", "WORK", "Run"]

QUARANTINE = "quarantine"
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

    Examples
    --------
    >>> import tempfile
    >>> from delinquency.storage import open_run
    >>> def count(folder):
    ...     write_bytes(folder / "count.txt", b"3")
    ...     return ["count.txt"], {"count": 3}
    >>> with open_run(tempfile.mkdtemp(), "count", as_of="2026-06-30", inputs={}) as run:
    ...     facts = run.step("count", count)
    ...     manifest = run.commit(facts)
    >>> manifest["count"], list(manifest["outputs"])
    (3, ['count.txt'])
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

        Raises
        ------
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses.
        """
        if name not in self._steps:
            files, facts = work(self.folder)
            entry = entry_of(self.folder, name, files, facts)
            with _disk(self.root):
                add_step(self.folder, entry)
            reached("run.journalled")
            self._steps[name] = entry
        self._used[name] = self._steps[name]
        return self._used[name]["facts"]

    def has(self, name: str) -> bool:
        """Return whether a step is finished, by this run or by one that was killed."""
        return name in self._steps

    def write(self, name: str, content: bytes) -> None:
        """Write one file as a step, under its own name.

        Parameters
        ----------
        name : str
            Relative to the folder.
        content : bytes
            The whole of it.
        """

        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            write_bytes(folder / name, content)
            return [name], {}

        self.step(name, work)

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """Every file of the steps that this run went through, with its bytes and SHA-256.

        Those in the folder `WORK` are not among them: they are for later steps alone.
        """
        used = files_of(self._used).items()
        return {name: file for name, file in used if Path(name).parts[0] != WORK}

    def commit(self, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Write the manifest, show the run, and return the manifest.

        Parameters
        ----------
        facts : mapping, optional
            What else the manifest should say: reconciliation, gates, hashes.

        Returns
        -------
        dict
            As `read_manifest`; it says versions, outputs, ``job_key`` and the hash of the run ``previous``.

        Raises
        ------
        IntegrityError
            ``DLQ-604`` when an input was written to since the run was opened; nothing is shown.
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses; what stood before stands.
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
            self._drop(keep={*files_of(self._used), JOURNAL})
        manifest = write_manifest(self.folder, document, self.files)
        reached("run.sealed")
        self._show(manifest)
        return manifest

    def _show(self, manifest: dict[str, Any]) -> None:
        with _disk(self.root):
            (self.folder / JOURNAL).unlink(missing_ok=True)
            reached("run.unjournalled")
            remove_folder(self.folder / WORK)
            switch(self.root, self.folder, _names(manifest))
            remove_folder(self.root / QUARANTINE / self.key[:16])
        self.committed = manifest

    def quarantine(self, reports: Mapping[str, bytes]) -> Path:
        """Put the files aside instead of committing them, with reports, and return where they are.

        The next run with the same key takes them up again, so that a person who overrides the gate does not
        pay for a second computation.

        Parameters
        ----------
        reports : mapping of str to bytes
            What says why, by file name.

        Raises
        ------
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses.
        """
        aside = self.root / QUARANTINE / self.key[:16]
        for name, content in reports.items():
            write_bytes(self.folder / name, content)
        with _disk(self.root):
            remove_folder(aside)
            aside.parent.mkdir(exist_ok=True)
            self.folder.replace(aside)
            flush(aside.parent)
        return aside

    def _begin(self, new_version: bool) -> None:
        """Find out what stands, and make the folder ready; called by `open_run`, under the lock."""
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
        self._steps = finished_steps(self.folder)
        self._drop(keep=set(files_of(self._steps)))
        if self._steps:
            keep_steps(self.folder, self._steps)

    def _drop(self, keep: set[str]) -> None:
        """Remove files that no step answers for, such as those of a step that a kill cut short."""
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if path.relative_to(self.folder).as_posix() not in keep:
                path.unlink()


def _names(manifest: Mapping[str, Any]) -> set[str]:
    """Return what people see of a run: files and folders at the top of its version."""
    return {Path(name).parts[0] for name in manifest["outputs"]} | {NAME}


def job_key(document: Mapping[str, Any]) -> str:
    """Return the hash of what decides a result: job, date, content of the inputs, settings."""
    content = {role: entry["sha256"] for role, entry in document["inputs"].items()}
    return hashlib.sha256(to_json({**document, "inputs": content})).hexdigest()


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


def _disk(root: Path) -> AbstractContextManager[None]:
    return on_disk(root, fix="free space or choose another folder; the last good run stands")
