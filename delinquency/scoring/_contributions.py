"""What each feature contributed to a score, exactly.

The Shapley value of a leaf with value ``v`` for feature ``j`` on its path is
``v * (o_j - z_j) * integral over t in [0, 1] of prod over i != j of (z_i (1 - t) + o_i t)``,
where ``z_i`` is the share of training rows that the splits on feature ``i`` let through and ``o_i`` is 1
when the row itself passes them, else 0. The product is a polynomial of degree ``d - 1`` in ``t`` for a
path of ``d`` features, so Gauss-Legendre quadrature with ``ceil(d / 2)`` nodes gives the integral
exactly. The result is that of path-dependent TreeSHAP (Lundberg et al., Nature Machine Intelligence 2,
2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from delinquency.scoring._trees import AS_ZERO, GOES_LEFT, Trees, as_matrix

__all__ = ["contributions"]


@dataclass(frozen=True)
class _Paths:
    """Every leaf as the box of values that leads to it: one entry a leaf and feature."""

    start: np.ndarray  # (leaves + 1,) first entry of each leaf
    feature: np.ndarray
    low: np.ndarray  # the row's value must be above this ...
    high: np.ndarray  # ... and at most this
    takes_missing: np.ndarray
    share: np.ndarray  # of training rows that the feature's splits let through
    value: np.ndarray


def contributions(trees: Trees, X: np.ndarray) -> np.ndarray:
    """Return contributions to the raw log-odds, one column a feature and the base value last.

    Parameters
    ----------
    trees : Trees
        The fitted trees.
    X : float64 array (rows, features)
        NaN is missing.

    Returns
    -------
    ndarray (rows, features + 1)
        Rows sum to ``trees.raw(X)``. The base is the mean over the training rows.
    """
    X, paths = as_matrix(trees, X), _paths(trees)
    out = np.zeros((len(X), X.shape[1] + 1))
    depth = int(np.diff(paths.start).max(initial=1))
    nodes, weights = np.polynomial.legendre.leggauss(max((depth + 1) // 2, 1))
    inside = np.clip((nodes + 1) / 2, 0, 1)
    parts = (paths.start, paths.feature, paths.low, paths.high, paths.takes_missing, paths.share)
    _accumulate(X, *parts, paths.value, depth, inside, weights / 2, out)
    return out / trees.models[0]


def _paths(trees: Trees) -> _Paths:
    boxes: list[dict[int, tuple[float, float, bool, float]]] = [{} for _ in trees.value]
    for root in trees.root:
        stack = [(int(root), {})]
        while stack:
            node, box = stack.pop()
            if node < 0:
                boxes[~node] = box
                continue
            for child, left in ((int(trees.left[node]), True), (int(trees.right[node]), False)):
                stack.append((child, _narrowed(trees, node, child, left, box)))
    entries = [(f, *entry) for box in boxes for f, entry in sorted(box.items())]
    columns = list(zip(*entries, strict=True)) if entries else [()] * 5
    dtypes = ("int32", "float64", "float64", "uint8", "float64")
    arrays = [np.array(c, dtype=d) for c, d in zip(columns, dtypes, strict=True)]
    start = np.concatenate([[0], np.cumsum([len(box) for box in boxes])]).astype("int64")
    return _Paths(start, *arrays, value=trees.value)


def _narrowed(trees: Trees, node: int, child: int, left: bool, box: dict) -> dict:
    """Return the box with one more split."""
    feature, edge = int(trees.feature[node]), float(trees.threshold[node])
    low, high, takes_missing, share = box.get(feature, (-np.inf, np.inf, True, 1.0))
    cover = trees.node_cover[child] if child >= 0 else trees.leaf_cover[~child]
    if trees.missing[node] == AS_ZERO:
        missing_left = edge >= 0.0
    else:
        missing_left = trees.missing[node] == GOES_LEFT
    low, high = (low, min(high, edge)) if left else (max(low, edge), high)
    share = share * float(cover) / float(trees.node_cover[node])
    return {**box, feature: (low, high, takes_missing and missing_left == left, share)}


@numba.njit(nogil=True, cache=True)
def _accumulate(
    X, start, feature, low, high, takes_missing, share, value, depth, nodes, weights, out
):  # pragma: no cover
    passes = np.empty(depth)
    products = np.empty(nodes.shape[0])
    last = out.shape[1] - 1
    for row in range(X.shape[0]):
        for leaf in range(value.shape[0]):
            first, end = start[leaf], start[leaf + 1]
            base = 1.0
            products[:] = weights
            for entry in range(first, end):
                x = X[row, feature[entry]]
                if x != x:
                    inside = takes_missing[entry] == 1
                else:
                    inside = low[entry] < x <= high[entry]
                o, z = (1.0 if inside else 0.0), share[entry]
                passes[entry - first] = o
                base *= z
                for node in range(nodes.shape[0]):
                    products[node] *= z + (o - z) * nodes[node]
            out[row, last] += value[leaf] * base
            for entry in range(first, end):
                o, z = passes[entry - first], share[entry]
                integral = 0.0
                for node in range(nodes.shape[0]):
                    integral += products[node] / (z + (o - z) * nodes[node])
                out[row, feature[entry]] += value[leaf] * (o - z) * integral
