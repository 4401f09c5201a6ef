"""House policy may only tighten: what in a file would loosen a rule, or a shipped treatment."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from delinquency.errors import Problem, did_you_mean
from delinquency.settings import parts
from delinquency.storage import Document, quoted
from delinquency.strategy._effects import channels_of
from delinquency.strategy._rule_models import Rule
from delinquency.strategy._rules import RulePack
from delinquency.strategy._treatments import Treatment

__all__ = ["house_problems", "loosened"]


def house_problems(document: Document) -> Iterator[Problem]:
    """Say which packs are unknown, and which rules of the house are weaker than a pack's."""
    named = []
    for index, name in enumerate(_names(document.data.get("packs"))):
        where = document.at("packs", index)
        if name not in RulePack.shipped():
            near = did_you_mean(name, RulePack.shipped())
            fix = near or "shipped: " + ", ".join(RulePack.shipped())
            yield Problem("DLQ-206", f"unknown rule pack {quoted(name)}", where, fix=fix)
        else:
            named.append(RulePack.load(name))
    actors = {a for name in RulePack.shipped() for a in RulePack.load(name).file.actors}
    for index, name in enumerate(_names(document.data.get("actors"))):
        if name not in actors:
            fix = did_you_mean(name, actors) or "known: " + ", ".join(sorted(actors))
            where = document.at("actors", index)
            yield Problem("DLQ-206", f"unknown actor {quoted(name)}", where, fix=fix)
    seen: set[str] = set()
    binding = [rule for pack in named for rule in pack.rules if rule.blocks]
    for position, own in parts(Rule, document.data.get("house")).items():
        if own.id in seen or any(own.id == rule.id for pack in named for rule in pack.rules):
            where = document.at("house", position, "id")
            yield Problem("DLQ-203", f"rule {quoted(own.id)} stands twice", where, fix="rename it")
        seen.add(own.id)
        for rule in binding:
            if reason := _weaker(own, rule):
                where = document.at("house", position)
                what = f"house rule {quoted(own.id)} loosens {rule.id}: {reason}"
                yield Problem("DLQ-209", what, where, fix="a house policy may only tighten")


def _names(value: Any) -> tuple[str, ...]:
    entries = (value,) if isinstance(value, str) else value
    return tuple(e for e in entries if isinstance(e, str)) if isinstance(entries, tuple) else ()


def _weaker(own: Rule, rule: Rule) -> str:
    """Return in what a rule of the house permits more than the rule of a pack, or nothing."""
    if rule.when or rule.when_any or not _meet(own, rule):
        return ""
    if own.window is not None and rule.window is not None:
        return _longer_hours(own, rule)
    if own.cap is not None and rule.cap is not None:
        same = ("counts", "days", "months", "unit")
        if all(getattr(own.cap, key) == getattr(rule.cap, key) for key in same):
            more = own.cap.max > rule.cap.max
            return f"it permits {own.cap.max} where {rule.cap.max} are permitted" if more else ""
    for column, test in own.require.items():
        other = rule.require.get(column)
        if other is not None:
            (low, high), (least, most) = test.bounds(), other.bounds()
            if (low < least and least > -inf) or (high > most and most < inf):
                return f"its limit on {column} is wider"
    return ""


def _meet(own: Rule, rule: Rule) -> bool:
    shared = channels_of(own) & channels_of(rule)
    return bool(shared or set(own.treatments) & set(rule.treatments))


def _longer_hours(own: Rule, rule: Rule) -> str:
    assert own.window is not None
    assert rule.window is not None
    ours, theirs = own.window.schedule(), rule.window.schedule()
    for day in range(7):
        open_here = {m for start, end in ours.week[day] for m in range(start, end)}
        open_there = {m for start, end in theirs.week[day] for m in range(start, end)}
        if extra := sorted(open_here - open_there):
            return f"it is open at {extra[0] // 60:02d}:{extra[0] % 60:02d}"
    return ""


def loosened(
    document: Document, position: int, entry: Treatment, base: Treatment
) -> Iterator[Problem]:
    """Say in what a treatment that replaces a shipped one asks for less."""
    where = document.at("treatments", position)
    dropped = [name for name in base.requires if name not in entry.requires]
    if dropped:
        what = f"{quoted(entry.treatment)} drops the precondition {quoted(dropped[0])}"
        fix = "preconditions may be added, not dropped; a new name makes a new treatment"
        yield Problem("DLQ-209", what, where, len(dropped), fix)
    if entry.rung < base.rung:
        what = f"{quoted(entry.treatment)} is put on rung {entry.rung}, below its own {base.rung}"
        yield Problem("DLQ-209", what, where, fix="a rung may be raised, not lowered")
    for name, limit in base.parameters.items():
        floor = name.startswith(("min_", "npv_"))
        own = entry.parameters.get(name, -inf if floor else inf)
        if (own < limit) if floor else (own > limit):
            what = f"{quoted(entry.treatment)} loosens its parameter {quoted(name)}"
            fix = f"keep it within {limit:g}"
            yield Problem("DLQ-209", what, where, fix=fix)
