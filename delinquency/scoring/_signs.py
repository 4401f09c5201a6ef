"""Signs proved on the fitted trees: what a library was asked to hold is looked at, not trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from delinquency.errors import GateError, Problem
from delinquency.scoring._boxes import Boxes, boxes_of
from delinquency.scoring._trees import Trees

__all__ = ["breaches", "refuse_breaches"]

_MOST = np.finfo(
    "float64"
).max  # an edge up here parts missing from known: nothing known lies above


def breaches(trees: Trees, signs: Mapping[int, int]) -> dict[int, int]:
    """Return the columns that break their sign, and how many pairs of leaves of one tree do so.

    Two leaves whose boxes have a point in common but for one column are met by moving an account along that
    column alone. So a tree keeps the sign of a column exactly if, of any such pair, the leaf on the
    higher side never has the value on the wrong side. All pairs are looked at: no sample, no tolerance.
    A missing value has no place in the order, so the way to and from missing is free.

    Parameters
    ----------
    trees : Trees
        The fitted trees.
    signs : mapping of int to {-1, 1}
        Column to the direction of its effect on risk.

    Examples
    --------
    >>> stump = Trees(
    ...     feature=np.array([0], "int32"),
    ...     left=np.array([-1], "int32"),
    ...     right=np.array([-2], "int32"),
    ...     threshold=np.array([30.0]),
    ...     missing=np.array([1], "uint8"),
    ...     value=np.array([-0.1, 0.1]),
    ...     node_cover=np.array([9.0]),
    ...     leaf_cover=np.array([5.0, 4.0]),
    ...     root=np.array([0], "int32"),
    ...     models=np.array([1], "int64"),
    ... )
    >>> breaches(stump, {0: 1}), breaches(stump, {0: -1})
    ({}, {0: 1})
    """
    found: dict[int, int] = {}
    for low, high, takes, value, columns in _trees_of(boxes_of(trees), trees.value):
        meet = _meeting(low, high, takes)
        apart = (~meet).sum(axis=0)
        for place, column in enumerate(columns):
            if sign := signs.get(int(column), 0):
                wrong = _wrong(low[place], high[place], value, sign)
                count = int((wrong & (apart - ~meet[place] == 0)).sum())
                if count:
                    found[int(column)] = found.get(int(column), 0) + count
    return dict(sorted(found.items()))


def _trees_of(boxes: Boxes, values: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield each tree's boxes (its columns, its leaves): low, high, takes missing; values; columns."""
    order = np.argsort(boxes.tree, kind="stable")
    for leaves in np.split(order, np.flatnonzero(np.diff(boxes.tree[order])) + 1):
        entries = np.concatenate([np.arange(*boxes.start[[k, k + 1]]) for k in leaves])
        leaf = np.repeat(np.arange(len(leaves)), np.diff(boxes.start)[leaves])
        columns, place = np.unique(boxes.feature[entries], return_inverse=True)
        low, high = (np.full((len(columns), len(leaves)), side) for side in (-np.inf, np.inf))
        takes = np.ones(low.shape, dtype=bool)
        low[place, leaf], high[place, leaf] = boxes.low[entries], boxes.high[entries]
        takes[place, leaf] = boxes.takes_missing[entries] > 0
        yield low, high, takes, values[leaves], columns


def _meeting(low: np.ndarray, high: np.ndarray, takes: np.ndarray) -> np.ndarray:
    """Return whether two leaves have a value of a column in common (columns, leaves, leaves)."""
    least = np.maximum(low[:, :, None], low[:, None, :])
    most = np.minimum(high[:, :, None], high[:, None, :])
    known = (least < most) & (least < _MOST)
    return known | (takes[:, :, None] & takes[:, None, :])


def _wrong(low: np.ndarray, high: np.ndarray, value: np.ndarray, sign: int) -> np.ndarray:
    """Return the pairs where the second leaf lies higher in the column and has the wrong value."""
    there = (low < high) & (low < _MOST)  # some known value leads here
    above = there[:, None] & there[None, :] & (high[:, None] <= low[None, :])
    return above & (sign * (value[None, :] - value[:, None]) < 0)


def refuse_breaches(trees: Trees, names: Sequence[object], monotone: Sequence[int]) -> None:
    """Raise when a fitted tree breaks the sign of a column.

    Raises
    ------
    GateError
        ``DLQ-304`` with the names of the columns.
    """
    found = breaches(trees, {k: sign for k, sign in enumerate(monotone) if sign})
    if found:
        named = ", ".join(f'"{names[k] if len(names) else k}"' for k in list(found)[:5])
        what = f"the fitted trees break the signs of {len(found)} columns: {named}"
        fix = "train again with another version of LightGBM, or free these columns of their signs"
        raise GateError(Problem("DLQ-304", what, "RiskModel", len(found), fix))
