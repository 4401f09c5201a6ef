"""Are the accounts still those that the scorer learnt from? Score, bands and every characteristic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.evaluation import holm
from delinquency.monitoring._psi import psi_of
from delinquency.schema import to_frame
from delinquency.scoring import Reference, Scorer, Trees

__all__ = ["drift", "stability", "use_of"]

_FIGURES = ("psi", "low", "high", "noise", "noise_95", "p", "bins")
_COLUMNS = (
    *("snapshot_date", "kind", "name", "family", "use"),
    *_FIGURES,
    *("n_reference", "n", "missing_reference", "missing"),
)


def stability(
    reference: Scorer | Reference, current: pd.DataFrame, *, scores: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Say how far score, bands and characteristics have moved from the training accounts.

    The training accounts are not looked at again: their counts stand in the bundle.

    Parameters
    ----------
    reference : Scorer or Reference
        A scorer whose bundle keeps its reference, or the reference itself.
    current : DataFrame (n, features)
        Features of the accounts now, from `delinquency.features.build_features`. Where its index has
        several snapshot dates, each is judged for itself.
    scores : table, optional
        Scores of these accounts: ``points``, ``band``, and ``snapshot_date`` where there are several.
        Worked out when a scorer is given.
    level : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        One row for the score, the bands and each feature of each snapshot date: ``snapshot_date``
        (missing without one), ``kind`` (``score``, ``band``, ``feature``), ``name``, ``family``,
        ``use`` (of a scorer: the share of its decisions that look at the feature), ``psi`` with its
        interval ``low`` to ``high``, ``noise`` and ``noise_95`` (mean and 95% point of the index if
        nothing had moved, for samples of these sizes), ``p``, ``bins``, ``n_reference``, ``n``,
        ``missing_reference`` and ``missing`` (shares). By custom an index below 0.1 is called small
        and one above 0.25 large, whatever the sample size; the noise floor says what is chance.

    Raises
    ------
    InputError
        ``DLQ-140`` when the bundle keeps no reference; ``DLQ-102`` when features are missing;
        ``DLQ-100`` without accounts.

    Examples
    --------
    >>> then = pd.DataFrame({"dpd_max_3m": [0.0] * 90 + [31.0] * 10})
    >>> now = pd.DataFrame({"dpd_max_3m": [0.0] * 70 + [31.0] * 30})
    >>> reference = Reference.learn(then, [600.0] * 100, ["A"] * 100)
    >>> stability(reference, now)[["name", "psi", "noise_95"]].round(3)
             name   psi  noise_95
    0  dpd_max_3m  0.27     0.077
    """
    kept, use = _kept(reference)
    if not isinstance(current, pd.DataFrame):
        fix = "pass the DataFrame of build_features"
        raise InputError(Problem("DLQ-103", "expected features by account", "current", fix=fix))
    lacking = [name for name in kept.features if name not in current]
    if lacking:
        hint = did_you_mean(lacking[0], map(str, current.columns)) or "build the same features"
        what = f'{len(lacking)} features of the reference are missing, first "{lacking[0]}"'
        raise InputError(Problem("DLQ-102", what, "current", len(lacking), hint))
    if current.empty:
        raise InputError(
            Problem("DLQ-100", "no accounts", "current", 0, "there is nothing to compare")
        )
    if scores is None and isinstance(reference, Scorer):
        scores = reference.score(current).scores
    table = None if scores is None else _admitted(scores)
    rows = []
    for date, X in _by_date(current):
        if table is not None:
            rows += _of_scores(kept, _scores_at(table, date), date, level)
        for name, histogram in kept.features.items():
            counts = histogram.count(_numbers(X[name], f"current.{name}"))
            figures = psi_of(histogram.counts, counts, level)
            shares = (_share(histogram.counts), _share(counts))
            facts = (histogram.n, len(X), *shares)
            family, weight = use.get(name, ("", np.nan))
            rows.append((date, "feature", name, family, weight, *figures, *facts))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"snapshot_date": "datetime64[us]"})


def _kept(reference: Scorer | Reference) -> tuple[Reference, dict[str, tuple[str, float]]]:
    if isinstance(reference, Reference):
        return reference, {}
    if reference.reference is None:
        what = "no reference: the bundle does not keep how its training accounts were spread"
        raise InputError(Problem("DLQ-140", what, "bundle", fix="train again with this version"))
    share = use_of(reference.trees, len(reference.features))
    use = {
        feature.name: (feature.family, float(one))
        for feature, one in zip(reference.features, share, strict=True)
    }
    return reference.reference, use


def use_of(trees: Trees, features: int) -> np.ndarray:
    """Return how much of the trees' deciding each feature does (features,): splits, by cover."""
    cover = np.bincount(trees.feature, weights=trees.node_cover, minlength=features)
    return cover / max(float(cover.sum()), 1e-300)


def _by_date(current: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    if "snapshot_date" not in current.index.names:
        yield pd.NaT, current
        return
    dates = current.index.get_level_values("snapshot_date")
    for date in np.sort(dates.unique().to_numpy()):
        yield pd.Timestamp(date), current[dates == date]


def _admitted(scores: Any) -> pd.DataFrame:
    """Return points, bands and dates as such, whatever kind of table they came in."""
    table = to_frame(scores, "scores")
    lacking = [name for name in ("points", "band") if name not in table]
    if lacking:
        raise InputError(
            *(
                Problem("DLQ-102", f'column "{name}" is missing', "scores", 1, "add it or rename")
                for name in lacking
            )
        )
    table = table.assign(points=_numbers(table["points"], "scores.points"))
    if "snapshot_date" not in table:
        return table
    try:
        return table.assign(snapshot_date=pd.to_datetime(table["snapshot_date"]))
    except (TypeError, ValueError):
        what, fix = "some entries are no dates", "write dates as YYYY-MM-DD"
        raise InputError(Problem("DLQ-103", what, "scores.snapshot_date", fix=fix)) from None


def _numbers(column: pd.Series[Any], where: str) -> np.ndarray:
    try:
        return column.to_numpy("float64", na_value=np.nan)
    except (TypeError, ValueError):
        fix = "build the features again, or repair the export"
        raise InputError(Problem("DLQ-103", "expected numbers", where, fix=fix)) from None


def _scores_at(table: pd.DataFrame, date: Any) -> pd.DataFrame:
    if date is pd.NaT or "snapshot_date" not in table:
        return table
    return table[table["snapshot_date"] == date]


def _of_scores(
    kept: Reference, scores: pd.DataFrame, date: Any, level: float
) -> list[tuple[Any, ...]]:
    points = kept.points.count(scores["points"])
    bands = scores["band"].value_counts()
    before, after = (
        np.array([*kept.bands.values()]),
        np.array([int(bands.get(name, 0)) for name in kept.bands]),
    )
    rows = []
    for kind, name, then, now in (
        ("score", "points", kept.points.counts, points),
        ("band", "band", before, after),
    ):
        facts = (int(then.sum()), int(now.sum()), 0.0, 0.0)
        rows.append((date, kind, name, "", np.nan, *psi_of(then, now, level), *facts))
    return rows


def _share(counts: np.ndarray) -> float:
    return float(counts[-1] / max(counts.sum(), 1))


def drift(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Say which families of features have moved.

    Parameters
    ----------
    table : DataFrame
        From `stability`, or `segment_stability`: then each segment for itself.
    level : float
        A feature counts as shifted when chance would give so much in less than ``1 - level`` of all
        cases, after Holm's correction over every feature of the snapshot date.

    Returns
    -------
    DataFrame
        One row a snapshot date and family (and ``segment``), the one that moved most first:
        ``snapshot_date``,
        ``family``, ``features``, ``shifted``, ``use`` (share of the score's decisions), ``psi`` (mean
        over the family) with ``noise`` (its mean under chance alone), ``psi_max`` and ``worst`` (the
        feature that moved most), ``missing_change`` (greatest rise or fall of a missing share).

    Examples
    --------
    >>> then = pd.DataFrame({"dpd_max_3m": [0.0] * 90 + [31.0] * 10})
    >>> now = pd.DataFrame({"dpd_max_3m": [0.0] * 70 + [31.0] * 30})
    >>> reference = Reference.learn(then, [600.0] * 100, ["A"] * 100)
    >>> drift(stability(reference, now))[["features", "shifted", "worst"]]
       features  shifted       worst
    0         1        1  dpd_max_3m
    """
    if "segment" in table:
        each = table.groupby("segment", sort=True)
        found = [drift(part.drop(columns="segment"), level=level) for _, part in each]
        return pd.concat(found, keys=list(each.groups), names=["segment"]).reset_index(level=0)
    features = table[table["kind"] == "feature"].copy()
    by_date = features.groupby("snapshot_date", dropna=False, sort=False)
    features["corrected"] = by_date["p"].transform(lambda p: holm(p.to_numpy()))
    features["change"] = features["missing"] - features["missing_reference"]
    rows = [
        _of_family(date, family, part, level)
        for (date, family), part in features.groupby(
            ["snapshot_date", "family"], dropna=False, sort=True
        )
    ]
    columns = [
        *("snapshot_date", "family", "features", "shifted", "use", "psi", "noise"),
        *("psi_max", "worst", "missing_change"),
    ]
    found = pd.DataFrame(rows, columns=columns)
    order = {"by": ["snapshot_date", "psi"], "ascending": [True, False]}
    return found.sort_values(**order, kind="stable", ignore_index=True)


def _of_family(date: Any, family: Any, part: pd.DataFrame, level: float) -> tuple[Any, ...]:
    worst = part["psi"].to_numpy().argmax()
    change = part["change"].to_numpy()
    return (
        date,
        family,
        len(part),
        int((part["corrected"] < 1 - level).sum()),
        part["use"].sum(min_count=1),
        part["psi"].mean(),
        part["noise"].mean(),
        part["psi"].iloc[worst],
        part["name"].iloc[worst],
        change[np.abs(change).argmax()],
    )
