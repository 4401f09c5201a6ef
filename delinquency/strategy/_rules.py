"""Rule packs: what law, regulation and codes of conduct say, as data. Nothing here is legal advice.

Each pack is a file under ``data/packs``. A rule is executable, and then carries examples that are
run as tests, or it is information, and then says who serves it. A rule without a checked source is
marked ``unverified``: it warns, and never removes an option.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.strategy._clock import Schedule, minutes_of
from delinquency.strategy._conditions import Conditions
from delinquency.strategy._model import Model, Name, validate
from delinquency.strategy._yaml import Document, read_document, read_text

__all__ = ["PackFile", "Rule", "RulePack", "list_rules", "packs_of"]

NOT_ADVICE = "Drafts by software people, reviewed by no lawyer. Not legal advice."


def _as_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("expected a date, YYYY-MM-DD") from None


Day = Annotated[
    date, BeforeValidator(_as_date), WithJsonSchema({"type": "string", "format": "date"})
]
Hours = tuple[Name, Name] | None


class Window(Model):
    """Hours of the local day, ``[from, to)``; an end before the start crosses midnight."""

    allow: tuple[Name, Name] | None = None
    deny: tuple[Name, Name] | None = None
    mon_fri: Literal["none"] | tuple[Name, Name] | None = None
    sat: Literal["none"] | tuple[Name, Name] | None = None
    sun: Literal["none"] | tuple[Name, Name] | None = None
    holiday: Literal["none"] | tuple[Name, Name] | None = None

    @model_validator(mode="after")
    def _readable(self) -> Window:
        self.schedule()
        return self

    def schedule(self) -> Schedule:
        """Return the hours of each weekday and of holidays, in minutes."""
        if (self.allow is None) == (self.deny is None) and self.mon_fri is None:
            raise ValueError("a window needs one of allow, deny, or mon_fri with sat and sun")
        if self.mon_fri is None:
            start, end = self.allow or (self.deny or ("", ""))[::-1]
            week: list[Any] = [(start, end)] * 7
        else:
            week = [self.mon_fri] * 5 + [self.sat, self.sun]
        days = [None if hours in (None, "none") else minutes_of(*hours) for hours in week]
        if self.holiday is None:
            return Schedule.of(days)
        closed = self.holiday == "none"
        return Schedule.of(days, "none" if closed else minutes_of(*self.holiday))


class Cap(Model):
    """How many contacts of a kind are permitted in a span of days, months included.

    ``counts``: ``attempts`` (all outbound), ``connected`` (all but what rang out or bounced),
    ``conversations`` (a person was spoken to), ``unanswered``. ``unit``: whose contacts are added
    up.
    """

    counts: Literal["attempts", "connected", "conversations", "unanswered"]
    max: Annotated[int, Field(ge=1, le=50)]
    days: Annotated[int, Field(ge=1, le=400)] | None = None
    months: Literal[1] | None = None
    unit: Literal["account", "person", "number"]
    inbound: bool = False
    exclude: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_span(self) -> Cap:
        if (self.days is None) == (self.months is None):
            raise ValueError("a cap needs either days or months")
        return self


class Wait(Model):
    """So many days after a date; without the date the wait has not begun, and so has not ended."""

    after: Name
    days: Annotated[int, Field(ge=0, le=4000)]
    optional: bool = False


class Limitation(Model):
    """A claim is time-barred so many years after a date."""

    after: Name
    years: Annotated[int, Field(ge=1, le=50)]
    regions: dict[Name, Annotated[int, Field(ge=1, le=50)]] = Field(default_factory=dict)


class Entry(Model):
    """A contact of an example."""

    at: Name
    channel: Name
    outcome: Name = "no_answer"
    inbound: bool = False
    account: int = 1


class Example(Model):
    """A case with its outcome: what the rule does with a treatment at a time."""

    treatment: Name
    outcome: Literal["passes", "blocks", "warns", "demands"]
    at: Name = "2026-11-23T12:00Z"
    zone: Annotated[str, Field(min_length=1, max_length=200)] = "UTC"
    account: dict[Name, Any] = Field(default_factory=dict)
    contacts: tuple[Entry, ...] = ()
    earliest: Name | None = None
    why: str = ""


class Rule(Model):
    """One rule of a pack.

    Where ``when`` holds and ``unless`` does not, it acts on its ``channels`` and ``treatments``: by
    its hours, its cap, a wait, what it requires, or, with none of these, by closing them.
    """

    id: Name
    kind: Name
    mode: Literal["executable", "information"]
    severity: Literal["block", "warn"] = "warn"
    evidence: Literal["primary", "secondary", "unchecked"]
    unverified: bool = False
    cite: str = ""
    note: str = ""
    served_by: str = ""
    effective_from: Day | None = None
    effective_to: Day | None = None
    channels: tuple[Name, ...] = ()
    treatments: tuple[Name, ...] = ()
    when: Conditions = Field(default_factory=dict)
    when_any: Conditions = Field(default_factory=dict)
    unless: Conditions = Field(default_factory=dict)
    window: Window | None = None
    cap: Cap | None = None
    wait: Wait | None = None
    limitation: Limitation | None = None
    opt_out: bool = False
    always: bool = False
    require: Conditions = Field(default_factory=dict)
    require_any: Conditions = Field(default_factory=dict)
    notices: tuple[Name, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether it removes or postpones; what is not verified only warns."""
        return self.severity == "block" and not self.unverified and self.evidence != "unchecked"

    @property
    def bans(self) -> bool:
        """Whether it acts by closing its scope outright."""
        acts = (self.window, self.cap, self.wait, self.limitation)
        other = self.opt_out or self.require or self.require_any or self.notices
        return not other and all(form is None for form in acts)

    @model_validator(mode="after")
    def _sound(self) -> Rule:
        if self.evidence == "unchecked" and not self.unverified:
            raise ValueError("a rule without a checked source must say unverified: true")
        if self.mode == "information":
            return self
        if not self.channels and not self.treatments:
            raise ValueError("an executable rule needs channels or treatments")
        if self.bans and not (self.when or self.when_any or self.always):
            raise ValueError("an executable rule needs a condition, or always: true")
        return self


class PackFile(Model):
    """A file of rules."""

    format: Literal[1]
    id: Name
    version: str = "1"
    title: str
    jurisdiction: Name
    actors: tuple[Name, ...] = ("any",)
    debtor: str = ""
    effective_from: Day | None = None
    effective_to: Day | None = None
    status: Literal[
        "in_force", "in_force_recommended", "in_force_self_regulatory", "guidance", "draft", "house"
    ]
    supersedes: str = ""
    rules: tuple[Rule, ...]


@dataclass(frozen=True, repr=False)
class RulePack:
    """Rules of one law, regulation, code of conduct, or of the house itself.

    Several packs: the strictest wins, because a rule can only remove or postpone. A house policy is
    a pack of one's own and so can only tighten. **Not legal advice**: no lawyer has reviewed the
    shipped packs; each rule says how well its source was read.

    Attributes
    ----------
    file : PackFile
        What it says.
    hash : str
        SHA-256 of the content.

    Examples
    --------
    >>> pack = RulePack.load("us.fdcpa_reg_f")
    >>> pack
    RulePack('us.fdcpa_reg_f', 17 rules, 16 executable)
    >>> len(RulePack.shipped())
    18
    """

    file: PackFile = field()

    @classmethod
    def load(cls, name: str | os.PathLike[str]) -> RulePack:
        """Read a shipped pack by its id, or a ``.yaml`` file of one's own.

        Raises
        ------
        InputError
            ``DLQ-206`` an unknown id; the file's problems as for `Strategy.load`.
        """
        if str(name) in cls.shipped():
            return _shipped_pack(str(name))
        if Path(name).suffix not in (".yaml", ".yml"):
            near = did_you_mean(str(name), cls.shipped())
            fix = near or "shipped: " + ", ".join(cls.shipped())
            raise InputError(Problem("DLQ-206", "unknown rule pack", str(name), fix=fix))
        return cls._from(read_document(name))

    @classmethod
    def from_text(cls, text: str, name: str = "rules.yaml") -> RulePack:
        """Read the text of a pack; `name` is how messages call it."""
        return cls._from(read_text(text, name))

    @classmethod
    def _from(cls, document: Document) -> RulePack:
        file, problems = validate(PackFile, document, document.data)
        problems = [*document.problems, *problems, *_repeated(document)]
        if file is None or problems:
            raise InputError(*problems)
        return cls(file)

    @staticmethod
    def shipped() -> list[str]:
        """Return the ids of the shipped packs."""
        return list(_shipped_ids())

    def __repr__(self) -> str:
        count = sum(rule.mode == "executable" for rule in self.rules)
        return f"RulePack({self.id!r}, {len(self.rules)} rules, {count} executable)"

    @property
    def id(self) -> str:
        """Id of the pack."""
        return self.file.id

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules."""
        return self.file.rules

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content; examples and notes count too."""
        content = self.file.model_dump(mode="json")
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def in_force(self, day: date) -> list[Rule]:
        """Return the executable rules in force on a day; a draft never is."""
        if self.file.status == "draft" or not _covers(self.file, day):
            return []
        return [rule for rule in self.rules if rule.mode == "executable" and _covers(rule, day)]


def _covers(entry: PackFile | Rule, day: date) -> bool:
    begun = entry.effective_from is None or entry.effective_from <= day
    return begun and (entry.effective_to is None or day <= entry.effective_to)


def _repeated(document: Document) -> list[Problem]:
    seen: set[Any] = set()
    problems = []
    rules = document.data.get("rules")
    for position, rule in enumerate(rules if isinstance(rules, tuple) else ()):
        name = rule.get("id") if isinstance(rule, dict) else None
        if isinstance(name, str) and name in seen:
            where = document.at("rules", position, "id")
            problems.append(Problem("DLQ-203", "a rule id stands twice", where, fix="rename one"))
        seen.add(name if isinstance(name, str) else None)
    return problems


@cache
def _shipped_ids() -> tuple[str, ...]:
    folder = resources.files("delinquency.strategy").joinpath("data/packs")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


@cache
def _shipped_pack(name: str) -> RulePack:
    file = resources.files("delinquency.strategy").joinpath(f"data/packs/{name}.yaml")
    return RulePack.from_text(file.read_text("utf-8"), file.name)


def packs_of(packs: Sequence[RulePack | str], house: RulePack | None = None) -> list[RulePack]:
    """Return packs given as packs or ids, each once, in order of id: their order never matters."""
    if isinstance(packs, (str, RulePack)):
        packs = [packs]
    found = {}
    for pack in [*packs, *([house] if house is not None else [])]:
        loaded = pack if isinstance(pack, RulePack) else RulePack.load(pack)
        known = found.setdefault(loaded.id, loaded)
        if known.hash != loaded.hash:
            fix = "give each pack its own id"
            raise InputError(Problem("DLQ-206", "two packs share an id", loaded.id, fix=fix))
    return [found[name] for name in sorted(found)]


def list_rules(
    unverified: bool = False, *, packs: Sequence[RulePack | str] | None = None
) -> pd.DataFrame:
    """Return the rules as a table for people; drafts, and not legal advice.

    Parameters
    ----------
    unverified : bool
        Only those whose source nobody has checked.
    packs : sequence of RulePack or str, optional
        All shipped packs by default.

    Returns
    -------
    DataFrame
        ``pack, rule, kind, mode, acts`` (``blocks``, ``warns``, ``information``), ``evidence,
        unverified, jurisdiction, status, effective_from, cite, note``.

    Examples
    --------
    >>> len(list_rules()), len(list_rules(unverified=True))
    (98, 13)
    """

    def row(pack: RulePack, rule: Rule) -> dict[str, Any]:
        acts = "information" if rule.mode == "information" else "warns"
        return {
            "pack": pack.id,
            "rule": rule.id,
            "kind": rule.kind,
            "mode": rule.mode,
            "acts": "blocks" if acts == "warns" and rule.blocks else acts,
            "evidence": rule.evidence,
            "unverified": rule.unverified,
            "jurisdiction": pack.file.jurisdiction,
            "status": pack.file.status,
            "effective_from": str(rule.effective_from or pack.file.effective_from or ""),
            "cite": rule.cite,
            "note": rule.note or rule.served_by,
        }

    chosen = packs_of(RulePack.shipped() if packs is None else packs)
    table = pd.DataFrame([row(pack, rule) for pack in chosen for rule in pack.rules])
    return table[table["unverified"]].reset_index(drop=True) if unverified else table
