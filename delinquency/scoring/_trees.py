"""Boosted trees as plain arrays, checked, and scored by our own loops.

LightGBM is asked to learn, never to read: a damaged model text kills its process, arrays that have been
bounds-checked cannot. A child is the number of a node when it is 0 or more, and ``~leaf`` below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from delinquency.errors import InputError, IntegrityError, Problem
from delinquency.kernels import compiled
from delinquency.scoring._quick import QuickTrees, build

__all__ = ["Trees", "from_boosters"]

# How a node treats a missing value. LightGBM reads it as 0 where training had none.
AS_ZERO, GOES_LEFT, GOES_RIGHT = 0, 1, 2
_MISSING = {("NaN", True): GOES_LEFT, ("NaN", False): GOES_RIGHT}


@dataclass(frozen=True)
class Trees:
    """The trees of one or several boosters, one after another, parents before children.

    Parameters
    ----------
    feature, left, right : int32 arrays (nodes,)
        Column that the node tests and its two children.
    threshold : float64 array (nodes,)
        A value goes left when it is at most this.
    missing : uint8 array (nodes,)
        0 reads a missing value as 0, 1 sends it left, 2 right.
    value : float64 array (leaves,)
        Log-odds that the leaf adds.
    node_cover, leaf_cover : float64 arrays
        Training rows that passed through.
    root : int32 array (trees,)
        First node of each tree, or ``~leaf`` for a tree that never split.
    models : int64 array (1,)
        How many boosters the trees belong to; the raw score is the sum divided by this.
    """

    feature: np.ndarray
    left: np.ndarray
    right: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    value: np.ndarray
    node_cover: np.ndarray
    leaf_cover: np.ndarray
    root: np.ndarray
    models: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, as a bundle keeps them."""
        return {f"trees.{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], n_features: int) -> Trees:
        """Rebuild from a bundle's arrays and check that they are trees.

        Raises
        ------
        IntegrityError
            ``DLQ-603`` when an array is missing or of another type, a child is out of range, a leaf or
            node is reached never or twice, or a number is not finite.
        """
        try:
            trees = cls(**{field.name: arrays[f"trees.{field.name}"] for field in fields(cls)})
        except KeyError:
            raise _not_trees("an array is missing") from None
        trees.check(n_features)
        return trees

    def check(self, n_features: int) -> None:
        """Raise `IntegrityError` unless every tree is a tree over `n_features` columns."""
        for field in fields(self):
            array = getattr(self, field.name)
            if array.ndim != 1 or array.dtype != _DTYPES[field.name]:
                raise _not_trees(f"{field.name} has the wrong type")
        nodes, leaves = len(self.feature), len(self.value)
        if not all(len(a) == nodes for a in self._of_nodes()) or len(self.leaf_cover) != leaves:
            raise _not_trees("arrays differ in length")
        if nodes and not (self.feature.min() >= 0 and self.feature.max() < n_features):
            raise _not_trees("a feature is out of range")
        if self.missing.size and self.missing.max() > GOES_RIGHT:
            raise _not_trees("a missing-value code is unknown")
        if len(self.models) != 1 or not 1 <= self.models[0] <= max(len(self.root), 1):
            raise _not_trees("the number of models is out of range")
        self._check_links(nodes, leaves)
        self._check_numbers()

    def _of_nodes(self) -> list[np.ndarray]:
        return [self.left, self.right, self.threshold, self.missing, self.node_cover]

    def _check_links(self, nodes: int, leaves: int) -> None:
        children = np.concatenate([self.left, self.right]).astype("int64")
        parents = np.tile(np.arange(nodes), 2)
        if (children < -leaves).any() or (children >= nodes).any():
            raise _not_trees("a child is out of range")
        inner = children >= 0
        # parents stand before their children, so there can be no cycle
        if (children[inner] <= parents[inner]).any():
            raise _not_trees("a child stands before its parent")
        links = np.concatenate([children, self.root.astype("int64")])
        if (links < -leaves).any() or (links >= nodes).any():
            raise _not_trees("a root is out of range")
        reached_nodes = np.bincount(links[links >= 0], minlength=nodes)
        reached_leaves = np.bincount(~links[links < 0], minlength=leaves)
        if (reached_nodes != 1).any() or (reached_leaves != 1).any():
            raise _not_trees("a node or leaf is not reached exactly once")

    def _check_numbers(self) -> None:
        finite = (self.threshold, self.value, self.node_cover, self.leaf_cover)
        if not all(np.isfinite(array).all() for array in finite):
            raise _not_trees("a number is not finite")
        if (self.node_cover < 1).any() or (self.leaf_cover < 1).any():
            raise _not_trees("a node was reached by no training row")
        for child in (self.left, self.right):
            if (self._covers(child) > self.node_cover).any():
                raise _not_trees("more training rows below a node than reached it")

    def _covers(self, child: np.ndarray) -> np.ndarray:
        """Return the training rows that passed through nodes or leaves."""
        if not len(child):
            return np.empty(0)
        everything = np.concatenate([self.node_cover, self.leaf_cover])
        return everything[np.where(child >= 0, child, len(self.node_cover) + ~child)]

    def raw(self, X: np.ndarray, threads: int = 1) -> np.ndarray:
        """Return raw log-odds, bit-identical to ``Booster.predict(raw_score=True)`` for one booster.

        Parameters
        ----------
        X : float64 array (rows, features)
            NaN is missing; infinite values are for the callers to refuse.
        threads : int
            Chunks of rows worked on at the same time; the result does not depend on it.

        Raises
        ------
        InputError
            ``DLQ-102`` when X has fewer columns than the trees test.
        """
        X = as_matrix(self, X, by_columns=True)
        quick = None if len(X) < 64 else self._quick  # a handful of rows is not worth a block
        if quick is None:
            out = np.empty(len(X))
            parts = (self.feature, self.left, self.right, self.threshold, self.missing)
            _score(np.ascontiguousarray(X), *parts, self.value, self.root, out)
        else:
            out = quick.raw(X, threads)
        return out / self.models[0] if self.models[0] > 1 else out

    @cached_property
    def _quick(self) -> QuickTrees | None:
        return build(self)


_DTYPES = {
    **dict.fromkeys(("feature", "left", "right", "root"), np.dtype("int32")),
    **dict.fromkeys(("threshold", "value", "node_cover", "leaf_cover"), np.dtype("float64")),
    "missing": np.dtype("uint8"),
    "models": np.dtype("int64"),
}


def _not_trees(what: str) -> IntegrityError:
    return IntegrityError(
        Problem("DLQ-603", what, "trees", fix="restore the bundle, or train again")
    )


def as_matrix(trees: Trees, X: Any, *, by_columns: bool = False) -> np.ndarray:
    """Return X as the compiled loops want it: they would read beyond a matrix that is too narrow.

    Row after row; with `by_columns`, column after column will do as well, if X lies so.
    """
    X = np.asarray(X, dtype="float64")
    if not (by_columns and X.ndim == 2 and X.flags.f_contiguous):
        X = np.ascontiguousarray(X)
    needed = int(trees.feature.max(initial=-1)) + 1
    if X.ndim != 2 or X.shape[1] < needed:
        what = f"expected a matrix of at least {needed} columns, got shape {X.shape}"
        raise InputError(Problem("DLQ-102", what, "X", fix="give every column of the model"))
    return X


@compiled
def _score(X, feature, left, right, threshold, missing, value, root, out):  # pragma: no cover
    for row in range(X.shape[0]):
        total = 0.0
        for tree in range(root.shape[0]):
            node = root[tree]
            while node >= 0:
                x = X[row, feature[node]]
                if x != x:
                    if missing[node] == 0:
                        node = left[node] if threshold[node] >= 0.0 else right[node]
                    else:
                        node = left[node] if missing[node] == 1 else right[node]
                elif x <= threshold[node]:
                    node = left[node]
                else:
                    node = right[node]
            total += value[~node]
        out[row] = total


def from_boosters(boosters: Sequence[Any], num_iteration: int | None = None) -> Trees:
    """Return the trees of LightGBM boosters that were trained in this process.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        Binary or regression, numeric splits only.
    num_iteration : int, optional
        The first so many trees of each; all by default.

    Raises
    ------
    ValueError
        For trees that these arrays cannot say: several classes, categories, linear leaves, zero read as
        missing.
    """
    table: dict[str, list[Any]] = {field.name: [] for field in fields(Trees)}
    for booster in boosters:
        dump = booster.dump_model(num_iteration=num_iteration)
        if dump["num_tree_per_iteration"] != 1 or dump["average_output"]:
            raise ValueError("one tree a round, summed, is all that is trained here")
        for info in dump["tree_info"]:
            table["root"].append(_flatten(info["tree_structure"], table))
    table["models"].append(len(boosters))
    return Trees(**{name: np.array(rows, dtype=_DTYPES[name]) for name, rows in table.items()})


def _flatten(structure: dict[str, Any], table: dict[str, list[Any]]) -> int:
    """Append one tree in preorder and return its root."""
    if "leaf_coeff" in structure or structure.get("missing_type") == "Zero":
        raise ValueError("linear leaves and zero as missing are not trained here")
    if "leaf_value" in structure:
        table["value"].append(structure["leaf_value"])
        # a tree that never split reports no cover
        table["leaf_cover"].append(max(structure.get("leaf_count", 1), 1))
        return ~(len(table["value"]) - 1)
    if structure["decision_type"] != "<=":
        raise ValueError("only numeric splits are trained here")
    node = len(table["feature"])
    way = (structure["missing_type"], structure["default_left"])
    table["feature"].append(structure["split_feature"])
    # a split of missing from all others has an infinite edge, which the dump writes as 1e300
    edge = structure["threshold"]
    table["threshold"].append(np.finfo("float64").max if edge >= 1e300 else edge)
    table["missing"].append(_MISSING.get(way, AS_ZERO))
    table["node_cover"].append(structure["internal_count"])
    table["left"].append(0)
    table["right"].append(0)
    table["left"][node] = _flatten(structure["left_child"], table)
    table["right"][node] = _flatten(structure["right_child"], table)
    return node
