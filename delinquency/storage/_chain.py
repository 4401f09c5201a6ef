"""A chain of entries: each holds the hash of the one before, so that any edit shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["START", "is_linked", "link"]

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
    """Return whether every entry is what its hash says and names the one before.

    An end that was cut off cannot be seen here: keep the last hash elsewhere.

    Examples
    --------
    >>> entries = [link({"did": "promote"})]
    >>> is_linked(entries), is_linked([{**entries[0], "did": "nothing"}]), is_linked([])
    (True, False, True)
    """
    previous = START
    for entry in entries:
        if entry.get("previous") != previous or entry.get("hash") != _hash_of(entry):
            return False
        previous = entry["hash"]
    return True


def _hash_of(entry: Mapping[str, Any]) -> str:
    content = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
