"""Hazards on the monthly grid: counted for everybody, and by trees on top of the counts.

A history enters observation at the end of month `entry` (0: from the start), and is at risk in the
months ``entry + 1`` to `duration`; in the last of them its event happens, or it is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.schema import hash_share, refuse_protected, to_frame

__all__ = [
    "HazardTrees",
    "Histories",
    "aalen_johansen",
    "admit_features",
    "admit_groups",
    "admit_histories",
    "count_hazards",
    "incidence",
    "months_ahead",
    "refuse_rows",
]

FLOOR = 1e-12  # of a hazard that was never seen, so that its logarithm exists


@dataclass(frozen=True)
class Histories:
    """Histories past the door: months as integers, events as numbers from 0, -1 for cut off."""

    entry: np.ndarray
    duration: np.ndarray
    event: np.ndarray
    events: tuple[str, ...]

    def cut(self, horizon: int) -> Histories:
        """Return the histories up to a month; what comes later is cut off."""
        late = self.duration > horizon
        event = np.where(late, -1, self.event)
        return Histories(self.entry, np.minimum(self.duration, horizon), event, self.events)

    def months(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return account, month and outcome (0 none, else 1 + event) of each month at risk."""
        spans = np.maximum(self.duration - self.entry, 0)
        account = np.repeat(np.arange(len(spans)), spans)
        start = np.repeat(spans.cumsum() - spans, spans)
        month = np.arange(len(account)) - start + 1 + self.entry[account]
        ends = month == self.duration[account]
        return account, month, np.where(ends, self.event[account] + 1, 0)


def admit_histories(
    duration: Any, event: Any, entry: Any = None, *, events: Sequence[str] | None = None
) -> Histories:
    """Check histories at the door.

    Raises
    ------
    InputError
        ``DLQ-103`` lengths that differ or months that are not whole, ``DLQ-190`` durations below 1 or not
        after the entry, ``DLQ-191`` events that are not known.
    """
    months = _whole(duration, "duration")
    start = np.zeros(len(months), dtype="int64") if entry is None else _whole(entry, "entry")
    kind = pd.Series(np.asarray(event, dtype=object))
    if not len(months) == len(start) == len(kind) or not len(months):
        what = f"{len(months):,} durations, {len(kind):,} events and {len(start):,} entries"
        raise InputError(Problem("DLQ-103", what, "histories", fix="pass one of each an account"))
    wrong = (months <= start) | (start < 0)
    if wrong.any():
        what = f"{int(wrong.sum()):,} histories end before they are first at risk"
        fix = "count months from 1; leave accounts out that ended before they were seen"
        raise InputError(Problem("DLQ-190", what, "duration", int(wrong.sum()), fix))
    kind = kind.where(~(kind.isna() | kind.isin(["", "censored"])), None)
    found = sorted(set(kind.dropna().astype(str)))
    names = tuple(found if events is None else events)
    unknown = set(found) - set(names)
    if unknown or not names:
        what = f"{len(unknown):,} kinds of events are not known" if unknown else "no event happened"
        fix = f"known: {', '.join(names)}; missing or censored for none" if names else "wait longer"
        raise InputError(Problem("DLQ-191", what, "event", len(unknown), fix))
    codes = pd.Index(names).get_indexer(pd.Index(kind.fillna("").astype(str)))
    return Histories(start, months, codes.astype("int64"), names)


def _whole(values: Any, where: str) -> np.ndarray:
    try:
        numbers = np.asarray(values, dtype="float64")
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if numbers.ndim != 1 or not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        raise InputError(Problem("DLQ-103", "expected whole months", where, fix="count month ends"))
    return numbers.astype("int64")


def admit_features(X: Any) -> tuple[np.ndarray, list[str]]:
    """Return the features as a matrix, NaN for missing, and their names.

    Raises
    ------
    InputError
        ``DLQ-110`` for a protected attribute, ``DLQ-103`` where they are no numbers.
    """
    if hasattr(X, "__arrow_c_stream__"):
        X = to_frame(X, "X")  # polars and Arrow, whose columns have other ways
    names = [str(name) for name in getattr(X, "columns", [])]
    refuse_protected(names)
    matrix: Any
    try:
        matrix = X.to_numpy("float64", na_value=np.nan) if names else np.asarray(X, "float64")
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.ndim != 2:
        what = "expected numbers of shape (accounts, features)"
        raise InputError(Problem("DLQ-103", what, "X", fix="encode text as numbers"))
    return matrix, names or [f"x{j}" for j in range(matrix.shape[1])]


def refuse_rows(rows: int, needed: int, of: str) -> None:
    """Refuse features that are not one row for each of what they are learnt from or held against."""
    if rows != needed:
        what = f"{rows:,} rows of features for {needed:,} {of}"
        raise InputError(Problem("DLQ-103", what, "X", fix="pass one row for each"))


def admit_groups(groups: Any, rows: int) -> Any:
    """Return the ids by which rows stay together; each row stands alone without any."""
    if groups is None:
        return np.arange(rows)
    ids = pd.Series(np.asarray(groups) if np.ndim(groups) != 1 else groups)
    if len(ids) != rows or ids.isna().any():
        what = f"expected the id of an account for each of {rows:,} rows, none missing"
        raise InputError(Problem("DLQ-103", what, "groups", fix="pass one id a row"))
    return ids


def months_ahead(
    names: Sequence[str], learnt: Sequence[str], months: int | None, horizon: int
) -> int:
    """Return how many months are asked for, of a model with these features, or refuse.

    Raises
    ------
    InputError
        ``DLQ-102`` other features than in training, ``DLQ-192`` months beyond the horizon.
    """
    if list(names) != list(learnt):
        what = "the features are not those of training, in that order"
        raise InputError(Problem("DLQ-102", what, "X", fix="select by name"))
    if months is None:
        return horizon
    if months not in range(1, horizon + 1):
        what = f"expected a month from 1 to the horizon of {horizon}"
        raise InputError(Problem("DLQ-192", what, "months", fix="fit with a longer horizon"))
    return int(months)


def aalen_johansen(duration: Any, event: Any, entry: Any = None) -> pd.DataFrame:
    """Return the cumulative incidence of competing events, by month, from counts alone.

    ``h_k(t) = d_k(t) / n(t)``, ``S(t) = prod (1 - sum_k h_k)``, ``F_k(t) = sum S(u - 1) h_k(u)``. Aalen and
    Johansen, Scandinavian Journal of Statistics 5 (1978) 141-150, on a monthly grid.

    Parameters
    ----------
    duration : array-like of int (n,)
        Month of the event, or last month seen.
    event : array-like of str (n,)
        What happened; missing, empty or "censored" for nothing yet.
    entry : array-like of int (n,), optional
        Months that had passed when the account was first seen; 0 by default.

    Returns
    -------
    DataFrame
        Indexed by month from 1: ``at_risk``, one column an event, and ``open``. Events and open add up
        to 1. Missing from the first month on at which nobody is at risk.

    Examples
    --------
    >>> aalen_johansen([1, 2, 2, 3], ["cure", "default", None, "cure"])
           at_risk  cure  default  open
    month
    1            4  0.25     0.00  0.75
    2            3  0.25     0.25  0.50
    3            1  0.75     0.25  0.00
    """
    histories = admit_histories(duration, event, entry)
    at_risk, hazard = count_hazards(histories, int(histories.duration.max()))
    table = pd.DataFrame(incidence(hazard[None])[0], columns=[*histories.events, "open"])
    table.insert(0, "at_risk", at_risk)
    table.index = pd.RangeIndex(1, len(table) + 1, name="month")
    return table


def count_hazards(histories: Histories, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many are at risk in each month, and the hazards ``(months, events)``."""
    month = np.arange(1, horizon + 1)
    gone = np.searchsorted(np.sort(histories.duration), month, side="left")
    at_risk = np.searchsorted(np.sort(histories.entry), month, side="left") - gone
    count = np.zeros((horizon, len(histories.events)))
    seen = (histories.event >= 0) & (histories.duration <= horizon)
    np.add.at(count, (histories.duration[seen] - 1, histories.event[seen]), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return at_risk, count / at_risk[:, None]


def incidence(hazard: np.ndarray) -> np.ndarray:
    """Return ``(n, months, events + 1)`` cumulative incidences, the last the share still open."""
    stay = np.cumprod(1 - hazard.sum(axis=2), axis=1)
    before = np.concatenate([np.ones((len(stay), 1)), stay[:, :-1]], axis=1)
    return np.concatenate([np.cumsum(before[..., None] * hazard, axis=1), stay[..., None]], axis=2)


class HazardTrees:
    """Hazards by boosted trees that start from the counted ones and learn what differs.

    Without trees the prediction is the counted hazard of the month, so the model can only be led away
    from Aalen-Johansen by what predicts accounts that it has not seen.
    """

    def __init__(self, parameters: Mapping[str, Any], n_estimators: int, signs: Sequence[int]):
        self.parameters, self.n_estimators, self.signs = dict(parameters), n_estimators, signs

    def fit(
        self, X: np.ndarray, histories: Histories, horizon: int, ids: np.ndarray
    ) -> HazardTrees:
        """Learn from histories, cut off at the horizon; accounts of one id stay together."""
        if not (isinstance(horizon, (int, np.integer)) and horizon >= 1):
            fix = "pass a whole number of months"
            raise InputError(Problem("DLQ-192", "the horizon is below 1 month", "horizon", fix=fix))
        known = histories.cut(horizon)
        self.at_risk, hazard = count_hazards(known, horizon)
        if (self.at_risk == 0).any():
            first = int(np.argmin(self.at_risk > 0)) + 1
            what = f"nobody is at risk in month {first}, and the horizon is {horizon}"
            raise InputError(Problem("DLQ-192", what, "duration", 0, "shorten the horizon"))
        self.events = known.events
        none = np.maximum(1 - hazard.sum(axis=1, keepdims=True), FLOOR)
        self.base = np.log(np.maximum(np.column_stack([none, hazard]), FLOOR))
        account, month, outcome = known.months()
        inside = known.entry[account] < month
        account, month, outcome = account[inside], month[inside], outcome[inside]
        table = np.column_stack([X[account], month])
        judged = hash_share(ids, "hazards")[account] < 0.2
        self.booster = None
        rounds = 0
        if X.shape[1] and judged.any() and not judged.all():
            rounds = self._rounds(table, month, outcome, judged)
        if rounds:
            everybody = self._data(table, month, outcome)
            self.booster = lgb.train(self._settings(), everybody, num_boost_round=rounds)
        self.rounds = rounds
        return self

    def _rounds(
        self, table: np.ndarray, month: np.ndarray, outcome: np.ndarray, judged: np.ndarray
    ) -> int:
        """Return the number of trees that predicts the accounts left out best; 0 if the counts do."""
        learn = self._data(table[~judged], month[~judged], outcome[~judged])
        judge = self._data(table[judged], month[judged], outcome[judged], learn)
        scores: dict[str, Any] = {}
        lgb.train(
            self._settings(),
            learn,
            self.n_estimators,
            [judge],
            ["judged"],
            callbacks=[
                lgb.early_stopping(25, verbose=False),
                lgb.record_evaluation(scores),
            ],
        )
        course = np.array(next(iter(scores["judged"].values())))
        raw = self._start(month[judged])
        start = float(np.mean(_loss(raw, outcome[judged])))
        return int(course.argmin()) + 1 if course.min() < start else 0

    def _settings(self) -> dict[str, Any]:
        several = len(self.events) > 1
        extra: dict[str, Any] = {
            "objective": "multiclass" if several else "binary",
            "boost_from_average": False,
            "verbosity": -1,
            "deterministic": True,
            "force_col_wise": True,
            "seed": 0,
        }
        if several:
            extra["num_class"] = len(self.events) + 1
        elif any(self.signs):
            extra["monotone_constraints"] = [*self.signs, 0]
        return {**self.parameters, **extra}

    def _data(
        self, table: np.ndarray, month: np.ndarray, outcome: np.ndarray, like: Any = None
    ) -> lgb.Dataset:
        start = self._start(month)
        first = start.ravel(order="F") if start.ndim == 2 else start
        return lgb.Dataset(table, outcome, init_score=first, reference=like, free_raw_data=False)

    def _start(self, month: np.ndarray) -> np.ndarray:
        """Return the log-odds of the counts: one number for one event, one a class for several."""
        base = self.base[month - 1]
        return base[:, 1] - base[:, 0] if base.shape[1] == 2 else base

    def hazards(self, X: np.ndarray, horizon: int) -> np.ndarray:
        """Return ``(n, months, events)``."""
        if self.booster is None:
            hazard = np.exp(self.base[:horizon, 1:])
            hazard[hazard <= FLOOR] = 0.0
            return np.broadcast_to(hazard, (len(X), *hazard.shape)).copy()
        found = np.empty((len(X), horizon, len(self.events)))
        for month in range(1, horizon + 1):
            table = np.column_stack([X, np.full(len(X), float(month))])
            raw = np.asarray(self.booster.predict(table, raw_score=True))
            raw = raw + self._start(np.full(len(X), month))
            found[:, month - 1] = _probabilities(raw)[:, 1:]
        return found


def _probabilities(raw: np.ndarray) -> np.ndarray:
    if raw.ndim == 1:
        raw = np.column_stack([np.zeros(len(raw)), raw])
    share = np.exp(raw - raw.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def _loss(raw: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    share = _probabilities(raw)[np.arange(len(outcome)), outcome]
    return -np.log(np.maximum(share, 1e-15))
