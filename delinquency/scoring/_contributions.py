"""What each feature contributed to a score, exactly.

The Shapley value of a leaf with value ``v`` for feature ``j`` on its path is
``v * (o_j - z_j) * integral over t in [0, 1] of prod over i != j of (z_i (1 - t) + o_i t)``,
where ``z_i`` is the share of training rows that the splits on feature ``i`` let through and ``o_i`` is 1
when the row itself passes them, else 0. The product is a polynomial of degree ``d - 1`` in ``t`` for a
path of ``d`` features, so Gauss-Legendre quadrature with ``ceil(d / 2)`` points gives the integral
exactly. The result is that of path-dependent TreeSHAP (Lundberg et al., Nature Machine Intelligence 2,
2020).

The leaves of a tree share the beginnings of their paths, so the sum is taken over nodes, not over leaves
(as Yu et al. do, "Linear TreeShap", NeurIPS 2022). A node lets a share ``s`` of its rows go left; let
``gap`` be ``1 - s`` where the row goes left and ``-s`` where it goes right. At ``t`` its left side has the
factor ``s + t gap``, its right side the rest to 1. Let ``above`` be the product of the factors on the way
to the node, and ``left`` and ``right`` the sums over the leaves of each side of ``v`` times the factors
below. The node then adds ``above * gap * (left - right)`` to its feature: a few multiplications, no
division.

A node that tests a feature for the second time replaces the factor ``f = z + t (1 - z)`` of the tests
above it, with ``z`` the share that they let through. The same holds with ``t / f`` in place of ``t`` and
``z / f**2 * gap`` in place of ``gap`` where the row passes them; where it does not, the gap is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from delinquency.kernels import compiled, in_blocks
from delinquency.scoring._trees import GOES_LEFT, GOES_RIGHT, Trees, as_matrix

__all__ = ["contributions"]

_ROWS = 256  # most rows of a block, and of what a thread takes at a time
# most numbers of a buffer: large trees take fewer rows at a time, so that it stays in cache
_CELLS = 1 << 18

# A node or a leaf. Its place, and those that it names, count from the first of its tree.
_SPOT = np.dtype(
    [
        ("value", "f8"),  # of a leaf
        ("feature", "i8"),
        ("edge", "f8"),  # at most this goes left ...
        ("missing_left", "?"),  # ... and a missing value where this says so
        ("share", "f8"),  # of the node's training rows, those that go left
        ("left", "i8"),
        ("right", "i8"),
        ("parent", "i8"),
        ("side", "f8"),  # of the parent: 1 its left, -1 its right
        ("before", "i8"),  # the nearest node above that tests the same feature, or -1 ...
        ("before_side", "f8"),  # ... and the side of it that leads here
        ("passed", "f8"),  # share of training rows that all tests of this feature above let through
    ]
)


@dataclass(frozen=True)
class _Grove:
    """The trees as the kernel reads them: of each, its nodes with parents first, then its leaves."""

    spots: np.ndarray
    start: np.ndarray  # (trees + 1,) first spot of each tree
    nodes: np.ndarray  # (trees,)
    points: np.ndarray  # (trees,) of the quadrature
    place: np.ndarray  # (most points + 1, most points) t by number of points
    weight: np.ndarray
    base: float  # mean raw sum over the training rows


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
    X, grove = as_matrix(trees, X), _prepared(trees)
    out = np.empty((len(X), X.shape[1] + 1))
    out[:, -1] = grove.base
    tables = (grove.spots, grove.start, grove.nodes, grove.points, grove.place, grove.weight)

    def work(first: int) -> None:
        rows = slice(first, first + _ROWS)
        _accumulate(X[rows], *tables, out[rows])

    in_blocks(work, len(X), _ROWS, threads)
    return out / trees.models[0]


def _prepared(trees: Trees) -> _Grove:
    """Return the tables of some trees, made once: a stream asks for them with every batch."""
    kept = trees.__dict__.get("_grove")
    if kept is None:
        kept = trees.__dict__["_grove"] = _planted(trees)  # as a cached property of them would be
    return kept


def _planted(trees: Trees) -> _Grove:
    """Return the tables. Until they are put in order, a leaf stands behind all nodes."""
    nodes = len(trees.feature)
    left, right, root = (
        np.where(to >= 0, to, nodes + ~to).astype("int64")
        for to in (trees.left, trees.right, trees.root)
    )
    spots = np.zeros(nodes + len(trees.value), dtype=_SPOT)
    spots["value"][nodes:] = trees.value
    inner = spots[:nodes]
    inner["feature"], inner["edge"] = trees.feature, trees.threshold
    inner["missing_left"] = np.where(
        trees.threshold >= 0.0, trees.missing != GOES_RIGHT, trees.missing == GOES_LEFT
    )
    cover = np.append(trees.node_cover, trees.leaf_cover)
    # strictly between 0 and 1, whatever a file says: the sign of the gap tells the row's side
    inner["share"] = np.clip(cover[left] / (cover[left] + cover[right]), 2.0**-53, 1 - 2.0**-53)
    spots["parent"] = -1
    spots["parent"][left] = spots["parent"][right] = np.arange(nodes)
    spots["side"][left], spots["side"][right] = 1.0, -1.0
    tree = np.empty(len(spots), dtype="int64")
    tree[root] = np.arange(len(root))
    reach, features = np.ones(len(spots)), np.zeros(len(spots), dtype="int64")
    _descend(spots, nodes, tree, reach, features)
    points = np.ones(len(root), dtype="int64")
    np.maximum.at(points, tree, (features + 1) // 2)
    return _ordered(spots, tree, nodes, left, right, points, float(reach[nodes:] @ trees.value))


def _ordered(
    spots: np.ndarray,
    tree: np.ndarray,
    nodes: int,
    left: np.ndarray,
    right: np.ndarray,
    points: np.ndarray,
    base: float,
) -> _Grove:
    """Bring the spots of a tree together and name them by their place in it."""
    order = np.argsort(tree, kind="stable")
    start = np.searchsorted(tree[order], np.arange(len(points) + 1))
    place = np.empty(len(spots), dtype="int64")
    place[order] = np.arange(len(spots)) - start[tree[order]]
    spots["left"][:nodes], spots["right"][:nodes] = place[left], place[right]
    for link in ("parent", "before"):
        known = spots[link] >= 0
        spots[link][known] = place[spots[link][known]]
    inner = np.bincount(tree[:nodes], minlength=len(points))
    return _Grove(spots[order], start, inner, points, *_quadratures(points), base)


def _quadratures(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places and weights on [0, 1] for each number of points that occurs."""
    most = int(points.max(initial=1))
    place, weight = np.zeros((2, most + 1, most))
    for count in np.unique(points):
        x, w = np.polynomial.legendre.leggauss(count)
        place[count, :count], weight[count, :count] = (x + 1) / 2, w / 2
    return place, weight


@compiled
def _descend(spots, nodes, tree, reach, features):  # pragma: no cover
    """Hand down from parent to child: the tree, the share of rows that arrive, the features tested."""
    for i in range(len(spots)):
        above, side = spots[i]["parent"], spots[i]["side"]
        if above >= 0:
            share = spots[above]["share"]
            tree[i] = tree[above]
            reach[i] = reach[above] * (share if side > 0 else 1.0 - share)
            features[i] = features[above]
        spots[i]["before"], spots[i]["passed"] = -1, 1.0
        if i >= nodes:
            continue
        while above >= 0 and spots[above]["feature"] != spots[i]["feature"]:
            above, side = spots[above]["parent"], spots[above]["side"]
        if above >= 0:
            share = spots[above]["share"]
            spots[i]["before"], spots[i]["before_side"] = above, side
            spots[i]["passed"] = spots[above]["passed"] * (share if side > 0 else 1.0 - share)
        else:
            features[i] += 1


# Every loop over rows below is one pass of additions and multiplications, which becomes vector
# instructions. They are not fused, so that a row has the same bits on every processor and in every block.
# Such a loop stands in a function of its own: inside a loop over nodes, the compiler's check that what is
# read and what is written lie apart spans all nodes, fails, and the slow version runs.


@compiled(error_model="numpy")
def _accumulate(X, spots, start, nodes, points, place, weight, out):  # pragma: no cover
    n_features, most = X.shape[1], 0
    for tree in range(len(nodes)):
        most = max(most, start[tree + 1] - start[tree])
    block = max(8, min(_ROWS, _CELLS // max(most, 1) // 8 * 8))
    columns = np.zeros((n_features, block))
    total = np.empty((n_features, block))
    gap = np.empty((most, block))
    sums = np.empty((most, block))
    for row in range(0, len(X), block):
        rows = min(block, len(X) - row)
        width = (rows + 7) // 8 * 8  # whole vectors
        for i in range(rows):
            for f in range(n_features):
                columns[f, i] = X[row + i, f]
        total[:] = 0.0
        for tree in range(len(nodes)):
            these = spots[start[tree] : start[tree + 1]]
            _gaps(these, nodes[tree], columns, width, gap, sums)
            for k in range(points[tree]):
                t, w = place[points[tree], k], weight[points[tree], k]
                _fill(sums, 0, w, width)
                _down(these, nodes[tree], t, gap, width, sums)
                _up(these, nodes[tree], t, gap, width, sums, total)
        for i in range(rows):
            for f in range(n_features):
                out[row + i, f] = total[f, i]


@compiled(error_model="numpy")
def _gaps(spots, nodes, columns, width, gap, sums):  # pragma: no cover
    """Set what no point of the quadrature changes: the gaps of the nodes, the values of the leaves."""
    for n in range(nodes):
        spot = spots[n]
        right = -spot["share"]
        missing = 1.0 + right if spot["missing_left"] else right
        _sides(columns, spot["feature"], spot["edge"], right, missing, width, gap, n)
        if spot["before"] >= 0:
            _rule_out(gap, spot["before"], spot["before_side"], width, n)
    for leaf in range(nodes, len(spots)):
        _fill(sums, leaf, spots[leaf]["value"], width)


@compiled(error_model="numpy")
def _down(spots, nodes, t, gap, width, sums):  # pragma: no cover
    """Set the product of the factors on the way to each node."""
    for n in range(1, nodes):
        p, side = spots[n]["parent"], spots[n]["side"]
        parent = spots[p]
        share = parent["share"] if side > 0 else 1.0 - parent["share"]
        slope = side * t / (parent["passed"] + t * (1.0 - parent["passed"]))
        _multiply(sums, gap, p, share, slope, width, n)


@compiled(error_model="numpy")
def _up(spots, nodes, t, gap, width, sums, total):  # pragma: no cover
    """Add each node's part to its feature; what was its product becomes the sum over its leaves."""
    for n in range(nodes - 1, -1, -1):
        spot = spots[n]
        inverse = 1.0 / (spot["passed"] + t * (1.0 - spot["passed"]))
        slope, scale = t * inverse, spot["passed"] * inverse * inverse
        left, right, f = spot["left"], spot["right"], spot["feature"]
        _merge(sums, gap, left, right, spot["share"], slope, scale, width, n, total, f)


@compiled
def _sides(columns, f, edge, right, missing, width, gap, n):  # pragma: no cover
    left = 1.0 + right
    for i in range(width):
        x = columns[f, i]
        gap[n, i] = missing if x != x else (left if x <= edge else right)


@compiled
def _rule_out(gap, before, side, width, n):  # pragma: no cover
    for i in range(width):
        gap[n, i] = gap[n, i] if gap[before, i] * side > 0.0 else 0.0


@compiled
def _fill(sums, n, value, width):  # pragma: no cover
    for i in range(width):
        sums[n, i] = value


@compiled
def _multiply(sums, gap, parent, share, slope, width, n):  # pragma: no cover
    for i in range(width):
        sums[n, i] = sums[parent, i] * (share + slope * gap[parent, i])


@compiled
def _merge(sums, gap, left, right, share, slope, scale, width, n, total, f):  # pragma: no cover
    for i in range(width):
        apart = sums[left, i] - sums[right, i]
        total[f, i] += sums[n, i] * apart * (scale * gap[n, i])
        sums[n, i] = sums[right, i] + apart * (share + slope * gap[n, i])
