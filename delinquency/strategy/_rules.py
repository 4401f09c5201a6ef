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
from typing import Any

import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.settings import validate
from delinquency.storage import Document, parse_yaml, read_yaml
from delinquency.strategy._rule_models import PackFile, Rule

__all__ = ["RulePack", "list_rules", "packs_of"]

NOT_ADVICE = "Drafts by software people, reviewed by no lawyer. Not legal advice."


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
        return cls._from(read_yaml(name))

    @classmethod
    def from_text(cls, text: str, name: str = "rules.yaml") -> RulePack:
        """Read the text of a pack; `name` is how messages call it."""
        return cls._from(parse_yaml(text, name))

    @classmethod
    def _from(cls, document: Document) -> RulePack:
        file, problems = validate(PackFile, document, document.data)
        problems = [*document.problems, *problems, *_repeated(document)]
        if file is None or problems:
            raise InputError(*problems)
        return cls(file)

    @classmethod
    def house_example(cls) -> RulePack:
        """Return the shipped example of a house policy: made up, to be copied and replaced."""
        return _house_example()

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


@cache
def _house_example() -> RulePack:
    file = resources.files("delinquency.strategy").joinpath("data/house_policy.yaml")
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
