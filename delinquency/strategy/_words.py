"""The words for reasons, in both languages."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

from delinquency.storage import parse_yaml
from delinquency.strategy._rules import RulePack

__all__ = ["Lang", "kind_of", "rule_in_words", "word"]

Lang = Literal["en", "zh"]


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    file = resources.files("delinquency.strategy").joinpath("data/words.yaml")
    return parse_yaml(file.read_text("utf-8"), file.name).data


@cache
def _kinds() -> dict[str, str]:
    packs = [RulePack.house_example(), *map(RulePack.load, RulePack.shipped())]
    return {rule.id: rule.kind for pack in packs for rule in pack.rules}


def word(group: str, name: str, lang: Lang) -> str:
    """Return the text of a name; a name without one is told as it is written."""
    entry = _words()[group].get(name)
    return name if entry is None else entry[lang]


def kind_of(rule: str) -> str:
    """Return the kind of a shipped rule; any other is one of the house."""
    return _kinds().get(rule, "house")


def rule_in_words(rule: str, lang: Lang) -> str:
    """Return what kind of rule it is, with its id.

    Examples
    --------
    >>> rule_in_words("us.f.window", "en"), rule_in_words("us.f.window", "zh")
    ('contact hours (us.f.window)', '联系时段（us.f.window）')
    """
    said = word("kinds", kind_of(rule), lang)
    return f"{said} ({rule})" if lang == "en" else f"{said}（{rule}）"
