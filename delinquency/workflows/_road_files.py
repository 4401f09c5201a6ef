"""The first steps of the road on files: check a table, train a scorer."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from delinquency import history, storage
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._road import Trained, check, train
from delinquency.workflows._say import Say, quiet

__all__ = ["check_files", "train_files"]

Path_ = str | os.PathLike[str]


@fetching("months", whole=True)
def check_files(months: Path_, *, as_of: Any = None) -> pd.DataFrame:
    """Return what is wrong or odd in a table of months; see `delinquency.history.check_months`.

    Parameters
    ----------
    months : path or address
        Rows of a table in a database are numbered in the order of account and month.
    as_of : date, optional
        Dates after it are reported.

    Returns
    -------
    DataFrame
        See `check`.

    Raises
    ------
    InputError
        ``DLQ-109`` when the table is not there or cannot be read.
    """
    return check(storage.read_table(months), as_of=as_of)


@fetching("months", "labels")
def train_files(
    months: Path_,
    *,
    as_of: Any,
    out: Path_,
    labels: Path_ | None = None,
    label: history.LabelSpec | None = None,
    say: Say = quiet,
) -> Trained:
    """Train on a table of months and write the scorer's bundle.

    Parameters
    ----------
    months, labels : path or address
        Tables; see `train`.
    as_of, label, say
        See `train`.
    out : path
        Folder of the bundle, or a ``.zip`` file.

    Returns
    -------
    Trained
        What was learnt, with the hold-out to review it by.

    Raises
    ------
    InputError, GateError
        As for `train`; nothing is written then.
    """
    table, known = storage.read_table(months), read_or_none(labels)
    trained = train(table, as_of=as_of, labels=known, label=label, say=say)
    storage.save_bundle(trained.scorer, out)
    return trained
