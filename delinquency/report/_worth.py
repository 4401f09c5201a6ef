"""What a plan is worth, what scarce hours are worth, and how the goals stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from delinquency.report._figures import short

__all__ = ["draw_goals", "price_rows", "value_rows"]


def value_rows(plan: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Return what each treatment is expected to bring: ``treatment, zh, n, value``, greatest first.

    Parameters
    ----------
    plan : DataFrame
        ``treatment, value``; rows without a value are left out.
    names : DataFrame
        ``treatment`` and its ``name`` in Chinese.

    Examples
    --------
    >>> names = pd.DataFrame({"treatment": ["agent_call"], "name": ["人工电话"]})
    >>> plan = pd.DataFrame({"treatment": ["agent_call"] * 2, "value": [4.0, 6.0]})
    >>> value_rows(plan, names).values.tolist()
    [['agent_call', '人工电话', 2, 10.0]]
    """
    priced = plan[plan["value"].notna()]
    table = priced.groupby("treatment")["value"].agg(["size", "sum"]).reset_index()
    table = table.set_axis(["treatment", "n", "value"], axis=1)
    table = table.sort_values("value", ascending=False, kind="stable").reset_index(drop=True)
    chinese = table["treatment"].map(names.set_index("treatment")["name"]).fillna("")
    table.insert(1, "zh", chinese)
    return table


def price_rows(
    prices: Mapping[Any, float], used: Mapping[Any, float], limits: Mapping[Any, float]
) -> pd.DataFrame:
    """Return ``capacity, used, limit, price`` of an allocation, the dearest first.

    Parameters
    ----------
    prices, used, limits : mapping of capacity to float
        ``Allocation.prices, .used, .capacities`` of `delinquency.strategy.allocate`.

    Examples
    --------
    >>> price_rows({"visits": 0.0, "hours": 212.0}, {"visits": 3, "hours": 8}, {"hours": 8})
      capacity  used  limit  price
    0    hours   8.0    8.0  212.0
    1   visits   3.0    NaN    0.0
    """
    rows = [
        (
            " / ".join(map(str, name)) if isinstance(name, tuple) else str(name),
            float(used[name]),
            float(limits.get(name, np.nan)),
            float(price),
        )
        for name, price in prices.items()
    ]
    table = pd.DataFrame(rows, columns=["capacity", "used", "limit", "price"])
    return table.sort_values(["price", "capacity"], ascending=[False, True]).reset_index(drop=True)


def draw_goals(table: pd.DataFrame, ax: Any) -> Any:
    """Draw goals as shares of their targets: what stands, and where simulated ends lie.

    Parameters
    ----------
    table : DataFrame
        ``goal, target, actual, p10, p50, p90``; ends may be missing.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> goal = {"goal": "cures", "target": 0.5, "actual": 0.2, "p10": 0.3, "p50": 0.4, "p90": 0.5}
    >>> ax = draw_goals(pd.DataFrame([goal]), Figure().subplots())
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['cures']
    """
    place = np.arange(len(table))
    target = table["target"].to_numpy("float64")
    share = {name: table[name].to_numpy("float64") / target for name in ("actual", "p10", "p90")}
    # beyond twice the target a bar only says "far beyond"
    shown = {name: np.clip(values, 0, 2) for name, values in share.items()}
    ax.barh(place, np.nan_to_num(shown["actual"]), color="C0", alpha=0.35, height=0.5)
    there = np.isfinite(share["p10"])
    ax.hlines(place[there], shown["p10"][there], shown["p90"][there], color="C0", lw=3)
    middle = np.clip(table["p50"].to_numpy("float64") / target, 0, 2)
    ax.plot(middle[there], place[there], "o", color="C0", ms=6)
    ax.axvline(1, color=ax.yaxis.label.get_color(), lw=1, ls=":")
    ax.set_yticks(place, [short(name) for name in table["goal"]])
    far = max(1.15, float(np.nanmax([*shown["actual"], *shown["p90"], 0.0])) * 1.05)
    ax.set(xlim=(0, far), ylim=(len(table) - 0.5, -0.5))
    ticks = [tick for tick in (0, 0.5, 1, 1.5, 2) if tick <= far]
    ax.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False, axis="y")
    return ax
