"""People's settings as frozen models: strict, no unknown keys, every mistake with line and column.

A settings file is YAML 1.2, read by `delinquency.storage.read_yaml`, into a `Model` that says what
may stand in it. A typo is an error that names the nearest key; all mistakes of a file come together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.storage import Document, quoted, read_yaml

__all__ = [
    "MaybeNames",
    "Model",
    "Name",
    "Names",
    "parts",
    "place_of",
    "problems_of",
    "read_settings",
    "validate",
]


class Model(BaseModel):
    """Base of all configuration: a typo is an error, a value never changes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True
    )


AnyModel = TypeVar("AnyModel", bound=BaseModel)

_NAME = r"^[^\s;:|/][^\n;|/]*$"
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=_NAME)]


def _as_names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_as_names),
    Field(min_length=1, max_length=200),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
"""A name, or a list of names."""

MaybeNames = Annotated[
    tuple[Name, ...],
    BeforeValidator(_as_names),
    Field(max_length=200),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""The same, and it may be empty."""

_WORDS = {
    "string_type": "expected text; put it in quotes",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "finite_number": "expected a finite number",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "dict_type": "expected a mapping of keys to values",
    "tuple_type": "expected a list",
    "too_short": "the list is empty, or too short",
    "too_long": "the list is too long",
    "string_too_short": "expected text, got an empty one",
    "string_too_long": "the text is too long",
    "string_pattern_mismatch": "a name is one line without ; | or /",
}


def read_settings(model: type[AnyModel], path: str | os.PathLike[str]) -> AnyModel:
    r"""Read a settings file into its model, or say every mistake in it.

    Parameters
    ----------
    model : type
        A `Model`: what may stand in the file. A ``ValueError`` that its own validators raise is told
        as it is, with the place.
    path : path
        The file.

    Returns
    -------
    Model
        Frozen.

    Raises
    ------
    InputError
        All mistakes, each with ``file:line:column``: ``DLQ-201`` no YAML, ``DLQ-202`` unknown key,
        ``DLQ-203`` repeated key, ``DLQ-204`` key missing, ``DLQ-205`` wrong value.

    Examples
    --------
    >>> class Alarm(Model):
    ...     name: Name
    ...     days: int = 7
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "alarm.yaml"
    >>> _ = file.write_text("name: roll\ndays: 3\n", "utf-8")
    >>> read_settings(Alarm, file)
    Alarm(name='roll', days=3)
    """
    document = read_yaml(path)
    settings, problems = validate(model, document, document.data)
    problems = [*document.problems, *problems]
    if settings is None or problems:
        raise InputError(*sorted(problems, key=lambda problem: place_of(problem.where)))
    return settings


def place_of(where: str) -> tuple[int, int]:
    """Return line and column of ``file:line:column``, so that problems read from top to bottom."""
    _, line, column = (":0:0" + where).rsplit(":", 2)
    return (int(line), int(column)) if line.isdigit() and column.isdigit() else (0, 0)


def validate(
    model: type[AnyModel], document: Document, data: Any, *path: str | int
) -> tuple[AnyModel | None, list[Problem]]:
    """Return the model, or nothing and every problem with its place."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, problems_of(error, model, document, path)


def parts(model: type[AnyModel], data: Any) -> dict[int, AnyModel]:
    """Return the sound entries of a list by position, so that checks go on past a broken one."""
    sound: dict[int, AnyModel] = {}
    for position, entry in enumerate(data if isinstance(data, tuple) else ()):
        try:
            sound[position] = model.model_validate(entry)
        except ValidationError:
            continue
    return sound


def problems_of(
    error: ValidationError, model: type[BaseModel], document: Document, path: tuple[str | int, ...]
) -> list[Problem]:
    """Translate pydantic's findings: line and column, the rule, the nearest valid name."""
    found = error.errors(include_url=False, include_input=False)
    meant: set[tuple[Any, ...]] = set()
    told = {problem.where for problem in document.problems}
    problems = []
    for entry in sorted(found, key=lambda entry: entry["type"] != "extra_forbidden"):
        place = (*path, *entry["loc"])
        if entry["type"] == "extra_forbidden":
            problems.append(_unknown_key(place, entry["loc"], model, document, meant))
        elif entry["type"] != "missing" and document.at(*place) in told:
            continue
        elif entry["type"] != "missing":
            problems.append(_wrong_value(place, entry, document))
        elif place not in meant:
            what = f"key {quoted(place[-1])} is missing"
            where = document.at(*place[:-1])
            problems.append(Problem("DLQ-204", what, where, fix=f"add {place[-1]}:"))
    return problems


def _unknown_key(
    place: tuple[Any, ...],
    loc: tuple[Any, ...],
    model: type[BaseModel],
    document: Document,
    meant: set[tuple[Any, ...]],
) -> Problem:
    known = _keys_at(model, loc[:-1])
    hint = did_you_mean(str(place[-1]), known)
    if hint:
        meant.add((*place[:-1], hint.split('"')[1]))
    fix = hint or ("known keys: " + ", ".join(known) if known else "remove it")
    return Problem("DLQ-202", f"unknown key {quoted(place[-1])}", document.key(*place), fix=fix)


def _wrong_value(place: tuple[Any, ...], entry: Any, document: Document) -> Problem:
    kind, context = entry["type"], entry.get("ctx", {})
    of_key = place[-1:] == ("[key]",)  # so pydantic says that the key itself is wrong
    place = place[:-1] if of_key else place
    if kind == "value_error":
        what = str(context.get("error", entry["msg"]))
    elif kind == "literal_error":
        what = f"expected {context.get('expected')}"
    elif kind == "string_pattern_mismatch" and context.get("pattern") != _NAME:
        what = f"expected the form {context.get('pattern')}"
    else:
        what = _WORDS.get(kind) or entry["msg"][:1].lower() + entry["msg"][1:]
    named = [part for part in place if isinstance(part, str)]
    label = f"{quoted(named[-1])}: " if named else ""
    fix = "change it; the shipped files show every key at work"
    where = document.key(*place) if of_key else document.at(*place)
    return Problem("DLQ-205", f"{label}{what}", where, fix=fix)


def _keys_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that the model allows at a place inside it."""
    current: Any = model
    for part in loc:
        if isinstance(part, str) and _is_model(current):
            current = _field_type(current, part)
        current = next(iter(_models_in(current)), None)
    if not _is_model(current):
        return []
    return [info.alias or name for name, info in current.model_fields.items()]


def _field_type(model: Any, key: str) -> Any:
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            return info.annotation
    return None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _models_in(kind: Any) -> Iterator[Any]:
    if _is_model(kind):
        yield kind
    for inner in get_args(kind):
        yield from _models_in(inner)
