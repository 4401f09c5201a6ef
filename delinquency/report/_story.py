"""What a report tells, as plain tables and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from delinquency.errors import GateError, InputError, Problem, did_you_mean

__all__ = ["Intake", "Story"]

_COLUMNS = {
    "checks": ("severity", "code", "rule", "count", "fix"),
    "roc": ("goods_share", "bads_share"),
    "gains": ("share", "captured", "n", "bads"),
    "bands": ("band", "n", "share", "bad_rate", "low", "high", "expected"),
    "drivers": ("feature", "share", "sign", "meaning"),
    "examples": ("band", "points", "probability", "reasons"),
    "plan": ("treatment", "zh", "band", "n"),
    "removed": ("treatment", "zh", "n", "rule", "why"),
    "waiting": ("treatment", "zh", "n", "rule", "why", "until"),
    "packs": ("pack", "version", "title", "jurisdiction", "rules", "blocking", "accounts"),
    "value": ("treatment", "zh", "n", "value"),
    "prices": ("capacity", "used", "limit", "price"),
    "goals": ("goal", "target", "cohort", "actual", "p10", "p50", "p90", "text", "warnings"),
    "confirm": ("treatment", "zh", "n", "needs"),
    "policy": ("stage", "band", "treatments"),
    "months": ("month", "n", "bad_rate", "low", "high", "expected", "auc", "auc_low", "auc_high"),
}

_AUDIT = (
    "group",
    "n",
    "favoured_rate",
    "impact_ratio",
    "impact_low",
    "impact_high",
    "below_four_fifths",
    "burdened_goods",
    "bad_rate",
    "expected",
)


@dataclass(frozen=True)
class Intake:
    """What came in, and that nothing got lost.

    Parameters
    ----------
    rows : int
        Rows of the months table.
    accounts : int
        Accounts among them; every one is either scored or refused.
    scored, refused : int
        Accounts that got a score, and accounts that did not.
    first_month, last_month : str
        Ends of the observed months, as a person writes them.
    labelled, bads : int, optional
        Accounts whose outcome is known, and the bads among them.
    facts : mapping of str to str or number
        Anything else worth a line, such as what the amounts are counted in.

    Raises
    ------
    GateError
        ``DLQ-310`` when scored and refused do not add up to accounts.

    Examples
    --------
    >>> Intake(rows=12, accounts=2, scored=1)
    Traceback (most recent call last):
        ...
    delinquency.errors.GateError: DLQ-310 intake: 1 scored + 0 refused is not 2 accounts. fix:
    account...
    """

    rows: int
    accounts: int
    scored: int
    refused: int = 0
    first_month: str = ""
    last_month: str = ""
    labelled: int | None = None
    bads: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scored + self.refused != self.accounts:
            parts = f"{self.scored:,} scored + {self.refused:,} refused"
            what = f"{parts} is not {self.accounts:,} accounts"
            fix = "account for every account that came in"
            raise GateError(Problem("DLQ-310", what, "intake", fix=fix))


@dataclass(frozen=True)
class Story:
    """What a report tells. Parts that are None are left out of the page.

    No table may carry an account's or a person's id: the page is made to be passed on.

    Parameters
    ----------
    title : str
    as_of : str
        Snapshot date, as a person writes it.
    source : str
        Where the data came from, with attribution and licence where it needs one.
    target : str
        What "bad" means here, such as "default in October 2005".
    target_zh : str
        The same in Chinese; left out when empty.
    intake : Intake
    checks : DataFrame, optional
        What the checks found: ``severity, code, rule, count, fix``. No rows: nothing was found.
    sample : str
        The accounts the score was judged on, in words.
    discrimination, calibration : optional
        Results of `delinquency.evaluation`, or anything with the same attributes.
    roc, gains : DataFrame, optional
        Tables of `delinquency.evaluation`.
    bands : DataFrame, optional
        As `delinquency.evaluation.by_band`, safest first; ``points_low, points_high`` may stand
        beside, missing where an end is open. ``bad_rate, low, high`` are missing when outcomes are
        not known.
    drivers : DataFrame, optional
        ``feature, share`` (of the total gain), ``sign`` (1: risk rises with it, -1: falls, 0: not
        fixed), ``meaning`` in words; most important first.
    examples : DataFrame, optional
        Riskiest first: ``band, points, probability, reasons`` (a list of sentences); ``rank`` counts
        from the riskiest where some were passed over. No ids.
    plan : DataFrame, optional
        Accounts by treatment and band, in long form: ``treatment, zh, band, n``. A treatment is
        shown with spaces for underscores, beside its Chinese name ``zh``.
    removed : DataFrame, optional
        Treatments the rules removed: ``treatment, zh, n, rule, why``; ``until`` may stand beside,
        when it will be allowed.
    waiting : DataFrame, optional
        Chosen treatments that must wait for a rule: ``treatment, zh, n, rule, why, until``.
    packs : DataFrame, optional
        The rule packs at work: ``pack, version, title, jurisdiction, rules`` (in force on the day),
        ``blocking, accounts`` (bound by it).
    conduct : sequence of str
        What to know of how the rules were applied, a sentence each.
    value : DataFrame, optional
        What the plan is expected to bring: ``treatment, zh, n, value``.
    response : str
        What the values rest on: "uplift" where treatments were given with logged chances; else
        "predicted response", which says what followed and not what was caused.
    prices : DataFrame, optional
        Capacities: ``capacity, used, limit`` (missing: none), ``price`` of one more unit.
    goals : DataFrame, optional
        How goals stand: ``goal, target, cohort, actual, p10, p50, p90`` of the simulated ends, ``text,
        warnings`` (a sentence a line).
    confirm : DataFrame, optional
        What must be confirmed before acting: ``treatment, zh, n, needs`` (a list or a sentence).
    policy : DataFrame, optional
        The policy in force, in long form: ``stage, band, treatments`` (a list or a text).
    months : DataFrame, optional
        `delinquency.evaluation.by_month`, where the score was judged on several months.
    audit : mapping of str to DataFrame
        `delinquency.evaluation.by_group` of each audited attribute, by the attribute's name.
    favoured : str
        What counts as favourable in `audit`, in words, such as "no call and no letter".
    unknowns : sequence of str
        What is not known, a sentence each.
    reproduce : sequence of str
        Commands, one a line.
    manifest : mapping of str to str or number
        Facts of the run: versions, hashes, seed.

    Raises
    ------
    InputError
        ``DLQ-102`` when a table lacks columns.

    Examples
    --------
    >>> intake = Intake(rows=12, accounts=2, scored=2)
    >>> story = Story("A book", "30 September 2005", "made up", "30 days late", intake)
    >>> story.plan is None
    True
    """

    title: str
    as_of: str
    source: str
    target: str
    intake: Intake
    checks: pd.DataFrame | None = None
    sample: str = ""
    target_zh: str = ""
    discrimination: Any = None
    calibration: Any = None
    roc: pd.DataFrame | None = None
    gains: pd.DataFrame | None = None
    bands: pd.DataFrame | None = None
    drivers: pd.DataFrame | None = None
    examples: pd.DataFrame | None = None
    plan: pd.DataFrame | None = None
    removed: pd.DataFrame | None = None
    waiting: pd.DataFrame | None = None
    packs: pd.DataFrame | None = None
    conduct: Sequence[str] = ()
    value: pd.DataFrame | None = None
    response: str = "predicted response"
    prices: pd.DataFrame | None = None
    goals: pd.DataFrame | None = None
    confirm: pd.DataFrame | None = None
    policy: pd.DataFrame | None = None
    months: pd.DataFrame | None = None
    audit: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    favoured: str = ""
    unknowns: Sequence[str] = ()
    reproduce: Sequence[str] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = []
        parts = {name: (getattr(self, name), columns) for name, columns in _COLUMNS.items()}
        parts |= {f"audit[{name}]": (table, _AUDIT) for name, table in self.audit.items()}
        for name, (table, columns) in parts.items():
            if table is None:
                continue
            absent = [column for column in columns if column not in table.columns]
            if absent:
                quoted = ", ".join(f'"{column}"' for column in absent)
                hint = did_you_mean(absent[0], map(str, table.columns)) or "add it or rename"
                what = f"column {quoted} is missing"
                problems.append(Problem("DLQ-102", what, f"story.{name}", len(absent), hint))
        if problems:
            raise InputError(*problems)
