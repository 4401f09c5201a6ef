"""Points: the log-odds of good on a scale that people can read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from delinquency.errors import InputError, Problem
from delinquency.scoring._expit import expit

__all__ = ["PointsScale", "log_odds"]

# Probabilities of exactly 0 or 1 have no odds; a calibrated model never needs less than this.
_FLOOR = 1e-12


@dataclass(frozen=True)
class PointsScale:
    """How a probability of bad becomes points; points rise as risk falls.

    ``factor = pdo / ln 2``, ``offset = base - factor * ln(odds)``,
    ``points = offset + factor * ln((1 - p) / p)``.

    Parameters
    ----------
    base : float
        Points at the reference odds.
    odds : float
        Reference odds, to be read as `orientation` says.
    pdo : float
        Points to double the odds of good.
    orientation : {"good:bad", "bad:good"}
        Which way round `odds` are. Both conventions are in use, so the scale names its own.

    Raises
    ------
    InputError
        ``DLQ-105`` when a figure is not finite or not positive, ``DLQ-103`` when the orientation is
        unknown or the odds contradict it (fewer goods than bads at the base).

    Examples
    --------
    >>> scale = PointsScale()  # 600 points at 50 goods to one bad, 20 points double the odds
    >>> scale.points([1 / 51, 1 / 101]).round(6).tolist()
    [600.0, 620.0]
    >>> scale.probability([600.0]).round(6).tolist()
    [0.019608]
    >>> PointsScale(base=600, odds=1 / 19, pdo=50)
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-103 scale.odds: 0.0526316 good:bad means more bads than goods...
    """

    base: float = 600.0
    odds: float = 50.0
    pdo: float = 20.0
    orientation: str = "good:bad"

    def __post_init__(self) -> None:
        for name in ("base", "odds", "pdo"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(Problem("DLQ-105", "must be finite and above 0", f"scale.{name}"))
        if self.orientation not in ("good:bad", "bad:good"):
            fix = 'write "good:bad" or "bad:good"'
            raise InputError(Problem("DLQ-103", "unknown", "scale.orientation", fix=fix))
        if self._good_odds < 1:
            what = f"{self.odds:g} {self.orientation} means more bads than goods at the base"
            fix = "turn the odds or the orientation round"
            raise InputError(Problem("DLQ-103", what, "scale.odds", fix=fix))
        with np.errstate(all="ignore"):
            finite = np.isfinite(self.points([0.0, 1.0])).all()
        if not finite:
            raise InputError(
                Problem("DLQ-105", "points would overflow", "scale", fix="lower base or pdo")
            )

    @property
    def _good_odds(self) -> float:
        return self.odds if self.orientation == "good:bad" else 1 / self.odds

    @property
    def factor(self) -> float:
        """Points for each unit of log-odds of good."""
        return self.pdo / math.log(2)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.base - self.factor * math.log(self._good_odds)

    def points(self, probability: Any) -> np.ndarray:
        """Return unrounded points of probabilities of bad; decide on these, round for display."""
        return self.offset - self.factor * log_odds(probability)

    def probability(self, points: Any) -> np.ndarray:
        """Return the probability of bad at given points."""
        good = (np.asarray(points, dtype=float) - self.offset) / self.factor
        return expit(-good)


def log_odds(probability: Any) -> np.ndarray:
    """Return ``ln(p / (1 - p))``; 0 and 1 are held a hair inside.

    Examples
    --------
    >>> log_odds([0.5, 0.9]).round(4).tolist()
    [0.0, 2.1972]
    """
    p = np.clip(np.asarray(probability, dtype=float), _FLOOR, 1 - _FLOOR)
    return np.log(p) - np.log1p(-p)
