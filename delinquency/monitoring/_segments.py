"""Is it true for everybody? Each segment against itself at training, with the noise floor of its own size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.monitoring._stability import stability
from delinquency.scoring import Histogram, Reference, Scorer, Segmentation

__all__ = ["Cohort", "count_segments", "segment_names", "segment_stability"]

_MOST = 100  # more are no groups but people, whose names belong on no page


@dataclass(frozen=True)
class Cohort:
    """Accounts at one snapshot date or several.

    Parameters
    ----------
    features : DataFrame (n, features)
        From `delinquency.features.build_features`.
    scores : DataFrame
        See `delinquency.schema.SCORES`; not necessarily of all these accounts.

    Examples
    --------
    >>> features = pd.DataFrame({"dpd_max_3m": [0.0]}, pd.Index([7], name="account_id"))
    >>> scores = pd.DataFrame({"account_id": [7], "points": [600.0], "band": ["A"]})
    >>> len(Cohort(features, scores).features)
    1
    """

    features: pd.DataFrame
    scores: pd.DataFrame


def segment_names(segments: Any, accounts: Any, where: str = "scores, segments") -> pd.Series[Any]:
    """Return the segment of each account as text, by position; ``unknown`` where it has none.

    Parameters
    ----------
    segments : Series or mapping
        Account to segment.
    accounts : array-like (n,)
        Ids.
    where : str
        What the two are called in a message.

    Raises
    ------
    InputError
        ``DLQ-115`` when ids are text in one and integers in the other; ``DLQ-101`` an account with two
        segments; ``DLQ-103`` when there are more than a hundred segments.

    Examples
    --------
    >>> segment_names({1: "prime"}, [1, 2, 1]).tolist()
    ['prime', 'unknown', 'prime']
    """
    known, ids = pd.Series(segments), pd.Series(accounts).reset_index(drop=True)
    schema.refuse_other_ids(ids, known.index, where)
    if twice := int(known.index.duplicated().sum()):
        what, fix = f"{twice:,} accounts have a second segment", "name each account once"
        raise InputError(Problem("DLQ-101", what, "segments", twice, fix))
    if (count := known.nunique()) > _MOST:
        what = f"{count:,} segments; {_MOST} are the most that can be judged"
        fix = "name a column of groups, not of people"
        raise InputError(Problem("DLQ-103", what, "segments", count, fix))
    named = ids.map(known).astype("object")
    return named.where(named.notna(), "unknown").astype("str")


def segment_stability(
    reference: Scorer | Reference,
    now: Cohort,
    then: Cohort | Segmentation,
    segments: Any,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say how far score, bands and characteristics of each segment have moved since training.

    A segment differs from the whole book on every day, so each is held against its own accounts at
    training, counted in the bins that the bundle keeps. The samples are smaller than those of the
    whole book, and so the noise floor of each is higher; it stands beside each index.

    Parameters
    ----------
    reference : Scorer or Reference
        A scorer whose bundle keeps its reference, or the reference itself, for its bins.
    now : Cohort
        Accounts to be judged.
    then : Cohort or Segmentation
        Accounts at the snapshots of training, their scores those of accounts that the scorer did not
        learn from; or what the bundle keeps of them, in ``scorer.reference.segments``.
    segments : Series or mapping
        Account to segment; an account that has none is in ``unknown``.
    level : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        ``segment``, then as `stability`; ``n_reference`` counts every account once, in however many
        months of training it stood. An index is missing where a segment had nobody at training.

    Raises
    ------
    InputError
        As `stability` and `segment_names`.

    Examples
    --------
    >>> ids = pd.Index(range(200), name="account_id")
    >>> late = pd.DataFrame({"dpd_max_3m": ([0.0] * 5 + [31.0] * 5) * 20}, ids)
    >>> scores = pd.DataFrame({"account_id": ids, "points": 600.0, "band": "A"})
    >>> kept = Reference.learn(late, scores["points"], scores["band"])
    >>> names = {k: "new" if k < 150 else "old" for k in ids}
    >>> worse = late.assign(dpd_max_3m=late["dpd_max_3m"].mask((ids % 10 < 2) & (ids < 150), 31.0))
    >>> table = segment_stability(kept, Cohort(worse, scores), Cohort(late, scores), names)
    >>> table.loc[table["kind"] == "feature", ["segment", "n", "psi", "noise_95"]].round(3)
      segment    n    psi  noise_95
    2     new  150  0.169     0.051
    5     old   50  0.000     0.154
    """
    kept = reference.reference if isinstance(reference, Scorer) else reference
    if kept is None:
        return stability(reference, now.features)  # says what is wrong
    before = then if isinstance(then, Segmentation) else count_segments(kept, then, segments)
    found = []
    for name, part in _parts(now, segments).items():
        counted, accounts = _own(kept, before, name)
        own = replace(reference, reference=counted) if isinstance(reference, Scorer) else counted
        table = stability(own, part.features, scores=part.scores, level=level)
        table["n_reference"] = np.where(table["kind"] == "feature", *accounts)
        table.insert(0, "segment", name)
        found.append(table)
    return pd.concat(found, ignore_index=True)


def count_segments(
    kept: Reference, cohort: Cohort, segments: Any, *, column: str = "segment"
) -> Segmentation:
    """Count the accounts of each segment in the bins of a reference; ranks are left open."""
    parts = _parts(cohort, segments)
    each, rows = list(parts.values()), len(parts)
    bins = sum(len(one.counts) for one in _every(kept))
    banded = [[(part.scores["band"] == name).sum() for name in kept.bands] for part in each]
    return Segmentation(
        column,
        tuple(parts),
        np.reshape([_bins(kept, part) for part in each], (rows, bins)).astype("int64"),
        np.reshape(banded, (rows, len(kept.bands))).astype("int64"),
        np.reshape([_accounts(part) for part in each], (rows, 2)).astype("int64"),
        np.tile([0.0, 0.0, np.nan, np.nan, np.nan], (rows, 1)),
    )


def _parts(cohort: Cohort, segments: Any) -> dict[str, Cohort]:
    ids = cohort.features.index.get_level_values("account_id")
    of_features = segment_names(segments, ids, "months, segments").to_numpy()
    of_scores = segment_names(segments, cohort.scores["account_id"]).to_numpy()
    return {
        name: Cohort(cohort.features[of_features == name], cohort.scores[of_scores == name])
        for name in sorted(set(of_features))
    }


def _accounts(cohort: Cohort) -> tuple[int, int]:
    """Return how many accounts stand behind the features, and behind the scores."""
    of_features = cohort.features.index.get_level_values("account_id")
    return of_features.nunique(), cohort.scores["account_id"].nunique()


def _bins(kept: Reference, cohort: Cohort) -> np.ndarray:
    of_features = [one.count(cohort.features[name]) for name, one in kept.features.items()]
    return np.concatenate([*of_features, kept.points.count(cohort.scores["points"])])


def _own(kept: Reference, parted: Segmentation, name: str) -> tuple[Reference, tuple[int, int]]:
    """Return a segment's own counts in the bins of the book, and the accounts behind them.

    An account that stands in four months counts for a quarter in each: four like rows say no more than
    one, and a noise floor for four times as many accounts would be too low.
    """
    mine = np.array([one == name for one in parted.names], dtype=bool)  # nobody's counts are zeros
    counts, bands, accounts = (
        part[mine].sum(axis=0) for part in (parted.counts, parted.bands, parted.accounts)
    )
    every, (learnt, judged) = _every(kept), accounts.tolist()
    tallies = np.split(counts, np.cumsum([len(one.counts) for one in every])[:-1])
    held: Any = dict(zip(kept.bands, _weighed(bands, judged), strict=True))  # parts of accounts
    own = [
        Histogram(one.edges, _weighed(tally, judged if one is kept.points else learnt))
        for one, tally in zip(every, tallies, strict=True)
    ]
    features = dict(zip(kept.features, own, strict=False))
    return Reference(features, own[-1], held, kept.about), (learnt, judged)


def _weighed(counts: np.ndarray, accounts: int) -> np.ndarray:
    return counts * (accounts / max(counts.sum(), 1))


def _every(kept: Reference) -> list[Histogram]:
    return [*kept.features.values(), kept.points]
