"""Training on a Dask cluster of two real processes: a risk model like that of one machine."""

import numpy as np
import pandas as pd
import pytest

from delinquency import features, history, scoring, storage
from delinquency.engines import dask as engine
from delinquency.errors import GateError, InputError
from delinquency.evaluation import discrimination

from .conftest import AS_OF, months_of

MODEL = scoring.RiskModel(n_estimators=40, folds=2, learning_rate=0.1, min_child_samples=20)


@pytest.fixture(scope="session")
def client(missing_extra):
    """Two worker processes with one thread each."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        missing_extra('no Dask: pip install -e ".[dask]"')
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def rows():
    """Features and outcomes of a book, an account a row."""
    months = months_of(3000, seed=3)
    snapshots = history.take_snapshots(months, [AS_OF], perform=3)
    X = features.build_features(snapshots.observed, AS_OF, windows=(3, 6))
    outcome = history.label(snapshots, history.LabelSpec(dpd=30, within=3))
    bad = outcome.set_index(["account_id", "snapshot_date"])["bad"].reindex(X.index)
    rows = X.reset_index("snapshot_date", drop=True).reset_index().assign(bad=bad.to_numpy())
    return (
        rows.dropna(subset="bad")
        .astype({"bad": "int64"})
        .iloc[:, -26:]
        .assign(account_id=rows["account_id"])
    )


@pytest.fixture(scope="session")
def trained(client, rows):
    import dask.dataframe as dd

    return engine.train(dd.from_pandas(rows, npartitions=4), client=client, model=MODEL)


def names_of(rows):
    return [name for name in rows.columns if name not in ("account_id", "bad")]


def test_it_ranks_like_the_model_of_one_machine(rows, trained):
    """Out of fold, on the same folds; and its probabilities add up to what happened."""
    X = rows.set_index("account_id")[names_of(rows)]
    local = scoring.RiskModel(**MODEL.get_params()).fit(X, rows["bad"].to_numpy())

    here = discrimination(rows["bad"].to_numpy(), local.out_of_fold_).auc
    there = discrimination(trained.bad, trained.model.out_of_fold_).auc

    assert there == pytest.approx(here, abs=0.015) and there > 0.7
    assert trained.model.out_of_fold_.sum() == pytest.approx(trained.bad.sum(), rel=0.02)
    assert len(trained.bad) == len(rows) and trained.bad.sum() == rows["bad"].sum()


def test_what_comes_home_is_a_whole_risk_model(rows, trained, tmp_path):
    """It scores, explains itself and goes through a bundle as any other."""
    names, model = names_of(rows), trained.model
    X = rows.set_index("account_id")[names]
    catalogue = features.catalogue(windows=(3, 6))
    scale = scoring.PointsScale()
    bands = scoring.BandScheme.propose(scale.points(model.out_of_fold_), trained.bad, n=3)
    scorer = scoring.Scorer.from_model(
        model, trained.sample, catalogue, scale=scale, bands=bands, about={"windows": [3, 6]}
    )
    storage.save_bundle(scorer, tmp_path)
    again = scoring.Scorer.from_bundle(storage.load_bundle(tmp_path))

    assert len(model.trees_.root) == 2 * model.n_trees_
    assert list(model.feature_names_in_) == names and model.importance_.sum() == pytest.approx(1)
    np.testing.assert_array_equal(again.log_odds(X), model.decision_function(X))
    missing = X.isna().any()
    assert {f.name for f in again.features if f.may_miss} <= set(missing[missing].index)


def test_the_trees_are_those_that_the_workers_grew(client, rows):
    """The booster's own prediction and that of our arrays agree to the bit."""
    import dask.dataframe as dd
    from dask import delayed

    names = names_of(rows)
    frames = dd.from_pandas(rows, npartitions=2).to_delayed()
    parts = client.persist([delayed(engine._part)(f, names, "bad", None, 2) for f in frames])
    learner = scoring.RiskModel(**{**MODEL.get_params(), "n_estimators": 10})

    booster = engine._grow(learner, parts, 0, client, [0] * len(names))

    X = rows[names].to_numpy()
    expected = booster.predict(X, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(scoring._trees.from_boosters([booster]).raw(X), expected)


def test_what_one_machine_refuses_the_cluster_refuses(client, rows):
    """Protected attributes, leaks, a label that is not there."""
    import dask.dataframe as dd

    def attempt(frame):
        engine.train(dd.from_pandas(frame, npartitions=2), client=client, model=MODEL)

    with pytest.raises(InputError, match="DLQ-110"):
        attempt(rows.assign(gender=1.0))
    with pytest.raises(GateError, match="DLQ-302"):
        attempt(rows.assign(later=rows["bad"] * 1.0))
    with pytest.raises(InputError, match=r'DLQ-102 .*"bad" is missing'):
        attempt(rows.drop(columns="bad"))


def test_the_sample_knows_what_may_be_missing():
    """One missing value in a million rows still says that values may be missing."""
    frame = pd.DataFrame({"a": np.arange(1000.0), "b": 1.0})
    frame.loc[900, "a"] = np.nan

    assert engine._some(frame, 10).isna().sum().tolist() == [1, 0]
    assert len(engine._some(frame, 10)) == 11
    assert len(engine._some(frame[frame["a"] < 0], 10)) == 0  # a filter left nothing of a partition
