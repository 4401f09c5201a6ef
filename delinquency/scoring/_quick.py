"""The scoring kernel: trees as bit vectors, block by block.

After Lucchese et al., "QuickScorer", SIGIR 2015. A tree of at most 64 leaves is a 64-bit word with one
bit a leaf, in order from left to right. A test that sends a row right rules out the leaves on its left:
one AND. When all tests have spoken, the lowest bit left is the leaf. There is no branch to mispredict, so
a block of rows runs in vector registers, eight rows a comparison; the leaves are added tree by tree, in
the order of the booster, so the sum is the same to the bit.

A missing value goes where training sent it: the block holds a column up to three times, with missing read
as minus infinity (left), infinity (right) or 0, and each test reads the copy it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from delinquency.kernels import compiled, in_blocks

if TYPE_CHECKING:
    from delinquency.scoring._trees import Trees

__all__ = ["QuickTrees", "build"]

ROWS = 256  # a block of rows and its copies stay in the second-level cache
_LANES = 8  # one vector of 512 bits; LLVM splits it where registers are shorter
_ZERO = ir.Constant(ir.IntType(32), 0)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# missing read as 0, goes left, goes right: see the codes of `_trees`
_FILL = np.array([0.0, -np.inf, np.inf])
_CHUNK = 1 << 12  # small enough that the threads end at about the same time


@dataclass(frozen=True)
class QuickTrees:
    """What the kernel reads.

    Parameters
    ----------
    plane_feature : int32 array (planes,)
        Column that each plane copies.
    plane_fill : float64 array (planes,)
        What a missing value is read as there.
    plane : int32 array (nodes,)
        Plane that each test reads.
    threshold : float64 array (nodes,)
        A value above it goes right.
    mask : uint64 array (nodes,)
        Leaves that remain when it does.
    node_start, leaf_start : int64 arrays (trees + 1,)
        Where each tree's tests and leaves start.
    value : float64 array (leaves,)
        Leaves of each tree from left to right.
    """

    plane_feature: np.ndarray
    plane_fill: np.ndarray
    plane: np.ndarray
    threshold: np.ndarray
    mask: np.ndarray
    node_start: np.ndarray
    leaf_start: np.ndarray
    value: np.ndarray

    def raw(self, X: np.ndarray, threads: int) -> np.ndarray:
        """Return the sum of the leaves of each row of a float64 matrix, by rows or by columns."""
        out = np.empty(len(X))
        parts = (self.plane_feature, self.plane_fill, self.plane, self.threshold, self.mask)
        tables = (*parts, self.node_start, self.leaf_start, self.value)

        def work(first: int) -> None:
            # the whole matrix: a slice of one by columns would be of a third kind to compile for
            _score_blocks(X, first, min(first + _CHUNK, len(X)), *tables, out)

        in_blocks(work, len(X), _CHUNK, threads)
        return out


def build(trees: Trees) -> QuickTrees | None:
    """Return the tables of the kernel, or None when a tree has more than 64 leaves.

    None as well where numba is switched off (``NUMBA_DISABLE_JIT``): the kernel speaks to the processor.
    """
    if not isinstance(_score_blocks, Dispatcher):
        return None
    planes: dict[tuple[int, int], int] = {}
    rows: list[tuple[int, float, int]] = []
    node_start, leaf_start, values = [0], [0], []
    for root in trees.root:
        tests, leaves = _in_order(trees, int(root))
        if len(leaves) > 64:
            return None
        for node, first, end in tests:
            key = (int(trees.feature[node]), int(trees.missing[node]))
            plane = planes.setdefault(key, len(planes))
            left = ((1 << (end - first)) - 1) << first
            rows.append((plane, float(trees.threshold[node]), ~left & 0xFFFFFFFFFFFFFFFF))
        values.extend(trees.value[leaf] for leaf in leaves)
        node_start.append(len(rows))
        leaf_start.append(len(values))
    return QuickTrees(
        plane_feature=np.array([feature for feature, _ in planes], dtype="int32"),
        plane_fill=np.array([_FILL[missing] for _, missing in planes]),
        plane=np.array([row[0] for row in rows], dtype="int32"),
        threshold=np.array([row[1] for row in rows], dtype="float64"),
        mask=np.array([row[2] for row in rows], dtype="uint64"),
        node_start=np.array(node_start, dtype="int64"),
        leaf_start=np.array(leaf_start, dtype="int64"),
        value=np.array(values, dtype="float64"),
    )


def _in_order(trees: Trees, root: int) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Return a tree's tests, each with the run of leaves on its left, and its leaves in order."""
    tests: list[tuple[int, int, int]] = []
    leaves: list[int] = []
    # a node is seen twice: on the way down, and when its left side has been walked
    stack: list[tuple[int, int]] = [(root, -1)]
    while stack:
        node, first = stack.pop()
        if node < 0:
            leaves.append(~node)
        elif first < 0:
            stack.append((node, len(leaves)))
            stack.append((int(trees.left[node]), -1))
        else:
            tests.append((node, first, len(leaves)))
            stack.append((int(trees.right[node]), -1))
    return tests, leaves


@intrinsic
def _lowest(typingctx, word):
    """Return the position of a word's lowest bit: one instruction, and vectors have it too."""

    def codegen(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@intrinsic
def _keep(typingctx, words, i, columns, places, thresholds, masks):
    """AND into the words from `i` on the mask of each test whose column lies above its threshold.

    `places` say where the tests' columns begin, in numbers from the first column's first row on. The
    vectors are written out because the compiler, left to itself, takes half the register; and the
    matrix is handed over whole because a slice of it counts its owners, which takes longer than the test.
    """

    def codegen(context, builder, signature, arguments):
        words, i, columns, places, thresholds, masks = arguments
        of_words, _, of_columns, of_places, _, _ = signature.args
        double, word = (ir.VectorType(one, _LANES) for one in (ir.DoubleType(), ir.IntType(64)))

        def place(array_type, array, at, vector):
            data = context.make_array(array_type)(context, builder, array).data
            return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())

        def spread(number, vector):
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, _ZERO)
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

        at = place(of_words, words, i, word)
        left = builder.load(at, align=8)
        every = ir.Constant(word, [-1] * _LANES)
        for k in range(len(of_places)):
            where, threshold, mask = (
                builder.extract_value(part, k) for part in (places, thresholds, masks)
            )
            x = builder.load(place(of_columns, columns, where, double), align=8)
            above = builder.fcmp_ordered(">", x, spread(threshold, double))
            left = builder.and_(left, builder.select(above, spread(mask, word), every))
        builder.store(left, at, align=8)
        return context.get_dummy_value()

    return types.void(words, i, columns, places, thresholds, masks), codegen


@compiled
def _room(count):  # pragma: no cover
    """Return room for numbers that begins with a cache line: a vector across two takes twice the time."""
    room = np.empty(count + 8)
    skip = (64 - room.ctypes.data % 64) // 8
    return room[skip : skip + count]


@compiled
def _score_blocks(
    X, begin, end, plane_feature, plane_fill, plane, threshold, mask, node_start, leaf_start,
    value, out,
):  # fmt: skip  # pragma: no cover
    columns = _room(plane_feature.shape[0] * ROWS).reshape((-1, ROWS))
    words = _room(ROWS).view(np.uint64)
    total = np.empty(ROWS)
    for start in range(begin, end, ROWS):
        rows = min(ROWS, end - start)
        for p in range(plane_feature.shape[0]):
            column, fill, feature = columns[p], plane_fill[p], plane_feature[p]
            for i in range(rows):
                x = X[start + i, feature]
                column[i] = fill if x != x else x
            for i in range(rows, ROWS):
                column[i] = 0.0
        total[:] = 0.0
        for tree in range(node_start.shape[0] - 1):
            _rule_out(
                columns, plane, threshold, mask, node_start[tree], node_start[tree + 1], words
            )
            first = leaf_start[tree]
            for i in range(ROWS):
                total[i] += value[first + _lowest(words[i])]  # pyright: ignore[reportCallIssue]
        out[start : start + rows] = total[:rows]


@compiled
def _rule_out(columns, plane, threshold, mask, first, end, words):  # pragma: no cover
    """Leave in each row's word the leaves that no test has ruled out, four tests a pass."""
    words[:] = _ALL
    node = first
    while node + 4 <= end:
        a, b = plane[node] * ROWS, plane[node + 1] * ROWS
        c, d = plane[node + 2] * ROWS, plane[node + 3] * ROWS
        edges = threshold[node], threshold[node + 1], threshold[node + 2], threshold[node + 3]
        masks = mask[node], mask[node + 1], mask[node + 2], mask[node + 3]
        for i in range(0, ROWS, _LANES):
            places = (a + i, b + i, c + i, d + i)
            _keep(words, i, columns, places, edges, masks)  # pyright: ignore[reportCallIssue]
        node += 4
    while node < end:
        a, edges, masks = plane[node] * ROWS, (threshold[node],), (mask[node],)
        for i in range(0, ROWS, _LANES):
            _keep(words, i, columns, (a + i,), edges, masks)  # pyright: ignore[reportCallIssue]
        node += 1
