"""Figures in the manner of scikit-learn: from predictions or from an estimator, then plot.

Each display holds the finished table, so that it can be drawn again on another ``ax``, or read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from delinquency.evaluation._bands import by_band
from delinquency.evaluation._calibration import calibration
from delinquency.evaluation._discrimination import gains, roc
from delinquency.evaluation._draw import (
    draw_bands,
    draw_calibration,
    draw_gains,
    draw_months,
    draw_roc,
)
from delinquency.evaluation._segments import by_month

__all__ = ["BandDisplay", "CalibrationDisplay", "GainsDisplay", "MonthDisplay", "RocDisplay"]


class _Display:
    """What all displays share.

    Parameters
    ----------
    table : DataFrame
        The finished table.

    Attributes
    ----------
    ax_, figure_
        Where it was last drawn.
    """

    _draw: ClassVar[Callable[[pd.DataFrame, Any], Any]]
    _compute: ClassVar[Callable[..., pd.DataFrame]]

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    @classmethod
    def from_predictions(cls, y: Any, probability: Any, *args: Any, ax: Any = None) -> Any:
        """Compute the table and draw it.

        Parameters
        ----------
        y : array-like of shape (n,)
            1 is bad, 0 is good.
        probability : array-like of shape (n,)
            Probability of bad.
        *args : array-like of shape (n,)
            What else the table needs: the band, or the month, of each account.
        ax : matplotlib Axes, optional
            A new figure by default.
        """
        return cls(cls._compute(y, probability, *args)).plot(ax)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *args: Any, ax: Any = None) -> Any:
        """Predict, compute the table and draw it.

        Parameters
        ----------
        estimator : fitted classifier
            Its second column of ``predict_proba`` is the probability of bad.
        X : table of shape (n, features)
        y, *args, ax
            See `from_predictions`.
        """
        probability = np.asarray(estimator.predict_proba(X))[:, 1]
        return cls.from_predictions(y, probability, *args, ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the table on `ax`, or on a new figure, and return the display."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(layout="constrained")
        self.ax_ = type(self)._draw(self.table, ax)
        self.figure_ = ax.figure
        return self


class RocDisplay(_Display):
    """The ROC curve with its widest gap (KS); see `roc`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = RocDisplay.from_predictions([0, 1, 1], [0.1, 0.2, 0.3], ax=Figure().subplots())
    >>> display.ax_.get_ylabel()
    'Share of bads caught'
    """

    _draw, _compute = staticmethod(draw_roc), staticmethod(roc)


class GainsDisplay(_Display):
    """The gains curve; see `gains`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = GainsDisplay(gains([0, 1, 1], [0.1, 0.2, 0.3]))
    >>> display.plot(Figure().subplots()).ax_.get_xlabel()
    'Share of accounts, riskiest first'
    """

    _draw, _compute = staticmethod(draw_gains), staticmethod(gains)


def _calibration_table(y: Any, probability: Any) -> pd.DataFrame:
    return calibration(y, probability).table


class CalibrationDisplay(_Display):
    """Promised against observed, with the noise band; see `calibration`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(200)
    >>> ax = Figure().subplots()
    >>> CalibrationDisplay.from_predictions(rng.random(200) < p, p, ax=ax).table.shape
    (10, 9)
    """

    _draw, _compute = staticmethod(draw_calibration), staticmethod(_calibration_table)


class BandDisplay(_Display):
    """Bad rate by band beside what was promised; see `by_band`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> y, p, band = [0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8], ["A", "A", "B", "B"]
    >>> BandDisplay.from_predictions(y, p, band, ax=ax).table["bad_rate"].tolist()
    [0.0, 1.0]
    """

    _draw, _compute = staticmethod(draw_bands), staticmethod(by_band)


class MonthDisplay(_Display):
    """Bad rate by month beside what was promised; see `by_month`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> y, p, month = [0, 1, 1, 0], [0.1, 0.2, 0.3, 0.8], ["2026-01"] * 2 + ["2026-02"] * 2
    >>> MonthDisplay.from_predictions(y, p, month, ax=ax).table["expected"].round(2).tolist()
    [0.15, 0.55]
    """

    _draw, _compute = staticmethod(draw_months), staticmethod(by_month)
