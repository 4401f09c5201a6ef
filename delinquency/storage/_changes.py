"""The log of changes of a registry: one line each, chained, and what the lines mean together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delinquency.errors import IntegrityError, Problem
from delinquency.storage._chain import START, is_linked, link

__all__ = ["PROMOTE", "ROLL_BACK", "Change", "following", "read_changes", "reigns"]

PROMOTE, ROLL_BACK = "promote", "roll back"
_DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Change:
    """One line of the log.

    Parameters
    ----------
    number : int
        From 1.
    action : {"promote", "roll back"}
    bundle : str
        Hash of the champion from then on.
    replaced : str or None
        Hash of the champion before; None for the first.
    as_of : str
        The day it was done for, as the caller gave it.
    note : str
        Why, in words.
    evidence : dict
        JSON content: where the comparison is kept, and its hash.
    hash : str
        Of this line, with the hash of the line before inside it.

    Examples
    --------
    >>> content = {"action": PROMOTE, "bundle": "b" * 64, "as_of": "2026-06-30"}
    >>> change, line = following([], content)
    >>> change.number, change.replaced
    (1, None)
    """

    number: int
    action: str
    bundle: str
    replaced: str | None
    as_of: str
    note: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    hash: str = ""


def following(changes: list[Change], content: Mapping[str, Any]) -> tuple[Change, bytes]:
    """Return the change that follows others, and its line.

    Parameters
    ----------
    changes : list of Change
        Those before it.
    content : mapping
        ``action, bundle, as_of, note, evidence``.
    """
    replaced = changes[-1].bundle if changes else None
    numbered = {**content, "number": len(changes) + 1, "replaced": replaced}
    entry = link(numbered, changes[-1].hash if changes else START)
    return _change(entry), _line(entry)


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _change(entry: Mapping[str, Any]) -> Change:
    return Change(**{key: value for key, value in entry.items() if key != "previous"})


def read_changes(path: Path) -> list[Change]:
    """Return the changes of a log, none when there is no log yet.

    Raises
    ------
    IntegrityError
        ``DLQ-605`` when a line is not what its hash says, does not follow the one before, or is
        spelt in another way than we write.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    try:
        entries = [json.loads(line) for line in content.splitlines()]
        changes = [_change(entry) for entry in entries]
        spelt = b"".join(map(_line, entries)) == content
        sound = spelt and is_linked(entries) and _make_sense(changes)
    except _DAMAGE:
        sound, changes = False, []
    if not sound:
        fix = "restore the registry from a copy; the log is never repaired in place"
        raise IntegrityError(
            Problem("DLQ-605", "the log of changes is damaged", str(path), fix=fix)
        )
    return changes


def _make_sense(changes: list[Change]) -> bool:
    """Return whether each change follows from the ones before it; an empty log does not."""
    now: str | None = None
    for number, change in enumerate(changes, start=1):
        known = isinstance(change.bundle, str) and change.action in (PROMOTE, ROLL_BACK)
        if not known or change.number != number or change.replaced != now:
            return False
        now = change.bundle
    return bool(reigns(changes))


def reigns(changes: list[Change]) -> list[str]:
    """Return the champions that a roll back can return to, the present one last.

    Raises
    ------
    ValueError
        When a roll back names another than the champion before.
    """
    standing: list[str] = []
    for change in changes:
        if change.action == PROMOTE:
            standing.append(change.bundle)
            continue
        standing.pop()
        if standing[-1:] != [change.bundle]:
            raise ValueError
    return standing
