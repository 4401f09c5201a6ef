"""Log-odds to probability, to the bit as scipy has it, without scipy: it takes a while to load."""

from __future__ import annotations

from typing import Any

import numpy as np

from delinquency.kernels import compiled

__all__ = ["expit"]


def expit(values: Any) -> np.ndarray:
    """Return ``1 / (1 + exp(-x))`` of each value; missing stays missing.

    Examples
    --------
    >>> expit([-np.inf, 0.0, np.inf, np.nan])
    array([0. , 0.5, 1. , nan])
    """
    given = np.asarray(values, dtype="float64")
    out = np.empty(given.size)
    with np.errstate(all="ignore"):  # speaks only where the loop runs uncompiled
        _expit(given.ravel(), out)
    return out.reshape(given.shape)[()]


@compiled
def _expit(values, out):  # pragma: no cover
    for place in range(values.shape[0]):
        out[place] = 1.0 / (1.0 + np.exp(-values[place]))
