"""One sort, then counts of goods and bads at each distinct score; rank figures sum over these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Counts", "count_by_score"]


@dataclass(frozen=True)
class Counts:
    """Goods and bads at each distinct score, safest first.

    Parameters
    ----------
    score : ndarray of shape (m,)
        Distinct scores, rising.
    goods, bads : ndarray of shape (m,)
        Accounts with that score.
    """

    score: np.ndarray
    goods: np.ndarray
    bads: np.ndarray

    @property
    def n_goods(self) -> int:
        """Number of goods."""
        return int(self.goods.sum())

    @property
    def n_bads(self) -> int:
        """Number of bads."""
        return int(self.bads.sum())

    def placements(self) -> tuple[np.ndarray, np.ndarray]:
        """Return, for a bad and for a good at each score, the share of the other class it beats.

        A tie counts one half. The mean of either over its own class is the AUC.
        """
        goods_below = np.cumsum(self.goods) - self.goods
        bads_above = self.n_bads - np.cumsum(self.bads)
        of_bads = (goods_below + 0.5 * self.goods) / self.n_goods
        of_goods = (bads_above + 0.5 * self.bads) / self.n_bads
        return of_bads, of_goods

    def flagged(self) -> tuple[np.ndarray, np.ndarray]:
        """Return goods and bads at or above each score, riskiest first, with (0, 0) in front."""
        goods = np.concatenate([[0], np.cumsum(self.goods[::-1])])
        bads = np.concatenate([[0], np.cumsum(self.bads[::-1])])
        return goods, bads


def count_by_score(y: np.ndarray, score: np.ndarray) -> Counts:
    """Count goods and bads at each distinct score: one sort, O(n log n).

    Examples
    --------
    >>> count_by_score(np.array([0, 1, 0]), np.array([0.1, 0.1, 0.3]))
    Counts(score=array([0.1, 0.3]), goods=array([1, 1]), bads=array([1, 0]))
    """
    distinct, position = np.unique(score, return_inverse=True)
    n = np.bincount(position, minlength=len(distinct))
    bads = np.bincount(position, weights=y, minlength=len(distinct)).astype("int64")
    return Counts(distinct, n - bads, bads)
