"""The words for reasons, in both languages."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

from delinquency.settings import read_text
from delinquency.strategy._rules import RulePack

__all__ = ["Lang", "rule_in_words", "word"]

Lang = Literal["en", "zh"]


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    file = resources.files("delinquency.strategy").joinpath("data/words.yaml")
    return read_text(file.read_text("utf-8"), file.name).data


@cache
def _kinds() -> dict[str, str]:
    packs = [RulePack.load(name) for name in RulePack.shipped()]
    return {rule.id: rule.kind for pack in packs for rule in pack.rules}


def word(group: str, name: str, lang: Lang) -> str:
    """Return the text of a name; a name without one is told as it is written."""
    entry = _words()[group].get(name)
    return name if entry is None else entry[lang]


def rule_in_words(rule: str, lang: Lang) -> str:
    """Return what kind of rule it is, with its id.

    Examples
    --------
    >>> rule_in_words("us.f.window", "en"), rule_in_words("us.f.window", "zh")
    ('contact hours (us.f.window)', '联系时段（us.f.window）')
    """
    kind = _kinds().get(rule)
    said = word("kinds", kind, lang) if kind else word("kinds", "house", lang)
    return f"{said} ({rule})" if lang == "en" else f"{said}（{rule}）"
