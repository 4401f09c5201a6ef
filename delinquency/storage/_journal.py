"""The journal of a run: one line for each finished step, with the hash of every file it wrote.

A kill may cut the last line short, or come between a line and the next step's files. So a line counts only
when it can be read and its files are still what it says, and nothing counts behind the first that does not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from delinquency.storage._commit import write_bytes
from delinquency.storage._manifest import weigh

__all__ = ["JOURNAL", "add_step", "entry_of", "files_of", "finished_steps", "keep_steps"]

JOURNAL = ".journal"


def entry_of(
    folder: Path, name: str, files: Iterable[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the journal says of a step that is done."""
    sizes = {file: weigh(folder / file) for file in files}
    return {"step": name, "files": sizes, "facts": dict(facts)}


def add_step(folder: Path, entry: Mapping[str, Any]) -> None:
    """Note a step as finished; its line is on the disk when this returns."""
    with (folder / JOURNAL).open("ab") as journal:
        journal.write(_line(entry))
        journal.flush()
        os.fsync(journal.fileno())


def finished_steps(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of the steps that are sound, by name, oldest first."""
    steps: dict[str, dict[str, Any]] = {}
    journal = folder / JOURNAL
    for line in journal.read_bytes().split(b"\n") if journal.exists() else []:
        entry = _entry(line)
        if entry is None or not _there(folder, entry["files"]):
            break
        steps[entry["step"]] = entry
    return steps


def keep_steps(folder: Path, steps: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the journal anew, with these steps alone."""
    write_bytes(folder / JOURNAL, b"".join(map(_line, steps.values())))


def files_of(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return every file of the steps, with its ``bytes`` and ``sha256``."""
    return {name: file for entry in steps.values() for name, file in entry["files"].items()}


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


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
