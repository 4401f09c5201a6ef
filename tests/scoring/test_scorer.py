"""The scorer: columns by name, nothing odd scored silently, all rows accounted for."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency import scoring
from delinquency.errors import InputError
from delinquency.scoring import PointsScale, Scorer

from .conftest import NAMES, catalogue, sample
from .test_bundle import FORMAT_1


def test_scores_are_those_of_the_model_on_the_scale_in_its_band(scorer, model, data):
    """Probability, points and band of one row agree with each part."""
    X = data[0]
    scores = scorer.score(X).scores

    np.testing.assert_allclose(scores["probability"], model.predict_proba(X)[:, 1], rtol=1e-12)
    np.testing.assert_array_equal(scores["points"], PointsScale().points(scores["probability"]))
    assert scores["band"].tolist() == scorer.bands.assign(scores["points"]).tolist()
    assert scores["account_id"].tolist() == X.index.get_level_values(0).tolist()


@given(st.permutations(NAMES))
@settings(deadline=None, max_examples=20)
def test_columns_are_matched_by_name(scorer, data, order):
    """Any order, with columns it does not know beside them: the same bits."""
    X = data[0][:200]
    mixed = X[list(order)].assign(extra="text")

    pd.testing.assert_frame_equal(scorer.score(mixed).scores, scorer.score(X).scores)


def test_rows_in_any_order_and_chunk_score_the_same_bits(scorer, data):
    """One at a time as in a batch."""
    X = data[0][:50]
    whole = scorer.score(X).scores

    single = pd.concat([scorer.score(X.iloc[[i]]).scores for i in range(50)], ignore_index=True)

    pd.testing.assert_frame_equal(single, whole)


def test_a_missing_or_renamed_column_is_named_with_the_closest(scorer, data):
    """The commonest cause is another window or spelling."""
    X = data[0].rename(columns={"utilisation": "utilization"}).drop(columns="noise")

    with pytest.raises(InputError) as caught:
        scorer.score(X)

    assert str(caught.value) == (
        'DLQ-102 input lacks 2 of 5 features this model needs: "utilisation", "noise"; '
        'closest present: "utilization". fix: add or rename.'
    )


def test_a_column_of_text_or_given_twice_is_refused(scorer, data):
    """Two columns of one name would push every other column one to the right."""
    with pytest.raises(InputError, match="expected numbers in 1 columns, first 'noise'"):
        scorer.score(data[0].assign(noise="canary"))
    twice = pd.concat([data[0], data[0][["noise"]]], axis=1)
    with pytest.raises(InputError, match="1 features stand twice, first 'noise'"):
        scorer.score(twice)


def test_a_missing_value_where_training_had_none_is_refused_and_counted(scorer, data):
    """LightGBM would read it as 0: the best customer there is."""
    X = data[0][:100].copy()
    X.iloc[[3, 7], X.columns.get_loc("dpd_max")] = np.nan
    X.iloc[9, X.columns.get_loc("utilisation")] = np.nan  # may be missing

    scores, refused = scorer.score(X)

    assert refused["why"].tolist() == ["missing: dpd_max"] * 2
    assert refused["account_id"].tolist() == [3, 7]
    assert 9 in scores["account_id"].tolist()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_value_is_refused_in_any_column(scorer, data, value):
    """It has no place between two thresholds."""
    for name in NAMES:
        X = data[0][:10].copy()
        X.iloc[4, X.columns.get_loc(name)] = value

        assert scorer.score(X).refused["why"].tolist() == [f"infinite: {name}"]


@given(st.integers(0, 10_000), st.floats(0, 0.5))
@settings(deadline=None, max_examples=40)
def test_scored_and_refused_are_together_what_was_read(scorer, data, seed, share):
    """Poison any cells: every account comes out once, and no score is other than finite."""
    X = data[0][:80]
    rng = np.random.default_rng(seed)
    poison = rng.choice([np.nan, np.inf, -np.inf], X.shape)
    X = X.where(rng.random(X.shape) >= share, poison)

    scores, refused = scorer.score(X)

    ids = [*scores["account_id"], *refused["account_id"]]
    assert sorted(ids) == sorted(X.index.get_level_values(0))
    assert np.isfinite(scores[["probability", "points"]]).all(axis=None)
    bad = np.isinf(X).any(axis=1) | X[["dpd_max", "noise"]].isna().any(axis=1)
    assert len(refused) == bad.sum()


def test_no_rows_give_no_scores(scorer, data):
    """Whether that is a failure is the batch's business."""
    scores, refused = scorer.score(data[0][:0])

    assert (len(scores), len(refused)) == (0, 0)


def test_golden_rows_are_no_row_of_training(scorer, data):
    """A bundle travels; no customer's features may travel in it."""
    training = {row.tobytes() for row in data[0].to_numpy(copy=True)}

    assert len(scorer.golden) == 16
    assert not any(row.tobytes() in training for row in scorer.golden)
    assert np.isnan(scorer.golden).any(axis=0).tolist() == [f.may_miss for f in scorer.features]


def test_a_feature_without_a_catalogue_entry_is_refused(model, data, scorer):
    """It would have no family, sign or reason."""
    with pytest.raises(InputError, match="1 features stand in no catalogue, first 'noise'"):
        Scorer.from_model(model, data[0], catalogue()[:-1], scale=scorer.scale, bands=scorer.bands)


def test_a_table_without_an_index_of_accounts_scores_too(scorer):
    """The index is handed through as it is."""
    X = sample(20)[0].reset_index(drop=True)

    assert len(scorer.score(X).scores) == 20


def test_scoring_needs_neither_lightgbm_nor_scikit_learn():
    """A fresh process loads a bundle, scores, gives reasons, and has imported none of what learns."""
    script = f"""
import sys
from delinquency.scoring import Scorer, reasons
from delinquency.storage import load_bundle, read_table
scorer = Scorer.from_bundle(load_bundle({str(FORMAT_1)!r}))
X = read_table({str(FORMAT_1 / "scores.csv")!r})[list(scorer.names)]
assert len(scorer.score(X).scores) and len(reasons(scorer, X))
slow = "lightgbm sklearn scipy.optimize scipy.stats joblib matplotlib".split()
print([name for name in slow if name in sys.modules])
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "[]"


def test_the_names_that_learn_are_there_when_they_are_asked_for():
    """All of them, and a wrong one is answered as Python answers."""
    assert all(getattr(scoring, name) is not None for name in scoring.__all__)
    with pytest.raises(AttributeError, match="no attribute 'RiskModle'"):
        _ = scoring.RiskModle
