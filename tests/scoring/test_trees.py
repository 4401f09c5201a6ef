"""The trees as plain arrays: the same bits as LightGBM, and nothing that is no tree."""

import lightgbm as lgb
import numpy as np
import pytest

from delinquency.errors import InputError, IntegrityError
from delinquency.scoring import Trees
from delinquency.scoring._trees import from_boosters

from .conftest import booster, plain

# what decides about a split: values on edges, both zeros, denormals, the far ends, missing
MOST = np.finfo("float64").max
ODD = np.array([0.0, -0.0, 1e-36, -1e-36, 1e-35, 1e-300, -1e300, 1e301, MOST, -MOST, np.nan])


def odd_matrix(X, rng, rows=400):
    """Rows drawn from the sample, from odd values, and missing also where training had none."""
    drawn = np.column_stack([rng.choice(column, rows) for column in X.T])
    drawn = np.where(rng.random(drawn.shape) < 0.2, rng.choice(ODD, drawn.shape), drawn)
    return np.where(rng.random(drawn.shape) < 0.1, np.nan, drawn)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"num_leaves": 2},
        {"num_leaves": 63, "min_child_samples": 1},
        {"max_depth": 1},
        {"monotone_constraints": [1, 1, -1, -1, 0]},
        {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.4},
        {"boost_from_average": False, "learning_rate": 1.0},
        {"use_missing": False},
        {"max_bin": 3},
        {"extra_trees": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", [0, 1])
def test_raw_scores_have_the_bits_of_lightgbm(parameters, seed):
    """Missing values too, in columns that had some in training and in columns that had none."""
    X, y = plain(800, seed)
    X[:, 1] -= 0.5  # splits below zero, where a missing value read as 0 goes right
    learnt = booster(X, y, seed=seed, **parameters)
    rows = odd_matrix(X, np.random.default_rng(seed))

    raw = from_boosters([learnt]).raw(rows)

    np.testing.assert_array_equal(raw, learnt.predict(rows, raw_score=True))


def test_a_value_on_an_edge_goes_left():
    """Each threshold itself, and its neighbours on both sides."""
    X, y = plain(800)
    learnt = booster(X, y)
    trees = from_boosters([learnt])
    edges = np.unique(trees.threshold)
    edges = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    rows = np.tile(np.nanmedian(X, axis=0), (len(edges) * X.shape[1], 1))
    for column in range(X.shape[1]):
        rows[column * len(edges) : (column + 1) * len(edges), column] = edges

    np.testing.assert_array_equal(trees.raw(rows), learnt.predict(rows, raw_score=True))


def test_trees_that_never_split_score_a_constant():
    """A model without a useful column still knows the level."""
    X, y = np.zeros((50, 2)), np.r_[np.ones(10), np.zeros(40)]
    learnt = booster(X, y)

    trees = from_boosters([learnt])

    np.testing.assert_array_equal(trees.raw(X), learnt.predict(X, raw_score=True))
    assert trees.raw(X)[0] == pytest.approx(np.log(10 / 40))
    trees.check(2)


def test_several_boosters_are_averaged_and_the_first_trees_may_be_asked_for():
    """The mean of the models, each cut at the same number of trees."""
    X, y = plain(800)
    learnt = [booster(X, y, seed=s, feature_fraction=0.5) for s in range(3)]

    raw = from_boosters(learnt, num_iteration=7).raw(X)

    alone = [from_boosters([b], num_iteration=7).raw(X) for b in learnt]
    lightgbm = [b.predict(X, raw_score=True, num_iteration=7) for b in learnt]
    np.testing.assert_array_equal(alone, lightgbm)
    np.testing.assert_allclose(raw, np.mean(lightgbm, axis=0), rtol=0, atol=1e-12)


def test_the_bits_do_not_depend_on_chunks_order_or_memory_layout():
    """One row at a time, backwards, in Fortran order: the same."""
    X, y = plain(300)
    trees = from_boosters([booster(X, y)])
    whole = trees.raw(X)

    np.testing.assert_array_equal(
        np.concatenate([trees.raw(X[i : i + 1]) for i in range(300)]), whole
    )
    np.testing.assert_array_equal(trees.raw(X[::-1])[::-1], whole)
    np.testing.assert_array_equal(trees.raw(np.asfortranarray(X)), whole)


@pytest.mark.parametrize("shape", [(3, 4), (3, 0), (5,), (2, 2, 2)])
def test_a_matrix_that_is_too_narrow_is_refused(shape):
    """The compiled loop would read beyond its end."""
    X, y = plain(800)
    trees = from_boosters([booster(X, y)])

    with pytest.raises(InputError, match="expected a matrix of at least 5 columns"):
        trees.raw(np.zeros(shape))


def test_trees_that_the_arrays_cannot_say_are_refused():
    """Categories, linear leaves, zero as missing, several classes, random forests."""
    X, y = plain(400)
    category = lgb.Dataset(np.c_[X[:, 0] % 7, X[:, 3] % 5], y, categorical_feature=[0])
    settings = {"objective": "binary", "verbosity": -1, "min_data_per_group": 1, "cat_smooth": 0}
    boosters = [
        booster(np.nan_to_num(X), y, linear_tree=True),
        booster(X, y, zero_as_missing=True),
        booster(X, y + (X[:, 0] > 0), objective="multiclass", num_class=3),
        booster(X, y, boosting="rf", bagging_freq=1, bagging_fraction=0.5),
        lgb.train(settings, category, 5),
    ]

    for learnt in boosters:
        with pytest.raises(ValueError, match="trained here"):
            from_boosters([learnt])


@pytest.fixture(scope="module")
def arrays():
    X, y = plain(400)
    return from_boosters([booster(X, y, rounds=3, num_leaves=4)]).arrays()


def test_arrays_give_back_the_trees(arrays):
    """The way through a bundle and back."""
    trees = Trees.from_arrays(arrays, 5)

    assert trees.arrays().keys() == arrays.keys()


def broken(arrays, name, change):
    copy = {key: array.copy() for key, array in arrays.items()}
    copy[f"trees.{name}"] = change(copy[f"trees.{name}"])
    return copy


def put(place, value):
    def change(array):
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("feature", put(0, 5), "a feature is out of range"),
        ("feature", put(0, -1), "a feature is out of range"),
        ("left", put(0, 0), "before its parent"),
        ("left", put(-1, 0), "before its parent"),
        ("left", put(0, 99), "a child is out of range"),
        ("right", put(0, -99), "a child is out of range"),
        ("right", put(-1, -1), "exactly once"),
        ("root", put(0, 99), "a root is out of range"),
        ("root", put(0, -99), "a root is out of range"),
        ("root", put(1, 0), "exactly once"),
        ("root", lambda a: a[:-1], "exactly once"),
        ("threshold", put(0, np.nan), "a number is not finite"),
        ("threshold", put(0, np.inf), "a number is not finite"),
        ("value", put(0, np.nan), "a number is not finite"),
        ("value", lambda a: a[:-1], "differ in length"),
        ("missing", put(0, 3), "a missing-value code is unknown"),
        ("node_cover", put(0, 0), "no training row"),
        ("leaf_cover", put(0, 1e-300), "no training row"),
        ("leaf_cover", put(0, 1e9), "more training rows below a node"),
        ("models", put(0, 0), "the number of models"),
        ("models", put(0, 99), "the number of models"),
        ("models", lambda a: np.append(a, 1), "the number of models"),
        ("feature", lambda a: a.astype("int64"), "feature has the wrong type"),
        ("value", lambda a: a.astype("float32"), "value has the wrong type"),
        ("value", lambda a: a[None], "value has the wrong type"),
        ("value", lambda a: a[0], "value has the wrong type"),
        ("left", lambda a: a[:-1], "arrays differ in length"),
    ],
)
def test_what_is_no_tree_is_refused(arrays, name, change, what):
    """Bounds, cycles, leaves reached twice, numbers that are none: before any is used."""
    with pytest.raises(IntegrityError, match=what) as caught:
        Trees.from_arrays(broken(arrays, name, change), 5)

    assert caught.value.code == "DLQ-603"


def test_a_missing_array_is_named_as_damage(arrays):
    """Nothing is filled in."""
    for name in arrays:
        with pytest.raises(IntegrityError, match="an array is missing"):
            Trees.from_arrays({key: a for key, a in arrays.items() if key != name}, 5)
