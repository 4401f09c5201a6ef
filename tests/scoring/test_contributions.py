"""Contributions: exact, by two independent references."""

import itertools
import math

import numpy as np
import pytest

from delinquency.scoring import Trees, contributions
from delinquency.scoring._trees import from_boosters

from .conftest import booster, plain


def expected_value(trees, node, row, known):
    """Mean of a tree over the training rows, following the row where a feature is known."""
    if node < 0:
        return trees.value[~node]
    left, right = int(trees.left[node]), int(trees.right[node])
    if trees.feature[node] in known:
        x = row[trees.feature[node]]
        if np.isnan(x):
            way = trees.missing[node]
            goes_left = trees.threshold[node] >= 0 if way == 0 else way == 1
        else:
            goes_left = x <= trees.threshold[node]
        return expected_value(trees, left if goes_left else right, row, known)
    covers = [trees.node_cover[c] if c >= 0 else trees.leaf_cover[~c] for c in (left, right)]
    values = [expected_value(trees, c, row, known) for c in (left, right)]
    return np.dot(covers, values) / trees.node_cover[node]


def brute_force(trees, row, n):
    """Shapley's definition: the mean over all orders in which features become known."""

    def value(known):
        total = sum(expected_value(trees, int(root), row, known) for root in trees.root)
        return total / trees.models[0]

    out = np.zeros(n + 1)
    for feature in range(n):
        others = [f for f in range(n) if f != feature]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for known in itertools.combinations(others, size):
                out[feature] += weight * (value({*known, feature}) - value(set(known)))
    out[n] = value(set())
    return out


@pytest.mark.parametrize("leaves", [2, 5, 31])
@pytest.mark.parametrize("seed", [0, 1])
def test_contributions_are_those_of_lightgbm(leaves, seed):
    """Its TreeSHAP to 1e-9, missing values included."""
    X, y = plain(1000, seed)
    learnt = booster(X, y, num_leaves=leaves, min_child_samples=5, seed=seed)
    trees = from_boosters([learnt])
    rows = X[:200].copy()
    rows[np.random.default_rng(seed).random(rows.shape) < 0.1] = np.nan

    ours = contributions(trees, rows)

    np.testing.assert_allclose(ours, learnt.predict(rows, pred_contrib=True), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.sum(axis=1), trees.raw(rows), rtol=0, atol=1e-9)


def test_contributions_follow_shapleys_definition():
    """Every subset of five features, worked out the slow way, for two averaged models."""
    X, y = plain(600)
    learnt = [booster(X, y, rounds=4, num_leaves=9, min_child_samples=5, seed=s) for s in range(2)]
    trees = from_boosters(learnt)
    rows = X[:12].copy()
    rows[3, 0] = np.nan

    expected = np.array([brute_force(trees, row, 5) for row in rows])

    np.testing.assert_allclose(contributions(trees, rows), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("features", [1, 2])
def test_features_tested_again_and_again_on_one_path_count_once(features):
    """Sixty-three leaves on one or two features, against LightGBM's TreeSHAP."""
    X, y = plain(3000)
    X = X[:, :features]
    learnt = booster(X, y, num_leaves=63, min_child_samples=5)
    rows = X[:300].copy()
    rows[::7, 0] = np.nan

    ours = contributions(from_boosters([learnt]), rows)

    np.testing.assert_allclose(ours, learnt.predict(rows, pred_contrib=True), rtol=0, atol=1e-9)


def test_a_row_has_the_same_bits_alone_and_in_any_company():
    """Blocks of every filling, several threads, rows in another order: not a bit differs."""
    X, y = plain(3000)
    trees = from_boosters([booster(X, y, num_leaves=31)])
    whole = contributions(trees, X)

    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(contributions(trees, X[order], threads=2), whole[order])
    for count in (1, 2, 7, 8, 9, 255, 257):
        assert np.array_equal(contributions(trees, X[:count]), whole[:count])


def test_blocks_of_fewer_rows_for_large_trees_change_nothing():
    """A tree with more leaves than a block of full height has room for, against LightGBM."""
    X, y = plain(6000)
    learnt = booster(X, y, rounds=2, num_leaves=1500, min_child_samples=1, min_gain_to_split=0)
    trees = from_boosters([learnt])
    assert len(trees.value) > 2 * 600  # two trees of more than 1,024 nodes and leaves each

    ours = contributions(trees, X[:300])

    expected = learnt.predict(X[:300], pred_contrib=True)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)


def test_trees_may_lie_in_any_order_that_has_parents_first():
    """The nodes of two trees one by one in turn, their leaves backwards: the same contributions."""
    X, y = plain(1000)
    trees = from_boosters([booster(X, y, rounds=2, num_leaves=9)])
    first = trees.root[1]
    ranks = np.r_[np.arange(first) * 2, np.arange(len(trees.feature) - first) * 2 + 1]
    order = np.argsort(ranks)
    node, leaf = np.argsort(order).astype("int32"), np.arange(len(trees.value))[::-1]

    def link(links):
        return np.array([node[k] if k >= 0 else ~leaf[~k] for k in links], dtype="int32")

    mixed = Trees(
        feature=trees.feature[order],
        left=link(trees.left[order]),
        right=link(trees.right[order]),
        threshold=trees.threshold[order],
        missing=trees.missing[order],
        value=trees.value[::-1].copy(),
        node_cover=trees.node_cover[order],
        leaf_cover=trees.leaf_cover[::-1].copy(),
        root=link(trees.root),
        models=trees.models,
    )
    mixed.check(X.shape[1])

    np.testing.assert_allclose(
        contributions(mixed, X[:100]), contributions(trees, X[:100]), rtol=0, atol=1e-12
    )


def test_a_constant_model_explains_nothing_and_stands_at_its_level():
    """Every contribution 0, the base the constant."""
    X, y = np.zeros((50, 2)), np.r_[np.ones(10), np.zeros(40)]
    trees = from_boosters([booster(X, y)])

    out = contributions(trees, X[:3])

    assert (out[:, :2] == 0).all()
    np.testing.assert_array_equal(out[:, 2], trees.raw(X[:3]))


def chain(depth):
    """One tree that tests `depth` different features one below the other, each letting half pass."""
    nodes = np.arange(depth, dtype="int32")
    return Trees(
        feature=nodes,
        left=np.append(nodes[1:], np.int32(~depth)).astype("int32"),
        right=~nodes,
        threshold=np.zeros(depth),
        missing=np.zeros(depth, dtype="uint8"),
        value=np.arange(depth + 1.0),
        node_cover=2.0 ** np.arange(depth, 0, -1),
        leaf_cover=2.0 ** np.append(np.arange(depth - 1, -1, -1), 0),
        root=np.zeros(1, dtype="int32"),
        models=np.ones(1, dtype="int64"),
    )


def test_a_path_of_more_features_than_anyone_grows_is_still_exact():
    """A hundred features on one path: nothing is written beyond a buffer, and the sum holds."""
    trees = chain(100)
    trees.check(100)
    rows = np.where(np.random.default_rng(0).random((20, 100)) < 0.9, -1.0, 1.0)

    out = contributions(trees, rows)

    np.testing.assert_allclose(out.sum(axis=1), trees.raw(rows), rtol=0, atol=1e-9)


def test_the_chain_of_the_test_is_right_on_a_size_that_can_be_counted():
    """The same chain, seven features, by Shapley's definition."""
    trees = chain(7)
    rows = np.where(np.random.default_rng(1).random((5, 7)) < 0.7, -1.0, 1.0)

    expected = np.array([brute_force(trees, row, 7) for row in rows])

    np.testing.assert_allclose(contributions(trees, rows), expected, rtol=0, atol=1e-12)
