"""How a run's folder shows one version at a time.

    run/scores.parquet      -> .runs/current/scores.parquet
    run/run_manifest.json   -> .runs/current/run_manifest.json
    run/.runs/current       -> 3f9c1a...          the one link that a commit renames
    run/.runs/3f9c1a...                           a version: its files, its manifest

Every name that people see is a link through ``current``, so one rename shows all files of a new version
together. The version before stays on the disk until the next run, for readers who had just opened it.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from delinquency.errors import IntegrityError
from delinquency.storage._commit import flush
from delinquency.storage._failpoint import reached
from delinquency.storage._lock import LOCK
from delinquency.storage._manifest import CURRENT, NAME, RUNS, read_manifest, shown

__all__ = ["clear", "is_shown", "remove_folder", "standing", "switch", "version_of"]


def is_shown(run: Path) -> bool:
    """Return whether a run shows something: a version, or files of an older layout."""
    return (run / RUNS / CURRENT).is_symlink() or (run / NAME).exists()


def standing(run: Path) -> tuple[dict[str, Any] | None, str | None]:
    """Return the manifest that stands, None when there is none or it is damaged, and its hash."""
    folder = shown(run)
    try:
        content = (folder / NAME).read_bytes()
    except OSError:
        return None, None
    digest = hashlib.sha256(content).hexdigest()
    try:
        return read_manifest(folder), digest
    except IntegrityError:
        return None, digest


def version_of(run: Path, key: str) -> Path:
    """Return where a version with this key is built: never where the one that is shown stands."""
    name = key[:16]
    return run / RUNS / (f"{name}-2" if shown(run).name == name else name)


def switch(run: Path, version: Path, names: set[str]) -> None:
    """Show a finished version, all its files at once.

    Parameters
    ----------
    run : path
        The run's folder.
    version : path
        The version, under ``.runs`` of it.
    names : set of str
        What people shall see: files and folders at the top of the version.
    """
    strangers = set()
    for name in sorted(names):  # until the rename below they lead nowhere, or to the version before
        if (run / name).is_symlink():
            continue
        if (run / name).exists():
            strangers.add(name)  # of an older layout; taken over once there is something to show
        else:
            (run / name).symlink_to(Path(RUNS, CURRENT, name))
        reached("run.linked")
    flush(run)
    _link(run / RUNS / CURRENT, Path(version.name))
    reached("run.switched")
    for name in sorted(strangers):
        remove_folder(run / name)
        _link(run / name, Path(RUNS, CURRENT, name))
        reached("run.taken over")
    for path in run.iterdir():
        if path.is_symlink() and path.readlink().parts[:2] == (RUNS, CURRENT) and not path.exists():
            path.unlink()


def _link(link: Path, target: Path) -> None:
    """Let a link lead elsewhere, in one rename."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    reached("run.link made")
    temporary.replace(link)
    flush(link.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder with all in it, where there is one; a link to a folder stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def clear(run: Path, *keep: Path) -> None:
    """Remove what earlier runs left unfinished, and versions that are shown no more."""
    stay = {LOCK, CURRENT, shown(run).name, *(path.name for path in keep)}
    for path in (run / RUNS).iterdir():
        if path.name in stay:
            continue
        remove_folder(path)
        path.unlink(missing_ok=True)
        reached("run.cleared")
