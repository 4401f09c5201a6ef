"""What a monitoring page tells of each segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from delinquency.report._sheet import Grid, Section

__all__ = ["BY_FAMILY", "segment_section"]

_QUESTIONS = {
    "score_shift": "score as at training",
    "feature_shift": "features as at training",
    "calibration": "promises kept",
    "rank_order": "order as at training",
}
_STATES = {
    "within": "within",
    "beyond": "beyond the limit",
    "too small": "too small to judge",
}
_VERDICTS = {
    "segment": ("Segment", "text"),
    "question": ("Question", "text"),
    "n": ("Accounts", "count"),
    "n_then": ("at training", "count"),
    "figure": ("Figure", "figure"),
    "low": ("from", "figure"),
    "high": ("to", "figure"),
    "noise": ("Chance below", "fine"),
    "limit": ("Limit", "figure"),
    "state": ("Judged", "text"),
}
_SHIFT = {
    "segment": ("Segment", "text"),
    "name": ("Of", "text"),
    "n": ("Accounts", "count"),
    "n_reference": ("at training", "count"),
    "psi": ("Index", "figure"),
    "low": ("from", "figure"),
    "high": ("to", "figure"),
    "noise_95": ("Chance below", "fine"),
}
BY_FAMILY = {
    "family": ("Family", "text"),
    "features": ("Features", "count"),
    "shifted": ("Surely shifted", "count"),
    "use": ("Use in the score", "share"),
    "psi": ("Mean index", "figure"),
    "noise": ("by chance", "figure"),
    "worst": ("Moved most", "text"),
}
_DRIFT = {"segment": ("Segment", "text"), **BY_FAMILY}
_EXPLAINED = (
    "Each segment is held against its own accounts at training, never against the whole book. A segment "
    "whose noise floor lies above the limit, or which has too few accounts, bads or goods, is too small "
    "to judge: no news of it is no good news.",
    "Promises and order: all matured months together.",
)


def segment_section(
    verdicts: pd.DataFrame | None,
    stability: pd.DataFrame | None,
    drift: pd.DataFrame | None,
    outcomes: pd.DataFrame | None,
    *,
    figures: Mapping[str, tuple[str, str]],
) -> Section:
    """Return the section on segments; `figures` are the columns of outcomes."""
    grids = []
    if verdicts is not None and len(verdicts):
        words = verdicts.assign(
            question=verdicts["question"].map(_QUESTIONS), state=verdicts["state"].map(_STATES)
        )
        grids.append(Grid(words, _VERDICTS, "Each segment judged"))
    if stability is not None and len(stability):
        scores = stability[stability["kind"] != "feature"]
        grids.append(Grid(scores, _SHIFT, "Shift of score and bands, the latest snapshot"))
    if drift is not None and len(drift):
        grids.append(Grid(drift, _DRIFT, "By family of features, the latest snapshot"))
    if outcomes is not None and len(outcomes):
        named = {"segment": ("Segment", "text"), **figures}
        grids.append(Grid(outcomes, named, "Promises and what came"))
    answer = _answer(verdicts)
    return Section("segments", "Is it true for everybody?", answer, _EXPLAINED, grids=grids)


def _answer(verdicts: Any) -> str:
    if verdicts is None or not len(verdicts):
        return "No segment could be judged"
    states = verdicts.groupby("segment")["state"].agg(set)
    beyond = int(states.map(lambda state: "beyond" in state).sum())
    small = int(states.map(lambda state: "too small" in state).sum())
    told = f"{beyond} of {len(states)} segments" if beyond else "No segment"
    verb = "lie" if beyond > 1 else "lies"
    return f"{told} {verb} surely beyond a limit" + (
        f"; {small} of {len(states)} are too small for some question" if small else ""
    )
