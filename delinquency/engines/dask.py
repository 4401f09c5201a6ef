"""Training on a Dask cluster: the recipe of the risk model, on more rows than one machine holds.

The rows stay where they are. LightGBM's workers grow each fold's trees together; the trees come home as our
plain arrays, go back to the rows, and only sums, and at the end one number a row, travel. What comes out is a
fitted `delinquency.scoring.RiskModel`: bundles, reasons and scoring do not know where it was trained. Needs
the extra ``dask``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from delinquency import scoring
from delinquency.errors import EnvironmentFailure, InputError, Problem
from delinquency.schema import hash_share
from delinquency.scoring._calibrators import choose_calibration
from delinquency.scoring._trees import from_boosters

__all__ = ["Trained", "train"]

_STEP = 10  # trees between two lengths that are tried


@dataclass(frozen=True)
class Trained:
    """What training hands on.

    Parameters
    ----------
    model : RiskModel
        Fitted.
    sample : DataFrame
        Some rows of features, with a missing value wherever the data have one: what
        `delinquency.scoring.Scorer.from_model` asks for as ``X``.
    bad : ndarray (n,)
        The outcome of each row, beside ``model.out_of_fold_``, for the edges of bands.
    """

    model: scoring.RiskModel
    sample: pd.DataFrame
    bad: np.ndarray


@dataclass(frozen=True)
class _Part:
    """The rows of one partition."""

    X: np.ndarray
    bad: np.ndarray
    weight: np.ndarray
    fold: np.ndarray


def train(
    rows: Any,
    *,
    client: Any,
    model: scoring.RiskModel | None = None,
    label: str = "bad",
    weight: str | None = None,
    sample_rows: int = 20_000,
) -> Trained:
    """Fit a risk model to a Dask table of features.

    As in `RiskModel.fit`: accounts are parted into the same folds by the hash of their id, a model is
    learnt for each from the others, the number of trees is the one that predicts the accounts left out
    best, and the calibration is learnt on those predictions. Two things differ: bins and sums of
    gradients come from several machines, so the trees are not those of one machine bit for bit; and the
    checks at the door (protected attributes, leaks, infinite values) look at a sample.

    Parameters
    ----------
    rows : dask.dataframe.DataFrame
        ``account_id``, the label, and one numeric column a feature. At least one partition a worker,
        each with some thousand rows, rows in any order.
    client : dask.distributed.Client
        The cluster. Each worker should have one process, and as many threads as LightGBM may use there.
    model : RiskModel, optional
        Unfitted settings, with the signs of the catalogue.
    label : str
        Column of the outcome: 1 is bad, 0 good.
    weight : str, optional
        Column of row weights.
    sample_rows : int
        About how many rows come home to be checked.

    Raises
    ------
    InputError
        ``DLQ-102`` when a column is missing, and what `RiskModel.fit` says of the sample.
    GateError
        ``DLQ-302`` when one column of the sample alone predicts the outcome almost perfectly.
    EnvironmentFailure
        ``DLQ-506`` when the extra ``dask`` is not installed.

    Examples
    --------
    On a cluster, from features that were written as Parquet with their labels::

        rows = dask.dataframe.read_parquet("s3://book/features/2026-06-30")
        trained = engines.dask.train(rows, client=client, model=RiskModel(signs=signs))
        points = scale.points(trained.model.out_of_fold_)
        bands = BandScheme.propose(points, trained.bad)
        scorer = Scorer.from_model(
            trained.model, trained.sample, catalogue, scale=scale, bands=bands
        )
    """
    delayed = _dask()
    names = _features(rows, label, weight)
    learner: Any = clone(model or scoring.RiskModel())
    frames = rows.to_delayed()
    take = -(-sample_rows // len(frames))
    sample = pd.concat(client.gather(client.compute([delayed(_some)(f, take) for f in frames])))
    _admit(learner, sample, names, label, weight)
    prepared = [delayed(_part)(f, names, label, weight, learner.folds) for f in frames]
    parts = client.persist(prepared)
    monotone = [int(dict(learner.signs or {}).get(name, 0)) for name in names]
    boosters = [_grow(learner, parts, k, client, monotone) for k in range(learner.folds)]
    bad = _finish(learner, boosters, parts, client)
    return Trained(learner, sample.set_index("account_id")[names], bad)


def _dask() -> Any:
    try:
        from dask.delayed import delayed
        from distributed import Client  # noqa: F401 - LightGBM needs it as well
    except ImportError:
        fix = 'pip install "delinquency[dask]"'
        what = "dask and distributed are not installed"
        raise EnvironmentFailure(Problem("DLQ-506", what, fix=fix)) from None
    return delayed


def _features(rows: Any, label: str, weight: str | None) -> list[str]:
    beside = ["account_id", label, *([weight] if weight else [])]
    lacking = [name for name in beside if name not in rows.columns]
    if lacking:
        fix = "one column each for account_id and the label, all others are features"
        what = f'column "{lacking[0]}" is missing'
        raise InputError(Problem("DLQ-102", what, "rows", len(lacking), fix))
    return [str(name) for name in rows.columns if name not in beside]


def _some(frame: pd.DataFrame, take: int) -> pd.DataFrame:
    """Return the first rows of a partition, and one with a missing value for each column that has any."""
    if frame.empty:  # as filters leave partitions behind
        return frame
    first = frame.isna().to_numpy().argmax(axis=0)[frame.isna().any().to_numpy()]
    return frame.iloc[np.unique(np.concatenate([np.arange(min(take, len(frame))), first]))]


def _admit(
    learner: scoring.RiskModel,
    sample: pd.DataFrame,
    names: Sequence[str],
    label: str,
    weight: str | None,
) -> None:
    """Let a small fit on the sample look at everything that `RiskModel.fit` looks at."""
    trees = learner.n_estimators
    X = sample.set_index("account_id")[list(names)]
    learner.set_params(n_estimators=_STEP)
    learner.fit(X, sample[label].to_numpy(), sample[weight].to_numpy() if weight else None)
    learner.set_params(n_estimators=trees)


def _part(
    frame: pd.DataFrame, names: list[str], label: str, weight: str | None, folds: int
) -> _Part:
    share = hash_share(frame["account_id"].to_numpy(), "fold")
    return _Part(
        frame[names].to_numpy(dtype="float64", na_value=np.nan),
        frame[label].to_numpy(dtype="float64"),
        frame[weight].to_numpy(dtype="float64") if weight else np.ones(len(frame)),
        np.minimum((share * folds).astype(int), folds - 1),
    )


def _outside(part: _Part, fold: int, field: str) -> np.ndarray:
    return getattr(part, field)[part.fold != fold]


def _grow(
    learner: scoring.RiskModel, parts: list[Any], fold: int, client: Any, monotone: list[int]
) -> Any:
    """Return the booster that all workers grow together from the accounts outside a fold."""
    import dask.array as da
    from dask.delayed import delayed
    from lightgbm import DaskLGBMRegressor

    def column(field: str) -> Any:
        shape = (np.nan, len(monotone)) if field == "X" else (np.nan,)
        taken = [delayed(_outside)(part, fold, field) for part in parts]
        arrays = [da.from_delayed(one, shape, dtype="float64") for one in taken]
        return da.concatenate(arrays, allow_unknown_chunksizes=True)

    settings = learner._parameters(monotone)
    del settings["num_threads"]  # as many as the worker has
    # the regressor with the binary objective: the classifier would number the classes on each worker
    grower = DaskLGBMRegressor(
        client=client, tree_learner="data", n_estimators=learner.n_estimators, **settings
    )
    with warnings.catch_warnings():
        # said even when nobody gave it
        warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored", UserWarning)
        grower.fit(column("X"), column("bad"), sample_weight=column("weight"))
    return grower.booster_


def _finish(
    learner: scoring.RiskModel, boosters: list[Any], parts: list[Any], client: Any
) -> np.ndarray:
    """Choose the length, learn the calibration, and set what a fitted model has; return the outcomes."""
    from dask.delayed import delayed

    grown = client.scatter([from_boosters([booster]) for booster in boosters], broadcast=True)
    length = min(booster.num_trees() for booster in boosters)
    losses = client.gather(client.compute([delayed(_losses)(p, grown, length) for p in parts]))
    learner.n_trees_ = min((int(np.argmin(np.sum(losses, axis=0))) + 1) * _STEP, length)
    kept = client.scatter(
        [from_boosters([b], num_iteration=learner.n_trees_) for b in boosters], broadcast=True
    )
    told = client.gather(client.compute([delayed(_raw)(part, kept) for part in parts]))
    raw, bad, weight, fold = (np.concatenate(column) for column in zip(*told, strict=True))
    learner.trees_ = from_boosters(boosters, num_iteration=learner.n_trees_)
    learner.calibration_ = choose_calibration(raw, bad, weight, fold, learner.calibration)
    learner.out_of_fold_ = learner.calibration_.probability(raw)
    gain = np.sum([b.feature_importance("gain", learner.n_trees_) for b in boosters], axis=0)
    learner.importance_ = gain / max(gain.sum(), 1e-300)
    return bad


def _losses(part: _Part, grown: Sequence[scoring.Trees], length: int) -> np.ndarray:
    """Return the weighted log-loss of a partition's rows out of fold, after every so many trees."""
    ends = [*range(_STEP, length, _STEP), length]
    total = np.zeros(len(ends))
    for fold, trees in enumerate(grown):
        inside = part.fold == fold
        X, bad, weight = part.X[inside], part.bad[inside], part.weight[inside]
        raw = np.zeros(len(X))
        for place, end in enumerate(ends):
            start = ends[place - 1] if place else 0
            raw = raw + replace(trees, root=trees.root[start:end]).raw(X)
            total[place] += ((np.logaddexp(0.0, raw) - bad * raw) * weight).sum()
    return total


def _raw(part: _Part, kept: Sequence[scoring.Trees]) -> tuple[np.ndarray, ...]:
    """Return raw scores out of fold, outcomes, weights and folds of a partition."""
    raw = np.empty(len(part.X))
    for fold, trees in enumerate(kept):
        inside = part.fold == fold
        raw[inside] = trees.raw(part.X[inside])
    return raw, part.bad, part.weight, part.fold
