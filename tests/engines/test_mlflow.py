"""MLflow on a sqlite store: figures, a model without a pickle, and a champion that is checked."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency import features
from delinquency.engines import mlflow as engine
from delinquency.errors import EnvironmentFailure, InputError, IntegrityError, LockError


@pytest.fixture(scope="session")
def store(tmp_path_factory, missing_extra):
    """One store for all tests, because making its tables takes seconds; nothing is sent anywhere."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("GIT_PYTHON_REFRESH", "quiet")
        try:
            import mlflow
            import sqlalchemy  # noqa: F401
        except ImportError:
            missing_extra('no MLflow: pip install -e ".[mlflow]"')
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/models.db")
        mlflow.create_experiment("tests", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment("tests")
        yield mlflow
        mlflow.set_tracking_uri(before)


def kept(store, logged):
    """The files that the store keeps of a model."""
    folder = store.artifacts.download_artifacts(logged.model_uri)
    return [path for path in Path(folder).rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def X(book):
    """Features of the book's accounts."""
    return features.build_features(book.months, book.as_of, windows=(3, 6))


def test_a_run_holds_the_figures_and_the_facts(store, book):
    """Metrics, training facts, and the hash that names the bundle."""
    scorer = book.trained.scorer

    logged = engine.log(scorer, metrics={"auc": 0.75, "ks": 0.5}, run_name="first")

    run = store.get_run(logged.run_id)
    assert run.data.metrics == {"auc": 0.75, "ks": 0.5} and run.info.run_name == "first"
    assert run.data.tags["delinquency.bundle"] == scorer.to_bundle().hash
    assert run.data.params["windows"] == "[3, 6]" and logged.version is None


def test_the_model_of_the_store_scores_as_the_scorer_does(store, book, X, monkeypatch):
    """By models-from-code: no pickle is written, and none is read."""
    import cloudpickle

    scorer = book.trained.scorer
    logged = engine.log(scorer, name="scored")

    def refused(*_, **__):
        raise AssertionError("something was unpickled")

    for module in (pickle, cloudpickle):
        monkeypatch.setattr(module, "load", refused)
        monkeypatch.setattr(module, "loads", refused)
    rows = X[list(scorer.names)].head(300)
    told = store.pyfunc.load_model(logged.model_uri).predict(rows)

    expected = scorer.score(rows)
    np.testing.assert_array_equal(told["probability"].dropna(), expected.scores["probability"])
    assert told["band"].dropna().tolist() == expected.scores["band"].tolist()
    assert told["refused"].notna().sum() == len(expected.refused)
    names = {path.suffix for path in kept(store, logged)}
    assert ".py" in names and not names & {".pkl", ".pickle", ".joblib"}


def test_rows_that_cannot_be_scored_come_back_with_the_reason(book, X):
    """One row in, one row out, in the order that they came."""
    scorer = book.trained.scorer
    rows = X[list(scorer.names)].head(5).reset_index(drop=True)
    rows.iloc[2, 0] = np.inf

    told = engine._predicted(scorer, rows)

    assert told["refused"].notna().tolist() == [False, False, True, False, False]
    assert told["probability"].isna().tolist() == [False, False, True, False, False]
    assert list(told) == ["probability", "points", "band", "refused"]


def test_the_champion_is_an_alias_of_a_checked_version(store, book, X):
    """Registering makes no champion; promoting does, against the one that was expected."""
    first = engine.log(book.trained.scorer, name="early_risk")
    other = book.trained.scorer.with_bands(book.trained.scorer.bands)
    second = engine.log(other, name="early_risk")

    with pytest.raises(InputError, match="DLQ-109"):
        engine.load_champion("early_risk")
    assert engine.promote("early_risk", first.version) is None
    assert engine.promote("early_risk", second.version, expected=first.version) == first.version
    with pytest.raises(LockError, match=r"DLQ-411 .*not the one expected"):
        engine.promote("early_risk", first.version, expected=first.version)

    champion = engine.load_champion("early_risk")
    client = store.MlflowClient()
    assert client.get_model_version_by_alias("early_risk", "champion").version == int(
        second.version
    )
    pd.testing.assert_frame_equal(champion.score(X).scores, other.score(X).scores)


def test_a_bundle_damaged_in_the_store_is_never_champion(store, book):
    """One flipped byte, and neither promote nor load takes it."""
    logged = engine.log(book.trained.scorer, name="damaged")
    (arrays,) = (path for path in kept(store, logged) if path.suffix == ".bin")
    content = bytearray(arrays.read_bytes())
    content[100] ^= 1
    arrays.write_bytes(bytes(content))

    with pytest.raises(IntegrityError, match="DLQ-602"):
        engine.promote("damaged", logged.version)
    with pytest.raises(InputError, match="DLQ-109"):
        engine.load_champion("damaged")


def test_what_is_not_there_is_told(store):
    """No model, no version: one line."""
    with pytest.raises(InputError, match="DLQ-109"):
        engine.promote("nobody", 1)


def test_a_store_that_does_not_answer_has_not_said_that_there_is_no_champion(store, monkeypatch):
    """Else a champion would be replaced as if there were none."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

    def down(*_, **__):
        raise MlflowException("secret://address", error_code=TEMPORARILY_UNAVAILABLE)

    monkeypatch.setattr(store.MlflowClient, "get_model_version_by_alias", down)
    with pytest.raises(EnvironmentFailure, match="DLQ-504") as caught:
        engine.promote("early_risk", 1)
    assert "secret" not in str(caught.value)
