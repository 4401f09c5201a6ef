"""Calibration: from raw log-odds to log-odds that hold, on a scale we name ourselves.

The step is our own because a borrowed one changed its scale between versions of LightGBM without a
word. Whatever the method, the result is a strictly rising line through knots on the log-odds scale, so it
never changes who ranks above whom, and a bundle keeps the knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from delinquency.errors import IntegrityError, Problem
from delinquency.scoring._expit import expit

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
        if not self._sound():
            fix = "restore the bundle, or train again"
            raise IntegrityError(
                Problem("DLQ-603", "the knots do not rise", "calibration", fix=fix)
            )

    def _sound(self) -> bool:
        knots = (self.raw, self.calibrated)
        plain = all(k.ndim == 1 and k.dtype == np.float64 and len(k) >= 2 for k in knots)
        if not plain or len(self.raw) != len(self.calibrated):
            return False
        with np.errstate(all="ignore"):  # what overflows is refused just below
            runs, slopes = [np.diff(k) for k in knots], self._slopes()
        figures = [*knots, *runs, slopes]
        return all(np.isfinite(f).all() for f in figures) and all(
            (f > 0).all() for f in figures[2:]
        )

    def _slopes(self) -> np.ndarray:
        return np.diff(self.calibrated) / np.diff(self.raw)

    def log_odds(self, raw: Any) -> np.ndarray:
        """Return calibrated log-odds."""
        raw, slopes = np.asarray(raw, dtype=float), self._slopes()
        piece = np.clip(np.searchsorted(self.raw, raw, side="right") - 1, 0, len(slopes) - 1)
        return self.calibrated[piece] + slopes[piece] * (raw - self.raw[piece])

    def probability(self, raw: Any) -> np.ndarray:
        """Return the probability of bad."""
        return expit(self.log_odds(raw))


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
    from scipy.optimize import minimize  # half a second that scoring need not wait for

    centre, spread = float(np.mean(raw)), float(np.std(raw))
    if spread == 0.0:  # a model that says the same of everyone: only the level can be put right
        return _line(0.0, 1.0, _level(bad, weight) - centre)
    scaled, total = (raw - centre) / spread, weight.sum()

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = line[0] + np.exp(line[1]) * scaled
        error = weight * (expit(z) - bad)
        value = (weight * (np.logaddexp(0.0, z) - bad * z)).sum()
        gradient = np.array([error.sum(), (error * scaled).sum() * np.exp(line[1])])
        return value / total, gradient / total

    # the slope is fitted as an exponential, so it cannot turn the ranking round; bounded, because classes
    # that are parted cleanly would have it grow for ever
    start = np.array([_level(bad, weight), 0.0])
    bounds = [(-30.0, 30.0), (-10.0, 5.0)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_EXACT)
    intercept, slope = found.x[0], float(np.exp(found.x[1]))
    return _line(centre, spread / slope, float(intercept))


_EXACT: Any = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}


def _level(bad: np.ndarray, weight: np.ndarray) -> float:
    rate = np.clip((bad * weight).sum() / weight.sum(), 1e-6, 1 - 1e-6)
    return float(np.log(rate / (1 - rate)))


def _line(centre: float, run: float, level: float) -> Calibration:
    raw = np.array([centre, centre + run])
    return Calibration(raw, np.array([level, level + 1.0]))
