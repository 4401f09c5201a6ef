"""A choice of features as a file: YAML 1.2, every mistake with its line and column."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.storage import write_bytes

__all__ = ["read_spec", "write_spec"]

_FORMAT = 1
_KEYS = ("format", "windows", "families", "names")
_MAX_BYTES = 1 << 20


def write_spec(path: str | os.PathLike[str], fields: dict[str, Any]) -> None:
    """Write the fields that say something; all or nothing."""
    said = {"format": _FORMAT} | {
        name: value for name, value in fields.items() if value is not None
    }
    document = CommentedMap()
    for name, value in said.items():
        document[name] = CommentedSeq(value) if isinstance(value, tuple) else value
    document["windows"].fa.set_flow_style()
    text = io.StringIO()
    YAML(typ="rt", pure=True).dump(document, text)
    write_bytes(path, text.getvalue().encode())


def read_spec(
    path: str | os.PathLike[str],
    families: Iterable[str],
    names: Callable[[tuple[int, ...]], Iterable[str]],
    default_windows: tuple[int, ...],
) -> dict[str, Any]:
    """Return the fields of a spec file.

    Parameters
    ----------
    path : path
        The file.
    families : iterable of str
        Those that there are.
    names : callable
        The features that there are, given the windows.
    default_windows : tuple of int
        Where the file gives none.
    """
    document, where = _load(path)
    at = _Places(document, where)
    problems = [
        Problem("DLQ-202", f'unknown key "{key}"', at.key(key), fix=did_you_mean(str(key), _KEYS))
        for key in document
        if key not in _KEYS
    ]
    if document.get("format") != _FORMAT:
        fix = f"write format: {_FORMAT}"
        problems.append(Problem("DLQ-205", "format is not known", at.key("format"), fix=fix))
    fields: dict[str, Any] = {"windows": _windows(document, at, problems)}
    known = {"families": families, "names": names(fields["windows"] or default_windows)}
    for key, there in known.items():
        fields[key] = _words(document, key, there, at, problems)
    if problems:
        raise InputError(*problems)
    return {key: value for key, value in fields.items() if value is not None}


class _Places:
    """Where keys and items stand, as ``file:line:column``."""

    def __init__(self, document: CommentedMap, where: str) -> None:
        self.document, self.where = document, where

    def key(self, key: Any) -> str:
        """Return the place of a key, or the start of the file where it is not there."""
        if key not in self.document:
            return f"{self.where}:1:1"
        line, column = self.document.lc.key(key)
        return f"{self.where}:{line + 1}:{column + 1}"

    def item(self, key: str, number: int) -> str:
        """Return the place of an item of a list."""
        line, column = self.document[key].lc.item(number)
        return f"{self.where}:{line + 1}:{column + 1}"


def _load(path: str | os.PathLike[str]) -> tuple[CommentedMap, str]:
    where = Path(path).name
    try:
        text = Path(path).read_bytes()[: _MAX_BYTES + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            Problem("DLQ-201", "cannot be read as UTF-8 text", where, fix="check the path")
        ) from error
    try:
        document = YAML(typ="rt", pure=True).load(text) if len(text) <= _MAX_BYTES else None
    except MarkedYAMLError as error:
        raise _not_yaml(error, where) from None
    except (YAMLError, ValueError, RecursionError, AssertionError, AttributeError, IndexError):
        raise InputError(Problem("DLQ-201", "is not YAML", where, fix="mind the quotes")) from None
    if not isinstance(document, CommentedMap):
        fix = f'start with "format: {_FORMAT}"'
        raise InputError(Problem("DLQ-201", "is no mapping of keys to values", where, fix=fix))
    return document, where


def _not_yaml(error: MarkedYAMLError, where: str) -> InputError:
    mark = error.problem_mark or error.context_mark
    place = where if mark is None else f"{where}:{mark.line + 1}:{mark.column + 1}"
    if isinstance(error, DuplicateKeyError):
        return InputError(Problem("DLQ-203", "a key stands twice", place, fix="keep one"))
    return InputError(Problem("DLQ-201", "is not YAML", place, fix="mind indentation and quotes"))


def _windows(
    document: CommentedMap, at: _Places, problems: list[Problem]
) -> tuple[int, ...] | None:
    if "windows" not in document:
        return None
    values = document["windows"]
    fix = "write windows: [3, 6, 12, 24]"
    if not isinstance(values, CommentedSeq) or not values:
        problems.append(
            Problem("DLQ-205", "windows are a list of months", at.key("windows"), fix=fix)
        )
        return None
    good: list[int] = []
    for number, value in enumerate(values):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1 or value in good:
            what = "a window is a whole number of months above zero, each once"
            problems.append(Problem("DLQ-205", what, at.item("windows", number), fix=fix))
        else:
            good.append(int(value))
    return tuple(good)


def _words(
    document: CommentedMap, key: str, known: Iterable[str], at: _Places, problems: list[Problem]
) -> tuple[str, ...] | None:
    if key not in document:
        return None
    values = document[key]
    if not isinstance(values, CommentedSeq) or not values:
        fix = "list them, or leave the key out for all"
        problems.append(Problem("DLQ-205", f"{key} are a list of names", at.key(key), fix=fix))
        return None
    there = list(known)
    for number, value in enumerate(values):
        if not isinstance(value, str) or value not in there:
            what = f"no such name among the {key}"
            fix = did_you_mean(str(value), there)
            problems.append(Problem("DLQ-206", what, at.item(key, number), fix=fix))
    return tuple(str(value) for value in values)
