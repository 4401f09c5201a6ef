"""Figures of the room: each takes a finished table and an ``ax``, draws, and returns the ``ax``.

Colours come from the style in force: the first colour of the cycle is what the figure says, the
colour of the axes is what to hold it against. So the same functions serve a notebook and the
report.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["draw_bands", "draw_calibration", "draw_gains", "draw_months", "draw_roc"]


# not strftime: the page must not change with a person's locale
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def draw_roc(table: pd.DataFrame, ax: Any) -> Any:
    """Draw a table of `roc`, with the widest gap (KS) marked.

    Parameters
    ----------
    table : DataFrame
        ``goods_share, bads_share``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from delinquency.evaluation import roc
    >>> ax = draw_roc(roc([0, 1, 0, 1], [0.1, 0.2, 0.2, 0.9]), Figure().subplots())
    >>> ax.get_xlabel()
    'Share of goods flagged'
    """
    goods, bads = table["goods_share"].to_numpy(), table["bads_share"].to_numpy()
    at = int(np.argmax(np.abs(bads - goods)))
    reference = _reference(ax)
    ax.plot([0, 1], [0, 1], **reference)
    ax.plot([goods[at]] * 2, [goods[at], bads[at]], color="C0", linewidth=1)
    ax.plot(goods, bads, color="C0")
    ax.plot(goods[at], bads[at], color="C0", marker="o", markersize=4)
    words = f"KS {abs(bads[at] - goods[at]):.2f}"
    ax.annotate(words, (goods[at], (goods[at] + bads[at]) / 2), (5, 0), textcoords="offset points")
    ax.set(xlabel="Share of goods flagged", ylabel="Share of bads caught")
    return _unit_square(ax)


def draw_gains(table: pd.DataFrame, ax: Any, *, at: float = 0.2) -> Any:
    """Draw a table of `gains`, between chance below and perfect foresight above.

    Parameters
    ----------
    table : DataFrame
        ``share, captured, n, bads``.
    ax : matplotlib Axes
    at : float
        The share of accounts whose catch is written into the figure.

    Returns
    -------
    matplotlib Axes
        The same ``ax``.
    """
    share, captured = table["share"].to_numpy(), table["captured"].to_numpy()
    bad_rate = float(table["bads"].iloc[-1] / table["n"].iloc[-1])
    reference = _reference(ax)
    ax.plot([0, 1], [0, 1], **reference)
    ax.plot([0, bad_rate, 1], [0, 1, 1], **reference)
    ax.plot(share, captured, color="C0")
    caught = float(np.interp(at, share, captured))
    ax.plot(at, caught, color="C0", marker="o", markersize=4)
    # no line ever comes to the lower right corner
    ax.text(0.98, 0.05, f"the riskiest {at:.0%}\nhold {caught:.0%} of the bads", ha="right")
    ax.set(xlabel="Share of accounts, riskiest first", ylabel="Share of bads among them")
    return _unit_square(ax)


def draw_calibration(table: pd.DataFrame, ax: Any) -> Any:
    """Draw the table of a `Calibration`: what was promised, what came, and what chance allows.

    Parameters
    ----------
    table : DataFrame
        ``expected, observed, low, high, noise_low, noise_high``, one row a bin.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.
    """
    expected, observed = table["expected"].to_numpy(), table["observed"].to_numpy()
    top = min(1.0, 1.05 * float(table[["expected", "high", "noise_high"]].to_numpy().max()))
    ax.fill_between(
        expected, table["noise_low"], table["noise_high"], color="C0", alpha=0.18, linewidth=0
    )
    ax.plot([0, top], [0, top], **_reference(ax))
    reach = np.abs(table[["low", "high"]].to_numpy() - observed[:, None]).T
    ax.errorbar(expected, observed, reach, color="C0", fmt="o", markersize=4, elinewidth=1)
    ax.set(xlabel="Probability promised", ylabel="Bad rate that came")
    return _percent(ax, top, top)


def draw_bands(table: pd.DataFrame, ax: Any) -> Any:
    """Draw a table of `by_band`: a bar for the bad rate, its interval, and the promise as a tick.

    Parameters
    ----------
    table : DataFrame
        ``band, share, bad_rate, low, high, expected``; without outcomes only the promise is drawn.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.
    """
    place = np.arange(len(table))
    rate, expected = table["bad_rate"].to_numpy(float), table["expected"].to_numpy(float)
    ends = table[["low", "high"]].to_numpy(float)
    tops = np.nanmax(np.column_stack([ends, rate, expected, np.zeros(len(table))]), axis=1)
    ax.bar(place, rate, color="C0", alpha=0.35, width=0.62)
    reach = np.abs(ends - rate[:, None]).T
    ax.errorbar(place, rate, reach, color="C0", fmt="none", elinewidth=1.5)
    ax.hlines(expected, place - 0.31, place + 0.31, color=_reference(ax)["color"], linewidth=1.5)
    for x, top, value in zip(place, tops, np.where(np.isnan(rate), expected, rate), strict=True):
        if np.isfinite(value):
            ax.annotate(f"{value:.1%}", (x, top), (0, 4), textcoords="offset points", ha="center")
    words = [
        f"{_short(band)}\n{share:.0%}"
        for band, share in zip(table["band"], table["share"], strict=True)
    ]
    ax.set_xticks(place, words)
    ax.set(xlabel="Band, and its share of accounts", ylabel="Bad rate")
    ax.set_ylim(0, float(tops.max() or 1) * 1.15)
    ax.yaxis.set_major_formatter(_percent_text)
    return ax


def draw_months(table: pd.DataFrame, ax: Any) -> Any:
    """Draw a table of `by_month`: the rate that came with its interval, the promise as a line.

    Parameters
    ----------
    table : DataFrame
        ``month, bad_rate, low, high, expected``.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.
    """
    place = np.arange(len(table))
    observed = table["bad_rate"].to_numpy(float)
    ends = table[["low", "high"]].to_numpy(float)
    ax.plot(place, table["expected"], **_reference(ax))
    reach = np.abs(ends - observed[:, None]).T
    ax.errorbar(place, observed, reach, color="C0", fmt="o", markersize=4, elinewidth=1.5)
    # a dozen labels at most, or they run into one another
    step = -(-len(table) // 12)
    months = pd.to_datetime(table["month"])
    words = [f"{_MONTHS[month.month - 1]}\n{month.year}" for month in months]
    ax.set_xticks(place[::step], words[::step])
    ax.set(xlim=(-0.5, len(table) - 0.5), ylabel="Bad rate")
    ax.set_ylim(0, 1.1 * float(np.nanmax([*ends[:, 1], *table["expected"], 0.01])))
    ax.yaxis.set_major_formatter(_percent_text)
    return ax


def _short(name: Any) -> str:
    text = " ".join(str(name).split())
    return text if len(text) <= 12 else text[:11] + "…"


def _reference(ax: Any) -> dict[str, Any]:
    colour = ax.spines["left"].get_edgecolor()
    return {"color": colour, "linewidth": 1, "linestyle": (0, (2, 2))}


def _percent_text(value: float, _: Any = None) -> str:
    return f"{value:.0%}"


def _percent(ax: Any, right: float, top: float) -> Any:
    ax.set(xlim=(0, right), ylim=(0, top))
    ax.xaxis.set_major_formatter(_percent_text)
    ax.yaxis.set_major_formatter(_percent_text)
    return ax


def _unit_square(ax: Any) -> Any:
    ticks = [0, 0.25, 0.5, 0.75, 1]
    ax.set(xticks=ticks, yticks=ticks)
    return _percent(ax, 1, 1.01)
