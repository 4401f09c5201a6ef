"""Retraining, told once: a candidate learns, is held against the champion, and gates decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency import evaluation, features, history, monitoring, schema, scoring
from delinquency.errors import InputError, Problem
from delinquency.workflows import _road as road
from delinquency.workflows._outcome import KEY, label_of, population
from delinquency.workflows._records import plain
from delinquency.workflows._retrain_gates import Gate, decide
from delinquency.workflows._retrain_settings import RetrainSettings
from delinquency.workflows._road import Trained
from delinquency.workflows._say import Say, quiet

__all__ = ["Retrained", "retrain"]

_ASKED = 400  # riskiest accounts whose reasons are compared


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
            **{
                name: plain(getattr(self, name))
                for name in ("figures", "seeds", "fairness", "card")
            },
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
    learn_on, judge_on = _split_in_time(frame, date, spec.within, wanted)
    days = [*learn_on, *judge_on]
    say(f"features of {len(days)} snapshots")
    X = features.build_features(frame, snapshots=days, windows=wanted.windows)
    told = history.label(history.take_snapshots(frame, days, observe=2, perform=spec.within), spec)
    y = told.set_index(KEY)["bad"].reindex(X.index).dropna().astype(int)
    X = X.loc[y.index]
    when = X.index.get_level_values("snapshot_date")
    learns = when <= learn_on[-1]
    held = road.split_of(X.index.get_level_values("account_id")) == "test"
    judges = (when >= judge_on[0]) & held
    _both_classes(y[learns & ~held], y[judges])
    about = {"label": repr(spec), "outcome": _as_json(spec), "known_as_of": str(date.date())}
    trained = [
        road.learn(
            X[learns],
            y[learns],
            windows=wanted.windows,
            model=scoring.RiskModel(random_state=seed),
            bands=wanted.bands,
            about={**about, "seed": seed},
            say=say,
        )
        for seed in wanted.seeds
    ]
    card = scoring.Scorecard(signs=_signs(wanted)).fit(X[learns & ~held], y[learns & ~held])
    say("comparison")
    rows, refused = _scored(frame, X[judges], y[judges], trained[0].scorer, champion, card)
    figures = _figures(rows)
    notes = _notes(champion, judge_on, spec, refused)
    shift = _shift(frame, date, trained[0].scorer, spec)
    scorers = {"candidate": trained[0].scorer, "champion": champion}
    last = {name: one.bands.names[-1] for name, one in scorers.items() if one is not None}
    fairness = _fairness(rows, accounts, last)
    if accounts is not None and fairness.empty:
        notes = (
            *notes,
            "Fairness was not judged: no protected attribute with large enough groups.",
        )
    overlap = _overlap(frame, rows, X[judges], trained[0].scorer, champion)
    compared = _compared(rows)
    gates = decide(wanted.gates, figures, compared, shift, fairness, overlap)
    facts = {
        "learn": [str(day.date()) for day in learn_on],
        "judge": [str(day.date()) for day in judge_on],
        "accounts": {"learn": int((learns & ~held).sum()), "judge": len(rows)},
        "compared": {name: plain(pd.DataFrame([one.__dict__])) for name, one in compared.items()},
        "reason_overlap": overlap,
        "score_psi": shift,
    }
    decision = "promote" if all(gate.passed for gate in gates) else "keep"
    return Retrained(
        str(date.date()),
        trained[0],
        decision,
        gates,
        rows,
        figures,
        _seeds(wanted.seeds, trained, X.loc[pd.MultiIndex.from_frame(rows[KEY])], rows),
        fairness,
        card.table(),
        facts,
        {name: str(one) for name, one in compared.items()},
        notes,
    )


def _split_in_time(
    frame: pd.DataFrame, date: pd.Timestamp, within: int, wanted: RetrainSettings
) -> tuple[list[pd.Timestamp], list[pd.Timestamp]]:
    """Return the snapshots to learn from and those that judge; between them lies the label's window."""
    ends = sorted(frame["month"].unique())
    matured = ends[: max(len(ends) - within, 0)]
    judge = matured[-wanted.window.judge :]
    before = matured[: max(len(matured) - wanted.window.judge - within + 1, 0)]
    learn = before[-wanted.window.learn :]
    if len(judge) < wanted.window.judge or not learn:
        need = wanted.window.judge + 2 * within
        what = f"{len(ends)} months are known; learning and judging need {need} at least"
        fix = "give a longer history, or a shorter label or window"
        raise InputError(Problem("DLQ-114", what, "months", len(ends), fix))
    return [pd.Timestamp(day) for day in learn], [pd.Timestamp(day) for day in judge]


def _both_classes(*parts: pd.Series[Any]) -> None:
    for name, y in zip(("learn from", "judge by"), parts, strict=True):
        if y.nunique() < 2:
            what = f"{len(y):,} accounts to {name}, of {y.nunique()} kinds"
            fix = "take a longer window, or another label"
            raise InputError(Problem("DLQ-114", what, "labels", len(y), fix))


def _as_json(spec: history.LabelSpec) -> dict[str, Any]:
    return {**spec.__dict__, "population": dict(spec.population.__dict__)}


def _signs(wanted: RetrainSettings) -> dict[str, int]:
    catalogue = features.catalogue(windows=wanted.windows)
    return dict(zip(catalogue["name"], catalogue["sign"].astype(int), strict=True))


def _scored(
    frame: pd.DataFrame,
    X: pd.DataFrame,
    y: pd.Series[Any],
    candidate: scoring.Scorer,
    champion: scoring.Scorer | None,
    card: scoring.Scorecard,
) -> tuple[pd.DataFrame, int]:
    """Return the judging rows that every model can score, and how many were left out."""
    scores = candidate.score(X).scores.rename(columns={"probability": "candidate"})
    rows = scores[[*KEY, "candidate", "band"]]
    if champion is not None:
        rows = rows.merge(_champions(frame, X, champion), on=KEY, validate="1:1")
    rows = rows.merge(y.rename("bad").reset_index(), on=KEY, validate="1:1")
    inside = X.loc[pd.MultiIndex.from_frame(rows[KEY])]
    rows["scorecard"] = card.predict_proba(inside)[:, 1]
    return rows, len(X) - len(rows)


def _champions(frame: pd.DataFrame, X: pd.DataFrame, champion: scoring.Scorer) -> pd.DataFrame:
    theirs = _features_for(frame, X, champion)
    scores = champion.score(theirs).scores
    return scores[[*KEY, "probability", "band"]].rename(
        columns={"probability": "champion", "band": "champion_band"}
    )


def _features_for(frame: pd.DataFrame, X: pd.DataFrame, scorer: scoring.Scorer) -> pd.DataFrame:
    """Return the features of the same accounts and dates that another scorer needs."""
    if set(scorer.names) <= set(X.columns):
        return X
    days = list(X.index.get_level_values("snapshot_date").unique())
    built = features.build_features(frame, snapshots=days, windows=scoring.windows_of(scorer))
    return built.loc[X.index]


def _figures(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how each model ranks and how true it is, on the same accounts."""
    names = [name for name in ("candidate", "champion", "scorecard") if name in rows]
    found = []
    for name in names:
        rank = evaluation.discrimination(rows["bad"], rows[name], account=rows["account_id"])
        truth = evaluation.calibration(rows["bad"], rows[name], simulations=200)
        wanted = (
            "intercept",
            "intercept_low",
            "intercept_high",
            "slope",
            "log_loss",
            "brier",
            "ece",
        )
        ranked = ("n", "bads", "auc", "auc_low", "auc_high", "gini", "ks")
        found.append(
            {"model": name}
            | {f: getattr(rank, f) for f in ranked}
            | {f: getattr(truth, f) for f in ("expected", *wanted)}
        )
    return pd.DataFrame(found)


def _compared(rows: pd.DataFrame) -> dict[str, evaluation.Comparison]:
    """Return the candidate against the champion and the scorecard, paired by account."""
    found = {}
    for other in ("champion", "scorecard"):
        if other in rows:
            parts = (rows["bad"], rows["candidate"], rows[other])
            found[f"auc against {other}"] = evaluation.compare_scores(
                *parts, account=rows["account_id"]
            )
            found[f"log-loss against {other}"] = evaluation.compare_losses(
                *parts, account=rows["account_id"]
            )
    return found


def _shift(
    frame: pd.DataFrame, date: pd.Timestamp, scorer: scoring.Scorer, spec: history.LabelSpec
) -> dict[str, float]:
    """Return how far today's accounts lie from those that the candidate learnt from."""
    X = features.build_features(frame, date, windows=scoring.windows_of(scorer))
    now = history.take_snapshots(frame, [date], observe=2, perform=spec.within)
    table = monitoring.stability(scorer, X.loc[X.index.isin(population(now, spec))])
    row = table[table["kind"] == "score"].iloc[0]
    return {name: float(row[name]) for name in ("psi", "low", "high", "noise_95")}


def _fairness(rows: pd.DataFrame, accounts: Any, last: Mapping[str, str]) -> pd.DataFrame:
    """Return the least favoured group by attribute and model; favoured is who is not in its last band."""
    columns = ["attribute", "model", "group", "n", "impact_ratio"]
    if accounts is None:
        return pd.DataFrame(columns=columns)
    table = schema.admit(accounts, schema.ACCOUNTS)
    schema.refuse_other_ids(rows["account_id"], table["account_id"], "months, accounts")
    attributes = schema.audit_only(table.columns)
    people = rows[["account_id"]].merge(table, on="account_id", how="left")[attributes]
    found = []
    for model, band in (("candidate", "band"), ("champion", "champion_band")):
        if band not in rows or not attributes:
            continue
        spared = rows[band] != last[model]
        audit = evaluation.audit(rows["bad"], rows[model], people, favoured=spared, simulations=50)
        for name, groups in audit.items():
            ratio = groups["impact_ratio"]
            if ratio.isna().all() and spared.any():
                continue  # every group is too small to be judged
            least = groups.iloc[int(ratio.fillna(np.inf).to_numpy().argmin())]
            found.append([name, model, *least[["group", "n", "impact_ratio"]]])
    return pd.DataFrame(found, columns=columns)


def _overlap(
    frame: pd.DataFrame,
    rows: pd.DataFrame,
    X: pd.DataFrame,
    candidate: scoring.Scorer,
    champion: scoring.Scorer | None,
) -> float | None:
    """Return the mean overlap of the reasons that both models give to the riskiest accounts."""
    if champion is None:
        return None
    riskiest = rows.nlargest(_ASKED, "candidate")[KEY]
    asked = X.loc[pd.MultiIndex.from_frame(riskiest)]
    ours = scoring.reasons(candidate, asked).to_numpy()
    theirs = scoring.reasons(champion, _features_for(frame, asked, champion)).to_numpy()
    shares = []
    for one, other in zip(ours, theirs, strict=True):
        a, b = ({text for text in row if isinstance(text, str)} for row in (one, other))
        if a | b:
            shares.append(len(a & b) / len(a | b))
    return float(np.mean(shares)) if shares else None


def _seeds(
    seeds: tuple[int, ...], trained: list[Trained], X: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    found = []
    for seed, one in zip(seeds, trained, strict=True):
        rank = evaluation.discrimination(rows["bad"], one.scorer.log_odds(X))
        found.append({"seed": seed, "auc": rank.auc})
    return pd.DataFrame(found)


def _notes(
    champion: scoring.Scorer | None,
    judge_on: list[pd.Timestamp],
    spec: history.LabelSpec,
    refused: int,
) -> tuple[str, ...]:
    notes = []
    if champion is None:
        notes.append("There is no champion yet: the candidate has only to be sound.")
    elif label_of(champion, None) != spec:
        notes.append(
            "The champion was trained for another outcome than the candidate is judged by."
        )
    if champion is not None and str(champion.about.get("as_of", "")) >= str(judge_on[0].date()):
        notes.append(
            "The champion was trained on months that judge here, so it has the easier task."
        )
    if refused:
        notes.append(f"{refused:,} accounts were left out: a model could not score them.")
    return tuple(notes)
