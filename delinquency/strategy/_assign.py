"""From scores to a plan: one row an account, with the rule that chose it and what was removed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.strategy._arms import drafted
from delinquency.strategy._draft import Draft
from delinquency.strategy._eligible import instants, rules_at_work
from delinquency.strategy._facts import Facts, admit_accounts, instant_of
from delinquency.strategy._gates import Gates, Pace
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._share import share_caps
from delinquency.strategy._strategy import Strategy

__all__ = ["assign"]


def assign(
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    strategy: Strategy | None = None,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
    as_of: Any,
) -> pd.DataFrame:
    """Map each scored account to its treatment.

    Holds come first and are never traded: such an account gets ``care_and_hold``. Then the days
    past due and the band find the cell; its treatments are tried in order, and the first that no
    gate removes is chosen. A precondition that a column denies, or leaves missing, removes the
    treatment. One that nobody supplied a column for removes it from rung 5 up, and goes to
    ``to_confirm`` below. Caps on contacts are kept by the whole plan together with the log, all
    accounts of a person and what runs beside a treatment included; what runs beside it on the same
    channel is part of the same contact.

    Parameters
    ----------
    scores : table
        ``account_id, snapshot_date, probability, points, band``; one snapshot an account. The band
        is used as it stands, unless the strategy fixes its edges in points.
    accounts : table
        ``account_id, days_past_due`` (at the snapshot) and what is known: ``balance``, holds,
        opt-outs (``opt_out_sms`` ...), preconditions named as in ``treatments().requires``.
        Accounts without a score are left out.
    contacts : table, optional
        The contact log, as for `eligible`.
    strategy : Strategy, optional
        The shipped default when not given.
    packs, house_policy, actors, holidays
        As for `eligible`; beside what the strategy names itself.
    as_of : date or time
        The instant of the decision, a plain date being its midnight in UTC; no clock is read, and
        contacts after it are not known yet.

    Returns
    -------
    DataFrame
        One row an account, sorted by ``account_id``: ``account_id, snapshot_date, as_of, stage,
        band, treatment, also, channel, earliest_at`` (UTC), ``rule, removed`` ("treatment: reasons;
        ..."), ``allowed_from`` ("treatment: instant; ...", in UTC, of what was removed and waiting
        alone will allow), ``postponed`` (rules because of which the treatment waits), ``to_confirm,
        notices, warnings``; ``arm`` of the file's experiment ("outside" under a hold; the role of
        the strategy without one) and ``propensity``, the chance that the file gave the treatment
        to the account, over arms and draws; ``value`` (missing until priced), ``policy,
        decision_id``, the SHA-256 of strategy, account, treatment and period.

    Raises
    ------
    InputError
        What `schema.admit` finds in either table; ``DLQ-105`` scores that are missing, ``DLQ-115`` ids
        that are text in one table and integers in the other, ``DLQ-121`` scored accounts that are not
        in accounts, ``DLQ-122`` scores from after ``as_of``, ``DLQ-123`` bands that the strategy does
        not know, ``DLQ-124`` several snapshots of an account.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 2],
    ...         "snapshot_date": "2026-06-30",
    ...         "probability": [0.02, 0.4],
    ...         "points": [640.0, 530.0],
    ...         "band": ["A", "E"],
    ...     }
    ... )
    >>> accounts = pd.DataFrame(
    ...     {"account_id": [1, 2], "days_past_due": [0, 20], "dispute": [False, True]}
    ... )
    >>> plan = assign(scores, accounts, as_of="2026-07-01")
    >>> plan[["stage", "treatment", "rule"]].values.tolist()
    [['pre_due', 'no_action', 'pre_due/A'], ['8-30', 'care_and_hold', 'hold:dispute']]
    """
    strategy = Strategy.default() if strategy is None else strategy
    bound = packs_of([*packs, *strategy.packs()], house_policy)
    policy = _Policy(strategy, tuple(bound), instant_of(as_of))
    scored, table, rows = _joined(scores, accounts, policy.when)
    actors = actors or strategy.file.actors
    facts, engine = rules_at_work(
        table, contacts, policy.when, bound, strategy.treatments, actors, holidays
    )
    stage, band = _stages(facts, strategy)[rows], _bands(scored, strategy)
    units = table["person_id"] if "person_id" in table else table["account_id"]
    gates = Gates(facts, strategy.treatments, engine, _pace(strategy))
    pair = np.full(len(table), -1)
    pair[rows] = stage * len(strategy.file.bands) + band
    draft, arm = drafted(units, gates, strategy, pair)
    share_caps(draft)
    return _as_plan(draft, rows, scored, stage, band, arm, policy)


def _pace(strategy: Strategy) -> Pace:
    file = strategy.file
    dwell, timeout = (
        {int(rung): days for rung, days in per_rung.items()}
        for per_rung in (file.dwell_days, file.timeout_days)
    )
    return Pace(dwell, file.put_off_days, timeout)


def _joined(
    scores: Any, accounts: Any, when: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return scores, all accounts, and where each scored account stands among them.

    Accounts without a score stay in: what is known of them may be true of a person who has another.
    """
    scored = schema.admit(scores, schema.SCORES)
    known = admit_accounts(accounts)
    problems = [*_score_problems(scored, when), *_id_problems(scored, known)]
    if problems:
        raise InputError(*problems)
    rows = pd.Index(known["account_id"]).get_indexer(pd.Index(scored["account_id"]))
    for name in ("probability", "points"):
        if name not in known:
            values = np.full(len(known), np.nan)
            values[rows] = scored[name]
            known[name] = values
    return scored, known, rows


def _score_problems(scored: pd.DataFrame, when: pd.Timestamp) -> list[Problem]:
    problems = []
    for name in ("probability", "points"):
        lacking = int(scored[name].isna().sum())
        if lacking:
            what = f"{lacking:,} of {len(scored):,} scores are missing; there is no default band"
            fix = "score these accounts, or leave them out and say so"
            problems.append(Problem("DLQ-105", what, f"scores.{name}", lacking, fix))
    repeated = int(scored["account_id"].duplicated().sum())
    if repeated:
        fix = "plan one snapshot at a time"
        what = "accounts have more than one snapshot"
        problems.append(Problem("DLQ-124", what, "scores", repeated, fix))
    late = int((scored["snapshot_date"].dt.tz_localize("UTC") > when).sum())
    if late:
        what = f"{late:,} of {len(scored):,} scores are from after as_of"
        problems.append(Problem("DLQ-122", what, "scores.snapshot_date", late, "check as_of"))
    return problems


def _id_problems(scored: pd.DataFrame, known: pd.DataFrame) -> list[Problem]:
    other = schema.id_problems(scored["account_id"], known["account_id"], "scores, accounts")
    if other:
        return other
    lacking = ~scored["account_id"].isin(known["account_id"]).to_numpy(dtype=bool)
    if not lacking.any():
        return []
    count = int(lacking.sum())
    what = f"{count:,} of {len(lacking):,} scored accounts are not in accounts"
    return [Problem("DLQ-121", what, "accounts", count, "pass every scored account")]


def _stages(facts: Facts, strategy: Strategy) -> np.ndarray:
    order = np.argsort([stage.dpd[0] for stage in strategy.file.stages])
    starts = np.array([strategy.file.stages[i].dpd[0] for i in order], dtype="float64")
    days = facts.table["days_past_due"].to_numpy(dtype="float64")
    return order[np.searchsorted(starts, days, side="right") - 1]


def _bands(scored: pd.DataFrame, strategy: Strategy) -> np.ndarray:
    """Return the position of each account's band: by fixed edges, else by the name it came with."""
    bands = strategy.file.bands
    if bands[0].points is not None:
        lows = [-np.inf if b.points is None or b.points[0] is None else b.points[0] for b in bands]
        order = np.argsort(lows)
        points = scored["points"].to_numpy(dtype="float64")
        return order[np.searchsorted(np.array(lows)[order], points, side="right") - 1]
    position = pd.Index([band.band for band in bands]).get_indexer(pd.Index(scored["band"]))
    lacking = int((position < 0).sum())
    if lacking:
        what = f"{lacking:,} of {len(scored):,} rows have a band that the strategy does not know"
        fix = "known bands: " + ", ".join(band.band for band in bands)
        raise InputError(Problem("DLQ-123", what, "scores.band", lacking, fix))
    return position


def _as_plan(
    draft: Draft,
    rows: np.ndarray,
    scored: pd.DataFrame,
    stage: np.ndarray,
    band: np.ndarray,
    arm: np.ndarray,
    policy: _Policy,
) -> pd.DataFrame:
    file, ids = draft.strategy.file, scored["account_id"]
    text = {name: values[rows] for name, values in draft.text.items()}
    day = policy.when.tz_localize(None).normalize()
    columns: dict[str, Any] = {
        "account_id": ids,
        "snapshot_date": scored["snapshot_date"],
        "as_of": pd.Series(day, index=ids.index).astype(schema.DATE_DTYPE),
        "stage": np.array([entry.stage for entry in file.stages], dtype=object)[stage],
        "band": np.array([entry.band for entry in file.bands], dtype=object)[band],
        "treatment": text["treatment"],
        "also": text["also"],
        "channel": text["channel"],
        "earliest_at": instants(draft.earliest[rows]),
        **{name: text[name] for name in ("rule", "removed", "allowed_from", "postponed")},
        **{name: text[name] for name in ("to_confirm", "notices", "warnings")},
        "arm": arm[rows],
        "propensity": draft.propensity[rows],
        "value": np.nan,
        "policy": policy.label,
        "decision_id": _decision_ids(ids, text["treatment"], policy, day),
    }
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class _Policy:
    """What a decision rests on: the strategy and the packs, by hash, and the instant."""

    strategy: Strategy
    packs: tuple[RulePack, ...]
    when: pd.Timestamp

    @property
    def hash(self) -> str:
        """SHA-256 of the strategy, with that of each pack when there are any."""
        if not self.packs:
            return self.strategy.hash
        parts = "|".join([self.strategy.hash, *(pack.hash for pack in self.packs)])
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def label(self) -> str:
        """Name, version and hash of everything, for people."""
        named = [f"{self.strategy.name}#{self.strategy.hash[:12]}"]
        named += [f"{pack.id}@{pack.file.version}#{pack.hash[:12]}" for pack in self.packs]
        return "; ".join(named)


def _decision_ids(
    ids: pd.Series, treatments: np.ndarray, policy: _Policy, day: pd.Timestamp
) -> np.ndarray:
    period = period_of(day, policy.strategy.file.period)
    head = hashlib.sha256(f"{policy.hash}|".encode())
    result = np.empty(len(ids), dtype=object)
    for position, (account, treatment) in enumerate(zip(ids.tolist(), treatments, strict=True)):
        digest = head.copy()
        digest.update(f"{account}|{treatment}|{period}".encode())
        result[position] = digest.hexdigest()
    return result


def decision_ids(
    ids: pd.Series,
    treatments: pd.Series,
    strategy: Strategy,
    packs: tuple[RulePack, ...],
    when: Any,
) -> np.ndarray:
    """Return the id of each decision: SHA-256 of policy, account, treatment and period."""
    policy, day = _Policy(strategy, packs, when), when.tz_localize(None).normalize()
    return _decision_ids(ids, treatments.to_numpy(), policy, day)


def period_of(day: pd.Timestamp, period: str) -> str:
    """Return the name of the period that a day lies in.

    Examples
    --------
    >>> (
    ...     period_of(pd.Timestamp("2026-11-23"), "week"),
    ...     period_of(pd.Timestamp("2026-11-23"), "month"),
    ... )
    ('2026-W48', '2026-11')
    """
    if period == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return day.strftime("%Y-%m" if period == "month" else "%Y-%m-%d")
