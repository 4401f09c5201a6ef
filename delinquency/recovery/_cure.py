"""Cured, defaulted or paid off: which comes first, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.recovery._hazards import (
    HazardTrees,
    Histories,
    admit_features,
    admit_groups,
    admit_histories,
    count_hazards,
    incidence,
    months_ahead,
    refuse_rows,
)

__all__ = ["CureModel"]


class CureModel(BaseEstimator):
    """Competing events in the months ahead: discrete-time hazards through LightGBM.

    Every month at risk is one row; its outcome is one of the events, or none. Histories that are cut
    off give the months they were seen, and histories that are joined late only the months since:
    neither is taken for an account to which nothing happened. Trees start from the counted hazards of the
    month, and as many are kept as predict accounts left out best, so without signal the answer is
    that of Aalen and Johansen.

    Parameters
    ----------
    horizon : int
        Months ahead.
    events : tuple of str, optional
        Names of the events; those seen, in order of the alphabet, by default.
    n_estimators : int
        Most trees.
    learning_rate, num_leaves, min_child_samples
        As in LightGBM.
    n_jobs : int
        Threads of LightGBM.

    Attributes
    ----------
    events_ : tuple of str
        Names of the events.
    classes_ : ndarray
        The events and "open", the columns of `predict_proba`.
    n_trees_ : int
        Rounds kept; 0 means that the features did not help.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.integers(0, 90, 500).astype(float)})
    >>> event = np.where(rng.random(500) < 0.7, "cure", "default")
    >>> model = CureModel(horizon=3).fit(X, rng.integers(1, 4, 500), event)
    >>> table = model.cumulative_incidence(X.iloc[:1])
    >>> table.columns.tolist(), float(table.iloc[2].sum().round(9))
    (['cure', 'default', 'open'], 1.0)
    """

    def __init__(
        self,
        horizon: int = 12,
        events: tuple[str, ...] | None = None,
        *,
        n_estimators: int = 300,
        learning_rate: float = 0.05,
        num_leaves: int = 7,
        min_child_samples: int = 50,
        n_jobs: int = 1,
    ) -> None:
        self.horizon = horizon
        self.events = events
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.n_jobs = n_jobs

    def fit(
        self, X: Any, duration: Any, event: Any, *, entry: Any = None, groups: Any = None
    ) -> CureModel:
        """Learn from histories.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            Known at the start of the history; NaN is missing.
        duration, event, entry
            See `aalen_johansen`.
        groups : array (n,), optional
            Ids of accounts; rows of one stay together when the number of trees is chosen.

        Raises
        ------
        InputError
            ``DLQ-103``, ``DLQ-110``, ``DLQ-190``, ``DLQ-191`` what cannot be used; ``DLQ-192`` nobody
            at risk in a month up to the horizon.
        """
        matrix, self.feature_names_in_ = admit_features(X)
        histories = admit_histories(duration, event, entry, events=self.events)
        refuse_rows(len(matrix), len(histories.event), "histories")
        ids = admit_groups(groups, len(matrix))
        parameters = {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples,
            "num_threads": self.n_jobs,
        }
        trees = HazardTrees(parameters, self.n_estimators, ())
        self.hazards_ = trees.fit(matrix, histories, self.horizon, ids)
        self.n_trees_, self.events_ = trees.rounds, trees.events
        self.classes_ = np.array([*trees.events, "open"], dtype=object)
        self.n_features_in_ = matrix.shape[1]
        return self

    def _incidence(self, X: Any, months: int | None) -> np.ndarray:
        check_is_fitted(self, "hazards_")
        matrix, names = admit_features(X)
        months = months_ahead(names, self.feature_names_in_, months, self.horizon)
        return incidence(self.hazards_.hazards(matrix, months))

    def cumulative_incidence(self, X: Any, months: int | None = None) -> pd.DataFrame:
        """Return the chance of each event by the end of each month, and of none ("open").

        Returns
        -------
        DataFrame
            Indexed by the index of X and ``month``; the columns of a row add up to 1.
        """
        table = self._incidence(X, months)
        rows = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(table))
        names = ["row" if len(rows.names) == 1 and rows.name is None else n for n in rows.names]
        levels = [
            level.repeat(table.shape[1])
            for level in map(rows.get_level_values, range(rows.nlevels))
        ]
        month = np.tile(np.arange(1, table.shape[1] + 1), len(table))
        index = pd.MultiIndex.from_arrays([*levels, month], names=[*names, "month"])
        return pd.DataFrame(table.reshape(-1, table.shape[2]), index=index, columns=self.classes_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return ``(n, events + 1)`` at the horizon; columns as in ``classes_``."""
        return self._incidence(X, None)[:, -1]

    def calibration(
        self, X: Any, duration: Any, event: Any, *, entry: Any = None, of: str, groups: int = 10
    ) -> pd.DataFrame:
        """Compare predicted incidences at the horizon with counted ones, by group of the predicted.

        Parameters
        ----------
        of : str
            The event.
        groups : int
            How many, of equal size.

        Returns
        -------
        DataFrame
            ``group, n, predicted, counted``; counted is Aalen-Johansen in the group, so histories that
            are cut off count for what was seen of them. Missing where nobody of a group is at risk long
            enough.
        """
        check_is_fitted(self, "hazards_")
        if of not in self.events_:
            fix = did_you_mean(str(of), self.events_) or f"one of {', '.join(self.events_)}"
            raise InputError(Problem("DLQ-191", "no event has this name", "of", fix=fix))
        histories = admit_histories(duration, event, entry, events=self.events_)
        score = self.predict_proba(X)[:, list(self.events_).index(of)]
        refuse_rows(len(score), len(histories.event), "histories")
        place = np.argsort(np.argsort(score, kind="stable"), kind="stable") * groups // len(score)
        rows = []
        for group in range(groups):
            mine = place == group
            if not mine.any():
                continue
            entry, last, kind = (
                histories.entry[mine],
                histories.duration[mine],
                histories.event[mine],
            )
            seen = Histories(entry, last, kind, self.events_)
            _, hazard = count_hazards(seen.cut(self.horizon), self.horizon)
            table = incidence(hazard[None])[0]
            # once nobody is open, that nobody is at risk says nothing
            end = next(iter(np.flatnonzero(table[:, -1] <= 1e-12)), -1)
            counted = float(table[end, self.events_.index(of)])
            rows.append((group, int(mine.sum()), float(score[mine].mean()), counted))
        return pd.DataFrame(rows, columns=["group", "n", "predicted", "counted"])
