"""What counts as bad, in words, English and Chinese."""

from __future__ import annotations

from delinquency.history._label_spec import LabelSpec, Population

__all__ = ["label_in_words"]


def label_in_words(spec: LabelSpec, lang: str = "en") -> str:
    """Return what counts as bad as a person would say it, without a full stop.

    Parameters
    ----------
    spec : LabelSpec
    lang : {"en", "zh"}

    Examples
    --------
    >>> label_in_words(LabelSpec(population=Population(open_only=False)))
    '30 or more days past due at any time in the 3 months after the snapshot, or charged off'
    >>> label_in_words(LabelSpec(), "zh")
    '快照后 3 个月内曾逾期 30 天及以上，或已核销；仅限未结清账户'
    """
    event, who = (_event_zh, _who_zh) if lang == "zh" else (_event_en, _who_en)
    between = ""
    if spec.indeterminate is not None:
        first, last = spec.indeterminate, spec.dpd - 1
        between = (
            f"；逾期 {first} 至 {last} 天不计好坏"
            if lang == "zh"
            else f"; {first} to {last} days are neither good nor bad"
        )
    return event(spec) + between + who(spec.population)


def _event_en(spec: LabelSpec) -> str:
    months = f"{spec.within} months" if spec.within > 1 else "month"
    window = f"the {months} after the snapshot"
    when = f"at the end of {window}" if spec.at_end else f"at any time in {window}"
    if spec.event == "paid_share":
        return f"less than {spec.share:.0%} of what was owed at the snapshot is paid in {window}"
    if spec.event == "not_cured":
        return f"never without arrears in {window}"
    if spec.event == "worse_bucket":
        return f"in a worse bucket than at the snapshot {when}, or charged off"
    return f"{spec.dpd} or more days past due {when}, or charged off"


def _event_zh(spec: LabelSpec) -> str:
    window = f"快照后 {spec.within} 个月内"
    when = f"快照后第 {spec.within} 个月末" if spec.at_end else f"{window}曾"
    if spec.event == "paid_share":
        return f"{window}还款不足快照时欠款的 {spec.share:.0%}"
    if spec.event == "not_cured":
        return f"{window}从未还清欠款"
    if spec.event == "worse_bucket":
        return f"{when}处于比快照时更差的逾期段，或已核销"
    return f"{when}逾期 {spec.dpd} 天及以上，或已核销"


def _who_en(who: Population) -> str:
    told = []
    if who.min_dpd or who.max_dpd is not None:
        told.append(f"{_days(who, ' to ', ' or more')} days past due at the snapshot")
    if who.min_months_on_book:
        told.append(f"{who.min_months_on_book} months or more on book")
    if who.min_previous_dpd:
        told.append(f"{who.min_previous_dpd} or more days past due the month before")
    kind = "open accounts" if who.open_only else "accounts"
    if not told:
        return f"; of {kind}" if who.open_only else ""
    return f"; of {kind} {', '.join(told)}"


def _who_zh(who: Population) -> str:
    told = ["未结清"] if who.open_only else []
    if who.min_dpd or who.max_dpd is not None:
        told.append(
            f"快照时逾期 {_days(who, ' 至 ', ' 天及以上')}" + " 天" * (who.max_dpd is not None)
        )
    if who.min_months_on_book:
        told.append(f"账龄 {who.min_months_on_book} 个月及以上")
    if who.min_previous_dpd:
        told.append(f"上月逾期 {who.min_previous_dpd} 天及以上")
    return f"；仅限{'、'.join(told)}账户" if told else ""


def _days(who: Population, to: str, more: str) -> str:
    if who.max_dpd is None:
        return f"{who.min_dpd}{more}"
    return f"{who.min_dpd}" if who.max_dpd == who.min_dpd else f"{who.min_dpd}{to}{who.max_dpd}"
