"""Monitoring, told once: score the last months again, and hold them against training and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from delinquency import features, history, monitoring, schema, scoring
from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.workflows._monitor_segments import Segments, by_segment
from delinquency.workflows._outcome import label_of, population
from delinquency.workflows._records import plain
from delinquency.workflows._say import Say, quiet

__all__ = ["Monitored", "asked_segment", "monitor"]

_LOOK_BACK = "give 1 for the month of as_of alone, or leave it out for 12 (--look-back)"


@dataclass(frozen=True)
class Monitored:
    """What monitoring found.

    Parameters
    ----------
    as_of : str
        The day it speaks of.
    reasons : list of Reason
        Why to train again; empty when nothing asks for it.
    stability, drift : DataFrame or None
        See `delinquency.monitoring`; None when the bundle keeps no reference.
    outcomes, early : DataFrame or None
        See `delinquency.monitoring`; None when they cannot be judged.
    segments : DataFrame or None
        Outcomes by segment; None without accounts.
    segment_stability, segment_drift : DataFrame or None
        The latest snapshot of each segment against its own accounts at training.
    segment_verdicts : DataFrame or None
        See `delinquency.monitoring.judge_segments`.
    notes : tuple of str
        What could not be judged, and why.
    limits : Limits
        What the reasons were held against.
    """

    tables: ClassVar = (
        *("stability", "drift", "outcomes", "segments", "early"),
        *("segment_stability", "segment_drift", "segment_verdicts"),
    )

    as_of: str
    reasons: list[monitoring.Reason]
    stability: pd.DataFrame | None
    drift: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    segments: pd.DataFrame | None
    early: pd.DataFrame | None
    notes: tuple[str, ...]
    limits: monitoring.Limits
    segment_stability: pd.DataFrame | None = None
    segment_drift: pd.DataFrame | None = None
    segment_verdicts: pd.DataFrame | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON content; a missing number is None."""
        return {
            "as_of": self.as_of,
            "retrain_reasons": [reason.as_dict() for reason in self.reasons],
            "notes": list(self.notes),
            "limits": dict(self.limits.__dict__),
            **{name: plain(getattr(self, name)) for name in self.tables},
        }


def monitor(
    months: Any,
    scorer: scoring.Scorer,
    *,
    as_of: Any,
    accounts: Any = None,
    segment: str | None = None,
    labels: Any = None,
    label: history.LabelSpec | None = None,
    look_back: int = 12,
    limits: monitoring.Limits | None = None,
    say: Say = quiet,
) -> Monitored:
    """Say whether a score is still true, and whether anything asks for a new one.

    The month ends of the last `look_back` months are scored again, each with what was known then, those
    up to the day the scorer was trained on left out. Only accounts of the label's population count.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    scorer : Scorer
        What is in use.
    as_of : date
        Nothing that was known later is read.
    accounts : table, optional
        Where `segment` stands.
    segment : str, optional
        Column of `accounts` to judge by; ``segment`` by default.
    labels : table, optional
        Outcomes from elsewhere.
    label : LabelSpec, optional
        What counts as bad; by default what the scorer was trained for, as its bundle says.
    look_back : int
        Months looked at, the one of `as_of` included.
    limits : Limits, optional
        What is a reason; see `delinquency.monitoring.Limits`.
    say : callable
        Told what is being done.

    Returns
    -------
    Monitored

    Raises
    ------
    InputError
        Tables that cannot be used; ``DLQ-102`` when accounts lack the segment, ``DLQ-204`` when one is
        named and no accounts are given.
    """
    column = asked_segment(accounts, segment)
    date, limits = schema.as_date(as_of), limits or monitoring.Limits()
    spec, notes = label_of(scorer, label), []
    frame = schema.admit(months, schema.MONTHS)
    frame = frame[schema.known_as_of(frame, date)].reset_index(drop=True)
    dates = _dates(frame, date, scorer, look_back)
    say(f"features of {len(dates)} snapshots")
    X = features.build_features(frame, snapshots=dates, windows=scoring.windows_of(scorer))
    snapshots = history.take_snapshots(frame, dates, observe=2, perform=spec.within if spec else 1)
    X = X.loc[X.index.isin(population(snapshots, spec))]
    say(f"scores of {len(X):,} accounts and snapshots")
    scores = scorer.score(X).scores
    say("stability")
    shift = _stability(scorer, X, scores, notes)
    say("outcomes")
    told = _told(snapshots, spec, labels, notes)
    came = None if told is None else monitoring.outcomes(scores, told)
    groups, parts = _groups(accounts, column), Segments()
    if groups is not None:
        say("segments")
        seen = (frame, X, scores, told, groups)
        parts = by_segment(seen, scorer, spec, labels, limits, notes)
    early = _early(frame, scores, spec, labels, date, notes)
    reasons = monitoring.retrain_reasons(
        stability=shift,
        outcomes=came,
        segments=parts.verdicts,
        early=early,
        auc=_auc(scorer, notes),
        limits=limits,
    )
    drift = None if shift is None else monitoring.drift(shift)
    found = (shift, drift, came, parts.outcomes, early, tuple(notes), limits)
    return Monitored(
        str(date.date()), reasons, *found, parts.stability, parts.drift, parts.verdicts
    )


def _dates(
    frame: pd.DataFrame, date: pd.Timestamp, scorer: scoring.Scorer, look_back: int
) -> list[pd.Timestamp]:
    """Return `as_of` and the month ends before it, after training and inside the book."""
    if look_back < 1:
        raise InputError(Problem("DLQ-217", "look_back is 1 at least", "look_back", fix=_LOOK_BACK))
    ends = list(pd.date_range(end=date, periods=look_back + 1, freq="ME", unit="us"))
    trained = pd.Timestamp(str(scorer.about.get("as_of") or frame["month"].min().date()))
    earlier = [day for day in ends if trained < day < date]
    return [*earlier[len(earlier) - min(look_back - 1, len(earlier)) :], date]


def _stability(
    scorer: scoring.Scorer, X: pd.DataFrame, scores: pd.DataFrame, notes: list[str]
) -> pd.DataFrame | None:
    if scorer.reference is None:
        notes.append(
            "Whether the accounts are still those of training: no reference, the bundle was made before "
            "it was kept. Train again with this version."
        )
        return None
    return monitoring.stability(scorer, X, scores=scores)


def _told(
    snapshots: history.Snapshots,
    spec: history.LabelSpec | None,
    labels: Any,
    notes: list[str],
) -> pd.DataFrame | None:
    if labels is not None:
        return history.label_from(labels)
    if spec is None:
        notes.append(
            "What came of the accounts: the scorer was trained on outcomes from elsewhere, and none "
            "were given."
        )
        return None
    return history.label(snapshots, spec)


def _early(
    frame: pd.DataFrame,
    scores: pd.DataFrame,
    spec: history.LabelSpec | None,
    labels: Any,
    date: pd.Timestamp,
    notes: list[str],
) -> pd.DataFrame | None:
    if spec is None or labels is not None:
        return None
    try:
        return monitoring.early_reads(frame, scores, spec, as_of=date)
    except InputError as error:
        notes.append(f"What young snapshots say: {error.problems[0].what}.")
        return None


def _auc(scorer: scoring.Scorer, notes: list[str]) -> float | None:
    held = scorer.about.get("holdout")
    auc = held.get("auc") if isinstance(held, dict) else None
    if isinstance(auc, float) and 0 <= auc <= 1:
        return auc
    notes.append("Whether the score ranks as it did: the bundle does not keep its AUC at training.")
    return None


def asked_segment(accounts: Any, segment: str | None) -> str:
    """Return the column to judge by.

    Raises
    ------
    InputError
        ``DLQ-204`` when one is named and there are no accounts to find it in.
    """
    if accounts is None and segment is not None:
        what, fix = "a segment is named, but no accounts to find it in", "give accounts too"
        raise InputError(Problem("DLQ-204", what, "segment", fix=f"{fix} (--accounts)"))
    return segment or "segment"


def _groups(accounts: Any, segment: str) -> pd.Series[Any] | None:
    if accounts is None:
        return None
    table = schema.admit(accounts, schema.ACCOUNTS)
    if segment not in table:
        fix = did_you_mean(segment, map(str, table.columns)) or "name a column of accounts"
        what = f'column "{segment}" is missing'
        raise InputError(Problem("DLQ-102", what, "accounts", fix=fix))
    return table.set_index("account_id")[segment]
