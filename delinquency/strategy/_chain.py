"""A chain of runs: each names its files by hash, and the run before; any edit shows."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.errors import IntegrityError, Problem

__all__ = ["add_run", "chain_head", "damaged", "new_run", "sound_entries", "verify_decisions"]

CHAIN = "chain.json"


def new_run(root: Path, entries: list[dict[str, Any]]) -> str:
    """Return the name of the next run. What a killed one left under it goes: no chain ever named it."""
    run = f"{len(entries) + 1:06d}"
    for path in (root / run, *root.glob(f".{CHAIN}.*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return run


def add_run(root: Path, entries: list[dict[str, Any]], run: str) -> None:
    """Write the chain with one link more; from then on the run exists."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": storage.sha256_of(path)}
        for path in sorted((root / run).iterdir())
        if not path.name.startswith(".")
    }
    previous = entries[-1]["hash"] if entries else storage.START
    entry = storage.link({"run": run, "files": files}, previous)
    storage.write_bytes(root / CHAIN, _spelt([*entries, entry]))


def _spelt(entries: list[dict[str, Any]]) -> bytes:
    """Return the chain as it is written. Any other spelling is an edit, were it only a space."""
    text = json.dumps({"format": 1, "entries": entries}, indent=1, sort_keys=True)
    return (text + "\n").encode()


def _entries(root: Path) -> list[dict[str, Any]]:
    path = root / CHAIN
    if not path.exists():
        return []
    try:
        content = path.read_bytes()
        entries = json.loads(content)["entries"]
        sound = all(_described(entry) for entry in entries) and _spelt(entries) == content
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        sound, entries = False, []
    if not sound:
        raise damaged(path, "the chain cannot be read")
    return entries


def _described(entry: Any) -> bool:
    texts = [entry[key] for key in ("run", "previous", "hash")]
    texts += [file["sha256"] for file in entry["files"].values()]
    sizes = [file["bytes"] for file in entry["files"].values()]
    names = [*entry["files"], entry["run"]]
    plain = all(isinstance(name, str) and Path(name).name == name for name in names)
    return (
        plain and all(isinstance(t, str) for t in texts) and all(isinstance(n, int) for n in sizes)
    )


def damaged(path: Path, what: str) -> IntegrityError:
    """Return the error of a log that is not what it should be."""
    fix = "restore the log from a copy; it is never repaired in place"
    return IntegrityError(Problem("DLQ-602", what, str(path), fix=fix))


def sound_entries(root: Path) -> list[dict[str, Any]]:
    """Return the runs of a log, none when there is no log yet; an edited log is refused."""
    states = verify_decisions(root) if (root / CHAIN).exists() else pd.DataFrame({"state": []})
    if not (states["state"] == "same").all():
        raise damaged(root, "files of the log are not what the chain says")
    return _entries(root)


def verify_decisions(folder: str | os.PathLike[str], *, head: str | None = None) -> pd.DataFrame:
    """Hash every file of a log again, and follow the chain.

    Parameters
    ----------
    folder : path
        The log.
    head : str, optional
        The last hash as kept elsewhere, such as in a run manifest: without one, a log that was cut
        or rewritten from some run to its end cannot be told from one that always ended so.

    Returns
    -------
    DataFrame
        ``file, bytes, state``: ``"same"``, ``"changed"``, ``"missing"``, ``"unknown"`` (a file of a
        run that the chain does not name). ``chain.json`` is ``"changed"`` when a link does not
        hold.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when there is no log, or its chain cannot be read.
    """
    root = Path(folder)
    if not (root / CHAIN).is_file():
        raise damaged(root, "there is no chain of decisions")
    entries = _entries(root)
    linked, rows = storage.is_linked(entries), []
    for number, entry in enumerate(entries, start=1):
        linked &= entry["run"] == f"{number:06d}"
        rows += [
            (f"{entry['run']}/{name}", file["bytes"], _state(root / str(entry["run"]) / name, file))
            for name, file in sorted(entry["files"].items())
        ]
        rows += _strangers(root, entry)
    linked &= head is None or head == (entries[-1]["hash"] if entries else storage.START)
    rows.append((CHAIN, (root / CHAIN).stat().st_size, "same" if linked else "changed"))
    return pd.DataFrame(rows, columns=["file", "bytes", "state"])


def chain_head(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Return ``run`` and ``head`` of a log: its last run, and the hash to keep elsewhere.

    Whoever keeps the hash can show later that nothing was cut from the end; see
    `verify_decisions`.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when there is no run, or the chain cannot be read.
    """
    entries = _entries(Path(folder))
    if not entries:
        raise damaged(Path(folder), "there is no chain of decisions")
    return {"run": str(entries[-1]["run"]), "head": str(entries[-1]["hash"])}


def _state(path: Path, file: Mapping[str, Any]) -> str:
    if not path.is_file():
        return "missing"
    return "same" if storage.sha256_of(path) == file["sha256"] else "changed"


def _strangers(root: Path, entry: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    folder = root / str(entry["run"])
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        (f"{entry['run']}/{path.name}", path.stat().st_size, "unknown")
        for path in found
        if path.name not in entry["files"]
    ]
