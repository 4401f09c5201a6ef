"""The plan: who gets what, under which rules, and recorded so that nothing is decided twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import history, schema
from delinquency import strategy as strategies
from delinquency.errors import InputError, Problem

__all__ = [
    "conduct",
    "doubts",
    "instant_of_plan",
    "load_rules",
    "load_strategy",
    "plan",
    "zone_doubts",
]

Path_ = str | os.PathLike[str]


def plan(
    scores: Any,
    months: Any,
    *,
    as_of: Any,
    at: Any = None,
    accounts: Any = None,
    contacts: Any = None,
    strategy: strategies.Strategy | None = None,
    packs: Sequence[strategies.RulePack | str] = (),
    house_policy: strategies.RulePack | None = None,
    actors: Sequence[str] = (),
    log: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Choose one treatment for every scored account; see `delinquency.strategy.assign`.

    Parameters
    ----------
    scores : table
        From `score`.
    months : table
        Say how late each account stands and what it owes.
    as_of : date
        The day whose standing the plan rests on.
    at : date or time, optional
        The instant of the decision, not before `as_of`; the midnight that begins it, in UTC, by
        default. Hours of contact are judged by it.
    accounts : table, optional
        Holds, consents, jurisdiction, time zone, and other evidence that treatments ask for.
    contacts : table, optional
        The contact log. Without one, limits on contacts are left to be confirmed. Times without a
        zone are UTC; `delinquency.strategy.times_without_zone` counts them.
    strategy : Strategy, optional
        The default one, a champion to be challenged, when not given.
    packs, house_policy, actors
        As for `delinquency.strategy.eligible`; beside what the strategy names itself.
    log : path, optional
        A decision log to record in, made when it is not there. Run again, nothing is decided twice:
        the column ``run`` names the run of the log that decided each row first.

    Returns
    -------
    DataFrame
        As `delinquency.strategy.assign`; with a log also ``run``.

    Raises
    ------
    InputError
        ``DLQ-187`` when `at` lies before `as_of`; else as `delinquency.strategy.assign`.
    LockError, IntegrityError
        As `delinquency.strategy.record_decisions`.
    """
    when = instant_of_plan(at, as_of)
    standing = history.positions(months, as_of, accounts)
    settings: dict[str, Any] = {
        "strategy": strategy,
        "packs": packs,
        "house_policy": house_policy,
        "actors": actors,
        "as_of": when,
    }
    if log is None:
        return strategies.assign(scores, standing, contacts, **settings)
    strategies.record_decisions(log, scores, standing, contacts, **settings)
    return strategies.last_plan(log)


def instant_of_plan(at: Any, as_of: Any) -> Any:
    """Return the instant of the decision; a day's standing cannot serve a decision before it."""
    day = schema.as_date(as_of)
    if at is None:
        return day
    when = pd.Timestamp(strategies.instant_of(at, "at"))
    if when < pd.Timestamp(day, tz="UTC"):
        fix = "give a later --at, or an earlier --as-of"
        raise InputError(
            Problem("DLQ-187", "the decision is before the day it rests on", "at", fix=fix)
        )
    return when


def conduct(
    plan: pd.DataFrame,
    accounts: Any,
    contacts: Any,
    strategy: strategies.Strategy,
    packs: Sequence[strategies.RulePack | str] = (),
    house_policy: strategies.RulePack | None = None,
    actors: Sequence[str] = (),
    at: Any = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rule packs at work, and what to know of how they were applied, in sentences."""
    people = plan[["account_id"]] if accounts is None else accounts
    when = plan["as_of"].iloc[0] if at is None else at
    table = strategies.packs_at_work(
        people,
        at=when,
        packs=packs,
        house_policy=house_policy,
        strategy=strategy,
        actors=actors,
    )
    zone = [f"{line[0].upper()}{line[1:]}." for line in zone_doubts(contacts)]
    return table, [*_sentences(table, contacts is not None, when), *zone]


def doubts(scores: Any, contacts: Any, as_of: Any) -> list[str]:
    """Return what is odd in the tables that a plan rests on, a sentence each, without a full stop."""
    day = schema.as_date(as_of)
    frame = schema.admit(scores, schema.SCORES)
    # the day after, so that a month end counts as the end of its month
    months = schema.month_number(frame["snapshot_date"] + np.timedelta64(1, "D"))
    stale = months < schema.month_number([day + np.timedelta64(1, "D")])[0]
    told = []
    if stale.any():
        oldest = frame["snapshot_date"].min().date()
        told.append(
            f"{stale.sum():,} of {len(frame):,} scores are stale: they are of {oldest}, the plan is as of"
            f" {day.date()}, and a month has ended between; score again"
        )
    return told + zone_doubts(contacts)


def zone_doubts(contacts: Any) -> list[str]:
    """Return what is odd in the times of a contact log, in the form of `doubts`."""
    count = 0 if contacts is None else strategies.times_without_zone(contacts)
    return [f"{count:,} contact times have no zone and are taken as UTC"] if count else []


def _sentences(table: pd.DataFrame, counted: bool, when: Any) -> list[str]:
    if table.empty:
        return ["No rule pack was named, so no law, hours or limits of contact were tested."]
    told = [
        f"The plan was made for {strategies.instant_of(when):%Y-%m-%d %H:%M} UTC. Where several "
        "packs bind an account the strictest rule wins; the house's own can only tighten."
    ]
    idle = table[(table["rules"] == 0) | (table["accounts"] == 0)]["pack"]
    if len(idle):
        told.append("Without effect on that day or on these accounts: " + ", ".join(idle) + ".")
    if not counted:
        told.append(
            "No contact log was given, so limits on the number of contacts were not tested; where "
            "one binds, the contacts so far are to be confirmed."
        )
    return told


def load_strategy(path: Path_ | None) -> strategies.Strategy:
    """Return the strategy of a file, or the default one."""
    return strategies.Strategy.default() if path is None else strategies.Strategy.load(path)


def load_rules(
    packs: Sequence[str], house_policy: Path_ | None, actors: Sequence[str], at: Any
) -> dict[str, Any]:
    """Return what `plan` takes of rules, read from their files."""
    return {
        "packs": [strategies.RulePack.load(name) for name in packs],
        "house_policy": None if house_policy is None else strategies.RulePack.load(house_policy),
        "actors": tuple(actors),
        "at": at,
    }
