"""What a retraining page tells: what the candidate is, what it was held against, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from delinquency.report._sheet import Card, Grid, Section, Sheet

__all__ = ["retrain_sheet"]

_UNKNOWNS = (
    "What the candidate would have changed: it was judged on outcomes that the champion's decisions "
    "helped to make.",
    "How long it will hold: monitoring says so, month by month.",
)
_MODEL = {
    "model": ("Model", "text"),
    "n": ("Accounts", "count"),
    "bads": ("Bads", "count"),
    "expected": ("Promised", "count"),
    "auc": ("AUC", "fine"),
    "auc_low": ("from", "fine"),
    "auc_high": ("to", "fine"),
    "log_loss": ("Log-loss", "fine"),
    "intercept": ("Log-odds off", "signed"),
    "slope": ("Slope", "figure"),
}


def retrain_sheet(
    *,
    as_of: str,
    decision: str,
    gates: pd.DataFrame,
    figures: pd.DataFrame,
    compared: Mapping[str, Any],
    seeds: pd.DataFrame,
    fairness: pd.DataFrame,
    card: pd.DataFrame,
    learn: Sequence[str],
    judge: Sequence[str],
    notes: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
) -> Sheet:
    """Return the page of a retraining run.

    Parameters
    ----------
    as_of : str
    decision : {"promote", "keep"}
    gates : DataFrame
        ``name, figure, limit, passed, words``.
    figures, seeds, fairness, card : DataFrame
        See `delinquency.workflows.Retrained`.
    compared : mapping
        What was compared to the sentence of its result.
    learn, judge : sequence of str
        Snapshot dates.
    notes, manifest
        As for `monitor_sheet`.
    """
    failed = gates[~gates["passed"]]
    answer = (
        "The candidate passes every gate: promote it"
        if decision == "promote"
        else f"The champion stays: {', '.join(failed['name'])} failed"
    )
    cards = [
        Card(f"{row['name'].capitalize()}: {'passed' if row['passed'] else 'failed'}", row["words"])
        for _, row in gates.iterrows()
    ]
    decided = Section("decision", "What was decided?", answer, cards=cards)
    sections = [decided, _models(figures, seeds, compared, learn, judge)]
    if len(fairness):
        sections.append(_fairness(fairness))
    sections.append(_card(card))
    return Sheet(
        "A candidate for champion",
        as_of,
        sections,
        kicker="Retraining",
        intro="A candidate learnt from months whose outcome was known by this day.",
        numbers=_numbers(figures, decision),
        unknowns=[*notes, *_UNKNOWNS],
        manifest=manifest or {},
    )


def _models(
    figures: pd.DataFrame,
    seeds: pd.DataFrame,
    compared: Mapping[str, Any],
    learn: Sequence[str],
    judge: Sequence[str],
) -> Section:
    sentences = [
        f"The candidate learnt from the snapshots {learn[0]} to {learn[-1]}, and is judged on"
        f" {judge[0]} to {judge[-1]}.",
        *(f"{name}: {text}." for name, text in compared.items()),
    ]
    luck = {"seed": ("Seed", "text"), "auc": ("AUC", "fine")}
    return Section(
        "models",
        "How good are they?",
        f"Judged on {len(judge)} later snapshots of accounts that neither learnt from",
        sentences,
        grids=[Grid(figures, _MODEL), Grid(seeds, luck, "What luck alone makes of it")],
    )


def _numbers(figures: pd.DataFrame, decision: str) -> list[tuple[str, str, str]]:
    numbers = [("Decision", decision, "every gate must be passed")]
    for _, row in figures.iterrows():
        spread = f"AUC, 95%: {row['auc_low']:.3f} to {row['auc_high']:.3f}"
        numbers.append((str(row["model"]).capitalize(), f"{row['auc']:.3f}", spread))
    return numbers


def _fairness(table: pd.DataFrame) -> Section:
    columns = {
        "attribute": ("Attribute", "text"),
        "model": ("Model", "text"),
        "group": ("Least favoured group", "text"),
        "n": ("Accounts", "count"),
        "impact_ratio": ("Ratio to the most favoured", "figure"),
    }
    sentence = (
        "Favoured is who does not stand in the riskiest band. These attributes are no part of any model. "
        "A ratio below 0.8 is a question that somebody must answer, not a verdict."
    )
    answer = "How often the least favoured group is spared"
    return Section(
        "fairness", "Who carries the burden?", answer, [sentence], grids=[Grid(table, columns)]
    )


def _card(table: pd.DataFrame) -> Section:
    columns = {
        "characteristic": ("Characteristic", "text"),
        "above": ("Above", "figure"),
        "up_to": ("up to", "figure"),
        "accounts": ("Accounts", "count"),
        "bad_rate": ("Bad rate", "share"),
        "points": ("Points", "count"),
    }
    count = table["characteristic"].nunique()
    answer = f"A card of {count} characteristics, learnt from the same accounts"
    sentence = "A model that cannot beat a card on paper is not worth its trouble."
    return Section(
        "card", "What would a simple card do?", answer, [sentence], grids=[Grid(table, columns)]
    )
