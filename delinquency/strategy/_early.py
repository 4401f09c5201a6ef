"""Early warning: who is current and likely to fall behind, why, and the gentlest useful step."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.strategy._assign import assign
from delinquency.strategy._facts import admit_accounts
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._words import Lang

__all__ = ["early_warning"]

COLUMNS = ["account_id", "snapshot_date", "probability", "points", "band", "reasons"]


@cache
def _gentle() -> Strategy:
    file = resources.files("delinquency.strategy").joinpath("data/early_warning.yaml")
    return Strategy.from_text(file.read_text("utf-8"), file.name)


def early_warning(
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    as_of: Any,
    at_least: float,
    strategy: Strategy | None = None,
    lang: Lang = "en",
    **rules: Any,
) -> pd.DataFrame:
    """List the accounts that are current and likely to roll, with reasons and a gentle step.

    Risk alone is no reason to press a customer who owes nothing yet: the step is a reminder, help
    or nothing, never collection. It passes through the same holds, opt-outs and rules as a plan.

    Parameters
    ----------
    scores : table
        Of an early-warning model: the probability of falling behind; ``reason_1`` to ``reason_4``
        where known.
    accounts, contacts, as_of
        As for `assign`.
    at_least : float
        Probability from which an account is on the list.
    strategy : Strategy, optional
        With one stage ``current`` and one band ``watch``; the shipped ``early_warning.yaml`` by
        default.
    lang : {"en", "zh"}
        Language of ``step_text``.
    **rules
        ``packs, house_policy, actors, holidays`` as for `assign`.

    Returns
    -------
    DataFrame
        Most likely first: ``account_id, snapshot_date, probability, points, band, reasons, step,
        step_text, channel, earliest_at, rule, removed, to_confirm, decision_id``. Empty when nobody
        is likely.

    Raises
    ------
    InputError
        As `assign`, ids of other types in the two tables among it, though nobody may be likely;
        ``DLQ-103`` when ``at_least`` is no probability or the language is unknown.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 2, 3],
    ...         "snapshot_date": "2026-06-30",
    ...         "probability": [0.6, 0.7, 0.01],
    ...         "points": [520.0, 510.0, 640.0],
    ...         "band": ["E", "E", "A"],
    ...         "reason_1": ["payments shrink", "late twice", "none"],
    ...     }
    ... )
    >>> accounts = pd.DataFrame({"account_id": [1, 2, 3], "days_past_due": [0, 12, 0]})
    >>> found = early_warning(scores, accounts, as_of="2026-07-01", at_least=0.2)
    >>> found[["account_id", "reasons", "step"]].values.tolist()
    [[1, 'payments shrink', 'pre_due_reminder']]
    """
    if not (isinstance(at_least, (int, float)) and 0 <= at_least <= 1):
        fix = "give a probability between 0 and 1"
        raise InputError(Problem("DLQ-103", "at_least is no probability", "at_least", fix=fix))
    if lang not in ("en", "zh"):
        raise InputError(Problem("DLQ-103", "unknown language", "lang", fix='write "en" or "zh"'))
    strategy = _gentle() if strategy is None else strategy
    scored, known = schema.admit(scores, schema.SCORES), admit_accounts(accounts)
    schema.refuse_other_ids(scored["account_id"], known["account_id"], "scores, accounts")
    current = known[known["days_past_due"] == 0]["account_id"]
    likely = scored["account_id"].isin(current) & (scored["probability"] >= at_least)
    listed = scored[likely].reset_index(drop=True)
    names = [
        *COLUMNS,
        "step",
        "step_text",
        "channel",
        "earliest_at",
        "rule",
        "removed",
        "to_confirm",
    ]
    if listed.empty:
        return pd.DataFrame(columns=[*names, "decision_id"])
    plan = assign(
        listed.assign(band="watch"), accounts, contacts, strategy=strategy, as_of=as_of, **rules
    )
    texts = {name: getattr(entry.text, lang) for name, entry in strategy.treatments.items()}
    result = listed.assign(reasons=_reasons(listed)).drop(columns=["snapshot_date"])
    result = result.merge(plan.drop(columns="band"), on="account_id")
    result = result.rename(columns={"treatment": "step"})
    result["step_text"] = result["step"].map(texts)
    order = np.lexsort((np.arange(len(result)), -result["probability"].to_numpy()))
    return result.iloc[order][[*names, "decision_id"]].reset_index(drop=True)


def _reasons(listed: pd.DataFrame) -> list[str]:
    columns = [name for name in (f"reason_{n}" for n in range(1, 5)) if name in listed]
    rows = zip(*(listed[name] for name in columns), strict=True) if columns else [()] * len(listed)
    return ["; ".join(str(reason) for reason in row if not pd.isna(reason)) for row in rows]
