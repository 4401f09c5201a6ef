"""What the figures say, in sentences: the headings of the report, made from its numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from delinquency.report._figures import in_words, plan_counts
from delinquency.report._story import Story

__all__ = ["findings", "in_short"]


def findings(story: Story) -> dict[str, str]:
    """Return one sentence a section; an empty one where the story says nothing of it."""
    makers = {
        "intake": _intake,
        "checks": _checks,
        "discrimination": _discrimination,
        "gains": _gains,
        "calibration": _calibration,
        "bands": _bands,
        "drivers": _drivers,
        "plan": _plan,
        "months": _months,
        "goals": _goals,
        "value": _value,
        "audit": _audit,
    }
    parts = {name: getattr(story, name) for name in makers}
    return {name: make(parts[name]) if _told(parts[name]) else "" for name, make in makers.items()}


def _told(part: Any) -> bool:
    return part is not None and (not isinstance(part, Mapping) or bool(part))


def in_short(story: Story) -> list[str]:
    """Return the few sentences that someone with one minute should read."""
    found = findings(story)
    wanted = ("intake", "discrimination", "calibration", "bands", "plan")
    return [f"{found[name]}." for name in wanted if found[name]]


def _intake(intake: Any) -> str:
    if intake.refused:
        return (
            f"{intake.accounts:,} accounts came in, {intake.scored:,} were scored and"
            f" {intake.refused:,} refused"
        )
    return f"{intake.accounts:,} accounts came in and every one was scored"


def _checks(checks: pd.DataFrame) -> str:
    if checks.empty:
        return "The checks found nothing to report"
    severity = checks["severity"].astype(str)
    errors, other = int((severity == "error").sum()), int((severity != "error").sum())
    if not errors:
        return f"The checks found {_many(other, 'thing')} to know and nothing that stops the work"
    return f"The checks found {_many(errors, 'error')} and {_many(other, 'thing')} to know"


def _discrimination(result: Any) -> str:
    return (
        f"The score puts a bad account above a good one {100 * result.auc:.0f} times in 100"
        f" (AUC {result.auc:.3f})"
    )


def _gains(gains: pd.DataFrame) -> str:
    at = gains.loc[(gains["share"] - 0.2).abs().idxmin()]
    return f"The riskiest {at['share']:.0%} of accounts hold {at['captured']:.0%} of the bads"


def _calibration(result: Any) -> str:
    if result.ece <= result.ece_noise_high:
        return "The probabilities are as true as a sample of this size can tell"
    if result.intercept_low > 0:
        return "The probabilities are too low, by more than chance"
    if result.intercept_high < 0:
        return "The probabilities are too high, by more than chance"
    return "The probabilities are right on the whole, but not at every level"


def _bands(bands: pd.DataFrame) -> str:
    known = bands[bands["bad_rate"].notna()]
    if len(known) < 2:
        return f"{_many(len(bands), 'band')}, with no outcomes to judge them by yet"
    rates = known["bad_rate"]
    first, last = known.iloc[0], known.iloc[-1]
    order = "and the order holds" if rates.is_monotonic_increasing else "but the order breaks"
    if first["bad_rate"] == 0:
        return f"Nobody in band {first['band']} went bad, {order} up to band {last['band']}"
    times = last["bad_rate"] / first["bad_rate"]
    return (
        f"Band {last['band']} goes bad {times:.0f} times as often as band {first['band']}, {order}"
    )


def _drivers(drivers: pd.DataFrame) -> str:
    if drivers.empty:
        return "Nothing drives this score"
    top = drivers.head(3)
    return f"{_number(len(top))} of its features carry {top['share'].sum():.0%} of what it learnt"


def _plan(plan: pd.DataFrame) -> str:
    counts = plan_counts(plan).sum(axis=1).sort_values(ascending=False)
    total = int(counts.sum())
    if not total:
        return "The plan is empty"
    return (
        f"The plan gives {_many(total, 'account')} one treatment each; the most common,"
        f" {in_words(counts.index[0])}, goes to {counts.iloc[0] / total:.0%}"
    )


def _months(months: pd.DataFrame) -> str:
    known = months[months["auc"].notna()]
    missed = int(
        ((months["expected"] < months["low"]) | (months["expected"] > months["high"])).sum()
    )
    held = "every month" if not missed else f"{len(months) - missed:,} of {len(months):,} months"
    promise = f"the promise held in {held}"
    if known.empty:
        return promise[0].upper() + promise[1:]
    return f"The AUC stays between {known['auc'].min():.3f} and {known['auc'].max():.3f}, and {promise}"


def _goals(goals: pd.DataFrame) -> str:
    likely = int((goals["probability"] >= 0.5).sum()) if "probability" in goals else 0
    known = int(goals["probability"].notna().sum()) if "probability" in goals else 0
    told = f"{_many(len(goals), 'goal')} under way"
    if known:
        told = f"{_many(likely, 'goal')} of {known} more likely than not to be reached"
    bare = int((goals["warnings"].astype(str) != "").sum())
    return (told + (f", {_many(bare, 'goal')} with a warning" if bare else "")).capitalize()


def _value(value: pd.DataFrame) -> str:
    if value.empty:
        return "The plan has no values"
    best = value.sort_values("value").iloc[-1]
    total = value["value"].sum()
    return (
        f"The plan is expected to bring {total:,.0f}, most of it by {in_words(best['treatment'])}"
    )


def _audit(audit: Mapping[str, pd.DataFrame]) -> str:
    below = sum(
        int(table["below_four_fifths"].fillna(value=False).sum()) for table in audit.values()
    )
    if not below:
        return "No group is favoured less than four fifths as often as the most favoured"
    verb = "is" if below == 1 else "are"
    return f"{_many(below, 'group')} {verb} favoured less than four fifths as often".capitalize()


def _number(n: int) -> str:
    return ("No", "One", "Two", "Three")[n] if n < 4 else f"{n:,}"


def _many(n: int, thing: str) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return f"{words[n] if n < 10 else f'{n:,}'} {thing}{'' if n == 1 else 's'}"
