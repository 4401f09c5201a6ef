"""What was known of an account at a snapshot date: the catalogue of features and its engine.

`build_features` hands on one row an account and snapshot date, float64, in the order of `catalogue`.
Features are pure functions of the months up to the date, so a model never stores anybody's history.
"""

from delinquency.features._build import build_features
from delinquency.features._catalogue import catalogue
from delinquency.features._spec import FeatureSpec
from delinquency.features._stream import Streamed, stream_features

__all__ = ["FeatureSpec", "Streamed", "build_features", "catalogue", "stream_features"]
