"""A choice of features as a file: YAML 1.2, every mistake with its line and column."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.storage import Document, quoted, read_yaml, write_bytes

__all__ = ["read_spec", "write_spec"]

_FORMAT = 1
_KEYS = ("format", "windows", "families", "names")


def write_spec(path: str | os.PathLike[str], fields: dict[str, Any]) -> None:
    """Write the fields that say something; all or nothing."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

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
    document = read_yaml(path)
    problems = [*document.problems, *_key_problems(document)]
    fields: dict[str, Any] = {"windows": _windows(document, problems)}
    known = {"families": families, "names": names(fields["windows"] or default_windows)}
    for key, there in known.items():
        fields[key] = _words(document, key, there, problems)
    if problems:
        raise InputError(*problems)
    return {key: value for key, value in fields.items() if value is not None}


def _key_problems(document: Document) -> list[Problem]:
    problems = [
        Problem(
            "DLQ-202",
            f"unknown key {quoted(key)}",
            document.key(key),
            fix=did_you_mean(key, _KEYS) or "known keys: " + ", ".join(_KEYS),
        )
        for key in document.data
        if key not in _KEYS
    ]
    version = document.data.get("format")
    if version != _FORMAT or isinstance(version, bool):
        fix = f"write format: {_FORMAT}"
        problems.append(Problem("DLQ-205", "format is not known", document.key("format"), fix=fix))
    return problems


def _windows(document: Document, problems: list[Problem]) -> tuple[int, ...] | None:
    if "windows" not in document.data:
        return None
    values = document.data["windows"]
    fix = "write windows: [3, 6, 12, 24]"
    if not isinstance(values, tuple) or not values:
        what = "windows are a list of months"
        problems.append(Problem("DLQ-205", what, document.key("windows"), fix=fix))
        return None
    good: list[int] = []
    for number, value in enumerate(values):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1 or value in good:
            what = "a window is a whole number of months above zero, each once"
            problems.append(Problem("DLQ-205", what, document.at("windows", number), fix=fix))
        else:
            good.append(value)
    return tuple(good)


def _words(
    document: Document, key: str, known: Iterable[str], problems: list[Problem]
) -> tuple[str, ...] | None:
    if key not in document.data:
        return None
    values = document.data[key]
    if not isinstance(values, tuple) or not values:
        fix = "list them, or leave the key out for all"
        problems.append(
            Problem("DLQ-205", f"{key} are a list of names", document.key(key), fix=fix)
        )
        return None
    there = list(known)
    for number, value in enumerate(values):
        if not isinstance(value, str) or value not in there:
            what = f"no such name among the {key}"
            fix = did_you_mean(str(value), there)
            problems.append(Problem("DLQ-206", what, document.at(key, number), fix=fix))
    return tuple(str(value) for value in values)
