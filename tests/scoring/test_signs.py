"""Signs are proved on the fitted trees: against moving accounts, and by trees bent on purpose."""

import itertools
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from delinquency.errors import GateError
from delinquency.scoring import RiskModel, Trees
from delinquency.scoring import _model as model_file
from delinquency.scoring._signs import breaches, refuse_breaches
from delinquency.scoring._trees import from_boosters

from .conftest import NAMES, SIGNS, booster, plain

BOTH = {(column, sign) for column in range(3) for sign in (-1, 1)}


def small_book(seed, missing):
    """Three columns of few values, so that every possible account can be tried."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 5, (600, 3)).astype(float)
    y = (rng.random(600) < 1 / (1 + np.exp(2 - X[:, 0] + 0.4 * X[:, 1] * (X[:, 2] - 2)))).astype(
        int
    )
    if missing:
        X[rng.random(X.shape) < 0.2] = np.nan
    return X, y


def broken_by_moving(trees, values):
    """The (column, sign) that moving some account of one tree along one column breaks."""
    grid = np.array(list(itertools.product(values, repeat=3)))
    found = set()
    for k in range(len(trees.root)):
        one = replace(trees, root=trees.root[k : k + 1])
        risk = one.raw(grid).reshape(3 * (len(values),))
        for column, sign in BOTH:
            along = np.moveaxis(risk, column, 0)[~np.isnan(values)]
            if (sign * np.diff(along, axis=0) < 0).any():
                found.add((column, sign))
    return found


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_proof_finds_what_moving_every_possible_account_finds(seed, held, missing):
    """No more and no less, with and without signs, missing values too."""
    X, y = small_book(seed, missing)
    signs = {"monotone_constraints": [1, -1, 0]} if held else {}
    trees = from_boosters([booster(X, y, 4, num_leaves=8, min_child_samples=5, seed=seed, **signs)])
    values = np.array([np.nan, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0])

    found = {(c, s) for s in (-1, 1) for c in breaches(trees, dict.fromkeys(range(3), s))}

    assert found == broken_by_moving(trees, values)
    if held:
        assert not found & {(0, 1), (1, -1)}


def test_the_way_that_we_train_keeps_its_signs():
    """LightGBM's basic method, larger trees, missing values."""
    X, y = plain(2000)
    signs = [SIGNS.get(name, 0) for name in NAMES]
    learnt = booster(X, y, 40, monotone_constraints=signs, num_leaves=31)

    assert breaches(from_boosters([learnt]), dict(enumerate(signs))) == {}


@pytest.mark.parametrize("method", ["intermediate", "advanced"])
def test_a_way_of_lightgbm_that_breaks_its_promise_is_caught(method):
    """With missing values its finer methods do: LightGBM issues 5358 and 6155, still so in 4.7."""
    asked = {"monotone_constraints": [1, -1, 0], "monotone_constraints_method": method}
    values = np.array([np.nan, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0])
    caught = 0
    for seed in range(20):
        X, y = small_book(seed, missing=True)
        learnt = booster(X, y, 6, num_leaves=12, min_child_samples=5, seed=seed, **asked)
        trees = from_boosters([learnt])
        found = {(c, s) for s in (-1, 1) for c in breaches(trees, dict.fromkeys(range(3), s))}
        assert found == broken_by_moving(trees, values)
        caught += bool(found & {(0, 1), (1, -1)})

    assert caught > 0  # when a later LightGBM keeps its promise, this test has done its work


def stump(threshold, low, high, missing=1):
    """One split of column 0."""
    return Trees(
        feature=np.array([0], "int32"),
        left=np.array([-1], "int32"),
        right=np.array([-2], "int32"),
        threshold=np.array([threshold]),
        missing=np.array([missing], "uint8"),
        value=np.array([low, high]),
        node_cover=np.array([2.0]),
        leaf_cover=np.array([1.0, 1.0]),
        root=np.array([0], "int32"),
        models=np.array([1], "int64"),
    )


def test_a_hair_on_the_wrong_side_is_found():
    """There is no tolerance."""
    assert breaches(stump(1.0, 0.5, np.nextafter(0.5, 0)), {0: 1}) == {0: 1}
    assert breaches(stump(1.0, 0.5, 0.5), {0: 1}) == {}


def test_the_way_to_missing_is_free():
    """A split of missing from all known values has no order."""
    most = np.finfo("float64").max

    assert breaches(stump(most, 0.5, 0.1, missing=2), {0: 1}) == {}


def test_one_bent_leaf_of_a_model_is_named(model):
    """The gate names the column, and the fitted model itself passes."""
    monotone = [SIGNS.get(name, 0) for name in NAMES]
    refuse_breaches(model.trees_, NAMES, monotone)
    value = model.trees_.value.copy()
    value[np.argmax(value)] = -9.0

    with pytest.raises(GateError, match=r"DLQ-304 RiskModel: .* break the signs") as caught:
        refuse_breaches(replace(model.trees_, value=value), NAMES, monotone)

    assert caught.value.exit_code == 3
    assert any(f'"{name}"' in str(caught.value) for name in SIGNS)


def test_a_fit_whose_trees_break_a_sign_is_refused(data, monkeypatch):
    """As if LightGBM had not been told of the signs."""
    plainly = lgb.train

    def deaf(parameters, *rest, **more):
        return plainly({**parameters, "monotone_constraints": None}, *rest, **more)

    monkeypatch.setattr(model_file.lgb, "train", deaf)

    with pytest.raises(GateError, match="DLQ-304"):
        RiskModel(signs={"noise": 1, "utilisation": -1}, n_estimators=30).fit(*data)
