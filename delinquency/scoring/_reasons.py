"""Reasons: what raised a risk most, in words that are true of the account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.scoring._contributions import contributions
from delinquency.scoring._scorer import Feature, Scorer

__all__ = ["reasons"]

_TEXT = pd.StringDtype("pyarrow")
_LEAST = 1e-9  # log-odds that mending must save: less would be lost on the way to points


def reasons(
    scorer: Scorer, X: pd.DataFrame, *, most: int = 4, lang: str = "en", threads: int = 2
) -> pd.DataFrame:
    """Return the main reasons of each account's risk, the strongest first.

    Contributions are those to the log-odds against the training population, merged by feature family. A
    family speaks through its strongest feature whose direction the domain fixes, where the account stands
    on the worse side of the typical account, and where the typical value in its place, all else as it is,
    raises the points: the account is scored again with it. So the text is true, and mending it helps.

    Parameters
    ----------
    scorer : Scorer
        What scored the accounts.
    X : DataFrame (n, features)
        The same features. Ask only for the accounts that need reasons.
    most : int
        At most so many reasons; more than four seldom help anyone.
    lang : {"en", "zh"}
        Language of the texts.
    threads : int
        Chunks of accounts worked on at the same time; the result does not depend on it.

    Returns
    -------
    DataFrame
        Index of X, columns ``reason_1`` to ``reason_<most>``; missing where there are fewer.

    Raises
    ------
    InputError
        ``DLQ-103`` for another language.
    """
    if lang not in ("en", "zh"):
        raise InputError(Problem("DLQ-103", "unknown language", "lang", fix='write "en" or "zh"'))
    matrix = scorer.matrix(X)
    columns = [f"reason_{k}" for k in range(1, most + 1)]
    parts = contributions(scorer.trees, matrix, threads)[:, :-1]
    spoken = np.where(_helps(scorer, matrix, parts, threads), parts, -np.inf)
    texts = _texts(scorer, matrix, parts, spoken, most, lang)
    # "string" keeps a missing text missing; older pandas would write "None" into a customer's letter
    return pd.DataFrame(texts, index=X.index, columns=columns).astype(_TEXT)


def _texts(
    scorer: Scorer, matrix: np.ndarray, parts: np.ndarray, spoken: np.ndarray, most: int, lang: str
) -> np.ndarray:
    families = list(dict.fromkeys(feature.family for feature in scorer.features))
    strength = np.full((len(matrix), len(families)), -np.inf)
    speaker = np.zeros((len(matrix), len(families)), dtype=int)
    for k, family in enumerate(families):
        members = [j for j, feature in enumerate(scorer.features) if feature.family == family]
        loudest = np.argmax(spoken[:, members], axis=1)  # the first in the catalogue wins a tie
        speaker[:, k] = np.array(members)[loudest]
        heard = np.take_along_axis(spoken, speaker[:, [k]], axis=1)[:, 0] > 0
        strength[:, k] = np.where(heard, parts[:, members].sum(axis=1), -np.inf)
    order = np.argsort(-strength, axis=1, kind="stable")[:, :most]
    texts = np.full((len(matrix), most), None, dtype=object)
    for row, rank in np.argwhere(np.take_along_axis(strength, order, axis=1) > 0):
        column = speaker[row, order[row, rank]]
        texts[row, rank] = _text(scorer.features[column], matrix[row, column], lang)
    return texts


def _helps(scorer: Scorer, matrix: np.ndarray, parts: np.ndarray, threads: int) -> np.ndarray:
    """Return where a feature raised the risk and its typical value would lower it (n, features)."""
    helps = (parts > 0) & _worse(scorer.features, matrix)
    log_odds = scorer.calibration.log_odds(scorer.trees.raw(matrix, threads))
    for column, feature in enumerate(scorer.features):
        rows = np.flatnonzero(helps[:, column])
        if len(rows):
            mended = matrix[rows]
            mended[:, column] = feature.typical
            after = scorer.calibration.log_odds(scorer.trees.raw(mended, threads))
            helps[rows, column] = after < log_odds[rows] - _LEAST
    return helps


def _worse(features: tuple[Feature, ...], matrix: np.ndarray) -> np.ndarray:
    """Return where an account stands on the worse side of the typical one, by a signed feature."""
    sign = np.array([feature.sign for feature in features], dtype=float)
    typical = np.array([np.nan if f.typical is None else f.typical for f in features])
    with np.errstate(invalid="ignore"):
        return sign * (matrix - typical) > 0


def _text(feature: Feature, value: Any, lang: str) -> str:
    return (feature.reason_en if lang == "en" else feature.reason_zh).format(value=float(value))
