"""How well a score parts bads from goods, whatever its scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from delinquency.evaluation._curve import Counts, count_by_score
from delinquency.evaluation._delong import auc_and_influence, clusters_of, variance
from delinquency.evaluation._door import level_of, outcomes_and_scores, whole_of
from delinquency.evaluation._hmeasure import h_measure

__all__ = ["RANK_FIGURES", "Discrimination", "discrimination", "gains", "roc"]

RANK_FIGURES = ("auc", "auc_low", "auc_high", "gini", "ks")
"""The figures of `Discrimination` that tables of several scores, segments or months show."""


@dataclass(frozen=True)
class Discrimination:
    """How well a score ranks; see `discrimination`.

    Parameters
    ----------
    n, bads : int
        Accounts, and bads among them.
    auc, auc_low, auc_high : float
        Chance that a bad scores above a good, with its DeLong interval at `level`.
    gini : float
        ``2 auc - 1``.
    ks : float
        Widest gap between the shares of bads and of goods at or above a score.
    ks_at : float
        The score where that gap stands.
    h_measure : float
        Share of the loss of a useless score that is avoided, over a stated weight on costs.
    partial_gini : float
        Gini among the accounts with a probability of at most 0.4, where most decisions fall.
        Missing where scores are no probabilities, or these accounts are all good or all bad.
    level : float
        Level of the intervals.

    Notes
    -----
    The interval is missing (NaN) with a single good or a single bad.
    """

    n: int
    bads: int
    auc: float
    auc_low: float
    auc_high: float
    gini: float
    ks: float
    ks_at: float
    h_measure: float
    partial_gini: float = math.nan
    level: float = 0.95

    @property
    def gini_low(self) -> float:
        """Low end of the interval of the Gini."""
        return 2 * self.auc_low - 1

    @property
    def gini_high(self) -> float:
        """High end of the interval of the Gini."""
        return 2 * self.auc_high - 1

    @property
    def bad_rate(self) -> float:
        """Share of bads."""
        return self.bads / self.n

    def __str__(self) -> str:
        return (
            f"AUC {self.auc:.4f} ({self.level:.0%} {self.auc_low:.4f} to {self.auc_high:.4f})"
            f"  Gini {self.gini:.4f}  KS {self.ks:.4f}  H {self.h_measure:.4f}"
            f"  on {self.n:,} accounts, {self.bads:,} bad ({self.bad_rate:.2%})"
        )


def discrimination(
    y: Any, probability: Any, *, account: Any = None, level: float = 0.95
) -> Discrimination:
    """Say how well a score ranks: AUC with its interval, Gini, KS and H-measure.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    probability : array-like of shape (n,)
        Probability of bad, or any finite number that rises with risk.
    account : array-like of shape (n,), optional
        Account of each row. Several snapshots of one account are not independent; with this the
        interval says so.
    level : float
        Level of the interval of the AUC.

    Returns
    -------
    Discrimination

    Raises
    ------
    InputError
        Missing or non-finite values (``DLQ-104``, ``DLQ-105``), no rows (``DLQ-100``), labels other
        than 1 and 0 (``DLQ-103``), goods or bads alone (``DLQ-150``).

    Notes
    -----
    Ties count one half. The interval, cut at 0 and 1, is that of DeLong, DeLong and Clarke-Pearson,
    Biometrics 44 (1988) 837-845, in O(n log n); with `account` that of Obuchowski, Biometrics 53
    (1997) 567-578. The partial Gini is that of Lessmann et al., European Journal of Operational
    Research 247 (2015) 124-136.

    Examples
    --------
    >>> print(discrimination([0, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.8]))
    AUC 0.8333 (95% 0.3714 to 1.0000)  Gini 0.6667  KS 0.6667  H 0.5873
    on 5 accounts, 2 bad (40.00%)

    A score that nobody can rank with is refused, not scored:

    >>> discrimination([0, 0], [0.1, 0.2])
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-150 y: all 2 accounts are good. fix: evaluate on a sample
    that...
    """
    level = level_of(level)
    labels, scores = outcomes_and_scores(y, probability, share=False)
    counts = count_by_score(labels, scores)
    auc, influence = auc_and_influence(labels, scores, counts)
    error = math.sqrt(variance(influence, labels, clusters_of(account, len(labels))))
    reach = float(ndtri(0.5 + level / 2)) * error
    ks, ks_at = _ks(counts)
    return Discrimination(
        n=len(labels),
        bads=counts.n_bads,
        auc=auc,
        auc_low=float(np.clip(auc - reach, 0, 1)),
        auc_high=float(np.clip(auc + reach, 0, 1)),
        gini=2 * auc - 1,
        ks=ks,
        ks_at=ks_at,
        h_measure=h_measure(counts),
        partial_gini=_partial_gini(counts),
        level=level,
    )


def _ks(counts: Counts) -> tuple[float, float]:
    goods, bads = counts.flagged()
    gap = np.abs(bads / counts.n_bads - goods / counts.n_goods)[1:]
    widest = int(np.argmax(gap))
    return float(gap[widest]), float(counts.score[::-1][widest])


def _partial_gini(counts: Counts, at_most: float = 0.4) -> float:
    inside = counts.score <= at_most
    part = Counts(counts.score[inside], counts.goods[inside], counts.bads[inside])
    is_share = counts.score[0] >= 0 and counts.score[-1] <= 1
    if not is_share or part.n_goods == 0 or part.n_bads == 0:
        return math.nan
    of_bads, _ = part.placements()
    return 2 * float(part.bads @ of_bads) / part.n_bads - 1


def roc(y: Any, probability: Any, *, points: int = 200) -> pd.DataFrame:
    """Return the ROC curve as a table, thin enough to draw.

    Parameters
    ----------
    y, probability
        See `discrimination`.
    points : int
        Rows at most; the ends and the row of the widest gap (KS) always stay.

    Returns
    -------
    DataFrame
        ``threshold``, ``goods_share`` and ``bads_share``: the shares of goods and of bads whose
        score is at or above the threshold. The first threshold is infinite: nobody is flagged.

    Examples
    --------
    >>> roc([0, 1, 0, 1], [0.1, 0.2, 0.2, 0.9])
       threshold  goods_share  bads_share
    0        inf          0.0         0.0
    1        0.9          0.0         0.5
    2        0.2          0.5         1.0
    3        0.1          1.0         1.0
    """
    labels, scores = outcomes_and_scores(y, probability, share=False)
    counts = count_by_score(labels, scores)
    goods, bads = counts.flagged()
    goods_share, bads_share = goods / counts.n_goods, bads / counts.n_bads
    widest = int(np.argmax(np.abs(bads_share - goods_share)))
    rows = _thin((goods_share + bads_share) / 2, points, widest)
    columns = {
        "threshold": np.concatenate([[np.inf], counts.score[::-1]]),
        "goods_share": goods_share,
        "bads_share": bads_share,
    }
    return pd.DataFrame(columns).iloc[rows].reset_index(drop=True)


def gains(y: Any, probability: Any, *, points: int = 200) -> pd.DataFrame:
    """Return what working the riskiest accounts first would reach, as a table thin enough to draw.

    Parameters
    ----------
    y, probability
        See `discrimination`.
    points : int
        Rows at most; the ends always stay.

    Returns
    -------
    DataFrame
        ``threshold``, ``share`` of accounts at or above it, ``n`` and ``bads`` among them,
        ``captured`` share of all bads, ``lift`` (captured over share; missing for nobody). Tied
        accounts come together.

    Examples
    --------
    >>> gains([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9])
       threshold  share  n  bads  captured      lift
    0        inf   0.00  0     0       0.0       NaN
    1        0.9   0.25  1     1       0.5  2.000000
    2        0.3   0.50  2     1       0.5  1.000000
    3        0.2   0.75  3     2       1.0  1.333333
    4        0.1   1.00  4     2       1.0  1.000000
    """
    labels, scores = outcomes_and_scores(y, probability, share=False)
    counts = count_by_score(labels, scores)
    goods, bads = counts.flagged()
    n = goods + bads
    share, captured = n / len(labels), bads / counts.n_bads
    columns = {
        "threshold": np.concatenate([[np.inf], counts.score[::-1]]),
        "share": share,
        "n": n,
        "bads": bads,
        "captured": captured,
        "lift": np.divide(captured, share, out=np.full(len(n), np.nan), where=n > 0),
    }
    return pd.DataFrame(columns).iloc[_thin(share, points)].reset_index(drop=True)


def _thin(along: np.ndarray, points: int, keep: int = 0) -> np.ndarray:
    """Return the rows nearest below even steps along a rising column, with both ends and `keep`."""
    points = whole_of(points, "points", 3)
    if len(along) <= points:
        return np.arange(len(along))
    steps = np.linspace(along[0], along[-1], points - 1)
    rows = np.searchsorted(along, steps, side="right") - 1
    return np.union1d(rows, [0, keep, len(along) - 1])
