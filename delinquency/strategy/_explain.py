"""A plan in words, for an agent, a customer who asks, and whoever audits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import CARE, Treatment, catalogue
from delinquency.strategy._words import Lang, kind_of, rule_in_words, word

__all__ = ["explain", "in_words", "need_in_words", "until_in_words"]

_SAY = {
    "en": {
        "decided": "{name} ({treatment}): stage {stage}, band {band}; rule {rule}.",
        "channel": "By {channel}, not before {earliest}.",
        "postponed": "It waits for {rules}.",
        "also": "Beside it: {also}.",
        "hold": "Collection is on hold: {holds}.",
        "last": "Nothing else the strategy lists was possible, so its last resort was taken.",
        "shared": "Another account of the same person goes first: they share a limit on contacts.",
        "removed": "{name} was not possible: {reasons}.",
        "from": "{name} is allowed from {time}.",
        "needs": "it needs {needs}",
        "evidence": "it needs evidence: {needs}",
        "rules": "not allowed by {needs}",
        "later": "it would have to wait too long for {needs}",
        "relief": "not while {needs}",
        "confirm": "Before {name}, confirm: {needs}.",
        "notices": "Give these notices: {needs}.",
        "warnings": "Not verified, have it checked: {needs}.",
        "for": "{need} for {rule}",
        "join": ", ",
        "part": "; ",
    },
    "zh": {
        "decided": "{name}（{treatment}）：{stage} 阶段，{band} 段；规则 {rule}。",
        "channel": "渠道：{channel}，最早时间 {earliest}。",
        "postponed": "需等待：{rules}。",
        "also": "同时进行：{also}。",
        "hold": "已停催：{holds}。",
        "last": "策略所列其他措施均不可行，故采用兜底措施。",
        "shared": "同一客户的其他账户优先：联系次数合并计算。",
        "removed": "未采取「{name}」：{reasons}。",
        "from": "「{name}」最早可于 {time} 采取。",
        "needs": "缺少条件：{needs}",
        "evidence": "升级前须有证据：{needs}",
        "rules": "规则不允许：{needs}",
        "later": "等待时间过长：{needs}",
        "relief": "暂不升级：{needs}",
        "confirm": "执行「{name}」前请确认：{needs}。",
        "notices": "须作告知：{needs}。",
        "warnings": "以下规则尚未核实，请核查：{needs}。",
        "for": "{need}，依据{rule}",
        "join": "、",
        "part": "；",
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
    >>> print(explain({**row, "removed": "ai_voice_call: us.f.cease"}).splitlines()[1])
    Automated voice call was not possible: not allowed by the customer's right ... (us.f.cease).
    """
    row = _row(plan, account_id)
    names = catalogue() if strategy is None else strategy.treatments
    say = _SAY[lang]
    place = {key: row[key] for key in ("treatment", "stage", "band", "rule")}
    lines = [say["decided"].format(name=_name(row["treatment"], names, lang), **place)]
    if row["treatment"] == CARE:
        holds = str(row["rule"]).removeprefix("hold:").split("+")
        told = say["join"].join(word("holds", hold, lang) for hold in holds)
        return "\n".join([*lines, say["hold"].format(holds=told)])
    return "\n".join([*lines, *_what(row, names, lang), *_why(row, names, lang)])


def _what(row: Mapping[str, Any], names: Mapping[str, Treatment], lang: Lang) -> list[str]:
    """Say how and when it is done, and what goes with it."""
    say, lines = _SAY[lang], []
    if str(row["rule"]).endswith("/last_resort"):
        lines.append(say["last"])
    if str(row["rule"]).endswith("/shared_cap"):
        lines.append(say["shared"])
    if row.get("channel"):
        channel = word("channels", str(row["channel"]), lang)
        lines.append(say["channel"].format(channel=channel, earliest=_time(row)))
    if row.get("postponed"):
        rules = [rule_in_words(rule, lang) for rule in str(row["postponed"]).split(", ")]
        lines.append(say["postponed"].format(rules=say["join"].join(rules)))
    if row.get("also"):
        beside = [_name(name, names, lang) for name in str(row["also"]).split("; ")]
        lines.append(say["also"].format(also=say["join"].join(beside)))
    return lines


def _why(row: Mapping[str, Any], names: Mapping[str, Treatment], lang: Lang) -> list[str]:
    """Say what was not possible, what is to be confirmed, told or checked."""
    say = _SAY[lang]
    lines = [
        say["removed"].format(name=_name(name, names, lang), reasons=_reasons(why, lang))
        for name, why in _entries(row.get("removed"))
    ]
    lines += [
        say["from"].format(name=_name(name, names, lang), time=time.replace("T", " "))
        for name, (time, *_) in _entries(row.get("allowed_from"))
    ]
    lines += [
        say["confirm"].format(name=_name(name, names, lang), needs=_needs(why, lang))
        for name, why in _entries(row.get("to_confirm"))
    ]
    if row.get("notices"):
        notices = str(row["notices"]).split(", ")
        told = [f"{text} ({rule})" for rule, _, text in (n.partition("=") for n in notices)]
        lines.append(say["notices"].format(needs=", ".join(told)))
    if row.get("warnings"):
        rules = [rule_in_words(rule, lang) for rule in str(row["warnings"]).split(", ")]
        lines.append(say["warnings"].format(needs=say["join"].join(rules)))
    return lines


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
    return _need(need, lang)


def until_in_words(treatment: str, reasons: str, lang: Lang = "en") -> str:
    """Return when a treatment that was removed will be allowed, as far as its reasons tell.

    Where waiting alone brings it, the plan's ``allowed_from`` has the instant.

    Examples
    --------
    >>> until_in_words("agent_call", "hold:dispute")
    'never while the hold stands'
    >>> until_in_words("field_visit", "dpd, escalation:contact_tried")
    'only from day 30 to day 365 past due; once there is evidence of it'
    >>> until_in_words("agent_call", "us.f.cease")
    "never while the customer's request stands"
    """
    told = [_until(treatment, reason, lang) for reason in reasons.split(", ")]
    return _SAY[lang]["part"].join(dict.fromkeys(told))


def _until(treatment: str, reason: str, lang: Lang) -> str:
    head, colon, _ = reason.partition(":")
    if reason == "dpd" and treatment in catalogue():
        low, high = catalogue()[treatment].dpd
        name = "dpd_open" if high >= 9999 else "dpd"
        return word("until", name, lang).format(low=low, high=high)
    if colon and head in ("hold", "relief"):
        return word("until", head, lang)
    if reason in ("cease_requested", "represented_by_attorney"):
        return word("until", "cease", lang)
    if reason in ("opted_out", "timeout"):
        return word("until", reason, lang)
    if reason == "dwell" or head == "later":
        return word("until", "wait", lang)
    if "." not in reason or "?" in reason:
        return word("until", "evidence", lang)
    told = word("until", kind_of(reason), lang)
    return word("until", "rule", lang) if told == kind_of(reason) else told


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
    say = _SAY[lang]
    by_kind: dict[str, list[str]] = {}
    for reason in why:
        kind, told = _reason(reason, lang)
        by_kind.setdefault(kind, []).append(told)
    plain = by_kind.pop("plain", [])
    said = [say[kind].format(needs=say["join"].join(told)) for kind, told in by_kind.items()]
    return say["part"].join([*plain, *said])


def _reason(reason: str, lang: Lang) -> tuple[str, str]:
    """Return how a reason is said, and its words."""
    head, colon, tail = reason.partition(":")
    if colon and head == "hold":
        return "plain", word("holds", tail, lang)
    if colon and head == "escalation":
        return "evidence", word("needs", tail, lang)
    if colon and head == "relief":
        return "relief", word("relief", tail, lang)
    if colon and head == "later":
        return "later", rule_in_words(tail, lang)
    gate = word("gates", reason, lang)
    if gate != reason:
        return "plain", gate
    if "?" in reason:
        return "needs", _need(reason, lang)
    # rule ids have a dot in them, or stand in no list of preconditions
    need = word("needs", reason, lang)
    return ("rules", rule_in_words(reason, lang)) if "." in reason else ("needs", need)


def _needs(names: list[str], lang: Lang) -> str:
    return _SAY[lang]["join"].join(_need(name, lang) for name in names)


def _need(name: str, lang: Lang) -> str:
    rule, asked, need = name.partition("?")
    if not asked:
        return word("needs", name, lang)
    told = (" or " if lang == "en" else "或").join(
        word("needs", n, lang) for n in need.split(" or ")
    )
    return _SAY[lang]["for"].format(need=told, rule=rule_in_words(rule, lang))
