"""The scorer of the scoring room, to be monitored."""

from scoring.conftest import data, model, scorer

__all__ = ["data", "model", "scorer"]
