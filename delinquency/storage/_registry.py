"""The registry: every bundle there is, which one is champion, and every change of that in a chain.

A registry is a folder. ``bundles/<hash>`` holds one bundle each, never changed. ``changes.jsonl`` has one
line a change, each with the hash of the line before; the champion is what its last line says. Pointer
and log are one file, put in place by one rename, so neither can run ahead of the other.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency.errors import IntegrityError, LockError, Problem
from delinquency.storage._bundle import Bundle, load_bundle, save_bundle
from delinquency.storage._changes import PROMOTE, ROLL_BACK, Change, following, read_changes, reigns
from delinquency.storage._commit import flush, on_disk, write_bytes
from delinquency.storage._lock import locked

__all__ = ["Registry"]

LOG = "changes.jsonl"
_HASH = frozenset("0123456789abcdef")


class Registry:
    """Bundles and their champion, in a folder.

    Parameters
    ----------
    folder : path
        Made when the first bundle is added.

    Examples
    --------
    >>> import tempfile
    >>> registry = Registry(tempfile.mkdtemp())
    >>> one, two = (registry.add(Bundle({"name": name}, {})) for name in ("one", "two"))
    >>> _ = registry.promote(one, expected=None, as_of="2026-06-30")
    >>> _ = registry.promote(two, expected=one, as_of="2026-07-31")
    >>> registry.champion == two, registry.load().document
    (True, {'name': 'two'})
    >>> registry.roll_back(expected=two, as_of="2026-08-03", note="complaints").bundle == one
    True
    >>> registry.promote(two, expected=two, as_of="2026-08-31")
    Traceback (most recent call last):
        ...
    delinquency.errors.LockError: DLQ-411 ...: the champion is not the one expected. fix: look at...
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Registry({str(self.folder)!r})"

    @property
    def stands(self) -> bool:
        """Whether the folder is a registry: one in which something was promoted."""
        return (self.folder / LOG).is_file()

    @property
    def champion(self) -> str | None:
        """Hash of the champion's bundle; None before the first promotion."""
        changes = self._changes()
        return changes[-1].bundle if changes else None

    def add(self, bundle: Any) -> str:
        """Keep a bundle and return its hash; one that is there already is checked and left as it is.

        Parameters
        ----------
        bundle : Bundle, or an object with ``to_bundle()``

        Returns
        -------
        str
            The SHA-256 that `promote` and `load` know it by.

        Raises
        ------
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses.
        IntegrityError
            ``DLQ-602`` when a bundle of this hash is there, but damaged.
        """
        bundle = bundle.to_bundle() if hasattr(bundle, "to_bundle") else bundle
        name = bundle.hash
        with self._writing():
            target = self._place(name)
            if target.is_dir():
                self.load(name)
                return name
            fresh = target.parent / ".new"
            shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed here
            save_bundle(bundle, fresh)
            fresh.rename(target)
            flush(target.parent)
        return name

    def load(self, name: str | None = None) -> Bundle:
        """Return a bundle, the champion's by default, with every byte checked.

        Parameters
        ----------
        name : str, optional
            Its whole hash.

        Raises
        ------
        IntegrityError
            ``DLQ-602`` when it is missing or damaged, ``DLQ-605`` when the log is, ``DLQ-607`` when there
            is no champion yet.
        """
        if name is None:
            name = self.champion
            if name is None:
                fix = "promote a bundle"
                raise IntegrityError(
                    Problem("DLQ-607", "there is no champion yet", str(self.folder), fix=fix)
                )
        place = self._place(name)
        bundle = load_bundle(place)
        if bundle.hash != name:
            fix = "restore the registry from a copy"
            what = "the bundle is not the one that its name says"
            raise IntegrityError(Problem("DLQ-602", what, str(place), fix=fix))
        return bundle

    def promote(
        self,
        name: str,
        *,
        expected: str | None,
        as_of: Any,
        note: str = "",
        evidence: Mapping[str, Any] | None = None,
        prove: Callable[[Bundle], Any] | None = None,
    ) -> Change:
        """Make a bundle the champion, if the champion is still the one expected.

        Parameters
        ----------
        name : str
            Hash of a bundle that was added. Promoting the champion again changes nothing.
        expected : str or None
            Hash of the champion that it was compared with; None when there was none.
        as_of : date or str
            The day it is done for; the clock is not read.
        note, evidence
            See `Change`.
        prove : callable, optional
            Told the bundle before anything is written, to raise when it cannot be used, such as
            ``Scorer.from_bundle``.

        Returns
        -------
        Change
            The last line of the log from then on.

        Raises
        ------
        LockError
            ``DLQ-411`` when somebody else has changed the champion since.
        IntegrityError
            ``DLQ-602`` when the bundle is missing or damaged, ``DLQ-605`` when the log is; nothing is
            changed then.
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses; the champion is as it was.
        """
        with self._writing():
            changes = self._changes()
            if changes and changes[-1].bundle == name:
                return changes[-1]
            self._expect(changes, expected)
            said = {"as_of": _day(as_of), "note": note, "evidence": dict(evidence or {})}
            return self._crown(changes, {"action": PROMOTE, "bundle": name, **said}, prove)

    def roll_back(
        self,
        *,
        expected: str,
        as_of: Any,
        note: str = "",
        evidence: Mapping[str, Any] | None = None,
        prove: Callable[[Bundle], Any] | None = None,
    ) -> Change:
        """Make the champion before this one champion again.

        Parameters
        ----------
        expected : str
            Hash of the champion that is to go.
        as_of, note, evidence, prove
            See `promote`.

        Raises
        ------
        LockError
            ``DLQ-411`` when somebody else has changed the champion since; ``DLQ-412`` when there was
            no champion before this one.
        IntegrityError, EnvironmentFailure
            As `promote`.
        """
        with self._writing():
            changes = self._changes()
            self._expect(changes, expected)
            earlier = reigns(changes)
            if len(earlier) < 2:
                fix = "promote another bundle instead"
                what = "there is no earlier champion to go back to"
                raise LockError(Problem("DLQ-412", what, str(self.folder), fix=fix))
            said = {"as_of": _day(as_of), "note": note, "evidence": dict(evidence or {})}
            return self._crown(changes, {"action": ROLL_BACK, "bundle": earlier[-2], **said}, prove)

    def changes(self) -> pd.DataFrame:
        """Return the log, oldest change first: ``number, action, bundle, replaced, as_of, note, hash``.

        Raises
        ------
        IntegrityError
            ``DLQ-605`` when the log was edited.
        """
        names = ["number", "action", "bundle", "replaced", "as_of", "note", "hash"]
        rows = [[getattr(change, name) for name in names] for change in self._changes()]
        return pd.DataFrame(rows, columns=names)

    def verify(self, *, head: str | None = None) -> pd.DataFrame:
        """Check every bundle and the log.

        Parameters
        ----------
        head : str, optional
            The last hash as kept elsewhere, such as in the manifest of a retraining run: without one, a
            log whose last lines were cut off cannot be told from one that always ended so.

        Returns
        -------
        DataFrame
            ``file, state``: ``"same"``, ``"changed"``, ``"missing"``.
        """
        rows = []
        try:
            changes = self._changes()
            cut = head is not None and head not in [change.hash for change in changes]
            rows.append((LOG, "changed" if cut else "same"))
        except IntegrityError:
            changes = []
            rows.append((LOG, "changed"))
        held = {path.name for path in (self.folder / "bundles").glob("[0-9a-f]*")}
        names = sorted(held | {change.bundle for change in changes})
        rows += [(f"bundles/{name}", self._state(name)) for name in names]
        return pd.DataFrame(rows, columns=["file", "state"])

    def _state(self, name: str) -> str:
        if not (self.folder / "bundles" / name).is_dir():
            return "missing"
        try:
            self.load(name)
        except IntegrityError:
            return "changed"
        return "same"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the only writer; changes take milliseconds, so others wait."""
        with on_disk(self.folder, fix="free space or check rights; the champion is as it was"):
            (self.folder / "bundles").mkdir(parents=True, exist_ok=True)
            with locked(self.folder, wait=True):
                yield

    def _place(self, name: str) -> Path:
        if len(name) != 64 or not _HASH.issuperset(name):
            fix = "name a bundle by its whole hash, as `changes` shows it"
            raise IntegrityError(
                Problem("DLQ-602", "no hash of a bundle", str(self.folder), fix=fix)
            )
        return self.folder / "bundles" / name

    def _expect(self, changes: list[Change], expected: str | None) -> None:
        actual = changes[-1].bundle if changes else None
        if actual != expected:
            fix = "look at the champion there is, compare with that, and try again"
            what = "the champion is not the one expected"
            raise LockError(Problem("DLQ-411", what, str(self.folder), fix=fix))

    def _crown(
        self,
        changes: list[Change],
        content: Mapping[str, Any],
        prove: Callable[[Bundle], Any] | None,
    ) -> Change:
        """Write one change more, once its bundle is known to be sound and of use."""
        bundle = self.load(content["bundle"])
        if prove is not None:
            prove(bundle)
        path = self.folder / LOG
        change, line = following(changes, content)
        before = path.read_bytes() if changes else b""
        write_bytes(path, before + line)
        return change

    def _changes(self) -> list[Change]:
        return read_changes(self.folder / LOG)


def _day(as_of: Any) -> str:
    return str(as_of)[:10]
