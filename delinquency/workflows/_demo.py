"""The demo: the whole road on the real sample, in one command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import datasets, evaluation, report, storage
from delinquency import strategy as strategies
from delinquency.workflows import _plan as plans
from delinquency.workflows import _road as road
from delinquency.workflows._commit import commit
from delinquency.workflows._plan import load_rules, load_strategy
from delinquency.workflows._review import review
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._story import story

__all__ = ["Demo", "demo"]

_AS_OF = "2005-09-30"
# The sample has six months; longer windows would say the same again.
_WINDOWS = (3, 6)
# All clients of the sample lived in Taiwan, which has one zone; the hour is that of a working day's start.
_PLACE = {"jurisdiction": "TW", "time_zone": "Asia/Taipei"}
_AT = f"{_AS_OF}T08:00+08:00"
_UNKNOWN = (
    "What the law of Taiwan asks: no pack for it is shipped. The rules at work are those of an example of a "
    "house policy, made up to show how rules act; they are nobody's policy and no law.",
    "The sample has no dates within the month, no minimum due, no write-offs, no recoveries and no "
    "treatments, so nothing here was learnt from what collectors did.",
    "Days past due are months late times 30, as the file counts; code 1 exists almost only in September, "
    "so accounts seem to jump from current to two months late.",
)


@dataclass(frozen=True)
class Demo:
    """What the demo found.

    Parameters
    ----------
    folder : Path
        Where the files are.
    accounts, bads : int
        Accounts of the sample, and those that defaulted.
    discrimination : Discrimination
        How well the score ranks accounts that the model never saw.
    calibration : Calibration
        How true its probabilities are there.
    bands : DataFrame
        One row a band on the same accounts: see `delinquency.evaluation.by_band`.
    treatments : DataFrame
        Accounts of the whole sample by treatment (rows) and band (columns).
    """

    folder: Path
    accounts: int
    bads: int
    discrimination: evaluation.Discrimination
    calibration: evaluation.Calibration
    bands: pd.DataFrame
    treatments: pd.DataFrame


def demo(
    out: str | os.PathLike[str] = "delinquency-demo",
    *,
    strategy: str | os.PathLike[str] | None = None,
    packs: Sequence[str] = (),
    house_policy: str | os.PathLike[str] | None = None,
    say: Say = quiet,
) -> Demo:
    """Walk the road on the real sample and leave scores, plan, bundle, report and manifest.

    Parameters
    ----------
    out : path
        Folder to write; the same input leaves the same bytes.
    strategy : path, optional
        Strategy file instead of the default one.
    packs : sequence of str
        Rule packs to name as well. None of those that are shipped is law in Taiwan, where the sample
        is from, so the page says that they are without effect.
    house_policy : path, optional
        Rules of a house instead of the shipped example, which is made up and says so.
    say : callable
        Told what is being done.

    Returns
    -------
    Demo
        The figures, judged on accounts that the model never saw.

    Raises
    ------
    InputError
        When the strategy file or the house policy has mistakes; nothing is written then.
    """
    folder, chosen = Path(out), load_strategy(strategy)
    rules = load_rules(packs, house_policy, (), _AT)
    rules["house_policy"] = rules["house_policy"] or strategies.RulePack.house_example()
    say("months: the real sample, 30,000 credit-card clients, Taiwan 2005")
    sample = datasets.load_credit_card()
    walk = _walk(sample, chosen, rules, say)
    bundle = walk.trained.scorer.to_bundle()
    facts = {
        "bundle": bundle.hash,
        "strategy": chosen.hash,
        "policy": walk.plan["policy"].iloc[0],
        "features": len(walk.trained.scorer.features),
    }
    say("report")
    html = report.render_report(_story(sample, walk, chosen, rules, facts)).encode()
    say("files")
    commit(
        folder,
        "demo",
        as_of=_AS_OF,
        inputs={},
        tables={"scores.parquet": walk.scored.scores, "plan.parquet": walk.plan},
        texts={"report.html": html},
        bundle=bundle,
        facts={
            "reconciliation": walk.scored.reconciliation,
            "sample": datasets.SAMPLE_SHA256,
            **facts,
        },
    )
    holdout = walk.trained.holdout
    discrimination, calibration = review(holdout)
    say("done")
    return Demo(
        folder,
        accounts=len(sample.accounts),
        bads=int(sample.labels["bad"].sum()),
        discrimination=discrimination,
        calibration=calibration,
        bands=evaluation.by_band(holdout["bad"], holdout["probability"], holdout["band"]),
        treatments=report.plan_by_band(walk.plan),
    )


@dataclass(frozen=True)
class _Walk:
    """What each step of the road handed on."""

    checks: pd.DataFrame
    trained: road.Trained
    scored: road.Scoring
    people: pd.DataFrame
    plan: pd.DataFrame


def _walk(
    sample: datasets.CreditCard, chosen: strategies.Strategy, rules: dict[str, Any], say: Say
) -> _Walk:
    say("checks")
    checks = road.check(sample.months, as_of=_AS_OF)
    trained = road.train(
        sample.months, as_of=_AS_OF, labels=sample.labels, windows=_WINDOWS, say=say
    )
    scored = road.score(sample.months, trained.scorer, as_of=_AS_OF, say=say)
    say("plan")
    people = sample.accounts.assign(**_PLACE)
    plan = plans.plan(
        scored.scores, sample.months, as_of=_AS_OF, accounts=people, strategy=chosen, **rules
    )
    return _Walk(checks, trained, scored, people, plan)


def _story(
    sample: datasets.CreditCard,
    walk: _Walk,
    chosen: strategies.Strategy,
    rules: dict[str, Any],
    facts: dict[str, Any],
) -> report.Story:
    return story(
        sample.months,
        walk.checks,
        walk.scored,
        walk.plan,
        walk.trained.scorer,
        as_of=_AS_OF,
        strategy=chosen,
        title="From repayments to a plan",
        source=sample.attribution,
        holdout=walk.trained.holdout,
        accounts=sample.accounts,
        conduct=plans.conduct(walk.plan, walk.people, None, chosen, **rules),
        importance=walk.trained.importance,
        target="default on the card in October 2005",
        labelled=(len(sample.labels), int(sample.labels["bad"].sum())),
        unknowns=_UNKNOWN,
        reproduce=["python -m delinquency demo", "python -m delinquency verify delinquency-demo"],
        manifest={**facts, **storage.versions()},
    )
