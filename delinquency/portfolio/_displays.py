"""Figures of finished tables: compute first, draw later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.portfolio._cash import forecast_cash
from delinquency.portfolio._roll import roll_rates, wide
from delinquency.portfolio._vintage import vintage

__all__ = ["CashForecastDisplay", "RollRateDisplay", "VintageDisplay"]


def _axes(ax: Any) -> Any:
    import matplotlib.pyplot as plt

    return ax if ax is not None else plt.subplots()[1]


class RollRateDisplay:
    """Heat map of one matrix of roll rates.

    Parameters
    ----------
    rates : DataFrame
        From `roll_rates`, without grouping columns.

    Attributes
    ----------
    ax_, figure_
        Where it was drawn.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> display = RollRateDisplay.from_months(make_portfolio(200, 12).months)
    >>> display.plot().ax_.get_ylabel()
    'from'
    """

    def __init__(self, rates: pd.DataFrame) -> None:
        self.rates = rates

    @classmethod
    def from_rates(cls, rates: pd.DataFrame) -> RollRateDisplay:
        """Take a finished table."""
        return cls(rates)

    @classmethod
    def from_months(cls, months: Any, **how: Any) -> RollRateDisplay:
        """Compute `roll_rates` first, with its keywords."""
        return cls(roll_rates(months, **how))

    def plot(self, ax: Any = None) -> RollRateDisplay:
        """Draw, and return the display."""
        matrix = wide(self.rates)
        matrix = matrix.loc[:, (matrix.fillna(0) > 0).any()]
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        values = matrix.to_numpy()
        # rates are small and a few are large: the square root shows both
        self.ax_.imshow(np.sqrt(np.nan_to_num(values)), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in np.argwhere(~np.isnan(values)):
            share = values[row, column]
            ink = "white" if share > 0.45 else "black"
            text = f"{share:.1%}" if share >= 0.0005 else ("0" if share == 0 else "<0.1%")
            self.ax_.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)
        self.ax_.set_xticks(
            range(matrix.shape[1]), [str(name) for name in matrix.columns], rotation=45
        )
        self.ax_.set_yticks(range(len(matrix)), [str(name) for name in matrix.index])
        step = self.rates.attrs.get("step", 1)
        self.ax_.set(
            ylabel="from", xlabel="to, one month later" if step == 1 else f"to, {step} months later"
        )
        return self


class VintageDisplay:
    """A line for each cohort: the share that had gone bad, by months on book.

    Parameters
    ----------
    table : DataFrame
        From `vintage`, without grouping columns.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> display = VintageDisplay.from_months(make_portfolio(200, 24).months, cohort="Y").plot()
    >>> display.ax_.get_xlabel()
    'months on book'
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> VintageDisplay:
        """Take a finished table."""
        return cls(table)

    @classmethod
    def from_months(cls, months: Any, dpd: int = 30, **how: Any) -> VintageDisplay:
        """Compute `vintage` first, with its keywords."""
        return cls(vintage(months, dpd, **how))

    def plot(self, ax: Any = None) -> VintageDisplay:
        """Draw, and return the display."""
        import matplotlib as mpl

        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        lines = list(self.table.dropna(subset=["rate"]).groupby("cohort"))
        shades = mpl.colormaps["viridis"](np.linspace(0, 0.9, max(len(lines), 1)))
        for (cohort, line), shade in zip(lines, shades, strict=True):
            self.ax_.plot(line["months_on_book"], line["rate"], color=shade, label=str(cohort))
        self.ax_.set(xlabel="months on book", ylabel="share gone bad", ylim=(0, None))
        if lines:
            self.ax_.legend(title="opened", fontsize=7, ncols=2)
        return self


class CashForecastDisplay:
    """Forecast collections with their interval, after what was collected.

    Parameters
    ----------
    forecast : DataFrame
        From `forecast_cash`.
    past : Series, optional
        What was collected, indexed by month.

    Examples
    --------
    >>> from delinquency.datasets import make_portfolio
    >>> display = CashForecastDisplay.from_months(make_portfolio(200, 24).months, horizon=6)
    >>> display.plot().ax_.get_ylabel()
    'collected in the month'
    """

    def __init__(self, forecast: pd.DataFrame, past: pd.Series | None = None) -> None:
        self.forecast, self.past = forecast, past

    @classmethod
    def from_forecast(
        cls, forecast: pd.DataFrame, past: pd.Series | None = None
    ) -> CashForecastDisplay:
        """Take finished tables."""
        return cls(forecast, past)

    @classmethod
    def from_months(cls, months: Any, **how: Any) -> CashForecastDisplay:
        """Compute `forecast_cash` first, with its keywords."""
        from delinquency.portfolio._cash import collected

        return cls(forecast_cash(months, **how), collected(months, how.get("method", "roll")))

    def plot(self, ax: Any = None) -> CashForecastDisplay:
        """Draw, and return the display."""
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        ahead = self.forecast
        if self.past is not None:
            self.ax_.plot(self.past.index, self.past, color="black", label="collected")
        self.ax_.fill_between(ahead["month"], ahead["low"], ahead["high"], alpha=0.25, lw=0)
        self.ax_.plot(ahead["month"], ahead["collections"], label="forecast")
        self.ax_.set(ylabel="collected in the month", ylim=(0, None))
        self.ax_.legend()
        return self
