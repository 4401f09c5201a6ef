"""The scorecard: few characteristics, monotone bins, whole points; the benchmark beside every model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from delinquency.errors import InputError, Problem
from delinquency.scoring._admit import admit_rows
from delinquency.scoring._binning import Binning, bin_characteristic
from delinquency.scoring._card_joint import Candidate, forward_joint
from delinquency.scoring._card_sql import card_query
from delinquency.scoring._card_woe import forward_woe, level_of, similar
from delinquency.scoring._optbinning import bin_by_optbinning, solver
from delinquency.scoring._points import PointsScale

__all__ = ["Scorecard"]

# A characteristic that says nothing, parted where it seems to say most, reaches a likelihood ratio of about
# 5 on average: the chi-bar-square of isotonic regression over forty cells, either way; 15 once in a thousand.
_CHANCE = 15.0


class Scorecard(ClassifierMixin, BaseEstimator):
    """Probability of bad from a points card: few characteristics, monotone bins, whole points.

    Each characteristic is parted into bins whose bad rate goes the way the domain says; missing has a bin
    of its own. Characteristics enter one by one, the one that the outcome asks for most first. The
    log-odds of all bins are fitted together, and those of a characteristic go one way (``joint``); or each
    characteristic has one weight above 0 on its weights of evidence, as cards have been made for decades
    (``woe``). The points of a bin are whole numbers, and the probability is that of the points, so the card
    on paper and the card in a database agree.

    Parameters
    ----------
    signs : mapping of str to int, optional
        Column to +1 (risk rises with the value) or -1; the better direction is taken for the others.
    max_characteristics : int
        Most characteristics of the card.
    max_bins : int
        Most bins of a characteristic, missing aside.
    min_share : float
        Smallest share of accounts in a bin, a matter of judgement.
    min_bads : int
        Fewest bads in a bin, a matter of judgement.
    min_value : float
        Characteristics with less information value are not looked at; nor are those with as little as
        chance brings on a sample of this size.
    max_correlation : float
        A characteristic whose weights of evidence correlate more with one on the card stays out.
    max_shift : float
        Where X has several snapshot dates, the greatest population stability index of a characteristic
        between the first half of the dates and the second.
    weights : {"joint", "woe"}
        How bins get their points.
    ridge : float
        With ``joint``: draws the log-odds of a bin to 0, as so many cases of one bit of information would.
    binning : {"own", "optbinning"}
        Who finds the edges. ``optbinning`` needs the extra of that name.
    min_gain : float
        With ``joint``: least gain in penalised log-likelihood at which a characteristic still enters; 1 is
        Akaike's.
    scale : PointsScale, optional
        600 points at 50 goods to one bad, 20 points double the odds, by default.

    Attributes
    ----------
    characteristics_ : list of str
        In the order in which they entered.
    binnings_ : list of Binning
        Edges, counts and weights of evidence of each characteristic; neighbours with the same points are one.
    base_points_ : int
        Points everybody starts with.
    points_ : list of ndarray
        Points of each bin of each characteristic, missing last.
    classes_ : ndarray (2,)
        The greater is bad.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.poisson(5.0, 4000), "paid_to_due": rng.random(4000)})
    >>> y = (rng.random(4000) < 1 / (1 + np.exp(3 - 0.4 * X["dpd_max"]))).astype(int)
    >>> card = Scorecard(signs={"dpd_max": 1, "paid_to_due": -1}).fit(X, y)
    >>> card.characteristics_
    ['dpd_max']
    >>> bool((np.diff(card.points_[0][:-1]) < 0).all())
    True
    """

    def __init__(
        self,
        *,
        signs: Mapping[str, int] | None = None,
        max_characteristics: int = 20,
        max_bins: int = 12,
        min_share: float = 0.02,
        min_bads: int = 30,
        min_value: float = 0.003,
        max_correlation: float = 0.9,
        max_shift: float = 0.25,
        weights: str = "joint",
        binning: str = "own",
        ridge: float = 30.0,
        min_gain: float = 1.0,
        scale: PointsScale | None = None,
    ) -> None:
        self.signs = signs
        self.max_characteristics = max_characteristics
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_bads = min_bads
        self.min_value = min_value
        self.max_correlation = max_correlation
        self.max_shift = max_shift
        self.weights = weights
        self.binning = binning
        self.ridge = ridge
        self.min_gain = min_gain
        self.scale = scale

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Scorecard:
        """Bin, choose, weigh and round.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            NaN is missing. A level ``snapshot_date`` of the index lets unstable characteristics be left out.
        y : array (n,)
            Two classes; the greater is bad.
        sample_weight : array (n,), optional
            Weights of the rows.

        Raises
        ------
        InputError
            ``DLQ-110`` for a protected attribute among the columns, ``DLQ-105`` for infinite values,
            ``DLQ-103`` unless there are two classes, or for unknown `weights` or `binning`. Where no
            characteristic says anything the card is its base points alone.
        EnvironmentFailure
            ``DLQ-506`` when the extra ``optbinning`` is asked for and not installed.
        """
        if self.weights not in ("joint", "woe"):
            fix = '"joint" or "woe"'
            raise InputError(Problem("DLQ-103", "unknown way", "weights", fix=fix))
        if self.binning not in ("own", "optbinning"):
            fix = '"own" or "optbinning"'
            raise InputError(Problem("DLQ-103", "unknown way", "binning", fix=fix))
        if self.binning == "optbinning":
            solver()  # before anything is counted
        names = [str(name) for name in getattr(X, "columns", [])]
        later = _later_half(X)
        self.classes_, X, bad, weight = admit_rows(self, X, y, sample_weight)
        if len(np.unique(bad[weight > 0])) != 2:
            raise InputError(
                Problem("DLQ-103", "only one class has weight", "y", fix="give goods and bads some")
            )
        names = names or [f"x{k}" for k in range(X.shape[1])]
        self._choose(X, bad, weight, names, later)
        return self

    def _choose(self, X, bad, weight, names, later) -> None:
        binnings = self._binned(X, bad, weight, names, later)
        columns = list(binnings)
        order, scores, intercept = [], [], level_of(bad, weight)
        if columns:
            woe = np.column_stack([binnings[k].transform(X[:, k]) for k in columns])
            alike = similar(woe, self.max_correlation)
            weigh = self._joint if self.weights == "joint" else self._classical
            candidates = [binnings[k] for k in columns]
            sample = (bad, weight, alike)
            order, scores, intercept = weigh(X[:, columns], woe, candidates, *sample)
        self.columns_ = [columns[k] for k in order]
        self._round([binnings[k] for k in self.columns_], scores, intercept)
        self.characteristics_ = [names[k] for k in self.columns_]

    def _joint(self, X, woe, binnings, bad, weight, alike):
        candidates = [
            Candidate(b.codes(x), len(b.woe), b.rises, b.woe[-1] != 0.0)
            for b, x in zip(binnings, X.T, strict=True)
        ]
        return forward_joint(
            candidates,
            bad,
            weight,
            alike,
            most=self.max_characteristics,
            ridge=self.ridge,
            min_gain=self.min_gain,
        )

    def _classical(self, X, woe, binnings, bad, weight, alike):
        order, weights, intercept = forward_woe(woe, bad, weight, alike, self.max_characteristics)
        scores = [-w * binnings[k].woe for k, w in zip(order, weights, strict=True)]
        return order, scores, intercept

    def _binned(self, X, bad, weight, names, later) -> dict[int, Binning]:
        signs = dict(self.signs or {})
        bin_one = bin_by_optbinning if self.binning == "optbinning" else bin_characteristic
        bads, total = weight @ bad, weight.sum()
        least = _CHANCE / (bads * (1 - bads / total))  # the information value that chance reaches
        kept = {}
        for k, name in enumerate(names):
            binning = bin_one(
                X[:, k],
                bad,
                weight,
                sign=int(signs.get(name, 0)),
                max_bins=self.max_bins,
                min_share=self.min_share,
                min_bads=self.min_bads,
            )
            if binning is None or binning.value < max(self.min_value, least):
                continue
            if later is None or _shift(binning.codes(X[:, k]), later) <= self.max_shift:
                kept[k] = binning
        return kept

    def _round(self, binnings: list[Binning], scores: list[np.ndarray], intercept: float) -> None:
        """Turn log-odds into whole points; neighbours with the same points are one bin."""
        scale = self.scale or PointsScale()
        self.binnings_, self.points_ = [], []
        for binning, score in zip(binnings, scores, strict=True):
            points = np.rint(-scale.factor * score).astype("int64")
            keep = np.diff(points[:-1]) != 0
            self.binnings_.append(binning.joined(keep))
            self.points_.append(points[np.concatenate([[True], keep, [True]])])
        self.base_points_ = int(np.rint(scale.offset - scale.factor * intercept))

    def points(self, X: Any) -> np.ndarray:
        """Return whole points (n,); they rise as risk falls."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        total = np.full(len(X), self.base_points_, dtype="int64")
        for column, binning, points in zip(
            self.columns_, self.binnings_, self.points_, strict=True
        ):
            total += points[binning.codes(X[:, column])]
        return total

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the log-odds of bad (n,), those of the points."""
        scale = self.scale or PointsScale()
        return (scale.offset - self.points(X)) / scale.factor

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n, 2): good, bad."""
        probability = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - probability, probability])

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class; decisions belong to bands and a strategy, not here."""
        late = self.decision_function(X) > 0
        return self.classes_[late.astype(int)]

    def table(self) -> pd.DataFrame:
        """Return the card: one row a bin, ``characteristic, above, up_to, accounts, bad_rate, woe, points``.

        The row without edges is that of a missing value.
        """
        check_is_fitted(self)
        rows = []
        for name, binning, points in zip(
            self.characteristics_, self.binnings_, self.points_, strict=True
        ):
            low = [-np.inf, *binning.edges, np.nan]
            high = [*binning.edges, np.inf, np.nan]
            with np.errstate(invalid="ignore"):
                rate = binning.bads / binning.accounts
            columns = (low, high, binning.accounts, rate, binning.woe, points)
            rows += [(name, *row) for row in zip(*columns, strict=True)]
        names = ["characteristic", "above", "up_to", "accounts", "bad_rate", "woe", "points"]
        return pd.DataFrame(rows, columns=names)

    def to_sql(self, table: str = "features") -> str:
        """Return the card as a query of standard SQL: all columns of a table, and ``points``.

        A missing value must be NULL there.
        """
        check_is_fitted(self)
        edges = [binning.edges for binning in self.binnings_]
        return card_query(table, self.base_points_, self.characteristics_, edges, self.points_)


def _later_half(X: Any) -> np.ndarray | None:
    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index) or "snapshot_date" not in index.names:
        return None
    dates = index.get_level_values("snapshot_date")
    unique = np.sort(dates.unique().to_numpy())
    return None if len(unique) < 2 else (dates >= unique[len(unique) // 2])


def _shift(codes: np.ndarray, later: np.ndarray) -> float:
    """Return the population stability index of the bins between the earlier and the later rows."""
    size = int(codes.max()) + 1
    shares = [
        (np.bincount(codes[part], minlength=size) + 0.5) / (part.sum() + 0.5 * size)
        for part in (~later, later)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
