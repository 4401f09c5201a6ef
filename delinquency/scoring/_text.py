"""Trees to LightGBM's text, so that other tools can load them, and back through a grammar of our own.

LightGBM's own reader ends the process when a text is damaged (LightGBM issues 7357 and 7437), so it is
never asked. This one knows a fixed set of lines and plain numbers, nothing else; what it makes of them goes
through the same checks as the trees of a bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from delinquency.errors import InputError, IntegrityError, Problem
from delinquency.scoring._trees import AS_ZERO, GOES_LEFT, GOES_RIGHT, Trees

__all__ = ["from_lightgbm", "to_lightgbm"]

_MOST_BYTES, _MOST_DIGITS = 1 << 28, 40
_NAME = re.compile(r"[^\s\x00-\x1f\"\[\]{},:]+")  # LightGBM refuses the others itself
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
_EDGE = re.compile(rf"inf|{_NUMBER.pattern}")
# bits of a decision: 1 a category, 2 missing goes left, 4 and 8 what counts as missing
_DECISION = {AS_ZERO: 2, GOES_LEFT: 10, GOES_RIGHT: 8}
_MISSING = {0: AS_ZERO, 2: AS_ZERO, 10: GOES_LEFT, 8: GOES_RIGHT}

_HEADER = frozenset(
    "version num_class num_tree_per_iteration label_index max_feature_idx objective feature_names "
    "feature_infos tree_sizes monotone_constraints".split()
)
_FIXED = {"num_class": "1", "num_tree_per_iteration": "1", "objective": "binary sigmoid:1"}
_TAIL = "feature_importances:\n\nparameters:\n\nend of parameters\n"
_TREE = frozenset(
    "num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value "
    "leaf_weight leaf_count internal_value internal_weight internal_count is_linear shrinkage".split()
)


def to_lightgbm(trees: Trees, names: Sequence[str]) -> str:
    """Return the trees as LightGBM's model text (version 4).

    ``lightgbm.Booster(model_str=...)`` then gives the same raw scores: to the bit for the trees of one
    booster, within 1e-12 for a mean of several, whose leaves are divided by their number here. The
    calibration is not in it.

    Parameters
    ----------
    trees : Trees
        The fitted trees.
    names : sequence of str
        Names of the columns, in order.

    Raises
    ------
    InputError
        ``DLQ-102`` for fewer names than columns, ``DLQ-103`` for names that repeat or hold spaces, quotes,
        commas, colons or brackets, which the text cannot say.
    """
    _refuse_names(names, int(trees.feature.max(initial=-1)) + 1)
    blocks = [f"Tree={k}\n{_block(trees, int(root))}\n\n" for k, root in enumerate(trees.root)]
    header = {
        "version": "v4",
        **_FIXED,
        "label_index": 0,
        "max_feature_idx": len(names) - 1,
        "feature_names": " ".join(names),
        "feature_infos": " ".join(["none"] * len(names)),
        "tree_sizes": " ".join(str(len(block.encode())) for block in blocks),
    }
    lines = "".join(f"{key}={value}\n" for key, value in header.items())
    return f"tree\n{lines}\n{''.join(blocks)}end of trees\n\n{_TAIL}"


def _refuse_names(names: Sequence[str], needed: int) -> None:
    if len(names) < needed:
        what = f"{len(names)} names for trees that test {needed} columns"
        raise InputError(Problem("DLQ-102", what, "names", fix="name every column of the model"))
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd or len(set(names)) != len(names):
        what = f"{len(odd)} names hold signs that the text cannot say, or names repeat"
        raise InputError(Problem("DLQ-103", what, "names", len(odd), "rename the columns"))


def _block(trees: Trees, root: int) -> str:
    """Return the lines of one tree, its nodes and leaves numbered in the order of the walk."""
    nodes, leaves, stack = [], [], [root]
    while stack:
        at = stack.pop()
        if at < 0:
            leaves.append(~at)
        else:
            nodes.append(at)
            stack += [int(trees.right[at]), int(trees.left[at])]
    places = {node: k for k, node in enumerate(nodes)} | {
        ~leaf: ~k for k, leaf in enumerate(leaves)
    }
    n, m = np.array(nodes, dtype="int64"), np.array(leaves, dtype="int64")
    models = int(trees.models[0])
    value = trees.value[m] / models if models > 1 else trees.value[m]
    fields = {
        "num_leaves": [len(leaves)],
        "num_cat": [0],
        "split_feature": trees.feature[n].tolist(),
        "split_gain": [0] * len(nodes),
        "threshold": trees.threshold[n].tolist(),
        "decision_type": [_DECISION[code] for code in trees.missing[n].tolist()],
        "left_child": [places[child] for child in trees.left[n].tolist()],
        "right_child": [places[child] for child in trees.right[n].tolist()],
        "leaf_value": value.tolist(),
        "leaf_weight": [0] * len(leaves),
        "leaf_count": trees.leaf_cover[m].astype("int64").tolist(),
        "internal_value": [0] * len(nodes),
        "internal_weight": [0] * len(nodes),
        "internal_count": trees.node_cover[n].astype("int64").tolist(),
        "is_linear": [0],
        "shrinkage": [1],
    }
    return "".join(f"{key}={' '.join(map(repr, row))}\n" for key, row in fields.items())


def from_lightgbm(text: str) -> tuple[Trees, tuple[str, ...]]:
    """Return the trees of a LightGBM model text and the names of their columns.

    Read are models that `to_lightgbm` or LightGBM 3 and 4 wrote, of the objective ``binary``, with numeric
    splits. Raw scores are those of ``Booster.predict(raw_score=True)`` to the bit.

    Parameters
    ----------
    text : str
        The content of a model file.

    Raises
    ------
    IntegrityError
        ``DLQ-606`` for a text that is damaged, or says what these trees cannot: categories, linear
        leaves, several classes, averaged output, zero as missing. Nothing is read then.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((400, 2))
    >>> data = lgb.Dataset(X, (X[:, 0] > rng.random(400)).astype(int))
    >>> booster = lgb.train({"objective": "binary", "verbosity": -1}, data, 20)
    >>> trees, names = from_lightgbm(booster.model_to_string())
    >>> names, bool((trees.raw(X) == booster.predict(X, raw_score=True)).all())
    (('Column_0', 'Column_1'), True)
    """
    try:
        if len(text) > _MOST_BYTES:
            raise _Refused("larger than 256 MiB")
        body, end, _ = text.partition("\nend of trees\n")
        head, *blocks = body.split("\n\nTree=")
        if not end or not head.startswith("tree\n"):
            raise _Refused("the beginning or the end is not there")
        header = _lines(head.removeprefix("tree\n"), _HEADER)
        names = _names(header)
        trees = _joined([_tree(k, block) for k, block in enumerate(blocks)])
        trees.check(len(names))
    except _Refused as error:
        raise _unread(str(error)) from None
    except IntegrityError as error:
        raise _unread(error.problems[0].what) from None
    return trees, names


class _Refused(Exception):  # noqa: N818 - never leaves this file
    """The text says something that the grammar does not know."""


def _unread(what: str) -> IntegrityError:
    fix = "export the model again, or train again"
    return IntegrityError(Problem("DLQ-606", what, "LightGBM text", fix=fix))


def _lines(text: str, known: frozenset[str]) -> dict[str, str]:
    """Return ``key=value`` lines, each key known and once."""
    fields: dict[str, str] = {}
    for line in text.strip("\n").split("\n"):
        key, equals, value = line.partition("=")
        if not equals or key not in known or key in fields:
            raise _Refused("a line that is unknown, or stands twice")
        fields[key] = value
    return fields


def _names(header: dict[str, str]) -> tuple[str, ...]:
    if header.get("version") not in ("v3", "v4"):
        raise _Refused("a version other than 3 and 4")
    if any(header.get(key) != value for key, value in _FIXED.items()):
        raise _Refused('a model other than "binary" with one tree a round')
    names = tuple(header.get("feature_names", "").split(" "))
    if header.get("max_feature_idx") != str(len(names) - 1) or len(set(names)) != len(names):
        raise _Refused("names that do not match the number of columns")
    if not all(_NAME.fullmatch(name) for name in names):
        raise _Refused("a name with odd signs")
    return names


def _tree(number: int, block: str) -> dict[str, np.ndarray]:
    """Return the numbers of one tree, children as they stand there."""
    first, _, rest = block.partition("\n")
    if first != str(number):
        raise _Refused("trees out of order")
    fields = _lines(rest, _TREE)
    (leaves,) = _wholes(fields, "num_leaves", 1)
    if not 1 <= leaves <= 1 << 20 or fields.get("num_cat") != "0":
        raise _Refused("categories, or a number of leaves out of range")
    if fields.get("is_linear", "0") != "0":
        raise _Refused("linear leaves")
    nodes = int(leaves) - 1
    ways = _wholes(fields, "decision_type", nodes).tolist()
    if not set(ways) <= _MISSING.keys():
        raise _Refused("a split on a category, or zero as missing")
    return {
        "feature": _wholes(fields, "split_feature", nodes).astype("int32"),
        "left": _wholes(fields, "left_child", nodes),
        "right": _wholes(fields, "right_child", nodes),
        "threshold": _numbers(fields, "threshold", nodes, _EDGE),
        "missing": np.array([_MISSING[way] for way in ways], dtype="uint8"),
        "value": _numbers(fields, "leaf_value", int(leaves)),
        "node_cover": _wholes(fields, "internal_count", nodes).astype("float64"),
        "leaf_cover": _covers(fields, int(leaves)),
    }


def _covers(fields: dict[str, str], leaves: int) -> np.ndarray:
    """Return the training rows of each leaf; a tree that never split may not say them."""
    if leaves == 1:
        return np.ones(1)
    return _wholes(fields, "leaf_count", leaves).astype("float64")


def _wholes(fields: dict[str, str], key: str, count: int) -> np.ndarray:
    return np.array([int(item) for item in _items(fields, key, count, _WHOLE)], dtype="int64")


def _numbers(
    fields: dict[str, str], key: str, count: int, form: re.Pattern[str] = _NUMBER
) -> np.ndarray:
    numbers = np.array([float(item) for item in _items(fields, key, count, form)])
    if form is _EDGE:
        # a split of missing from all others has an infinite edge; no known value lies above the greatest
        numbers[numbers == np.inf] = np.finfo("float64").max
    return numbers if count else np.empty(0)


def _items(fields: dict[str, str], key: str, count: int, form: re.Pattern[str]) -> Iterator[str]:
    """Yield the numbers of a line, as many as there must be."""
    line = fields.get(key)
    items = line.split(" ") if line else []
    if line is None or len(items) != count:
        raise _Refused("a line of numbers that is missing, too short or too long")
    for item in items:
        if len(item) > _MOST_DIGITS or not form.fullmatch(item):
            raise _Refused("something that is no number")
        yield item


def _joined(parts: list[dict[str, np.ndarray]]) -> Trees:
    """Return all trees one after another, children and roots counted from the first."""
    if not parts:
        raise _Refused("no tree at all")
    nodes = np.cumsum([0, *(len(part["feature"]) for part in parts)])
    leaves = np.cumsum([0, *(len(part["value"]) for part in parts)])
    roots = []
    for part, node, leaf in zip(parts, nodes, leaves, strict=False):
        size, tips = len(part["feature"]), len(part["value"])
        for side in ("left", "right"):
            child = part[side]
            if ((child >= size) | (child < -tips)).any():
                raise _Refused("a child is out of range")
            part[side] = np.where(child >= 0, child + node, child - leaf).astype("int32")
        roots.append(node if size else ~leaf)
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    root, models = np.array(roots, dtype="int32"), np.array([1], dtype="int64")
    return Trees(**columns, root=root, models=models)
