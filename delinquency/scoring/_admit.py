"""The door of the estimators: what a table must be before anything is learnt from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from delinquency.errors import GateError, InputError, Problem
from delinquency.schema import hash_share, refuse_protected

__all__ = ["admit_rows", "folds_of", "ids_of", "refuse_leaks"]


def admit_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Check what an estimator is to learn from; return its classes, X, bad and weights."""
    refuse_protected(list(getattr(X, "columns", [])))
    _refuse_infinite(X)
    X, y = validate_data(estimator, X, y, dtype="float64", ensure_all_finite="allow-nan")
    check_classification_targets(y)
    classes, bad = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        what = f"Only binary classification is supported: y holds {len(classes)} class"
        raise InputError(Problem("DLQ-103", what, "y", fix="label bad as 1 and good as 0"))
    return classes, X, bad, _check_sample_weight(sample_weight, X, dtype="float64")


def ids_of(X: Any, groups: Any) -> Any:
    if groups is not None:
        return groups
    index = getattr(X, "index", None)
    if isinstance(index, pd.Index) and "account_id" in index.names:
        return index.get_level_values("account_id")
    return None


def folds_of(ids: Any, n: int, folds: int, salt: str = "fold") -> np.ndarray:
    """Return the fold of each row: by the hash of its account, or of its place where there is none."""
    if ids is None:
        ids = np.arange(n)
    fold = np.minimum((hash_share(ids, salt) * folds).astype(int), folds - 1)
    if len(np.unique(fold)) == folds:
        return fold
    # A handful of accounts may leave a fold empty; then they are dealt out in turn, in the order of
    # their hash, each still with all its rows.
    codes, unique = pd.factorize(pd.Series(ids))
    if len(unique) < folds:
        what = f"{len(unique)} accounts cannot be parted into {folds} folds"
        raise InputError(Problem("DLQ-113", what, "X", len(unique), "give more accounts"))
    return (hash_share(unique, salt).argsort().argsort() % folds)[codes]


def refuse_leaks(X: np.ndarray, bad: np.ndarray, names: list[Any], waive: tuple[str, ...]) -> None:
    """Raise when one column alone ranks the outcome almost perfectly: it probably is the outcome."""
    if min(bad.sum(), len(bad) - bad.sum()) < 100 or not names:
        return
    suspects = [
        name
        for name, column in zip(names, X.T, strict=True)
        if name not in waive and abs(_auc(column, bad) - 0.5) > 0.45
    ]
    if suspects:
        listed = ", ".join(f'"{name}"' for name in suspects[:5])
        what = f"{len(suspects)} columns alone reach an AUC above 0.95: {listed}"
        fix = "remove what was known only afterwards, or name them in `waive`"
        raise GateError(Problem("DLQ-302", what, "X", len(suspects), fix))


def _auc(values: np.ndarray, bad: np.ndarray) -> float:
    ranks = pd.Series(values).fillna(-np.inf).rank().to_numpy()
    bads = bad.sum()
    return float((ranks[bad == 1].sum() - bads * (bads + 1) / 2) / (bads * (len(bad) - bads)))


def _refuse_infinite(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        return  # scikit-learn's own check says the same of plain arrays
    numeric = X.select_dtypes("number")
    wrong = [str(name) for name, column in numeric.items() if np.isinf(column).any()]
    if wrong:
        what = f"{len(wrong)} columns hold infinite values, first {wrong[0]!r}"
        fix = "repair the ratio or overflow that made them"
        raise InputError(Problem("DLQ-105", what, "X", len(wrong), fix))
