"""Whom a candidate learns from, and who judges it: parted by time, by account, and by the label's window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency import features, history
from delinquency.errors import InputError, Problem
from delinquency.workflows import _road as road
from delinquency.workflows._outcome import KEY
from delinquency.workflows._retrain_settings import RetrainSettings
from delinquency.workflows._say import Say

__all__ = ["Sample", "gather"]


@dataclass(frozen=True)
class Sample:
    """Labelled accounts of several snapshots.

    Parameters
    ----------
    X, y : DataFrame, Series
        Features and outcomes (1 bad, 0 good), by account and snapshot date.
    learns, judges, held : ndarray of bool
        Rows of the snapshots to learn from; rows that judge; accounts that no model learns from.
    learn_on, judge_on : list of Timestamp
        Snapshot dates.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    learns: np.ndarray
    judges: np.ndarray
    held: np.ndarray
    learn_on: list[pd.Timestamp]
    judge_on: list[pd.Timestamp]

    @property
    def learnt(self) -> np.ndarray:
        """Rows that a model learns from."""
        return self.learns & ~self.held


def gather(
    frame: pd.DataFrame,
    date: pd.Timestamp,
    spec: history.LabelSpec,
    wanted: RetrainSettings,
    say: Say,
) -> Sample:
    """Return the matured snapshots of a book as it was known at a date.

    Raises
    ------
    InputError
        ``DLQ-114`` when too few snapshots have matured, or they hold goods or bads alone.
    """
    learn_on, judge_on = _split_in_time(frame, date, spec.within, wanted)
    days = [*learn_on, *judge_on]
    say(f"features of {len(days)} snapshots")
    X = features.build_features(frame, snapshots=days, windows=wanted.windows)
    told = history.label(history.take_snapshots(frame, days, observe=2, perform=spec.within), spec)
    y = told.set_index(KEY)["bad"].reindex(X.index).dropna().astype(int)
    X = X.loc[y.index]
    when = X.index.get_level_values("snapshot_date")
    held = road.split_of(X.index.get_level_values("account_id")) == "test"
    learns = np.asarray(when <= learn_on[-1])
    judges = np.asarray(when >= judge_on[0]) & held
    _both_classes(y[learns & ~held], y[judges])
    return Sample(X, y, learns, judges, held, learn_on, judge_on)


def _split_in_time(
    frame: pd.DataFrame, date: pd.Timestamp, within: int, wanted: RetrainSettings
) -> tuple[list[pd.Timestamp], list[pd.Timestamp]]:
    """Return the snapshots to learn from and those that judge; between them lies the label's window."""
    ends = sorted(frame["month"].unique())
    matured = ends[: max(len(ends) - within, 0)]
    judge = matured[-wanted.window.judge :]
    before = matured[: max(len(matured) - wanted.window.judge - within + 1, 0)]
    learn = before[-wanted.window.learn :]
    if len(judge) < wanted.window.judge or not learn:
        need = wanted.window.judge + 2 * within
        what = f"{len(ends)} months are known; learning and judging need {need} at least"
        fix = "give a longer history, or a shorter label or window"
        raise InputError(Problem("DLQ-114", what, "months", len(ends), fix))
    return [pd.Timestamp(day) for day in learn], [pd.Timestamp(day) for day in judge]


def _both_classes(*parts: pd.Series[Any]) -> None:
    for name, y in zip(("learn from", "judge by"), parts, strict=True):
        if y.nunique() < 2:
            what = f"{len(y):,} accounts to {name}, of {y.nunique()} kinds"
            fix = "take a longer window, or another label"
            raise InputError(Problem("DLQ-114", what, "labels", len(y), fix))
