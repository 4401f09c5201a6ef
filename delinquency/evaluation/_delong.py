"""The variance of an AUC, and of a difference of two, from what each account does to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.evaluation._curve import Counts, count_by_score

__all__ = ["auc_and_influence", "clusters_of", "variance"]


def auc_and_influence(
    y: np.ndarray, score: np.ndarray, counts: Counts | None = None
) -> tuple[float, np.ndarray]:
    """Return the AUC, and for each account how far its placement moves the mean of its class.

    The placement of a bad is the share of goods below it, that of a good the share of bads above
    it, ties one half. O(n log n): Sun and Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393.

    Examples
    --------
    >>> auc_and_influence(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.2, 0.4]))
    (0.75, array([ 0.125, -0.125, -0.125,  0.125]))
    """
    counts = counts or count_by_score(y, score)
    of_bads, of_goods = counts.placements()
    auc = float(counts.bads @ of_bads) / counts.n_bads
    at = np.searchsorted(counts.score, score)
    bad = y == 1
    return auc, np.where(
        bad, (of_bads[at] - auc) / counts.n_bads, (of_goods[at] - auc) / counts.n_goods
    )


def clusters_of(account: Any, n: int) -> np.ndarray | None:
    """Return the number of each row's account, or None when every row stands for itself."""
    if account is None:
        return None
    codes, unique = pd.factorize(pd.Series(account).reset_index(drop=True))
    problem = None
    if len(codes) != n:
        problem = ("DLQ-103", f"{len(codes):,} accounts for {n:,} outcomes", None)
    elif (codes < 0).any():
        missing = int((codes < 0).sum())
        problem = ("DLQ-104", f"accounts are missing in {missing:,} of {n:,} rows", missing)
    if problem:
        code, what, count = problem
        raise InputError(Problem(code, what, "account", count, "pass the account of each row"))
    return None if len(unique) == n else codes


def variance(influence: np.ndarray, y: np.ndarray, cluster: np.ndarray | None) -> float:
    """Return the variance of an AUC (or of a difference, from a difference of influences).

    Without clusters this is the estimator of DeLong, DeLong and Clarke-Pearson, Biometrics 44
    (1988) 837-845. With them, accounts seen on several dates are not taken as independent:
    Obuchowski, Biometrics 53 (1997) 567-578. NaN with a single bad or good (or cluster of them).

    Examples
    --------
    >>> y = np.array([0, 0, 1, 1])
    >>> influence = auc_and_influence(y, np.array([0.1, 0.3, 0.2, 0.4]))[1]
    >>> round(variance(influence, y, None), 4)
    0.125
    """
    bad = y == 1
    if cluster is None:
        bads, goods = influence[bad], influence[~bad]
        return _scaled(bads, bads, len(bads)) + _scaled(goods, goods, len(goods))
    order = np.lexsort((influence, cluster))
    influence, cluster, bad = influence[order], cluster[order], bad[order]
    size = int(cluster.max()) + 1
    bads = np.bincount(cluster[bad], influence[bad], minlength=size)
    goods = np.bincount(cluster[~bad], influence[~bad], minlength=size)
    n_bads, n_goods = len(np.unique(cluster[bad])), len(np.unique(cluster[~bad]))
    own = _scaled(bads, bads, n_bads) + _scaled(goods, goods, n_goods)
    return own + 2 * _scaled(bads, goods, size)


def _scaled(left: np.ndarray, right: np.ndarray, n: int) -> float:
    # rounded once, so that the order of rows cannot change a bit
    return math.nan if n < 2 else math.fsum(left * right) * n / (n - 1)
