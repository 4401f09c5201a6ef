"""A plan in words, for an agent, a customer who asks, and whoever audits them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import CARE, Treatment, catalogue
from delinquency.strategy._yaml import read_text

__all__ = ["explain", "in_words", "need_in_words"]

Lang = Literal["en", "zh"]

_SENTENCES = {
    "en": {
        "decided": "{name} ({treatment}): stage {stage}, band {band}; rule {rule}.",
        "channel": "By {channel}, not before {earliest}.",
        "also": "Beside it: {also}.",
        "hold": "Collection is on hold: {holds}.",
        "last": "Nothing else the strategy lists was possible, so its last resort was taken.",
        "removed": "{name} was not possible: {reasons}.",
        "needs": "it needs {needs}",
        "confirm": "Before {name}, confirm: {needs}.",
        "evidence": "it needs evidence: {needs}",
        "join": ", ",
    },
    "zh": {
        "decided": "{name}（{treatment}）：{stage} 阶段，{band} 段；规则 {rule}。",
        "channel": "渠道：{channel}，最早时间 {earliest}。",
        "also": "同时进行：{also}。",
        "hold": "已停催：{holds}。",
        "last": "策略所列其他措施均不可行，故采用兜底措施。",
        "removed": "未采取「{name}」：{reasons}。",
        "needs": "缺少条件：{needs}",
        "confirm": "执行「{name}」前请确认：{needs}。",
        "evidence": "升级前须有证据：{needs}",
        "join": "、",
    },
}


def explain(
    plan: Any,
    account_id: Any = None,
    *,
    lang: Lang = "en",
    strategy: Strategy | None = None,
) -> str:
    """Tell in sentences what a plan does with one account, why, and what it could not do.

    Parameters
    ----------
    plan : DataFrame, Series or mapping
        A plan and an account in it, or one row of a plan.
    account_id : int or str, optional
        Which account, when `plan` has several.
    lang : {"en", "zh"}
        English or Chinese.
    strategy : Strategy, optional
        The one that made the plan, for the names of treatments of its own.

    Returns
    -------
    str
        One sentence a line.

    Raises
    ------
    InputError
        ``DLQ-125`` when the account is not in the plan, or it is not said which one is meant.

    Examples
    --------
    >>> row = {"treatment": "agent_call", "stage": "8-30", "band": "C", "rule": "8-30/C"}
    >>> print(explain(row))
    Call by an agent (agent_call): stage 8-30, band C; rule 8-30/C.
    >>> print(explain({**row, "removed": "field_visit: address_valid"}, lang="zh").splitlines()[1])
    未采取「上门外访」：缺少条件：有效地址。
    """
    row = _row(plan, account_id)
    names = catalogue() if strategy is None else strategy.treatments
    say = _SENTENCES[lang]
    lines = [say["decided"].format(name=_name(row["treatment"], names, lang), **_place(row))]
    if row["treatment"] == CARE:
        holds = str(row["rule"]).removeprefix("hold:").split("+")
        lines.append(
            say["hold"].format(holds=say["join"].join(_word("holds", h, lang) for h in holds))
        )
        return "\n".join(lines)
    if str(row["rule"]).endswith("/last_resort"):
        lines.append(say["last"])
    if row.get("channel"):
        lines.append(say["channel"].format(channel=row["channel"], earliest=_time(row)))
    if row.get("also"):
        beside = [_name(name, names, lang) for name in str(row["also"]).split("; ")]
        lines.append(say["also"].format(also=say["join"].join(beside)))
    lines += [
        say["removed"].format(name=_name(name, names, lang), reasons=_reasons(why, lang))
        for name, why in _entries(row.get("removed"))
    ]
    lines += [
        say["confirm"].format(name=_name(name, names, lang), needs=_needs(why, lang))
        for name, why in _entries(row.get("to_confirm"))
    ]
    return "\n".join(lines)


def in_words(reasons: str, lang: Lang = "en") -> str:
    """Return the reasons of one treatment, as ``removed`` lists them, in words.

    Examples
    --------
    >>> in_words("address_valid, escalation:contact_tried")
    'it needs a valid address; it needs evidence: an earlier call that was tried'
    """
    return _reasons(reasons.split(", "), lang)


def need_in_words(need: str, lang: Lang = "en") -> str:
    """Return one precondition, as ``to_confirm`` lists it, in words.

    Examples
    --------
    >>> need_in_words("valid_phone"), need_in_words("valid_phone", "zh")
    ('a valid phone number', '有效电话号码')
    """
    return _word("needs", need, lang)


def _row(plan: Any, account_id: Any) -> Mapping[str, Any]:
    if isinstance(plan, pd.Series):
        return {str(name): value for name, value in plan.items()}
    if isinstance(plan, Mapping):
        return plan
    rows = plan if account_id is None else plan[plan["account_id"] == account_id]
    if len(rows) != 1:
        what = f"expected one account, found {len(rows):,}"
        raise InputError(Problem("DLQ-125", what, "plan", len(rows), "name an account of the plan"))
    return _row(rows.iloc[0], None)


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("treatment", "stage", "band", "rule")}


def _name(name: str, names: Mapping[str, Treatment], lang: Lang) -> str:
    return getattr(names[name].name, lang) if name in names else name


def _time(row: Mapping[str, Any]) -> str:
    time = pd.Timestamp(row.get("earliest_at", pd.NaT))
    return "?" if pd.isna(time) else time.strftime("%Y-%m-%d %H:%M %Z").strip()


def _entries(text: Any) -> list[tuple[str, list[str]]]:
    """Take "treatment: reason, reason; ..." apart."""
    found = []
    for entry in str(text or "").split("; "):
        name, colon, why = entry.partition(": ")
        if colon:
            found.append((name, why.split(", ")))
    return found


def _reasons(why: list[str], lang: Lang) -> str:
    say = _SENTENCES[lang]
    plain = [reason for reason in why if reason in _words()["gates"]]
    proof = [r.removeprefix("escalation:") for r in why if r.startswith("escalation:")]
    held = [r.removeprefix("hold:") for r in why if r.startswith("hold:")]
    needs = [r for r in why if r not in plain and ":" not in r]
    said = [_word("gates", reason, lang) for reason in plain]
    said += [_word("holds", reason, lang) for reason in held]
    said += [say["needs"].format(needs=_needs(needs, lang))] if needs else []
    said += [say["evidence"].format(needs=_needs(proof, lang))] if proof else []
    return ("; " if lang == "en" else "；").join(said)


def _needs(names: list[str], lang: Lang) -> str:
    return _SENTENCES[lang]["join"].join(_word("needs", name, lang) for name in names)


def _word(group: str, name: str, lang: Lang) -> str:
    entry = _words()[group].get(name)
    return name if entry is None else entry[lang]


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    text = resources.files("delinquency.strategy").joinpath("data/words.yaml").read_text("utf-8")
    return read_text(text, "words.yaml").data
