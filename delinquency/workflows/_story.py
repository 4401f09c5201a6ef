"""What a report tells of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from delinquency import evaluation, features, history, report, schema, scoring
from delinquency import strategy as strategies
from delinquency.workflows import _plan as plans
from delinquency.workflows import _road as road
from delinquency.workflows._outcome import KEY, label_of
from delinquency.workflows._review import review
from delinquency.workflows._road import Scoring
from delinquency.workflows._say import Say, quiet

__all__ = ["story", "tell"]

# treatments that put no burden on a person, for the audit of who carries it
_SPARED = ("no_action", "pre_due_reminder", "digital_reminder", "care_and_hold")

UNKNOWN = (
    "Whether any treatment works: nobody was treated at random here, so nothing is said of effects, "
    "costs or recoveries.",
    "Whether a treatment is lawful in your jurisdiction: rule packs, contact windows and caps are yours "
    "to choose and to have reviewed. Nothing on this page is legal advice.",
    "What the plan lists as to be confirmed: nobody supplied that evidence, so an agent has to check it "
    "before acting.",
    "How long the score will hold: it was tried on accounts held out, not on a later time.",
)


def tell(
    months: Any,
    scorer: scoring.Scorer,
    *,
    as_of: Any,
    labels: Any = None,
    accounts: Any = None,
    contacts: Any = None,
    strategy: strategies.Strategy | None = None,
    rules: Mapping[str, Any] | None = None,
    goals: pd.DataFrame | None = None,
    title: str = "Risk and treatment of a portfolio",
    source: str = "The tables this report was made from.",
    say: Say = quiet,
) -> report.Story:
    """Score and plan a book, and return what a report tells of it.

    Parameters
    ----------
    months, scorer, as_of, accounts, contacts, strategy
        As in `score` and `plan`.
    rules : mapping, optional
        ``packs, house_policy, actors, at`` as in `plan`.
    goals : DataFrame, optional
        From `review_goals`.
    labels : table, optional
        Outcomes of this snapshot. With them the score is judged, on the accounts that the scorer's
        own split held out.
    title, source : str
        Words for the head of the page.

    Returns
    -------
    Story
        Hand it to `delinquency.report.render_report`.
    """
    say("checks")
    checks = road.check(months, as_of=as_of)
    scored = road.score(months, scorer, as_of=as_of, say=say)
    say("plan")
    rules, chosen = rules or {}, strategy or strategies.Strategy.default()
    plan = plans.plan(
        scored.scores,
        months,
        as_of=as_of,
        accounts=accounts,
        contacts=contacts,
        strategy=chosen,
        **rules,
    )
    holdout = None if labels is None else _held_out(scored, labels, scorer)
    return story(
        months,
        checks,
        scored,
        plan,
        scorer,
        as_of=as_of,
        strategy=chosen,
        holdout=holdout,
        accounts=accounts,
        conduct=plans.conduct(plan, accounts, contacts, chosen, **rules),
        goals=goals,
        title=title,
        source=source,
    )


def _held_out(scored: Scoring, labels: Any, scorer: scoring.Scorer) -> pd.DataFrame:
    outcome = history.label_from(labels).dropna(subset=["bad"])
    known = scored.scores.merge(outcome, on=KEY)
    part = road.split_of(known["account_id"])
    return known[part == "test"]


def story(
    months: Any,
    checks: pd.DataFrame,
    scored: Scoring,
    plan: pd.DataFrame,
    scorer: scoring.Scorer,
    *,
    as_of: Any,
    strategy: strategies.Strategy,
    title: str,
    source: str,
    holdout: pd.DataFrame | None = None,
    accounts: Any = None,
    conduct: tuple[pd.DataFrame, list[str]] | None = None,
    goals: pd.DataFrame | None = None,
    importance: pd.DataFrame | None = None,
    target: str = "",
    labelled: tuple[int, int] | None = None,
    unknowns: Sequence[str] = (),
    reproduce: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
) -> report.Story:
    """Return what a report tells of a run that has been made."""
    judged = _judgement(holdout, scorer) if holdout is not None and len(holdout) else {}
    if judged and holdout is not None and accounts is not None:
        people = schema.to_frame(accounts, "accounts")
        judged["audit"] = report.audit_rows(holdout, plan, people, _SPARED)
    chinese = strategies.treatments("zh")
    catalogue = features.catalogue(windows=scoring.windows_of(scorer))
    return report.Story(
        title=title,
        as_of=str(schema.as_date(as_of).date()),
        source=source,
        target=target or _target(scorer, "en"),
        target_zh="" if target else _target(scorer, "zh"),
        intake=_intake(months, scored, labelled),
        checks=checks,
        sample=_sample(holdout),
        drivers=None if importance is None else report.driver_rows(importance, catalogue),
        examples=report.example_rows(scored.scores),
        plan=report.plan_rows(plan, chinese),
        removed=report.removed_rows(plan, chinese, strategies.in_words, strategies.until_in_words),
        waiting=report.waiting_rows(plan, chinese, _rule),
        packs=conduct[0] if conduct else None,
        conduct=conduct[1] if conduct else (),
        confirm=report.confirm_rows(plan, chinese, strategies.need_in_words),
        policy=report.policy_rows(strategy.table()),
        goals=goals,
        unknowns=[*unknowns, *UNKNOWN],
        reproduce=reproduce,
        manifest=manifest or {},
        favoured="nothing is done, or a reminder is sent",
        **judged,
    )


def _target(scorer: scoring.Scorer, lang: str) -> str:
    """Return in words what the scorer was trained to tell; a bundle may not say it in a form of ours."""
    spec = label_of(scorer, None)
    if spec is not None:
        return history.label_in_words(spec, lang)
    elsewhere = ("an outcome that was given with the training data", "训练数据自带的结果")
    return elsewhere[lang == "zh"]


def _rule(name: str) -> str:
    return strategies.rule_in_words(name, "en")


def _judgement(holdout: pd.DataFrame, scorer: scoring.Scorer) -> dict[str, Any]:
    y, probability = holdout["bad"], holdout["probability"]
    band = pd.Categorical(holdout["band"], categories=list(scorer.bands.names), ordered=True)
    discrimination, calibration = review(holdout)
    rates = evaluation.by_band(y, probability, band)
    return {
        "discrimination": discrimination,
        "calibration": calibration,
        "roc": evaluation.roc(y, probability),
        "gains": evaluation.gains(y, probability),
        "bands": report.band_rows(rates, scorer.bands.table()),
    }


def _sample(holdout: pd.DataFrame | None) -> str:
    if holdout is None:
        return ""
    return f"{len(holdout):,} accounts that the model never saw, chosen by a hash of their id"


def _intake(months: Any, scored: Scoring, labelled: tuple[int, int] | None) -> report.Intake:
    frame = schema.to_frame(months)
    dates = pd.to_datetime(frame["month"])
    return report.Intake(
        rows=len(frame),
        accounts=scored.reconciliation["read"],
        scored=scored.reconciliation["scored"],
        refused=scored.reconciliation["refused"],
        first_month=f"{dates.min():%B %Y}",
        last_month=f"{dates.max():%B %Y}",
        labelled=None if labelled is None else labelled[0],
        bads=None if labelled is None else labelled[1],
    )
