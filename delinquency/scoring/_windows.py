"""Over which months the features of a scorer look back."""

from __future__ import annotations

from typing import Any

from delinquency.errors import IntegrityError, Problem
from delinquency.scoring._scorer import Scorer

__all__ = ["windows_of"]


def windows_of(scorer: Scorer) -> tuple[int, ...]:
    """Return the months that the features of a scorer look back.

    Parameters
    ----------
    scorer : Scorer
        Trained, or from a bundle.

    Raises
    ------
    IntegrityError
        ``DLQ-603`` when its bundle does not say: it was not made by `train`, or was changed.
    """
    windows = scorer.about.get("windows")
    # a feature needs a window, so more windows than features are no windows of ours
    most = len(scorer.features)
    if (
        not isinstance(windows, list)
        or not 1 <= len(windows) <= most
        or not all(map(_is_int, windows))
    ):
        what = "the bundle does not say over which months its features look back"
        fix = "train it with `delinquency train`, or keep `windows` in its facts"
        raise IntegrityError(Problem("DLQ-603", what, "bundle", fix=fix))
    return tuple(windows)


def _is_int(value: Any) -> bool:
    return type(value) is int
