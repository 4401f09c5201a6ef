"""Candidate against champion on the accounts that judge: figures, tests, shift, fairness, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from delinquency import evaluation, features, history, monitoring, schema, scoring
from delinquency.workflows._outcome import KEY, label_of, population
from delinquency.workflows._road import Trained

__all__ = ["compared", "fairness", "figures", "notes", "overlap", "scored", "seeds", "shift"]

MODELS = ("candidate", "champion", "scorecard")  # columns of the judging rows
_ASKED = 400  # riskiest accounts whose reasons are compared
_LEAST = ["group", "n", "impact_ratio"]  # what is told of a least favoured group


def scored(
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


def figures(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how each model ranks and how true it is, on the same accounts."""
    found = []
    for name in (name for name in MODELS if name in rows):
        rank = evaluation.discrimination(rows["bad"], rows[name], account=rows["account_id"])
        truth = evaluation.calibration(rows["bad"], rows[name], simulations=200)
        found.append(
            {"model": name}
            | {f: getattr(rank, f) for f in ("n", "bads", *evaluation.RANK_FIGURES)}
            | {f: getattr(truth, f) for f in ("expected", *evaluation.TRUTH_FIGURES)}
        )
    return pd.DataFrame(found)


def compared(rows: pd.DataFrame) -> dict[str, evaluation.Comparison]:
    """Return the candidate against the champion and the scorecard, paired by account."""
    found = {}
    for other in MODELS[1:]:
        if other in rows:
            parts = (rows["bad"], rows["candidate"], rows[other])
            found[f"auc against {other}"] = evaluation.compare_scores(
                *parts, account=rows["account_id"]
            )
            found[f"log-loss against {other}"] = evaluation.compare_losses(
                *parts, account=rows["account_id"]
            )
    return found


def shift(
    frame: pd.DataFrame, date: pd.Timestamp, scorer: scoring.Scorer, spec: history.LabelSpec
) -> dict[str, float]:
    """Return how far today's accounts lie from those that the candidate learnt from."""
    X = features.build_features(frame, date, windows=scoring.windows_of(scorer))
    now = history.take_snapshots(frame, [date], observe=2, perform=spec.within)
    table = monitoring.stability(scorer, X.loc[X.index.isin(population(now, spec))])
    row = table[table["kind"] == "score"].iloc[0]
    return {name: float(row[name]) for name in ("psi", "low", "high", "noise_95")}


def fairness(rows: pd.DataFrame, accounts: Any, last: Mapping[str, str]) -> pd.DataFrame:
    """Return the least favoured group by attribute and model; favoured is who is not in its last band.

    Parameters
    ----------
    rows : DataFrame
        From `scored`.
    accounts : table or None
        Whose protected attributes are audited; no rows come back without it.
    last : mapping of model to str
        Name of its riskiest band.

    Returns
    -------
    DataFrame
        ``attribute, model, group, n, impact_ratio``: one row an attribute and model, where a group was
        large enough to be judged.
    """
    columns = ["attribute", "model", *_LEAST]
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
            found.append([name, model, *least[_LEAST]])
    return pd.DataFrame(found, columns=columns)


def overlap(
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


def seeds(
    seeds: tuple[int, ...], trained: list[Trained], X: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return the AUC of the candidate of each seed on the judging rows: what luck alone makes of it.

    Parameters
    ----------
    seeds : tuple of int
    trained : list of Trained
        The candidates, in the order of the seeds.
    X : DataFrame (n, features)
        Features of the judging rows, in their order.
    rows : DataFrame (n, ...)
        From `scored`.

    Returns
    -------
    DataFrame
        ``seed, auc``.
    """
    found = []
    for seed, one in zip(seeds, trained, strict=True):
        rank = evaluation.discrimination(rows["bad"], one.scorer.log_odds(X))
        found.append({"seed": seed, "auc": rank.auc})
    return pd.DataFrame(found)


def notes(
    champion: scoring.Scorer | None,
    judge_on: list[pd.Timestamp],
    spec: history.LabelSpec,
    refused: int,
    unaudited: bool,
) -> tuple[str, ...]:
    """Return what must be known when the comparison is read, a sentence each."""
    told = []
    if champion is None:
        told.append("There is no champion yet: the candidate has only to be sound.")
    elif label_of(champion, None) != spec:
        told.append("The champion was trained for another outcome than the candidate is judged by.")
    if champion is not None and str(champion.about.get("as_of", "")) >= str(judge_on[0].date()):
        told.append(
            "The champion was trained on months that judge here, so it has the easier task."
        )
    if refused:
        told.append(f"{refused:,} accounts were left out: a model could not score them.")
    if unaudited:
        told.append("Fairness was not judged: no protected attribute with large enough groups.")
    return tuple(told)
