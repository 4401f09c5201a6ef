"""Several targets: nested ones keep their order, by the least change, and nothing else moves."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.isotonic import isotonic_regression
from sklearn.metrics import roc_auc_score

from delinquency.errors import InputError
from delinquency.scoring import HorizonModel, RiskModel, nest_probabilities

from .conftest import SIGNS, sample

QUICK = RiskModel(signs=SIGNS, n_estimators=10, folds=2)
CHAIN = (("a", "b"), ("b", "c"))
PAIRS = {("90+ in 12", "60+ in 12"), ("60+ in 12", "30+ in 12"), ("90+ in 12", "30+ in 12")}


@pytest.fixture(scope="module")
def book():
    """One hidden lateness; being 90+ late in 12 months is part of 60+, and that of 30+."""
    X, _ = sample(3000, seed=4)
    rng = np.random.default_rng(0)
    late = X["dpd_max"] / 30 + 1.5 * X["utilisation"].fillna(0.6) + rng.logistic(size=len(X))
    targets = pd.DataFrame(
        {
            f"{days}+ in 12": (late > edge).astype(float)
            for days, edge in ((90, 3), (30, 1), (60, 2.8))
        }
    )
    return X, targets.set_axis(X.index)


@pytest.fixture(scope="module")
def model(book):
    return HorizonModel(QUICK).fit(*book)


def test_nesting_is_found_and_kept_for_accounts_it_never_saw(model):
    """Of all accounts, known and new, none is likelier to be 90+ than 60+."""
    X, _ = sample(4000, seed=9)
    table = model.predict_proba(X)

    assert set(model.nested_) == PAIRS
    assert list(table.columns) == ["90+ in 12", "30+ in 12", "60+ in 12"]
    assert table.index.equals(X.index)
    for narrow, wide in PAIRS:
        assert (table[narrow] <= table[wide]).all()


def test_without_nesting_the_order_does_break(book):
    """The control: the same models, each by itself."""
    X, _ = sample(4000, seed=9)
    table = HorizonModel(QUICK, nested=()).fit(*book).predict_proba(X)

    assert (table["90+ in 12"] > table["60+ in 12"]).any()


def test_each_target_is_ranked_as_well_as_by_a_model_of_its_own(model, book):
    """Keeping the order costs next to nothing."""
    X, targets = book
    table = model.predict_proba(X)
    for name, bad in targets.items():
        alone = model.models_[name].predict_proba(X)[:, 1]

        assert roc_auc_score(bad, table[name]) > roc_auc_score(bad, alone) - 0.002


def test_what_cannot_be_judged_yet_teaches_the_others_alone(book):
    """A missing outcome leaves the row out for its target only."""
    X, targets = book
    unripe = targets.copy()
    unripe.iloc[:500, 0] = np.nan
    model = HorizonModel(QUICK, nested=()).fit(X, unripe)
    expected = clone(QUICK).fit(X[500:], targets.iloc[500:, 0].astype(int))

    np.testing.assert_array_equal(
        model.predict_proba(X)["90+ in 12"], expected.predict_proba(X)[:, 1]
    )
    assert len(model.models_["30+ in 12"].out_of_fold_) == len(X)


probabilities = st.lists(st.tuples(*[st.floats(0.001, 0.999)] * 3), min_size=1, max_size=20).map(
    lambda rows: pd.DataFrame(rows, columns=["a", "b", "c"])
)


@given(probabilities)
def test_a_chain_is_projected_as_isotonic_regression_does(table):
    """scikit-learn's own, row by row, on the log-odds."""
    expected = [expit(isotonic_regression(row)) for row in logit(table.to_numpy())]

    got = nest_probabilities(table, CHAIN).to_numpy()

    np.testing.assert_allclose(got, expected, atol=1e-9)
    assert (np.diff(got, axis=1) >= 0).all()


def test_neighbouring_numbers_out_of_order_are_put_in_order():
    """Their log-odds are one and the same number, so the log-odds alone would not tell."""
    wide = np.linspace(0.001, 0.002, 1000)
    table = pd.DataFrame({"a": wide / 2, "b": np.nextafter(wide, 1), "c": wide})

    got = nest_probabilities(table, CHAIN).to_numpy()
    assert (np.diff(table.to_numpy(), axis=1) < 0).any()
    assert (np.diff(got, axis=1) >= 0).all()


@pytest.mark.parametrize(
    "pairs",
    [
        (("a", "c"), ("b", "c")),
        (("a", "b"), ("a", "c")),
        (("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")),
        (("a", "d"), ("b", "d"), ("b", "c")),
    ],
)
def test_a_partial_order_is_projected_to_the_nearest_point(pairs):
    """Against a general solver of the same least squares."""
    rng = np.random.default_rng(0)
    names = list("abcd")
    z = rng.normal(size=(12, 4))
    got = logit(nest_probabilities(pd.DataFrame(expit(z), columns=names), pairs).to_numpy())
    limits = []
    for narrow, wide in pairs:
        row = np.zeros(4)
        row[names.index(narrow)], row[names.index(wide)] = -1, 1
        limits.append({"type": "ineq", "fun": row.__matmul__})
    for row, answer in zip(z, got, strict=True):
        found = minimize(
            lambda x, row=row: ((x - row) ** 2).sum(), row, constraints=limits, tol=1e-14
        )
        np.testing.assert_allclose(answer, found.x, atol=1e-5)


def test_rows_in_order_are_not_touched():
    """Not by a bit, though other rows of the table are."""
    table = pd.DataFrame({"a": [0.1, 0.9], "b": [0.3, 0.2], "c": [0.3, 0.5]})

    out = nest_probabilities(table, CHAIN)

    pd.testing.assert_frame_equal(out[:1], table[:1])
    assert out.iloc[1].is_monotonic_increasing


@pytest.mark.parametrize(
    ("targets", "nested", "what"),
    [
        ({"a": [0, 1, 1, 0], "b": [0, 0, 1, 1]}, [("a", "b")], '1 rows are bad by "a" and good by'),
        ({"a": [0, 1, 1, 0]}, [("a", "x")], "no target has this name"),
        ({"a": [0, 1], "b": [0, 1]}, (), "not one outcome a row"),
        ({"a": [0, 1, 2, 0]}, (), "outcomes other than 1, 0 and missing"),
        ({}, (), "expected 1 to 8 targets"),
        ({str(k): [0, 1, 1, 0] for k in range(9)}, (), "expected 1 to 8 targets"),
        ([0, 1, 1, 0], (), "targets need names"),
    ],
)
def test_targets_that_make_no_sense_are_refused(targets, nested, what):
    """Before anything is learnt."""
    with pytest.raises(InputError, match=what):
        HorizonModel(QUICK, nested=nested).fit(pd.DataFrame({"x": range(4)}), targets)


def test_pairs_in_a_circle_are_refused():
    """Each within the other would make them one."""
    table = pd.DataFrame({"a": [0.1], "b": [0.2], "c": [0.3]})
    with pytest.raises(InputError, match="circle"):
        nest_probabilities(table, [*CHAIN, ("c", "a")])


def test_a_handful_of_bads_proves_no_nesting(book):
    """Fifty bads that happen to lie within another target are no definition."""
    X, targets = book
    rare = targets.copy()
    bads = np.flatnonzero(targets["30+ in 12"])[:50]
    rare["rare"] = 0.0
    rare.iloc[bads, -1] = 1.0

    assert not any("rare" in pair for pair in HorizonModel(QUICK).fit(X, rare).nested_)


def test_a_missing_target_takes_no_other_with_it():
    """Two of three are known and out of order: they are mended, and the third stays missing."""
    table = pd.DataFrame({"a": [0.9, 0.1], "b": [0.1, np.nan], "c": [np.nan, 0.05]})
    found = nest_probabilities(table, CHAIN)

    middle = expit((logit(0.9) + logit(0.1)) / 2)
    assert found.loc[0, ["a", "b"]].tolist() == pytest.approx([middle, middle])
    both = expit((logit(0.1) + logit(0.05)) / 2)
    assert found.loc[1, ["a", "c"]].tolist() == pytest.approx([both, both])
    assert found.isna().to_numpy().tolist() == table.isna().to_numpy().tolist()


def test_probabilities_may_come_in_any_table_and_must_be_some():
    """polars as pandas; 1.5 was drawn into [0, 1] without a word."""
    table = pd.DataFrame({"a": [0.9], "b": [0.1], "c": [0.2]})

    pd.testing.assert_frame_equal(
        nest_probabilities(pl.from_pandas(table), CHAIN), nest_probabilities(table, CHAIN)
    )
    for wrong in (1.5, -0.1, "x"):
        with pytest.raises(InputError, match="DLQ-103 table"):
            nest_probabilities(table.assign(a=[wrong]), CHAIN)


def test_targets_and_weights_that_are_no_numbers_are_refused(book):
    """By the target's name."""
    X, _ = book
    with pytest.raises(InputError, match=r'DLQ-103 targets\["a"\]'):
        HorizonModel(QUICK).fit(X, {"a": ["yes"] * len(X)})
    with pytest.raises(InputError, match="DLQ-103 sample_weight"):
        HorizonModel(QUICK).fit(X, {"a": [0.0, 1.0] * (len(X) // 2)}, [1.0])
