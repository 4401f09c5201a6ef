"""Monitoring, told once: score the last months again, and hold them against training and outcomes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import features, history, monitoring, report, schema, scoring, storage
from delinquency.errors import InputError, IntegrityError, Problem, did_you_mean
from delinquency.workflows._database import fetching
from delinquency.workflows._files import commit
from delinquency.workflows._plan import read_or_none
from delinquency.workflows._say import Say, quiet

__all__ = ["Monitored", "label_of", "monitor", "monitor_files", "plain", "population", "scorer_of"]

KEY = ["account_id", "snapshot_date"]
Path_ = str | os.PathLike[str]


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
    outcomes, segments, early : DataFrame or None
        See `delinquency.monitoring`; None when they cannot be judged.
    notes : tuple of str
        What could not be judged, and why.
    limits : Limits
        What the reasons were held against.
    """

    as_of: str
    reasons: list[monitoring.Reason]
    stability: pd.DataFrame | None
    drift: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    segments: pd.DataFrame | None
    early: pd.DataFrame | None
    notes: tuple[str, ...]
    limits: monitoring.Limits

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON content; a missing number is None."""
        tables = ("stability", "drift", "outcomes", "segments", "early")
        return {
            "as_of": self.as_of,
            "retrain_reasons": [reason.as_dict() for reason in self.reasons],
            "notes": list(self.notes),
            "limits": dict(self.limits.__dict__),
            **{name: plain(getattr(self, name)) for name in tables},
        }


def monitor(
    months: Any,
    scorer: scoring.Scorer,
    *,
    as_of: Any,
    accounts: Any = None,
    segment: str = "segment",
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
    segment : str
        Column to judge by, where accounts are given.
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
        Tables that cannot be used; ``DLQ-102`` when accounts lack the segment.
    """
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
    groups = _segments(accounts, segment)
    parts = None
    if told is not None and groups is not None:
        parts = monitoring.outcomes(scores, told, segments=groups)
    early = _early(frame, scores, spec, labels, date, notes)
    reasons = monitoring.retrain_reasons(
        stability=shift,
        outcomes=came,
        segments=parts,
        early=early,
        auc=_auc(scorer, notes),
        limits=limits,
    )
    drift = None if shift is None else monitoring.drift(shift)
    found = (shift, drift, came, parts, early, tuple(notes), limits)
    return Monitored(str(date.date()), reasons, *found)


def _dates(
    frame: pd.DataFrame, date: pd.Timestamp, scorer: scoring.Scorer, look_back: int
) -> list[pd.Timestamp]:
    """Return `as_of` and the month ends before it, after training and inside the book."""
    if look_back < 1:
        raise InputError(Problem("DLQ-217", "look_back is 1 at least", "look_back"))
    ends = list(pd.date_range(end=date, periods=look_back + 1, freq="ME", unit="us"))
    trained = pd.Timestamp(str(scorer.about.get("as_of") or frame["month"].min().date()))
    earlier = [day for day in ends if trained < day < date]
    return [*earlier[len(earlier) - min(look_back - 1, len(earlier)) :], date]


def label_of(scorer: scoring.Scorer, label: history.LabelSpec | None) -> history.LabelSpec | None:
    """Return what counts as bad: what is asked for, else what the bundle says; None when it does not.

    Raises
    ------
    IntegrityError
        ``DLQ-603`` when the bundle says something that is no label.
    """
    kept = scorer.about.get("outcome")
    if label is not None or kept is None:
        return label
    try:
        who = history.Population(**kept["population"])
        return history.LabelSpec(**{**kept, "population": who})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        what = "the bundle does not say in a form of ours what counts as bad"
        fix = "train it again, or give the label"
        raise IntegrityError(Problem("DLQ-603", what, "bundle", fix=fix)) from error


def population(snapshots: history.Snapshots, spec: history.LabelSpec | None) -> pd.MultiIndex:
    """Return accounts and snapshot dates that a label speaks of; every open account without one."""
    told = history.label(snapshots, spec or history.LabelSpec(within=1))
    inside = ~told["why"].str.startswith("excluded")
    return pd.MultiIndex.from_frame(told.loc[inside, KEY])


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


def _segments(accounts: Any, segment: str) -> pd.Series[Any] | None:
    if accounts is None:
        return None
    table = schema.admit(accounts, schema.ACCOUNTS)
    if segment not in table:
        fix = did_you_mean(segment, map(str, table.columns)) or "name a column of accounts"
        what = f'column "{segment}" is missing'
        raise InputError(Problem("DLQ-102", what, "accounts", fix=fix))
    return table.set_index("account_id")[segment]


def plain(table: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    """Return a table as JSON content: dates as text, missing and infinite numbers as None."""
    if table is None:
        return None
    return [
        {str(key): _item(value) for key, value in row.items()} for row in table.to_dict("records")
    ]


def _item(value: Any) -> Any:
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return str(value.date())
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def scorer_of(path: Path_) -> tuple[scoring.Scorer, str]:
    """Return the scorer of a bundle's folder, or the champion of a registry's, and its hash."""
    registry = storage.Registry(path)
    is_registry = (Path(path) / "changes.jsonl").is_file()
    bundle = registry.load() if is_registry else storage.load_bundle(path)
    return scoring.Scorer.from_bundle(bundle), bundle.hash


@fetching("months", "accounts", "labels")
def monitor_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    accounts: Path_ | None = None,
    segment: str = "segment",
    labels: Path_ | None = None,
    look_back: int = 12,
    limits: monitoring.Limits | None = None,
    say: Say = quiet,
) -> Monitored:
    """Monitor from files; write ``monitor.html``, ``monitor.json`` and the manifest.

    Parameters
    ----------
    bundle : path
        A bundle, or a registry, whose champion is taken.
    months, accounts, labels : path or address
        Tables; see `monitor`.
    as_of, segment, look_back, limits, say
        See `monitor`.
    out : path
        Folder to write.
    """
    scorer, name = scorer_of(bundle)
    given = {"months": months, "accounts": accounts, "labels": labels}
    inputs = {role: path for role, path in given.items() if path is not None}
    stamps = storage.stamps_of(inputs.values())
    found = monitor(
        storage.read_table(months),
        scorer,
        as_of=as_of,
        accounts=read_or_none(accounts),
        segment=segment,
        labels=read_or_none(labels),
        look_back=look_back,
        limits=limits,
        say=say,
    )
    say("page")
    facts = {"bundle": name, "look back": look_back, **storage.versions()}
    html = report.render_sheet(_sheet(found, facts))
    commit(
        out,
        "monitor",
        as_of=as_of,
        inputs=inputs,
        stamps=stamps,
        tables={},
        texts={
            "monitor.html": html.encode(),
            "monitor.json": storage.to_json({**found.as_dict(), "bundle": name}),
        },
        facts={"bundle": name, "reasons": [reason.code for reason in found.reasons]},
    )
    return found


def _sheet(found: Monitored, facts: dict[str, Any]) -> report.Sheet:
    names: Sequence[str] = ("stability", "drift", "outcomes", "segments", "early")
    return report.monitor_sheet(
        as_of=found.as_of,
        reasons=found.reasons,
        limits=found.limits,
        notes=found.notes,
        manifest=facts,
        **{name: getattr(found, name) for name in names},
    )
