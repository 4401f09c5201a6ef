"""Whether frozen bands still hold: share, bads and rank order, month by month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from delinquency.errors import InputError, Problem

if TYPE_CHECKING:
    from delinquency.scoring._bands import BandScheme

__all__ = ["check"]


def check(
    bands: BandScheme,
    points: Any,
    bad: Any,
    month: Any,
    min_share: float,
    min_bads: int,
    level: float,
) -> pd.DataFrame:
    """See `BandScheme.check`."""
    band = bands.assign(points)
    outcome = np.full(len(band), np.nan) if bad is None else np.asarray(bad, dtype="float64")
    months = np.zeros(len(band), dtype="int64") if month is None else np.asarray(month)
    if outcome.shape != band.shape or months.shape != band.shape:
        raise InputError(
            Problem(
                "DLQ-103",
                "points, outcomes and months differ in length",
                "bands",
                fix="give one of each an account",
            )
        )
    if not np.isin(outcome[~np.isnan(outcome)], (0.0, 1.0)).all():
        what = "outcomes other than 1, 0 and missing"
        raise InputError(Problem("DLQ-103", what, "bad", fix="label bad as 1 and good as 0"))
    table = _counted(bands, band, outcome, months)
    table["share"] = table["accounts"] / table.groupby("month")["accounts"].transform("sum")
    table["bad_rate"] = table["bads"] / table["judged"].where(table["judged"] > 0)
    table["low"], table["high"] = _jeffreys(table["bads"], table["judged"], level)
    expected = dict(zip(bands.names, bands.expected, strict=True)) if bands.expected else {}
    table["expected"] = table["band"].map(expected).astype("float64")
    table["enough_share"] = table["share"] >= min_share
    table["enough_bads"] = table["bads"] >= min_bads
    table["in_order"] = _in_order(table)
    inside = (table["low"] <= table["expected"]) & (table["expected"] <= table["high"])
    told = table["expected"].notna() & table["bad_rate"].notna()
    table["as_expected"] = inside.astype("boolean").where(told)
    return table[_COLUMNS]


_COLUMNS = [
    *(
        "month",
        "band",
        "accounts",
        "share",
        "judged",
        "bads",
        "bad_rate",
        "low",
        "high",
        "expected",
    ),
    *("enough_share", "enough_bads", "in_order", "as_expected"),
]


def _counted(
    bands: BandScheme, band: np.ndarray, outcome: np.ndarray, months: np.ndarray
) -> pd.DataFrame:
    """Return accounts, judged ones and bads, one row a month and band, bands from the safest."""
    codes, names = pd.factorize(pd.Series(months), sort=True)
    place = codes * len(bands.names) + pd.Index(bands.names).get_indexer(pd.Index(band))
    size = len(names) * len(bands.names)
    known = ~np.isnan(outcome)
    return pd.DataFrame(
        {
            "month": np.repeat(np.asarray(names), len(bands.names)),
            "band": np.tile(np.array(bands.names, dtype=object), len(names)),
            "accounts": np.bincount(place, minlength=size),
            "judged": np.bincount(place[known], minlength=size),
            "bads": np.bincount(place[outcome == 1], minlength=size),
        }
    )


def _jeffreys(bads: pd.Series, n: pd.Series, level: float) -> tuple[pd.Series, pd.Series]:
    """Return the Jeffreys interval (Brown, Cai and DasGupta, Statistical Science 16, 2001)."""
    tail, goods = (1 - level) / 2, n - bads
    low = pd.Series(betaincinv(bads + 0.5, goods + 0.5, tail), bads.index)
    high = pd.Series(betaincinv(bads + 0.5, goods + 0.5, 1 - tail), bads.index)
    return low.mask(bads == 0, 0.0).where(n > 0), high.mask(goods == 0, 1.0).where(n > 0)


def _in_order(table: pd.DataFrame) -> pd.Series:
    """Return whether each bad rate is above that of the next safer band with one."""
    rates = table.groupby("month")["bad_rate"]
    safer = rates.ffill().groupby(table["month"]).shift()
    return (
        (table["bad_rate"] > safer)
        .astype("boolean")
        .where(safer.notna() & table["bad_rate"].notna())
    )
