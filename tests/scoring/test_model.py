"""The risk model: signs hold, folds are by account, leaks and protected columns stop it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from delinquency.errors import GateError, InputError
from delinquency.scoring import RiskModel, importance
from delinquency.scoring._admit import folds_of

from .conftest import SIGNS, catalogue, sample

QUICK = {"signs": SIGNS, "n_estimators": 25, "n_jobs": 1}


def test_it_ranks_accounts_it_never_saw(model):
    """Far above chance, with sixty short steps; the sample itself is noisy."""
    X, y = sample(4000, seed=5)
    probability = model.predict_proba(X)

    assert probability.shape == (4000, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert roc_auc_score(y, probability[:, 1]) > 0.70


def test_probabilities_are_true_on_average(model):
    """Mean probability and bad rate of new accounts agree within three standard errors."""
    X, y = sample(20_000, seed=6)
    probability = model.predict_proba(X)[:, 1]
    error = np.sqrt((probability * (1 - probability)).sum()) / len(y)

    assert abs(probability.mean() - y.mean()) < 3 * error + 0.015


@pytest.mark.parametrize(("name", "sign"), SIGNS.items())
def test_the_signs_hold_on_the_fitted_model(model, name, sign):
    """Raise one feature of any account in steps: the risk never goes the wrong way, nor the points."""
    X, _ = sample(300, seed=7)
    steps = (
        np.linspace(-50, 200, 60) if name in ("dpd_max", "months_since") else np.linspace(-1, 2, 60)
    )
    rows = pd.concat([X.assign(**{name: step}) for step in steps])

    risk = model.predict_proba(rows)[:, 1].reshape(len(steps), len(X))

    assert (sign * np.diff(risk, axis=0) >= 0).all()
    assert np.ptp(risk, axis=0).max() > 0


def test_the_control_without_signs_does_break_them():
    """The test above would notice a model that was not held to its signs."""
    X, y = sample(3000)
    free = RiskModel(n_estimators=60, n_jobs=1).fit(X, y)
    rows = pd.concat([X[:300].assign(utilisation=step) for step in np.linspace(0, 1.2, 60)])
    risk = free.predict_proba(rows)[:, 1].reshape(60, 300)

    assert (np.diff(risk, axis=0) < 0).any()


def test_all_snapshots_of_an_account_are_in_one_fold():
    """Else the model would be tried on accounts it knows."""
    X, _ = sample(900, snapshots=3)
    ids = X.index.get_level_values("account_id")

    fold = folds_of(ids, len(X), 5)

    assert pd.Series(fold).groupby(np.asarray(ids)).nunique().max() == 1
    assert set(fold) == set(range(5))


@pytest.mark.parametrize("accounts", [5, 6, 7, 9, 12])
def test_a_handful_of_accounts_still_keeps_its_snapshots_together(accounts):
    """Where the hash leaves a fold empty, accounts are dealt out, not rows."""
    ids = np.repeat(np.arange(accounts), 10)

    fold = folds_of(ids, len(ids), 5)

    assert set(fold) == set(range(5))
    assert pd.Series(fold).groupby(ids).nunique().max() == 1
    order = np.random.default_rng(0).permutation(len(ids))
    np.testing.assert_array_equal(folds_of(ids[order], len(ids), 5), fold[order])


def test_fewer_accounts_than_folds_are_refused():
    """Four accounts cannot be parted into five."""
    with pytest.raises(InputError, match="4 accounts cannot be parted into 5 folds"):
        folds_of(np.repeat(np.arange(4), 50), 200, 5)


def test_the_fit_does_not_depend_on_the_number_of_jobs(data):
    """One thread or two: the same bits."""
    one = RiskModel(**QUICK).fit(*data)
    two = RiskModel(**{**QUICK, "n_jobs": 2}).fit(*data)

    np.testing.assert_array_equal(one.predict_proba(data[0]), two.predict_proba(data[0]))
    np.testing.assert_array_equal(one.out_of_fold_, two.out_of_fold_)


def test_out_of_fold_comes_from_models_that_did_not_see_the_row(data):
    """Outcomes drawn at random are not predicted out of fold, though the model learns them by heart."""
    X, _ = data
    y = np.random.default_rng(0).integers(0, 2, len(X))
    model = RiskModel(n_estimators=60, min_child_samples=5, num_leaves=31, n_jobs=1).fit(X, y)

    assert abs(roc_auc_score(y, model.out_of_fold_) - 0.5) < 0.04
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.6


@pytest.mark.parametrize("name", ["SEX", "age", "marital_status", "性别"])
def test_a_protected_column_is_refused(data, name):
    """By its name, in the languages of our users."""
    with pytest.raises(InputError, match="DLQ-110") as caught:
        RiskModel(**QUICK).fit(data[0].assign(**{name: 1.0}), data[1])

    assert "audit_only" in caught.value.fix


def leaky(data, how):
    X, y = data
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.01, 1 - y, y)
    return X.assign(
        later={"up": noisy, "down": -noisy, "gap": np.where(noisy == 1, np.nan, 1.0)}[how]
    )


@pytest.mark.parametrize("how", ["up", "down", "gap"])
def test_a_column_that_knows_the_outcome_stops_the_fit(data, how):
    """High for bads, low for bads, or missing for bads."""
    with pytest.raises(GateError, match='"later"') as caught:
        RiskModel(**QUICK).fit(leaky(data, how), data[1])

    assert caught.value.exit_code == 3


def test_a_leak_may_be_waived_in_writing(data):
    """By its name, so that it stands in the settings of the model."""
    RiskModel(**QUICK, waive=("later",)).fit(leaky(data, "up"), data[1])


def test_infinite_values_are_named_by_column(data):
    """An overflow upstream is not a very high utilisation."""
    X = data[0].assign(noise=np.where(np.arange(len(data[0])) == 5, np.inf, 0.0))

    with pytest.raises(InputError, match=r"DLQ-105 X: 1 columns hold infinite .* 'noise'"):
        RiskModel(**QUICK).fit(X, data[1])


def test_one_class_is_refused(data):
    """Nothing can be learnt from goods alone."""
    with pytest.raises(InputError, match="1 class"):
        RiskModel(**QUICK).fit(data[0], np.zeros(len(data[0]), dtype=int))


def test_a_missing_value_that_one_fold_never_saw_is_still_missing_to_it(data):
    """One missing value in all: the fold that holds it out must not read a missing one as 0."""
    X, y = data
    X = X.assign(noise=X["noise"] + 3 * y + 5.0)  # zero stands far below all, on the good side
    X.iloc[0, X.columns.get_loc("noise")] = np.nan
    model = RiskModel(**{**QUICK, "signs": {}}, waive=("noise",)).fit(X, y)
    trees = model.trees_

    assert (trees.feature == 4).any()
    assert (trees.missing[trees.feature == 4] != 0).all()


def test_clone_and_parameters_follow_scikit_learn(data):
    """Unfitted copy, same settings, same result."""
    model = RiskModel(**QUICK)
    fitted = clone(model).fit(*data)

    assert not hasattr(model, "trees_")
    assert fitted.get_params() == model.get_params()
    np.testing.assert_array_equal(
        clone(fitted).fit(*data).predict_proba(data[0]), fitted.predict_proba(data[0])
    )


def test_weights_count_as_rows(data):
    """A weight of 2 moves the level as the row twice would."""
    X, y = data
    weight = np.where(y == 1, 3.0, 1.0)
    model = RiskModel(**QUICK).fit(X, y, sample_weight=weight)

    expected = (y * weight).sum() / weight.sum()
    assert np.average(model.out_of_fold_, weights=weight) == pytest.approx(expected, abs=1e-4)


def test_columns_in_another_order_are_refused_by_name(model, data):
    """scikit-learn's own check, by the names seen at fit."""
    with pytest.raises(ValueError, match="same order"):
        model.predict_proba(data[0][data[0].columns[::-1]])


def test_importance_is_a_share_of_the_gain_greatest_first(model):
    """With family and sign beside each name."""
    table = importance(model, catalogue())

    assert table["share"].sum() == pytest.approx(1)
    assert table["share"].is_monotonic_decreasing
    assert set(table.columns) == {"name", "share", "family", "sign"}


def test_seeds_are_averaged(data):
    """Twice the models; the score is their mean, and the folds of the second seed are others."""
    one = RiskModel(**QUICK).fit(*data)
    two = RiskModel(**QUICK, seeds=2).fit(*data)
    X = data[0].to_numpy()
    n = len(one.trees_.root)

    assert two.trees_.models[0] == 10
    second = two._parts(np.arange(len(X)), len(X), 1)
    assert 0.1 < np.mean(second == two._parts(np.arange(len(X)), len(X), 0)) < 0.3
    if two.n_trees_ == one.n_trees_:
        np.testing.assert_array_equal(two.trees_.value[: len(one.trees_.value)], one.trees_.value)
        assert len(two.trees_.root) == 2 * n


def test_a_later_sample_decides_when_to_stop(data):
    """Where the world has turned, a model learnt on yesterday is best with few trees."""
    X, y = data
    turned = (X, 1 - y)
    plainly = RiskModel(**QUICK).fit(X, y)
    stopped = RiskModel(**QUICK).fit(X, y, later=turned)
    same = RiskModel(**QUICK).fit(X, y, later=sample(3000, seed=8))

    assert stopped.n_trees_ == 10 < plainly.n_trees_
    assert same.n_trees_ >= 20
    np.testing.assert_array_equal(plainly.trees_.root[:1], same.trees_.root[:1])


def test_a_later_sample_of_another_kind_is_refused(data):
    """One outcome a row, of the classes that were learnt."""
    X, y = data
    for later in ((X, y[:-1]), (X, y + 5)):
        with pytest.raises(InputError, match="DLQ-103 later"):
            RiskModel(**QUICK).fit(X, y, later=later)


def test_no_more_trees_are_told_than_were_grown(data):
    """Twenty-five were asked for, and looked at after every ten."""
    X, y = data
    model = RiskModel(n_estimators=25, learning_rate=0.01, folds=2).fit(X, y)

    assert model.n_trees_ == 25
    assert len(model.trees_.root) == 2 * 25


@pytest.mark.parametrize(
    "wrong", [{"folds": 1}, {"folds": 2.5}, {"n_estimators": 0}, {"signs": {"dpd_max": 5}}]
)
def test_settings_that_nothing_can_be_learnt_with_are_refused(data, wrong):
    """In our words, before LightGBM says it in its own or takes 5 for 1."""
    with pytest.raises(InputError, match=f"DLQ-103 RiskModel.{next(iter(wrong))}"):
        RiskModel(**wrong).fit(*data)


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    """Rows left out are predicted a thousand at a time or all at once: the same to the last bit."""
    X, y = sample(2500)
    later = sample(700, seed=3)
    whole = RiskModel(**QUICK).fit(X, y, later=later)
    monkeypatch.setattr("delinquency.scoring._model._BLOCK", 97)
    parted = RiskModel(**QUICK).fit(X, y, later=later)

    assert whole.n_trees_ == parted.n_trees_
    np.testing.assert_array_equal(whole.out_of_fold_, parted.out_of_fold_)
