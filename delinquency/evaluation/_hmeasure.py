"""The H-measure: what a score saves when nobody knows the exact price of each mistake."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from delinquency.evaluation._curve import Counts

__all__ = ["h_measure"]


def h_measure(counts: Counts, weight: tuple[float, float] | None = None) -> float:
    """Return the H-measure: 1 for a perfect score, 0 for a useless one.

    Parameters
    ----------
    counts : Counts
        Goods and bads at each distinct score.
    weight : (float, float), optional
        Shapes of the Beta weight on the relative cost `c` of flagging a good. By default ``1 +
        share of bads`` and ``1 + share of goods``, whose mode is the share of bads.

    Notes
    -----
    With cost `c` for a good that is flagged and `1 - c` for a bad that is not, the loss at the best
    threshold is averaged over the weight and held against the loss of the better of flagging all
    and flagging none. The best threshold walks along the convex hull of the ROC curve, so the
    average is a finite sum of incomplete beta functions. Hand, Machine Learning 77 (2009) 103-123;
    the default weight is that of Hand and Anagnostopoulos, Pattern Recognition Letters 40 (2014)
    41-46.
    """
    goods_share, bads_share = _hull(counts)
    bad = counts.n_bads / (counts.n_bads + counts.n_goods)
    shapes = (1 + bad, 2 - bad) if weight is None else weight
    # walking up the hull, the cost at which the next corner becomes the better one falls from 1 to
    # 0
    rise, run = np.diff(bads_share) * bad, np.diff(goods_share) * (1 - bad)
    switch = np.concatenate([[1.0], rise / (rise + run), [0.0]])
    loss = _loss(goods_share, bads_share, switch, bad, shapes)
    ends = np.array([0.0, 1.0])
    useless = _loss(ends, ends, np.array([1.0, bad, 0.0]), bad, shapes)
    return float(1 - loss / useless)


def _hull(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the upper convex hull of the ROC curve, from (0, 0) to (1, 1).

    The slopes of the hull are the pooled bad rates that an isotonic fit gives, so pooling adjacent
    violators finds the corners in linear time.
    """
    blocks: list[tuple[int, int]] = []
    for good, bad in zip(*_runs(counts.goods[::-1], counts.bads[::-1]), strict=True):
        block = (good, bad)
        # exact in integers: pool while the block before is not steeper
        while blocks and blocks[-1][1] * block[0] <= block[1] * blocks[-1][0]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1])
        blocks.append(block)
    corners = np.concatenate([[(0, 0)], np.cumsum(blocks, axis=0)])
    return corners[:, 0] / counts.n_goods, corners[:, 1] / counts.n_bads


def _runs(goods: np.ndarray, bads: np.ndarray) -> tuple[list[int], list[int]]:
    """Join neighbouring scores of goods alone, and of bads alone: their slopes are the same."""
    kind = np.sign(goods) - np.sign(bads)  # 1 goods alone, -1 bads alone, 0 both
    new = np.concatenate([[True], (kind[1:] != kind[:-1]) | (kind[1:] == 0)])
    starts = np.flatnonzero(new)
    return np.add.reduceat(goods, starts).tolist(), np.add.reduceat(bads, starts).tolist()


def _loss(
    goods_share: np.ndarray,
    bads_share: np.ndarray,
    switch: np.ndarray,
    bad: float,
    shapes: tuple[float, float],
) -> float:
    """Integrate the loss of each corner of the curve over the costs at which it is the best."""
    a, b = shapes
    mean = a / (a + b)
    flagged_good = mean * -np.diff(betainc(a + 1, b, switch))
    missed_bad = (1 - mean) * -np.diff(betainc(a, b + 1, switch))
    return float(((1 - bad) * goods_share) @ flagged_good + (bad * (1 - bads_share)) @ missed_bad)
