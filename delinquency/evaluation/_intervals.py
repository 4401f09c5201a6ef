"""Intervals for a share of accounts, and care for many tests at once."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv

__all__ = ["holm", "jeffreys"]


def jeffreys(bads: np.ndarray, n: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the Jeffreys interval of ``bads / n``.

    Equal tails of Beta(bads + 1/2, n - bads + 1/2). The low end is 0 without bads and the high end
    1 without goods, so that the interval always holds the observed share. Brown, Cai and DasGupta,
    Statistical Science 16 (2001) 101-133.

    Examples
    --------
    >>> low, high = jeffreys(np.array([0, 5]), np.array([10, 50]))
    >>> low.round(4), high.round(4)
    (array([0.    , 0.0392]), array([0.2172, 0.2054]))
    """
    tail = (1 - level) / 2
    bads, n = np.asarray(bads, dtype="float64"), np.asarray(n, dtype="float64")
    low = betaincinv(bads + 0.5, n - bads + 0.5, tail)
    high = betaincinv(bads + 0.5, n - bads + 0.5, 1 - tail)
    return np.where(bads == 0, 0.0, low), np.where(bads == n, 1.0, high)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values after Holm's step-down correction; missing ones stay missing, uncounted.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.06,  nan, 0.06])
    """
    result = np.full(len(p), np.nan)
    given = np.flatnonzero(~np.isnan(p))
    order = given[np.argsort(p[given], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return result
