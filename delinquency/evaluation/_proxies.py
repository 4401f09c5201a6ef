"""Which features stand in for a protected attribute: an audit, never a feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.evaluation._audit import is_number
from delinquency.evaluation._door import level_of, whole_of

__all__ = ["proxies"]

TOGETHER = "all together"


def proxies(
    features: Any,
    people: Any,
    *,
    least: int = 30,
    most: int = 12,
    level: float = 0.95,
    together: bool = True,
) -> pd.DataFrame:
    """Return how well each feature predicts each protected attribute.

    A model that never sees an attribute may still know it through its features. Nothing here says that
    a feature is unfair: it says where to look, with `impact_ratios` and `by_group`.

    Parameters
    ----------
    features : table of n rows
        What the model learns from; a missing value counts as the lowest, since missing may tell too.
    people : table of n rows
        Attributes with the role ``audit_only``, in the same order; rows where one is missing are left out
        for it.
    least : int
        Groups with fewer people, or fewer others, are left out.
    most : int
        Numbers with more different values than this are held against ranks, others by group.
    level : float
        Level of the noise band, over all features of a group together (Bonferroni).
    together : bool
        Whether all features are tried at once too: a logistic regression on their ranks, scored on fifths
        of the people that it did not learn from.

    Returns
    -------
    DataFrame
        ``attribute, group, feature, measure, value, noise_low, noise_high, beyond_noise``, within each
        attribute and group the strongest first and ``all together`` before them. ``measure`` is the
        ``auc`` of the feature for the group against all others (0.5 tells nothing, 0 and 1 everything), or
        for numbers the ``r2`` of the ranks; ``group`` is missing then. A value outside the noise band of
        an attribute that has nothing to do with the feature is ``beyond_noise``.

    Raises
    ------
    InputError
        ``DLQ-103`` for tables of different length, or a feature that is not a number.

    Notes
    -----
    Without a connection the AUC has variance ``(n + 1) / (12 n1 n0)`` (Mann and Whitney, Annals of
    Mathematical Statistics 18, 1947), less with ties, so the band errs on the wide side; the correlation of
    ranks has variance ``1 / (n - 1)``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"sex": ["f", "m"] * 200})
    >>> features = pd.DataFrame({"noise": rng.random(400), "told": rng.random(400)})
    >>> features["told"] += people["sex"].eq("m")
    >>> table = proxies(features, people)
    >>> table.loc[table["group"] == "m", ["feature", "value", "beyond_noise"]].round(2)
            feature  value  beyond_noise
    3  all together   1.00          True
    4          told   1.00          True
    5         noise   0.47         False
    """
    level, least = level_of(level), whole_of(least, "least", 1)
    most = whole_of(most, "most", 1)
    table, frame = schema.to_frame(features, "features"), schema.to_frame(people, "people")
    ranks = _ranks(table, len(frame))
    parts = []
    for attribute in frame.columns:
        values = frame[attribute].reset_index(drop=True)
        known = values.notna().to_numpy()
        if is_number(values) and values.nunique() > most:
            target = values[known].astype("float64").rank().to_numpy()
            found = [(None, "r2", target)]
        else:
            names = values[known].astype("str")
            found = [(name, "auc", (names == name).to_numpy()) for name in sorted(names.unique())]
        for group, measure, target in found:
            if measure == "auc" and min(target.sum(), len(target) - target.sum()) < least:
                continue
            part = _measured(ranks[known], list(table.columns), measure, target, level, together)
            parts.append(part.assign(attribute=str(attribute), group=group))
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    return pd.concat(parts, ignore_index=True)[_COLUMNS]


_COLUMNS = [
    *("attribute", "group", "feature", "measure", "value"),
    *("noise_low", "noise_high", "beyond_noise"),
]


def _ranks(table: pd.DataFrame, n: int) -> np.ndarray:
    """Return the ranks of the features (n, features), missing lowest."""
    problems, one = [], "give one row a person"
    if len(table) != n:
        problems.append(
            Problem("DLQ-103", f"{len(table):,} rows for {n:,} people", "features", fix=one)
        )
    text = [name for name in table.columns if not is_number(table[name])]
    if text:
        what = f"expected numbers in {len(text)} columns, first {text[0]!r}"
        problems.append(Problem("DLQ-103", what, "features", len(text), "encode or drop them"))
    if problems:
        raise InputError(*problems)
    values = table.to_numpy(dtype="float64", na_value=np.nan)
    return _ranked(np.where(np.isnan(values), -np.inf, values))


def _ranked(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value in its column, ties at their mean."""
    return pd.DataFrame(values).rank().to_numpy()


def _measured(
    ranks: np.ndarray,
    names: list[Any],
    measure: str,
    target: np.ndarray,
    level: float,
    together: bool,
) -> pd.DataFrame:
    """Return the figures of every feature against one target."""
    # rows were left out: rank again, so that the formulas hold
    ranks = _ranked(ranks)
    value = _auc(ranks, target) if measure == "auc" else _r2(ranks, target)
    order = np.argsort(-np.abs(value - (0.5 if measure == "auc" else 0.0)), kind="stable")
    reach = -float(ndtri((1 - level) / 2 / max(len(names), 1)))
    low, high = _noise(measure, target, reach)
    rows = [(str(names[k]), value[k], low, high) for k in order]
    if together and names:
        guess = _ranked(_guessed(ranks, target, measure)[:, None])
        alone = -float(ndtri((1 - level) / 2))
        whole = _auc(guess, target) if measure == "auc" else _r2(guess, target)
        rows.insert(0, (TOGETHER, whole[0], *_noise(measure, target, alone)))
    part = pd.DataFrame(rows, columns=["feature", "value", "noise_low", "noise_high"])
    outside = (part["value"] < part["noise_low"]) | (part["value"] > part["noise_high"])
    return part.assign(measure=measure, beyond_noise=outside)


def _auc(ranks: np.ndarray, target: np.ndarray) -> np.ndarray:
    inside, n = target.sum(), len(target)
    return (ranks[target].sum(axis=0) - inside * (inside + 1) / 2) / (inside * (n - inside))


def _r2(ranks: np.ndarray, target: np.ndarray) -> np.ndarray:
    x, y = ranks - ranks.mean(axis=0), target - target.mean()
    spread = (x**2).sum(axis=0) * (y**2).sum()
    return np.where(spread > 0, (y @ x) ** 2 / np.where(spread > 0, spread, 1.0), 0.0)


def _noise(measure: str, target: np.ndarray, reach: float) -> tuple[float, float]:
    n = len(target)
    if measure == "r2":
        return 0.0, reach**2 / max(n - 1, 1)
    inside = int(target.sum())
    spread = reach * float(np.sqrt((n + 1) / (12 * inside * (n - inside))))
    return 0.5 - spread, 0.5 + spread


def _guessed(ranks: np.ndarray, target: np.ndarray, measure: str) -> np.ndarray:
    """Return a guess of the target from all features, for each fifth from the other four."""
    from sklearn.linear_model import LogisticRegression, Ridge

    n = len(target)
    scaled = (ranks - (n + 1) / 2) / n * np.sqrt(12)
    fold = np.minimum((schema.hash_share(np.arange(n), "proxy") * 5).astype(int), 4)
    guess = np.zeros(n)
    for k in range(5):
        inside, judged = fold != k, fold == k
        if measure == "r2":
            guess[judged] = (
                Ridge(alpha=10.0).fit(scaled[inside], target[inside]).predict(scaled[judged])
            )
        elif len(np.unique(target[inside])) == 2 and judged.any():
            model = LogisticRegression(C=0.1, max_iter=500).fit(scaled[inside], target[inside])
            guess[judged] = model.decision_function(scaled[judged])
    return guess
