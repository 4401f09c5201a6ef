"""What each feature contributed to a score, exactly.

The Shapley value of a leaf with value ``v`` for feature ``j`` on its path is
``v * (o_j - z_j) * integral over t in [0, 1] of prod over i != j of (z_i (1 - t) + o_i t)``,
where ``z_i`` is the share of training rows that the splits on feature ``i`` let through and ``o_i`` is 1
when the row itself passes them, else 0. The product is a polynomial of degree ``d - 1`` in ``t`` for a
path of ``d`` features, so Gauss-Legendre quadrature with ``ceil(d / 2)`` nodes gives the integral
exactly. The result is that of path-dependent TreeSHAP (Lundberg et al., Nature Machine Intelligence 2,
2020).

Since ``o_i`` is 0 or 1, each factor takes one of two values at each node, and so does its inverse: both are
tabulated, and a block of rows needs nothing but multiplications and additions in vector registers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from delinquency.kernels import compiled
from delinquency.scoring._boxes import Boxes, boxes_of
from delinquency.scoring._trees import Trees, as_matrix

__all__ = ["contributions"]

_ROWS = 128  # a block of rows: its copies of the columns stay in cache
_CHUNK = 1024


@dataclass(frozen=True)
class _Paths:
    """Every leaf as the box of values that leads to it.

    One entry a leaf and feature; ``nodes`` quadrature nodes a leaf; the tables hold one number an entry
    and node, node by node.
    """

    start: np.ndarray  # (leaves + 1,) first entry of each leaf
    nodes: np.ndarray  # (leaves,)
    table_start: np.ndarray  # (leaves,) where the leaf's tables start
    feature: np.ndarray
    low: np.ndarray  # the row's value must be above this ...
    high: np.ndarray  # ... and at most this
    takes_missing: np.ndarray
    place: np.ndarray  # (tables,) t of the node
    out_factor: np.ndarray  # factor where the row does not pass; t more where it does
    out_part: np.ndarray  # weight * v * (0 - z) / factor
    in_part: np.ndarray  # weight * v * (1 - z) / factor, less out_part

    @property
    def longest(self) -> int:
        """Most entries of a leaf."""
        return int(np.diff(self.start).max(initial=1))


def contributions(trees: Trees, X: np.ndarray, threads: int = 1) -> np.ndarray:
    """Return contributions to the raw log-odds, one column a feature and the base value last.

    Parameters
    ----------
    trees : Trees
        The fitted trees.
    X : float64 array (rows, features)
        NaN is missing.
    threads : int
        Chunks of rows worked on at the same time; the result does not depend on it.

    Returns
    -------
    ndarray (rows, features + 1)
        Rows sum to ``trees.raw(X)``. The base is the mean over the training rows.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((400, 3))
    >>> data = lgb.Dataset(X, (X[:, 0] > rng.random(400)).astype(int))
    >>> booster = lgb.train({"objective": "binary", "verbosity": -1}, data, 20)
    >>> from delinquency.scoring._trees import from_boosters
    >>> parts = contributions(from_boosters([booster]), X)
    >>> bool(np.allclose(parts, booster.predict(X, pred_contrib=True), rtol=0, atol=1e-9))
    True
    """
    X, (paths, base) = as_matrix(trees, X), _prepared(trees)
    out = np.empty((len(X), X.shape[1] + 1))
    out[:, -1] = base
    parts = (paths.start, paths.nodes, paths.table_start, paths.feature, paths.low, paths.high)
    tables = (paths.takes_missing, paths.place, paths.out_factor, paths.out_part, paths.in_part)

    def work(first: int) -> None:
        rows = slice(first, first + _CHUNK)
        _accumulate(X[rows], *parts, *tables, paths.longest, out[rows])

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(work, range(0, len(X), _CHUNK)))
    return out / trees.models[0]


def _prepared(trees: Trees) -> tuple[_Paths, float]:
    """Return the tables of some trees, made once: a stream asks for them with every batch."""
    kept = trees.__dict__.get("_prepared_paths")
    if kept is None:
        boxes = boxes_of(trees)
        kept = _tabulated(trees, boxes), _base(trees, boxes)
        trees.__dict__["_prepared_paths"] = kept  # as a cached property of them would be
    return kept


def _base(trees: Trees, boxes: Boxes) -> float:
    """Return the mean raw sum over the training rows."""
    share = np.multiply.reduceat(np.append(boxes.share, 1.0), boxes.start[:-1])
    share[np.diff(boxes.start) == 0] = 1.0  # a tree that never split
    return float(np.dot(trees.value, share))


def _tabulated(trees: Trees, boxes: Boxes) -> _Paths:
    start, share = boxes.start, boxes.share
    sizes = np.diff(start)
    nodes = (sizes + 1) // 2
    table_start = np.concatenate([[0], np.cumsum(sizes * nodes)]).astype("int64")
    table = np.empty((4, table_start[-1]))
    for size in np.unique(sizes[sizes > 0]):  # leaves with paths of one length share their nodes
        leaves = np.flatnonzero(sizes == size)
        shares = share[start[leaves, None] + np.arange(size)]
        places = table_start[leaves, None] + np.arange(size * ((size + 1) // 2))
        table[:, places] = _leaf_tables(shares, trees.value[leaves])
    starts = (start, nodes.astype("int64"), table_start[:-1])
    return _Paths(*starts, boxes.feature, boxes.low, boxes.high, boxes.takes_missing, *table)


def _leaf_tables(share: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return place, out_factor, out_part and in_part of leaves, node by node (4, leaves, entries)."""
    x, weight = np.polynomial.legendre.leggauss((share.shape[1] + 1) // 2)
    t, share = ((x + 1) / 2)[None, :, None], share[:, None, :]
    weight = (weight / 2)[None, :, None] * value[:, None, None]
    out_factor = share * (1 - t)
    out_part = -weight * share / out_factor
    in_part = weight * (1 - share) / (out_factor + t)
    place = np.broadcast_to(t, out_factor.shape)
    parts = np.stack([place, out_factor, out_part, in_part - out_part])
    return parts.reshape(4, len(share), -1)


@compiled
def _accumulate(
    X,
    start,
    nodes,
    table_start,
    feature,
    low,
    high,
    takes_missing,
    place,
    out_factor,
    out_part,
    in_part,
    longest,
    out,
):  # pragma: no cover
    n_features = X.shape[1]
    columns = np.zeros((n_features, _ROWS))
    total = np.empty((n_features, _ROWS))
    passes = np.empty((longest, _ROWS))
    product = np.empty(_ROWS)
    for row in range(0, X.shape[0], _ROWS):
        rows = min(_ROWS, X.shape[0] - row)
        for i in range(rows):
            for f in range(n_features):
                columns[f, i] = X[row + i, f]
        total[:] = 0.0
        for leaf in range(nodes.shape[0]):
            first, size, table = start[leaf], start[leaf + 1] - start[leaf], table_start[leaf]
            for e in range(size):
                entry = first + e
                _pass(
                    columns[feature[entry]],
                    low[entry],
                    high[entry],
                    takes_missing[entry],
                    passes[e],
                )
            for _ in range(nodes[leaf]):
                product[:] = 1.0
                for e in range(size):
                    inside, t, factor = passes[e], place[table + e], out_factor[table + e]
                    for i in range(_ROWS):
                        product[i] *= factor + inside[i] * t
                for e in range(size):
                    inside, outer, more = passes[e], out_part[table + e], in_part[table + e]
                    sums = total[feature[first + e]]
                    for i in range(_ROWS):
                        sums[i] += product[i] * (outer + inside[i] * more)
                table += size
        for i in range(rows):
            for f in range(n_features):
                out[row + i, f] = total[f, i]


@compiled
def _pass(column, low, high, takes_missing, out):  # pragma: no cover
    """Set 1 where a row's value passes the splits of one feature, else 0."""
    missing = 1.0 if takes_missing else 0.0
    for i in range(_ROWS):
        x = column[i]
        out[i] = missing if x != x else (1.0 if (x > low) & (x <= high) else 0.0)
