"""Calibration: from raw log-odds to log-odds that hold, on a scale we name ourselves.

The step is our own because a borrowed one changed its scale between versions of LightGBM without a
word. Whatever the method, the result is a strictly rising line through knots on the log-odds scale, so it
never changes who ranks above whom, and a bundle keeps the knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from delinquency.errors import IntegrityError, Problem

__all__ = ["Calibration", "fit_calibration"]


@dataclass(frozen=True)
class Calibration:
    """A strictly rising, piecewise linear map of log-odds, carried on beyond its last knots.

    Parameters
    ----------
    raw, calibrated : ndarray (knots,)
        Log-odds before and after, at least two knots.
    method : str
        How the knots were found.

    Examples
    --------
    >>> line = Calibration(np.array([0.0, 1.0]), np.array([0.5, 2.5]))
    >>> line.log_odds([-1.0, 0.0, 2.0]).tolist()
    [-1.5, 0.5, 4.5]
    """

    raw: np.ndarray
    calibrated: np.ndarray
    method: str = "platt"

    def __post_init__(self) -> None:
        knots = (self.raw, self.calibrated)
        rising = all(len(k) >= 2 and np.isfinite(k).all() and (np.diff(k) > 0).all() for k in knots)
        if not rising or len(self.raw) != len(self.calibrated):
            fix = "restore the bundle, or train again"
            raise IntegrityError(
                Problem("DLQ-603", "the knots do not rise", "calibration", fix=fix)
            )

    def log_odds(self, raw: Any) -> np.ndarray:
        """Return calibrated log-odds."""
        raw = np.asarray(raw, dtype=float)
        slopes = np.diff(self.calibrated) / np.diff(self.raw)
        piece = np.clip(np.searchsorted(self.raw, raw, side="right") - 1, 0, len(slopes) - 1)
        return self.calibrated[piece] + slopes[piece] * (raw - self.raw[piece])

    def probability(self, raw: Any) -> np.ndarray:
        """Return the probability of bad."""
        return 1.0 / (1.0 + np.exp(-self.log_odds(raw)))


def fit_calibration(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> Calibration:
    """Fit Platt's line on the log-odds of accounts that the trees did not learn from.

    J. Platt, "Probabilistic outputs for support vector machines", 1999, without his prior correction,
    which matters only for a handful of cases.

    Parameters
    ----------
    raw : ndarray (n,)
        Raw log-odds.
    bad : ndarray (n,)
        1 bad, 0 good.
    weight : ndarray (n,)
        Sample weights.
    """
    centre, spread = float(np.mean(raw)), float(np.std(raw))
    if spread == 0.0:  # a model that says the same of everyone: only the level can be put right
        return _line(0.0, 1.0, _level(bad, weight) - centre)
    scaled, total = (raw - centre) / spread, weight.sum()

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = line[0] + np.exp(line[1]) * scaled
        error = weight * (1.0 / (1.0 + np.exp(-z)) - bad)
        value = (weight * (np.logaddexp(0.0, z) - bad * z)).sum()
        gradient = np.array([error.sum(), (error * scaled).sum() * np.exp(line[1])])
        return value / total, gradient / total

    # the slope is fitted as an exponential, so it cannot turn the ranking round
    start = np.array([centre, np.log(spread)])
    intercept, log_slope = minimize(loss, start, jac=True, method="BFGS").x
    slope = float(np.exp(np.clip(log_slope, -10.0, 10.0)))
    return _line(centre, spread / slope, float(intercept))


def _level(bad: np.ndarray, weight: np.ndarray) -> float:
    rate = np.clip((bad * weight).sum() / weight.sum(), 1e-6, 1 - 1e-6)
    return float(np.log(rate / (1 - rate)))


def _line(centre: float, run: float, level: float) -> Calibration:
    raw = np.array([centre, centre + run])
    return Calibration(raw, np.array([level, level + 1.0]))
