"""Monitoring by segment: each against its own accounts at the snapshots of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from delinquency import features, history, monitoring, schema, scoring
from delinquency.workflows import _road as road
from delinquency.workflows._outcome import population

__all__ = ["Segments", "by_segment"]

_QUESTIONS = {
    "score_shift": "shift of the score",
    "feature_shift": "shift of features",
    "calibration": "promises",
    "rank_order": "rank order",
}


@dataclass(frozen=True)
class Segments:
    """What was found by segment; None where it could not be judged."""

    stability: pd.DataFrame | None = None
    drift: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    verdicts: pd.DataFrame | None = None


def by_segment(
    seen: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame | None, pd.Series[Any]],
    scorer: scoring.Scorer,
    spec: history.LabelSpec | None,
    labels: Any,
    limits: monitoring.Limits,
    notes: list[str],
) -> Segments:
    """Judge each segment by itself.

    Parameters
    ----------
    seen : tuple
        Months, features, scores, labels (None: unknown) and the segment of each account.
    scorer, spec, labels, limits
        As for `monitor`.
    notes : list of str
        Grows by what cannot be judged.
    """
    frame, X, scores, told, groups = seen
    came = None if told is None else monitoring.outcomes(scores, told, segments=groups)
    then, before = _at_training(frame, scorer, spec, labels, groups, limits, notes)
    shift = drift = None
    if then is not None:
        now = _latest(X, scores)
        if isinstance(then, scoring.Segmentation):
            notes += _unseen(then, now, groups)
        shift = monitoring.segment_stability(scorer, now, then, groups)
        drift = monitoring.drift(shift)
    verdicts = monitoring.judge_segments(shift, came, before, limits=limits)
    notes += _too_small(verdicts)
    return Segments(shift, drift, came, verdicts)


def _at_training(
    frame: pd.DataFrame,
    scorer: scoring.Scorer,
    spec: history.LabelSpec | None,
    labels: Any,
    groups: pd.Series[Any],
    limits: monitoring.Limits,
    notes: list[str],
) -> tuple[monitoring.Cohort | scoring.Segmentation | None, pd.DataFrame | None]:
    """Return the accounts of training, and how the score ranked them: as kept, else from the months."""
    if scorer.reference is None:
        return None, None  # said of the whole book already
    for kept in scorer.reference.segments:
        if kept.column == groups.name:
            return kept, kept.outcomes()
    notes.append(
        f'What the bundle keeps of segments by "{groups.name}": nothing, so those of training are counted'
        " again where the months hold them. Train with --accounts and --segment (in the settings of"
        " retrain: segment) to have it kept."
    )
    then = _training(frame, scorer, scorer.reference, spec, limits, notes)
    return then, None if then is None else _outcomes_then(frame, then, spec, labels, groups)


def _unseen(
    then: scoring.Segmentation, now: monitoring.Cohort, groups: pd.Series[Any]
) -> list[str]:
    """Return in a sentence which segments of today the bundle does not know."""
    ids = now.features.index.get_level_values("account_id")
    new = sorted(set(monitoring.segment_names(groups, ids)) - set(then.names))
    what = "Whether these are still as at training, where they had no accounts or a handful"
    return [f"{what}: {', '.join(new)}."] if new else []


def _latest(X: pd.DataFrame, scores: pd.DataFrame) -> monitoring.Cohort:
    dates = X.index.get_level_values("snapshot_date")
    day = dates.max()
    return monitoring.Cohort(X[dates == day], scores[scores["snapshot_date"] == day])


def _training(
    frame: pd.DataFrame,
    scorer: scoring.Scorer,
    kept: scoring.Reference,
    spec: history.LabelSpec | None,
    limits: monitoring.Limits,
    notes: list[str],
) -> monitoring.Cohort | None:
    """Return those of training again: features of accounts learnt from, scores of the others, as kept."""
    days = _days(scorer)
    if scorer.about.get("split") != {"shares": road.SPLIT, "salt": road.SALT} or not days:
        notes.append(
            "Whether each segment is still as at training: the bundle does not say which accounts it"
            " learnt from."
        )
        return None
    if frame["month"].min() > days[0]:
        notes.append(_gone(days))
        return None
    X = features.build_features(frame, snapshots=days, windows=scoring.windows_of(scorer))
    snapshots = history.take_snapshots(frame, days, observe=2, perform=spec.within if spec else 1)
    X = X.loc[X.index.isin(population(snapshots, spec))]
    held = road.split_of(X.index.get_level_values("account_id")) == "test"
    scores = scorer.score(X[held]).scores
    found = monitoring.psi_of(kept.points.counts, kept.points.count(scores["points"]))
    if not found.low <= limits.score_psi:
        notes.append(_gone(days))
        return None
    return monitoring.Cohort(X[~held], scores)


def _days(scorer: scoring.Scorer) -> list[pd.Timestamp]:
    named = scorer.about.get("snapshots") or [scorer.about.get("as_of")]
    return sorted(schema.as_date(day) for day in named if isinstance(day, str))


def _gone(days: list[pd.Timestamp]) -> str:
    return (
        "Whether each segment is still as at training: the months do not hold the accounts of"
        f" {days[0].date()} as they were known then."
    )


def _outcomes_then(
    frame: pd.DataFrame,
    then: monitoring.Cohort,
    spec: history.LabelSpec | None,
    labels: Any,
    groups: pd.Series[Any],
) -> pd.DataFrame | None:
    """Return how the score ranked in each segment at training, on accounts it had not learnt from."""
    if labels is not None:
        return monitoring.outcomes(then.scores, history.label_from(labels), segments=groups)
    if spec is None:
        return None
    days = sorted(then.scores["snapshot_date"].unique())
    told = history.label(history.take_snapshots(frame, days, observe=2, perform=spec.within), spec)
    return monitoring.outcomes(then.scores, told, segments=groups)


def _too_small(verdicts: pd.DataFrame) -> list[str]:
    """Return in a sentence which segments are too small for which question."""
    small = verdicts[verdicts["state"] == "too small"]
    told = [
        f"{words} of {', '.join(small.loc[small['question'] == name, 'segment'])}"
        for name, words in _QUESTIONS.items()
        if (small["question"] == name).any()
    ]
    return [f"What is too small to be judged by itself: {'; '.join(told)}."] if told else []
