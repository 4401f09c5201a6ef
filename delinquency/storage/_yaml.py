"""Reading a person's YAML: YAML 1.2, every mistake with its line and column, nothing that runs.

The round-trip parser of ruamel.yaml gives events with their positions. Values are resolved here by
the core schema of YAML 1.2 and nothing else, so ``21:00`` and ``NO`` stay text whatever a file
claims. Anchors, aliases and tags are refused: they are what makes YAML explode.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from delinquency.errors import InputError, Problem

__all__ = ["Document", "parse_yaml", "quoted", "read_yaml"]

MAX_BYTES = 1 << 20
_LONG = "what people write by hand is a few pages; check the path"
MAX_DEPTH = 12
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}$")
_LONG_INTEGER = re.compile(r"[-+]?[0-9]{16,}$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")
_WORDS = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
Path_ = tuple[str | int, ...]


@dataclass
class Document:
    r"""What a file says, and where it says it.

    ``data`` is plain dicts, tuples and scalars; ``keys`` and ``values`` give line and column, from
    1, of each path; ``problems`` is what reading alone found.

    Examples
    --------
    >>> document = parse_yaml("bands:\n  - A\n  - B\n", "mine.yaml")
    >>> document.data, document.at("bands", 1), document.key("bandz")
    ({'bands': ('A', 'B')}, 'mine.yaml:3:5', 'mine.yaml:1:1')
    """

    name: str
    data: Any = None
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def key(self, *path: str | int) -> str:
        """Return ``file:line:column`` of a key, or of the nearest thing around it."""
        return self._at(path, self.keys)

    def at(self, *path: str | int) -> str:
        """Return ``file:line:column`` of a value, or of the nearest thing around it."""
        return self._at(path, self.values)

    def _at(self, path: Path_, positions: dict[Path_, tuple[int, int]]) -> str:
        for length in range(len(path), -1, -1):
            found = positions.get(path[:length]) or self.values.get(path[:length])
            if found:
                return f"{self.name}:{found[0]}:{found[1]}"
        return f"{self.name}:1:1"


class _StopReading(Exception):  # noqa: N818 - it ends the reading, whatever the reason
    """What cannot be read past: the first such problem is the last."""

    def __init__(self, what: str, mark: Any = None, fix: str = "") -> None:
        super().__init__(what)
        self.what, self.mark, self.fix = what, mark, fix


def read_yaml(path: str | os.PathLike[str]) -> Document:
    r"""Read a YAML file whose top level is a mapping.

    Parameters
    ----------
    path : path
        The file, UTF-8, of at most 1 MiB.

    Returns
    -------
    Document
        What it says, and where. A key that stands twice and a number that is none are found here,
        in ``problems``; the caller raises them together with its own.

    Raises
    ------
    InputError
        ``DLQ-201`` when it is not there, too large, not UTF-8, no YAML, empty, or no mapping.

    Examples
    --------
    >>> read_yaml("a-file-that-is-not-there.yaml")
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-201 a-file-...: cannot be read: ... fix: check the path.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise _unreadable(name, f"cannot be read: {reason}", "check the path") from error
    if len(content) > MAX_BYTES:
        raise _unreadable(name, "is larger than 1 MiB", _LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(name, "is not UTF-8 text", "save it as UTF-8") from error
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Document:
    r"""Read YAML text whose top level is a mapping.

    Parameters
    ----------
    text : str
        At most 1 MiB.
    name : str
        How messages call it.

    Returns
    -------
    Document
        As `read_yaml`.

    Raises
    ------
    InputError
        As `read_yaml`.

    Examples
    --------
    >>> document = parse_yaml("from: 21:00\ncountry: NO\n", "mine.yaml")
    >>> document.data
    {'from': '21:00', 'country': 'NO'}
    >>> document.key("country"), document.at("country")
    ('mine.yaml:2:1', 'mine.yaml:2:10')
    >>> parse_yaml("a: 1\na: 2\n", "mine.yaml").problems[0].code
    'DLQ-203'
    """
    if len(text) > MAX_BYTES:
        raise _unreadable(name, "is larger than 1 MiB", _LONG)
    document = Document(name)
    try:
        _Reader(document).read(text)
    except _StopReading as stop:
        raise _unreadable(_position(name, stop.mark), stop.what, stop.fix) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"is not YAML: {' '.join(str(error.problem or 'cannot be parsed').split())}"
        raise _unreadable(_position(name, mark), what, "mind the indentation and quotes") from None
    except (YAMLError, ValueError, RecursionError, AssertionError, AttributeError, IndexError):
        # the parser's own slips on hostile text are no concern of the reader
        raise _unreadable(name, "is not YAML", "mind the indentation and odd characters") from None
    if not isinstance(document.data, dict):
        kind = "empty" if document.data is None else "not a mapping of keys to values"
        fix = 'start with "format: 1", then one "key: value" a line'
        raise _unreadable(name, f"is {kind}", fix)
    return document


def _unreadable(where: str, what: str, fix: str = "") -> InputError:
    return InputError(Problem("DLQ-201", what, where, fix=fix))


def _position(name: str, mark: Any) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


@dataclass
class _Open:
    """A mapping or sequence whose end has not come yet."""

    path: Path_
    items: dict[str, Any] | list[Any]
    key: str | None = None


class _Reader:
    """Builds the document from the parser's events, without recursion."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[_Open] = []
        self.documents = 0

    def read(self, text: str) -> None:
        for event in YAML(typ="rt", pure=True).parse(text):
            if isinstance(event, DocumentStartEvent):
                self._begin(event)
            elif isinstance(event, AliasEvent) or getattr(event, "anchor", None):
                raise _StopReading("uses an anchor or alias", event.start_mark, "write it out")
            elif isinstance(event, ScalarEvent):
                self._scalar(event)
            elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
                self._open(event)
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._close()

    def _begin(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _StopReading("holds more than one document", event.start_mark, "keep one")
        version = event.version
        if version is not None and tuple(version) != (1, 2):
            raise _StopReading("asks for another YAML than 1.2", event.start_mark, "drop the line")

    def _open(self, event: Any) -> None:
        self._untagged(event)
        if len(self.stack) >= MAX_DEPTH:
            what = f"is nested more than {MAX_DEPTH} deep"
            raise _StopReading(what, event.start_mark, "close the brackets")
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.items, dict) and top.key is None:
            what = "has a key that is not plain text"
            raise _StopReading(what, event.start_mark, "write it as text")
        path = self._next_path()
        self._remember(path, event)
        items: Any = {} if isinstance(event, MappingStartEvent) else []
        self.stack.append(_Open(path, items))

    def _close(self) -> None:
        done = self.stack.pop()
        self._put(done.items if isinstance(done.items, dict) else tuple(done.items))

    def _scalar(self, event: Any) -> None:
        self._untagged(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.items, dict) and top.key is None:
            self._key(top, event)
            return
        self._remember(self._next_path(), event)
        self._put(self._value(event))

    def _key(self, top: _Open, event: Any) -> None:
        path = (*top.path, event.value)
        top.key = event.value
        if event.value in top.items:
            first = self.document.keys[path]
            what = f"key {quoted(event.value)} stands twice, first in line {first[0]}"
            where = _position(self.document.name, event.start_mark)
            self.document.problems.append(Problem("DLQ-203", what, where, fix="keep one"))
        else:
            self.document.keys[path] = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _next_path(self) -> Path_:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, len(top.items) if isinstance(top.items, list) else str(top.key))

    def _put(self, value: Any) -> None:
        if not self.stack:
            self.document.data = value
            return
        top = self.stack[-1]
        if isinstance(top.items, list):
            top.items.append(value)
        else:
            top.items.setdefault(str(top.key), value)
            top.key = None

    def _remember(self, path: Path_, event: Any) -> None:
        mark = event.start_mark
        self.document.values.setdefault(path, (mark.line + 1, mark.column + 1))

    def _untagged(self, event: Any) -> None:
        if getattr(event, "tag", None):
            raise _StopReading("uses a tag (!...)", event.start_mark, "write plain values")

    def _value(self, event: Any) -> Any:
        text = event.value
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            return int(text)
        if _FLOAT.match(text) and not _LONG_INTEGER.match(text) and isfinite(float(text)):
            return float(text)
        if _NOT_FINITE.match(text) or _FLOAT.match(text):
            where = _position(self.document.name, event.start_mark)
            what = "a number is infinite, not a number, or too long"
            self.document.problems.append(Problem("DLQ-205", what, where, fix="use a plain number"))
            return None
        return text


def quoted(text: Any) -> str:
    """Return a name from a file in quotes, cut to a length that keeps a message one line.

    Examples
    --------
    >>> print(quoted("agent call"), len(quoted("x" * 1000)))
    "agent call" 62
    """
    plain = "".join(c if c.isprintable() else "?" for c in str(text))
    return f'"{plain if len(plain) <= 60 else plain[:57] + "..."}"'
