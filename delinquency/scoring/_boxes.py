"""Every leaf as the box of values that leads to it: what signs are checked on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from delinquency.scoring._trees import Trees

__all__ = ["Boxes", "boxes_of"]

_AS_ZERO, _GOES_LEFT = 0, 1  # codes of `_trees`


class Boxes(NamedTuple):
    """One entry a leaf and feature on its path; a feature that the path does not test is free.

    Parameters
    ----------
    start : int64 array (leaves + 1,)
        First entry of each leaf.
    feature : int32 array (entries,)
        Column.
    low, high : float64 arrays (entries,)
        A known value must be above the first and at most the second.
    takes_missing : uint8 array (entries,)
        1 where a missing value passes all splits on the feature.
    tree : int64 array (leaves,)
        Tree of each leaf.
    """

    start: np.ndarray
    feature: np.ndarray
    low: np.ndarray
    high: np.ndarray
    takes_missing: np.ndarray
    tree: np.ndarray


_Box = dict[int, tuple[float, float, bool]]


def boxes_of(trees: Trees) -> Boxes:
    """Return the boxes of all leaves, in the order of the leaves."""
    boxes: list[_Box] = [{} for _ in trees.value]
    tree = np.zeros(len(boxes), dtype="int64")
    table = _Links(trees)
    for number, root in enumerate(trees.root.tolist()):
        stack: list[tuple[int, _Box]] = [(root, {})]
        while stack:
            node, box = stack.pop()
            if node < 0:
                boxes[~node], tree[~node] = box, number
                continue
            stack.append((table.left[node], table.narrowed(node, True, box)))
            stack.append((table.right[node], table.narrowed(node, False, box)))
    return _flat(boxes, tree)


class _Links:
    """The nodes as plain lists: the walk asks for single numbers, which arrays hand out slowly."""

    def __init__(self, trees: Trees) -> None:
        self.left, self.right = trees.left.tolist(), trees.right.tolist()
        self.feature, self.threshold = trees.feature.tolist(), trees.threshold.tolist()
        as_zero = (trees.missing == _AS_ZERO) & (trees.threshold >= 0.0)
        self.missing_left = (as_zero | (trees.missing == _GOES_LEFT)).tolist()

    def narrowed(self, node: int, left: bool, box: _Box) -> _Box:
        """Return the box with one more split."""
        feature, edge = self.feature[node], self.threshold[node]
        low, high, takes_missing = box.get(feature, (-np.inf, np.inf, True))
        low, high = (low, min(high, edge)) if left else (max(low, edge), high)
        passes = takes_missing and self.missing_left[node] == left
        return {**box, feature: (low, high, passes)}


def _flat(boxes: list[_Box], tree: np.ndarray) -> Boxes:
    start = np.concatenate([[0], np.cumsum([len(box) for box in boxes])]).astype("int64")
    entries = [(feature, *entry) for box in boxes for feature, entry in box.items()]
    columns = list(zip(*entries, strict=True)) if entries else [()] * 4
    dtypes = ("int32", "float64", "float64", "uint8")
    feature, low, high, takes = (np.array(c, dtype=d) for c, d in zip(columns, dtypes, strict=True))
    return Boxes(start, feature, low, high, takes, tree)
