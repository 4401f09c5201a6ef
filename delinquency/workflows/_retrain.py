"""Retraining, told once: a candidate learns, is held against the champion, and gates decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from delinquency import features, history, schema, scoring
from delinquency.workflows import _retrain_compare as against
from delinquency.workflows import _road as road
from delinquency.workflows._outcome import KEY
from delinquency.workflows._records import plain
from delinquency.workflows._retrain_gates import Gate, decide
from delinquency.workflows._retrain_sample import Sample, gather
from delinquency.workflows._retrain_settings import RetrainSettings
from delinquency.workflows._road import Trained
from delinquency.workflows._say import Say, quiet

__all__ = ["Retrained", "retrain"]


@dataclass(frozen=True)
class Retrained:
    """What retraining found.

    Parameters
    ----------
    as_of : str
    candidate : Trained
        The candidate, and its hold-out at training.
    decision : {"promote", "keep"}
    gates : list of Gate
        Each with its figure, its limit, and whether it was passed.
    rows : DataFrame
        The accounts that judged: ``account_id, snapshot_date, bad, candidate, scorecard`` and
        ``champion`` where there is one. Neither model learnt from these accounts, the candidate not
        from these months.
    figures : DataFrame
        One row a model: AUC with its interval, log-loss, calibration.
    seeds : DataFrame
        AUC of the same candidate from other seeds: what luck alone makes of it.
    fairness : DataFrame
        Least favoured group by attribute and model.
    card : DataFrame
        The scorecard beside the candidate.
    facts : dict
        Snapshots, counts, comparisons.
    sentences : dict
        Each comparison in words.
    notes : tuple of str
        What must be known when reading it.
    """

    tables: ClassVar = ("figures", "seeds", "fairness", "card")

    as_of: str
    candidate: Trained
    decision: str
    gates: list[Gate]
    rows: pd.DataFrame
    figures: pd.DataFrame
    seeds: pd.DataFrame
    fairness: pd.DataFrame
    card: pd.DataFrame
    facts: dict[str, Any]
    sentences: dict[str, str]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the rows as JSON content."""
        return {
            "as_of": self.as_of,
            "decision": self.decision,
            "gates": plain(pd.DataFrame([gate.__dict__ for gate in self.gates])),
            "notes": list(self.notes),
            **{name: plain(getattr(self, name)) for name in self.tables},
            **self.facts,
        }


def retrain(
    months: Any,
    *,
    as_of: Any,
    champion: scoring.Scorer | None = None,
    settings: RetrainSettings | None = None,
    accounts: Any = None,
    say: Say = quiet,
) -> Retrained:
    """Train a candidate on matured snapshots, and hold it against the champion on later ones.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    as_of : date
        Nothing known later is read; only labels known by then are learnt from.
    champion : Scorer, optional
        What is in use. Without one the candidate has only to be sound.
    settings : RetrainSettings, optional
        Window, label, gates, seeds.
    accounts : table, optional
        Columns whose names say a protected attribute are audited, never learnt from.
    say : callable
        Told what is being done.

    Returns
    -------
    Retrained

    Raises
    ------
    InputError
        ``DLQ-114`` when too few snapshots have matured, or they hold goods or bads alone; ``DLQ-115``
        when ids are text in one table and integers in the other.
    """
    wanted = settings or RetrainSettings(format=1, months="", registry="")
    date, spec = schema.as_date(as_of), wanted.label.spec()
    frame = schema.admit(months, schema.MONTHS)
    frame = frame[schema.known_as_of(frame, date)].reset_index(drop=True)
    sample = gather(frame, date, spec, wanted, say)
    trained = _trained(sample, spec, date, wanted, say)
    candidate = trained[0].scorer
    signs = _signs(wanted)
    card = scoring.Scorecard(signs=signs).fit(sample.X[sample.learnt], sample.y[sample.learnt])
    say("comparison")
    judging = sample.X[sample.judges]
    rows, refused = against.scored(
        frame, judging, sample.y[sample.judges], candidate, champion, card
    )
    figures, compared = against.figures(rows), against.compared(rows)
    shift = against.shift(frame, date, candidate, spec)
    scorers = {"candidate": candidate, "champion": champion}
    last = {name: one.bands.names[-1] for name, one in scorers.items() if one is not None}
    fairness = against.fairness(rows, accounts, last)
    overlap = against.overlap(frame, rows, judging, candidate, champion)
    gates = decide(wanted.gates, figures, compared, shift, fairness, overlap)
    unaudited = accounts is not None and fairness.empty
    asked = sample.X.loc[pd.MultiIndex.from_frame(rows[KEY])]
    return Retrained(
        as_of=str(date.date()),
        candidate=trained[0],
        decision="promote" if all(gate.passed for gate in gates) else "keep",
        gates=gates,
        rows=rows,
        figures=figures,
        seeds=against.seeds(wanted.seeds, trained, asked, rows),
        fairness=fairness,
        card=card.table(),
        facts={
            **_counted(sample, rows),
            "compared": {n: plain(pd.DataFrame([c.__dict__])) for n, c in compared.items()},
            "reason_overlap": overlap,
            "score_psi": shift,
        },
        sentences={name: str(one) for name, one in compared.items()},
        notes=against.notes(champion, sample.judge_on, spec, refused, unaudited),
    )


def _trained(
    sample: Sample,
    spec: history.LabelSpec,
    date: pd.Timestamp,
    wanted: RetrainSettings,
    say: Say,
) -> list[Trained]:
    """Return the candidate of each seed."""
    about = {"label": repr(spec), "outcome": _as_json(spec), "known_as_of": str(date.date())}
    return [
        road.learn(
            sample.X[sample.learns],
            sample.y[sample.learns],
            windows=wanted.windows,
            model=scoring.RiskModel(random_state=seed),
            bands=wanted.bands,
            about={**about, "seed": seed},
            say=say,
        )
        for seed in wanted.seeds
    ]


def _counted(sample: Sample, rows: pd.DataFrame) -> dict[str, Any]:
    """Return snapshot dates and accounts, of those that taught and those that judge, as JSON content."""
    return {
        "learn": [str(day.date()) for day in sample.learn_on],
        "judge": [str(day.date()) for day in sample.judge_on],
        "accounts": {"learn": int(sample.learnt.sum()), "judge": len(rows)},
    }


def _as_json(spec: history.LabelSpec) -> dict[str, Any]:
    return {**spec.__dict__, "population": dict(spec.population.__dict__)}


def _signs(wanted: RetrainSettings) -> dict[str, int]:
    catalogue = features.catalogue(windows=wanted.windows)
    return dict(zip(catalogue["name"], catalogue["sign"].astype(int), strict=True))
