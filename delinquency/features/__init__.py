"""What was known of an account at a snapshot date: the catalogue of features and its engine.

`build_features` hands on one row an account and snapshot date, float64, in the order of `catalogue`;
`stream_features` does the same from file to file in bounded memory, and `feature_batches` hands out
the batches of such a stream. These are pure functions of the
months up to the date, so a model never stores anybody's history. What must be learnt, ranks inside the
month and a model of single months, are estimators: `MonthRanks` and `MonthlyModel`.
"""

from typing import TYPE_CHECKING, Any

from delinquency.features._build import build_features
from delinquency.features._catalogue import catalogue
from delinquency.features._months import month_matrix
from delinquency.features._spec import FeatureSpec
from delinquency.features._stream import FeatureBatch, Streamed, feature_batches, stream_features

if TYPE_CHECKING:
    from delinquency.features._learnt import MonthlyModel, MonthRanks

__all__ = [
    "FeatureBatch",
    "FeatureSpec",
    "MonthRanks",
    "MonthlyModel",
    "Streamed",
    "build_features",
    "catalogue",
    "feature_batches",
    "month_matrix",
    "stream_features",
]


def __getattr__(name: str) -> Any:
    # Scoring needs no estimator of this room, and importing scikit-learn takes a second.
    if name in ("MonthRanks", "MonthlyModel"):
        from delinquency.features import _learnt

        return getattr(_learnt, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
