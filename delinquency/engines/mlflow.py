"""A bundle in an MLflow store: its metrics, a model around it, and which version is the champion.

It stands beside the clusters because it answers the same question for a model: where does it live when it
has left this machine? There is no pickle here, which MLflow usually makes of a Python model: it keeps the
bundle's own files and three lines of code that load them (models from code), and a bundle damaged in the
store is refused as anywhere else. Needs the extra ``mlflow``; the store is MLflow's own setting,
``mlflow.set_tracking_uri``.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import scoring, storage
from delinquency.errors import EnvironmentFailure, InputError, LockError, Problem

__all__ = ["CHAMPION", "Logged", "bundle_model", "load_champion", "log", "promote"]

CHAMPION = "champion"
_ARTIFACT = "bundle"
# how the stores of MLflow say that a model, a version or an alias is not there
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")
_CODE = """from mlflow.models import set_model

from delinquency.engines.mlflow import bundle_model

set_model(bundle_model())
"""


@dataclass(frozen=True)
class Logged:
    """Where a bundle was put: the run, the model's address, and its version where it was registered."""

    run_id: str
    model_uri: str
    version: str | None


def log(
    scorer: scoring.Scorer,
    *,
    metrics: Mapping[str, float] | None = None,
    name: str | None = None,
    run_name: str | None = None,
) -> Logged:
    """Log a scorer with its figures as a run, and register it when it is given a name.

    Parameters
    ----------
    scorer : Scorer
        What to keep.
    metrics : mapping of str to float, optional
        Figures, such as AUC and calibration error on the hold-out.
    name : str, optional
        Registered model to add a version to. It does not become the champion by that; see `promote`.
    run_name : str, optional
        How people will find the run.

    Returns
    -------
    Logged
        Where it is. The run has the bundle's hash as a tag and its training facts as parameters.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-506`` when the extra ``mlflow`` is not installed.

    Examples
    --------
    With a store of one's own::

        mlflow.set_tracking_uri("sqlite:///models.db")
        quality, _ = workflows.review(trained.holdout)
        logged = engines.mlflow.log(trained.scorer, metrics={"auc": quality.auc}, name="early_risk")
        engines.mlflow.promote("early_risk", logged.version)
        scorer = engines.mlflow.load_champion("early_risk")
    """
    mlflow = _mlflow()
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=run_name) as run:
        storage.save_bundle(scorer, Path(folder) / _ARTIFACT)
        code = Path(folder) / "model.py"
        storage.write_bytes(code, _CODE.encode())
        mlflow.set_tag("delinquency.bundle", scorer.to_bundle().hash)
        mlflow.log_params({key: str(value)[:500] for key, value in scorer.about.items()})
        mlflow.log_metrics(dict(metrics or {}))
        with warnings.catch_warnings():
            # the signature says what goes in; an example would be the row of somebody
            warnings.filterwarnings("ignore", ".*An input example was not provided", UserWarning)
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(code),
                artifacts={_ARTIFACT: str(Path(folder) / _ARTIFACT)},
                signature=_signature(scorer),
                # named, because guessing them would import the model and more
                pip_requirements=[f"delinquency=={storage.versions()['delinquency']}"],
                registered_model_name=name,
            )
    version = info.registered_model_version
    return Logged(run.info.run_id, info.model_uri, None if version is None else str(version))


def promote(name: str, version: str | int, *, expected: str | int | None = None) -> str | None:
    """Give a version the alias ``champion``, and return the version that had it.

    Parameters
    ----------
    name : str
        Registered model.
    version : str or int
        The new champion; its bundle is loaded and checked first.
    expected : str or int, optional
        The champion that the decision was made against. When another has come in the meantime,
        nothing is changed. MLflow cannot compare and change in one step; where two deciders may meet,
        decide by `delinquency.storage.Registry`, which can.

    Raises
    ------
    InputError
        ``DLQ-109`` when there is no such model or version.
    LockError
        ``DLQ-411`` when the champion is not the expected one.
    IntegrityError
        ``DLQ-602`` or ``DLQ-603`` when its bundle is not sound.
    EnvironmentFailure
        ``DLQ-504`` when the store does not answer.
    """
    client = _mlflow().MlflowClient()
    before = _champion(client, name)
    if expected is not None and before != str(expected):
        what = "the champion is not the one expected" if before else "there is no champion"
        fix = "compare with the champion that stands, and decide again"
        raise LockError(Problem("DLQ-411", what, name, fix=fix))
    _load(f"models:/{name}/{version}", name)
    client.set_registered_model_alias(name, CHAMPION, str(version))
    return before


def load_champion(name: str) -> scoring.Scorer:
    """Return the scorer of the version that has the alias ``champion``.

    The bundle is read from the store and checked; none of the store's code is run.

    Raises
    ------
    InputError
        ``DLQ-109`` when there is no such model, or it has no champion.
    IntegrityError
        ``DLQ-602`` or ``DLQ-603`` when the bundle is not sound.
    EnvironmentFailure
        ``DLQ-504`` when the store does not answer.
    """
    return _load(f"models:/{name}@{CHAMPION}", name)


def _load(address: str, name: str) -> scoring.Scorer:
    mlflow = _mlflow()
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = mlflow.artifacts.download_artifacts(address, dst_path=folder)
        except mlflow.exceptions.MlflowException as error:
            _refuse_silence(error, name)
            fix = "look at the names, versions and aliases of the store"
            what = "the store has no such model, version or champion"
            raise InputError(Problem("DLQ-109", what, name, fix=fix)) from error
        found = Path(place) / "artifacts" / _ARTIFACT
        return scoring.Scorer.from_bundle(storage.load_bundle(found))


def _champion(client: Any, name: str) -> str | None:
    try:
        return str(client.get_model_version_by_alias(name, CHAMPION).version)
    except _mlflow().exceptions.MlflowException as error:
        _refuse_silence(error, name)
        return None


def _refuse_silence(error: Any, name: str) -> None:
    """Raise unless the store says that something is not there: a store that is down says nothing."""
    if error.error_code not in _ABSENT:
        what, fix = "the store does not answer, or refuses", "look at it, then run again"
        raise EnvironmentFailure(Problem("DLQ-504", what, name, fix=fix)) from None


def _mlflow() -> Any:
    try:
        import mlflow
        import mlflow.pyfunc
        import sqlalchemy  # noqa: F401 - the store of the registry
    except ImportError:
        fix = 'pip install "delinquency[mlflow]"'
        raise EnvironmentFailure(Problem("DLQ-506", "mlflow is not installed", fix=fix)) from None
    return mlflow


def _signature(scorer: scoring.Scorer) -> Any:
    """Return what goes in, by name, and what comes out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("double", name) for name in scorer.names])
    kinds = {"probability": "double", "points": "double", "band": "string", "refused": "string"}
    outputs = Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    return ModelSignature(inputs, outputs)


def bundle_model() -> Any:
    """Return the MLflow model around a bundle; what the code in the store calls.

    Its ``predict`` takes a frame of features and returns one row for each: ``probability, points, band``,
    and ``refused``, the reason why a row has none.
    """

    class BundleModel(_mlflow().pyfunc.PythonModel):
        def load_context(self, context: Any) -> None:
            bundle = storage.load_bundle(context.artifacts[_ARTIFACT])
            self.scorer = scoring.Scorer.from_bundle(bundle)

        def predict(
            self, context: Any, model_input: pd.DataFrame, params: Any = None
        ) -> pd.DataFrame:
            return _predicted(self.scorer, model_input)

    return BundleModel()


def _predicted(scorer: scoring.Scorer, X: pd.DataFrame) -> pd.DataFrame:
    rows = pd.RangeIndex(len(X), name="row")
    scored = scorer.score(X.set_axis(rows, axis=0))
    table = pd.DataFrame(index=rows)
    table = table.join(scored.scores.set_index("row"))
    refused = scored.refused.set_index("row")["why"].rename("refused")
    return table.join(refused).set_axis(X.index, axis=0)
