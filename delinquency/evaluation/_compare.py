"""Whether one score is better than another, or only looks so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from delinquency.errors import InputError, Problem
from delinquency.evaluation._delong import auc_and_influence, clusters_of, variance
from delinquency.evaluation._door import level_of, outcomes_and_scores

__all__ = ["Comparison", "compare_folds", "compare_losses", "compare_scores"]


@dataclass(frozen=True)
class Comparison:
    """Two scores held against each other.

    Parameters
    ----------
    first, second : float
        The figure of each.
    difference, low, high : float
        First minus second, with its interval at `level`.
    statistic, p : float
        Test statistic and two-sided p-value of "no difference". Missing (NaN) when nothing varies.
    n : int
        Accounts, or folds.
    test : str
        Which test.
    level : float
        Level of the interval.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    statistic: float
    p: float
    n: int
    test: str
    level: float = 0.95

    def __str__(self) -> str:
        return (
            f"{self.first:.4f} against {self.second:.4f}: difference {self.difference:+.4f}"
            f" ({self.level:.0%} {self.low:+.4f} to {self.high:+.4f}), p {self.p:.3g}"
            f"  ({self.test}, {self.n:,})"
        )


def compare_scores(
    y: Any, first: Any, second: Any, *, account: Any = None, level: float = 0.95
) -> Comparison:
    """Compare the AUC of two scores of the same accounts.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    first, second : array-like of shape (n,)
        Two scores of the same accounts in the same order; both rise with risk.
    account : array-like of shape (n,), optional
        Account of each row, when accounts stand in several rows.
    level : float
        Level of the interval.

    Returns
    -------
    Comparison
        Of the two AUCs, on `n` accounts.

    Raises
    ------
    InputError
        As `discrimination`, for either score.

    Notes
    -----
    The paired test of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845; with
    `account` that of Obuchowski, Biometrics 53 (1997) 567-578. Both scores must be out of sample:
    on the sample that chose one of them, it wins for that reason alone.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> print(compare_scores(y, [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 5, 8, 4, 6, 7]))
    0.9375 against 0.7500: difference +0.1875 (95% -0.1999 to +0.5749), p 0.343
    (DeLong, paired, 8)
    """
    level = level_of(level)
    labels, one = outcomes_and_scores(y, first, name="first", share=False)
    _, two = outcomes_and_scores(y, second, name="second", share=False)
    cluster = clusters_of(account, len(labels))
    (auc, moved), (other, other_moved) = (auc_and_influence(labels, s) for s in (one, two))
    error = math.sqrt(variance(moved - other_moved, labels, cluster))
    z = (auc - other) / error if error > 0 else math.nan
    reach = float(ndtri(0.5 + level / 2)) * error
    return Comparison(
        first=auc,
        second=other,
        difference=auc - other,
        low=auc - other - reach,
        high=auc - other + reach,
        statistic=z,
        p=float(2 * ndtr(-abs(z))),
        n=len(labels),
        test="DeLong, paired" if cluster is None else "DeLong by account, paired",
        level=level,
    )


def compare_losses(
    y: Any, first: Any, second: Any, *, account: Any = None, level: float = 0.95
) -> Comparison:
    """Compare the log-loss of two probabilities of the same accounts: order and calibration at once.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    first, second : array-like of shape (n,)
        Two probabilities of bad of the same accounts in the same order, held off 0 and 1 by 2.2e-16.
    account : array-like of shape (n,), optional
        Account of each row, when accounts stand in several rows.
    level : float
        Level of the interval.

    Returns
    -------
    Comparison
        Of the two mean losses; a difference below 0 says that the first is better.

    Raises
    ------
    InputError
        As `calibration`.

    Notes
    -----
    A paired z-test on the difference of each account's loss, summed over its rows: Diebold and Mariano,
    Journal of Business & Economic Statistics 13 (1995) 253-263, with accounts in the place of times.

    Examples
    --------
    >>> print(compare_losses([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8], [0.3, 0.2, 0.6, 0.8]))
    0.2271 against 0.3284: difference -0.1014 (95% -0.2225 to +0.0197), p 0.101
    (paired loss, 4)
    """
    level = level_of(level)
    labels, one = outcomes_and_scores(y, first, name="first", both=False)
    _, two = outcomes_and_scores(y, second, name="second", both=False)
    cluster = clusters_of(account, len(labels))
    losses = [_loss(labels, p) for p in (one, two)]
    gap = losses[0] - losses[1]
    sums = gap if cluster is None else np.bincount(cluster, gap)
    mean, rows = float(gap.mean()), np.ones(len(gap))
    sizes = rows if cluster is None else np.bincount(cluster, rows)
    spread = sums - mean * sizes
    groups = len(sums)
    scale = groups / (groups - 1) if groups > 1 else math.nan
    error = math.sqrt(scale * float(spread @ spread)) / len(gap)
    z = mean / error if error > 0 else math.nan
    reach = float(ndtri(0.5 + level / 2)) * error
    return Comparison(
        first=float(losses[0].mean()),
        second=float(losses[1].mean()),
        difference=mean,
        low=mean - reach,
        high=mean + reach,
        statistic=z,
        p=float(2 * ndtr(-abs(z))),
        n=len(labels),
        test="paired loss" if cluster is None else "paired loss by account",
        level=level,
    )


def _loss(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    edge = float(np.finfo("float64").eps)
    held = np.clip(p, edge, 1 - edge)
    return -np.where(y == 1, np.log(held), np.log1p(-held))


def compare_folds(
    first: Any, second: Any, *, n_train: float, n_test: float, level: float = 0.95
) -> Comparison:
    """Compare two ways of modelling by a figure measured on the same folds.

    Parameters
    ----------
    first, second : array-like of shape (folds,)
        The figure of each fold; the same folds in the same order, repeats included.
    n_train, n_test : float
        Accounts a fold is trained on and tested on; their ratio is what counts.
    level : float
        Level of the interval.

    Returns
    -------
    Comparison
        Of the means over folds, on `n` folds.

    Raises
    ------
    InputError
        ``DLQ-103`` when lengths differ, ``DLQ-104`` or ``DLQ-105`` when figures are missing or
        infinite, ``DLQ-100`` with fewer than two folds, ``DLQ-106`` for sizes that are not
        positive.

    Notes
    -----
    Folds share most of their training accounts, so the plain t-test finds differences that are not
    there. The variance is multiplied by ``1/folds + n_test/n_train`` in place of ``1/folds``:
    Nadeau and Bengio, Machine Learning 52 (2003) 239-281; for repeats Bouckaert and Frank, PAKDD
    (2004) 3-12.

    Examples
    --------
    >>> print(compare_folds([0.79, 0.78, 0.80], [0.78, 0.78, 0.79], n_train=2, n_test=1))
    0.7900 against 0.7833: difference +0.0067 (95% -0.0160 to +0.0293), p 0.333
    (Nadeau-Bengio, folds, 3)
    """
    level = level_of(level)
    one, two = _folds(first, second)
    if not (n_train > 0 and n_test > 0):
        what = "sizes of folds must be above 0"
        raise InputError(Problem("DLQ-106", what, "n_train, n_test", fix="count the accounts"))
    gaps = one - two
    mean = float(gaps.mean())
    error = math.sqrt((1 / len(gaps) + n_test / n_train) * float(gaps.var(ddof=1)))
    freedom = len(gaps) - 1
    t = mean / error if error > 0 else math.nan
    reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
    return Comparison(
        first=float(one.mean()),
        second=float(two.mean()),
        difference=mean,
        low=mean - reach,
        high=mean + reach,
        statistic=t,
        p=float(2 * stdtr(freedom, -abs(t))),
        n=len(gaps),
        test="Nadeau-Bengio, folds",
        level=level,
    )


def _folds(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    one, two = np.asarray(first, dtype="float64"), np.asarray(second, dtype="float64")
    problem = None
    if one.ndim != 1 or one.shape != two.shape:
        problem = ("DLQ-103", "figures of the two must stand fold by fold", None)
    elif len(one) < 2:
        problem = ("DLQ-100", "fewer than two folds", len(one))
    elif np.isnan(one + two).any():
        problem = ("DLQ-104", "figures are missing", int(np.isnan(one + two).sum()))
    elif np.isinf(one + two).any():
        problem = ("DLQ-105", "figures are infinite", int(np.isinf(one + two).sum()))
    if problem:
        code, what, count = problem
        raise InputError(Problem(code, what, "folds", count, "measure both on every fold"))
    return one, two
