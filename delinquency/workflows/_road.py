"""The road on tables: check, train, score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from delinquency import evaluation, features, history, schema, scoring, storage
from delinquency import strategy as strategies
from delinquency.errors import GateError, InputError, Problem
from delinquency.workflows._gates import wrongly_refused
from delinquency.workflows._outcome import KEY
from delinquency.workflows._plan import plan
from delinquency.workflows._say import Say, quiet

__all__ = ["Scoring", "Trained", "check", "learn", "score", "split_of", "train"]

SPLIT = {"train": 0.75, "test": 0.25}
SALT = "split"


@dataclass(frozen=True)
class Trained:
    """What training hands on.

    Parameters
    ----------
    scorer : Scorer
        What scores, and what a bundle keeps.
    holdout : DataFrame
        The accounts that the model never saw: ``account_id, snapshot_date, bad, probability, points,
        band``.
    importance : DataFrame
        Share of the gain by feature, greatest first: ``name, family, sign, share``.
    """

    scorer: scoring.Scorer
    holdout: pd.DataFrame
    importance: pd.DataFrame


@dataclass(frozen=True)
class Scoring:
    """What scoring hands on.

    Parameters
    ----------
    scores : DataFrame
        One row a scored account; see `delinquency.schema.SCORES`, with ``reason_1`` to ``reason_4``.
    refused : DataFrame
        One row a refused account, with the reason.
    reconciliation : dict of str to int
        ``read = scored + refused``.
    plan : DataFrame or None
        One row a scored account, where a strategy was given; see `plan`.
    """

    scores: pd.DataFrame
    refused: pd.DataFrame
    reconciliation: dict[str, int]
    plan: pd.DataFrame | None = None


def check(months: Any, *, as_of: Any = None) -> pd.DataFrame:
    """Return what is wrong or odd in a months table.

    Parameters
    ----------
    months : table
        Repayment histories; see `delinquency.schema.MONTHS`.
    as_of : date, optional
        Dates after it are reported.

    Returns
    -------
    DataFrame
        As `delinquency.history.check_months`; no rows when nothing is odd.
    """
    return history.check_months(months, as_of=as_of)


def train(
    months: Any,
    *,
    as_of: Any,
    labels: Any = None,
    label: history.LabelSpec | None = None,
    windows: Sequence[int] = (3, 6, 12, 24),
    model: scoring.RiskModel | None = None,
    scale: scoring.PointsScale | None = None,
    bands: int = 5,
    say: Say = quiet,
) -> Trained:
    """Learn a scorer from one snapshot, and try it on accounts it never saw.

    Parameters
    ----------
    months : table
        Repayment histories; see `delinquency.schema.MONTHS`.
    as_of : date
        Snapshot date. Features see what was known by then, nothing later.
    labels : table, optional
        Outcomes from elsewhere; see `delinquency.schema.LABELS`. Without it the months after `as_of`
        are labelled by `label`.
    label : LabelSpec, optional
        What counts as bad; 30 days past due within three months by default.
    windows : sequence of int
        Months that features look back.
    model : RiskModel, optional
        Unfitted; its signs come from the catalogue.
    scale : PointsScale, optional
        600 points at 50 goods to one bad, 20 points double the odds, by default.
    bands : int
        Bands wanted, safest first.
    say : callable
        Told what is being done.

    Returns
    -------
    Trained
        The scorer, the hold-out and the drivers.

    Raises
    ------
    InputError
        Tables that cannot be used; ``DLQ-114`` when no account has a label.
    GateError
        ``DLQ-302`` when one feature alone predicts the outcome almost perfectly.
    """
    as_of = schema.as_date(as_of)
    label = label or history.LabelSpec()
    snapshots = history.take_snapshots(months, [as_of], perform=label.within)
    outcome = _labels(snapshots, labels, label)
    say("features")
    X = features.build_features(snapshots.observed, as_of, windows=windows)
    y = outcome.reindex(X.index).dropna().astype(int)
    if y.nunique() < 2:
        what = f"{len(y):,} of {len(X):,} accounts have a label, of {y.nunique()} kinds"
        fix = "give labels of this snapshot date, or months that reach beyond it"
        raise InputError(Problem("DLQ-114", what, "labels", len(y), fix))
    facts: dict[str, Any] = {"label": "outside table" if labels is not None else repr(label)}
    if labels is None:
        facts["outcome"] = asdict(label)
    return learn(
        X.loc[y.index],
        y,
        windows=windows,
        model=model,
        scale=scale,
        bands=bands,
        about=facts,
        say=say,
    )


def learn(
    X: pd.DataFrame,
    y: pd.Series[Any],
    *,
    windows: Sequence[int],
    model: scoring.RiskModel | None = None,
    scale: scoring.PointsScale | None = None,
    bands: int = 5,
    about: Mapping[str, Any] | None = None,
    say: Say = quiet,
) -> Trained:
    """Learn a scorer from features and outcomes of one snapshot date or several.

    Parameters
    ----------
    X : DataFrame (n, features)
        Indexed by (account_id, snapshot_date), from `delinquency.features.build_features`.
    y : Series (n,)
        1 bad, 0 good, with the index of X.
    windows : sequence of int
        Those that X was built with.
    model, scale, bands, say
        See `train`.
    about : mapping, optional
        Facts that the bundle keeps beside those of training.

    Returns
    -------
    Trained
        The scorer learnt from three accounts in four; the hold-out are the others.

    Raises
    ------
    InputError
        As `delinquency.scoring.RiskModel`, such as too few bads.
    GateError
        ``DLQ-302`` when one feature alone predicts the outcome almost perfectly.
    """
    scale = scale or scoring.PointsScale()
    seen = split_of(X.index.get_level_values("account_id")) == "train"
    days = sorted({str(day.date()) for day in X.index.get_level_values("snapshot_date")})
    catalogue = features.catalogue(windows=windows)
    signs = catalogue.set_index("name")["sign"].to_dict()
    say(f"model: {seen.sum():,} accounts to learn from, {(~seen).sum():,} held out")
    learner: Any = clone(model or scoring.RiskModel())
    learner.set_params(signs=signs).fit(X[seen], y[seen])
    scheme = scoring.BandScheme.propose(
        scale.points(learner.out_of_fold_),
        y[seen],
        n=bands,
        reference=f"{seen.sum()} accounts of {days[-1]}, out of fold",
    )
    facts = {
        "as_of": days[-1],
        "snapshots": days,
        "windows": list(windows),
        "train": {"accounts": int(seen.sum()), "bads": int(y[seen].sum())},
        "holdout": _ranked(learner, X[~seen], y[~seen]),
        "split": {"shares": SPLIT, "salt": SALT},
        "versions": storage.versions(),
        **(about or {}),
    }
    scorer = scoring.Scorer.from_model(
        learner, X[seen], catalogue, scale=scale, bands=scheme, about=facts, unseen=X[~seen]
    )
    holdout = scorer.score(X[~seen]).scores.merge(y[~seen].rename("bad").reset_index(), on=KEY)
    return Trained(scorer, holdout, scoring.importance(learner, catalogue))


def _ranked(model: Any, X: pd.DataFrame, y: pd.Series[Any]) -> dict[str, Any]:
    """Return how well a model ranks accounts that it never saw; what monitoring compares with."""
    counted = {"accounts": len(y), "bads": int(y.sum())}
    if y.nunique() < 2:
        return counted
    account = X.index.get_level_values("account_id")
    found = evaluation.discrimination(y, model.predict_proba(X)[:, 1], account=account)
    return counted | {name: getattr(found, name) for name in ("auc", "auc_low", "auc_high")}


def _labels(snapshots: history.Snapshots, labels: Any, label: history.LabelSpec) -> pd.Series[Any]:
    table = history.label(snapshots, label) if labels is None else history.label_from(labels)
    return table.set_index(KEY)["bad"]


def score(
    months: Any,
    scorer: scoring.Scorer,
    *,
    as_of: Any,
    reasons_for: Sequence[str] | None = None,
    lang: str = "en",
    max_refused: float = 0.01,
    strategy: strategies.Strategy | None = None,
    say: Say = quiet,
    **planning: Any,
) -> Scoring:
    """Score every account that has a month on or before a date and has not ended by then.

    Parameters
    ----------
    months : table
        Repayment histories.
    scorer : Scorer
        From `train`, or ``Scorer.from_bundle(storage.load_bundle(path))``.
    as_of : date
        Nothing later is read.
    reasons_for : sequence of str, optional
        Bands whose accounts get reasons; the riskiest alone by default.
    lang : {"en", "zh"}
        Language of the reasons.
    max_refused : float
        Greatest share of accounts that may be refused, those that ended apart.
    strategy : Strategy, optional
        With one, the plan is made of the scores as well.
    **planning
        For `plan`: ``at, accounts, contacts, packs, house_policy, actors, log``.

    Returns
    -------
    Scoring
        Scores, refusals, and the plan where a strategy was given.

    Raises
    ------
    InputError
        ``DLQ-189`` for what is for a plan, without a strategy; tables that cannot be
        used, or features that the model needs and the months cannot give.
    GateError
        ``DLQ-303`` when more than `max_refused` of the accounts had to be refused.
    """
    if planning and strategy is None:
        fix = "give the strategy as well, or none of what is for a plan"
        raise InputError(Problem("DLQ-189", "a plan needs a strategy", "strategy", fix=fix))
    as_of, months = schema.as_date(as_of), schema.to_frame(months, "months")
    say("features")
    X = features.build_features(months, as_of, windows=scoring.windows_of(scorer))
    say(f"scores of {len(X):,} accounts")
    standing = history.positions(months, as_of).set_index("account_id")
    status = (
        standing["status"].reindex(X.index.get_level_values(0)) if "status" in standing else None
    )
    scores, refused = scorer.score(X, status=status)
    wrong = wrongly_refused(refused["why"].value_counts().to_dict())
    if (count := sum(wrong.values())) > max_refused * len(X):
        most = max(wrong, key=lambda why: wrong[why])
        what = f"{count:,} of {len(X):,} accounts were refused, most often {most}"
        fix = "mend the input; `delinquency score` lists who is refused and why (in Python: max_refused)"
        raise GateError(Problem("DLQ-303", what, "scores", count, fix))
    wanted = scores["band"].isin(reasons_for or scorer.bands.names[-1:])
    say(f"reasons for {wanted.sum():,} accounts")
    keys = pd.MultiIndex.from_frame(scores.loc[wanted, KEY])
    texts = scoring.reasons(scorer, X.loc[keys], lang=lang)
    scores = scores.join(texts.set_index(scores.index[wanted]))
    counts = {"read": len(X), "scored": len(scores), "refused": len(refused)}
    scores = scores.assign(bundle=scorer.to_bundle().hash)
    if strategy is None:
        return Scoring(scores, refused, counts)
    say("plan")
    chosen = plan(scores, months, as_of=as_of, strategy=strategy, **planning)
    return Scoring(scores, refused, {**counts, "planned": len(chosen)}, chosen)


def split_of(account_ids: Any) -> np.ndarray:
    """Return "train" or "test" of each account, by the one split that `train` uses."""
    return history.split_accounts(account_ids, SPLIT, SALT).to_numpy()
