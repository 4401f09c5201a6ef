"""Bands: named ranges of points with fixed edges, frozen on a reference sample."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.schema import as_date
from delinquency.scoring._partition import best_partition
from delinquency.scoring._points import PointsScale

__all__ = ["GRADES", "BandScheme"]

_FINE = 60  # cells that ``merge`` starts from
GRADES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)


@dataclass(frozen=True)
class BandScheme:
    """Bands from the safest to the riskiest, each with its lowest points.

    Parameters
    ----------
    names : tuple of str
        Safest first.
    floors : tuple of float
        Lowest points of each band but the last, falling. A score on an edge belongs to the safer band.
    reference : str
        The sample on which the edges were frozen.
    expected : tuple of float
        Bad rate of each band on that sample; empty when the edges were set by hand.
    counts : tuple of int
        Accounts of each band on that sample.
    date : str
        The day on which the edges were frozen, ``YYYY-MM-DD``; empty where nobody said.

    Raises
    ------
    InputError
        ``DLQ-203`` when names repeat, edges do not fall strictly, or lengths do not match; as
        `schema.as_date` for another form of date.

    Examples
    --------
    >>> bands = BandScheme(names=("A", "B", "C"), floors=(600.0, 560.0))
    >>> bands.assign([700, 600, 599.9, 560, 100]).tolist()
    ['A', 'A', 'B', 'B', 'C']
    """

    names: tuple[str, ...]
    floors: tuple[float, ...]
    reference: str = ""
    expected: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    date: str = ""

    def __post_init__(self) -> None:
        if self.date:
            as_date(self.date, "date")
        sound = (
            len(set(self.names)) == len(self.names) == len(self.floors) + 1
            and all(math.isfinite(floor) for floor in self.floors)
            and all(high > low for high, low in zip(self.floors, self.floors[1:], strict=False))
            and all(len(part) in (0, len(self.names)) for part in (self.expected, self.counts))
        )
        if not sound:
            what = "names must be different and edges must fall, one fewer than names"
            raise InputError(
                Problem("DLQ-203", what, "bands", fix="list bands from safest to riskiest")
            )

    def assign(self, points: Any) -> np.ndarray:
        """Return the band of each score.

        Raises
        ------
        InputError
            ``DLQ-105`` for a score that is not finite: there is no default band.
        """
        points = np.asarray(points, dtype=float)
        wrong = ~np.isfinite(points)
        if wrong.any():
            what = f"{int(wrong.sum()):,} scores are not finite, first at row {np.argmax(wrong):,}"
            fix = "refuse these accounts; there is no default band"
            raise InputError(Problem("DLQ-105", what, "points", int(wrong.sum()), fix))
        rising = np.array(self.floors[::-1])
        from_riskiest = np.searchsorted(rising, points, side="right")
        return np.array(self.names[::-1], dtype=object)[from_riskiest]

    def table(self) -> pd.DataFrame:
        """Return one row a band: ``band, points_from, points_below, expected, count``."""
        edges = [math.inf, *self.floors, -math.inf]
        blank = [math.nan] * len(self.names)
        return pd.DataFrame(
            {
                "band": self.names,
                "points_from": edges[1:],
                "points_below": edges[:-1],
                "expected": self.expected or blank,
                "count": self.counts or blank,
            }
        )

    def describe(self, band: Any, probability: Any) -> pd.DataFrame:
        """Return ``band, accounts, share, probability`` (the mean) of scored accounts, all bands shown."""
        grouped = pd.Series(np.asarray(probability, dtype=float)).groupby(
            np.asarray(band, dtype=object)
        )
        table = pd.DataFrame({"accounts": grouped.size(), "probability": grouped.mean()})
        table = table.reindex(list(self.names)).rename_axis("band").reset_index()
        table["accounts"] = table["accounts"].fillna(0).astype("int64")
        table.insert(2, "share", table["accounts"] / max(int(table["accounts"].sum()), 1))
        return table

    @classmethod
    def propose(
        cls,
        points: Any,
        bad: Any,
        *,
        n: int = 5,
        method: str = "merge",
        min_share: float = 0.05,
        min_bads: int = 30,
        scale: PointsScale | None = None,
        grades: Sequence[float] = GRADES,
        reference: str = "",
        date: str = "",
    ) -> BandScheme:
        """Propose edges on a reference sample, at whole points; freeze them by keeping the result.

        Parameters
        ----------
        points : array (n,)
            Scores that the model did not learn from.
        bad : array (n,)
            1 bad, 0 good.
        n : int
            Most bands wanted; fewer come back where the sample cannot carry them.
        method : {"merge", "quantile", "master"}
            ``merge`` parts the scores where the likelihood of the bad rates gains most, keeping the bad
            rate rising from band to band; ``quantile`` makes equal shares, and ``master`` the `grades` of
            a master scale, and both then merge what breaks the order or is too small.
        min_share : float
            Smallest share of accounts in a band, a matter of judgement.
        min_bads : int
            Fewest bads in a band, a matter of judgement.
        scale : PointsScale, optional
            How probabilities became these points; needed for ``master``.
        grades : sequence of float
            Edges of the master scale, rising probabilities of bad; each grade doubles the one before, by
            default.
        reference : str
            What to call the sample.
        date : str
            The day of freezing, ``YYYY-MM-DD``.

        Raises
        ------
        InputError
            ``DLQ-113`` when the sample is too small for two bands; ``DLQ-105`` for scores that are not
            finite; ``DLQ-103`` for outcomes other than 1 and 0, an unknown method, a number of bands
            outside 2 to 26, or a master scale without its points scale or with grades that do not rise
            between 0 and 1.

        Examples
        --------
        >>> points = np.repeat([640.0, 600.0, 560.0], 1000)
        >>> bad = np.r_[
        ...     np.repeat([0, 1], [960, 40]),
        ...     np.repeat([0, 1], [900, 100]),
        ...     np.repeat([0, 1], [700, 300]),
        ... ]
        >>> BandScheme.propose(points, bad, n=3).expected
        (0.04, 0.1, 0.3)
        """
        points, bad = np.asarray(points, dtype=float), np.asarray(bad, dtype=float)
        _refuse_sample(points, bad, n, method)
        least = max(math.ceil(min_share * len(points)), 1)
        if method == "master":
            cells = _cells(points, bad, _master_edges(scale, grades))
        else:
            parts = n if method == "quantile" else _FINE
            cells = _cells(points, bad, np.quantile(points, np.arange(1, parts) / parts))
        groups = best_partition(cells[:, 1:], n, least, min_bads)[0]
        if len(groups) < 2:
            what = (
                f"{len(points):,} accounts with {int(bad.sum()):,} bads carry fewer than two bands"
            )
            fix = "take a larger sample, or set the edges by hand"
            raise InputError(Problem("DLQ-113", what, "bands", len(points), fix))
        return cls(
            names=tuple(string.ascii_uppercase[: len(groups)]),
            floors=tuple(float(cells[last][0]) for _, last in groups[:-1]),
            reference=reference,
            expected=tuple(_rate(cells[first : last + 1]) for first, last in groups),
            counts=tuple(int(cells[first : last + 1, 1].sum()) for first, last in groups),
            date=date,
        )

    def check(
        self,
        points: Any,
        bad: Any = None,
        *,
        month: Any = None,
        min_share: float = 0.03,
        min_bads: int = 30,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Check share, bads and rank order of every band in every month.

        Parameters
        ----------
        points : array (n,)
            Scores.
        bad : array (n,), optional
            1 bad, 0 good, missing where the outcome is not known yet.
        month : array (n,), optional
            Month or snapshot date of each score; all are one month without it.
        min_share, min_bads
            Least share of the accounts and fewest bads of a band, matters of judgement.
        level : float
            Level of the Jeffreys interval of a bad rate.

        Returns
        -------
        DataFrame
            One row a month and band, empty bands too: ``month, band, accounts, share, judged, bads,
            bad_rate, low, high, expected, enough_share, enough_bads, in_order, as_expected``. ``in_order``
            says that the bad rate is above that of the next safer band that was judged, ``as_expected`` that
            the frozen rate lies within ``low`` and ``high``; both are missing where nothing can be said.

        Raises
        ------
        InputError
            ``DLQ-105`` for scores that are not finite, ``DLQ-103`` for other outcomes or lengths.

        Examples
        --------
        >>> bands = BandScheme(names=("A", "B"), floors=(600.0,), expected=(0.1, 0.3))
        >>> points, bad = [620.0] * 50 + [580.0] * 50, ([1] * 5 + [0] * 45) * 2
        >>> bands.check(points, bad, min_bads=5)[
        ...     ["band", "share", "bad_rate", "in_order", "as_expected"]
        ... ]
          band  share  bad_rate  in_order  as_expected
        0    A    0.5       0.1      <NA>         True
        1    B    0.5       0.1     False        False
        """
        from delinquency.scoring._band_check import check

        return check(self, points, bad, month, min_share, min_bads, level)


def _refuse_sample(points: np.ndarray, bad: np.ndarray, n: int, method: str) -> None:
    wrong, other = ~np.isfinite(points), ~np.isin(bad, (0.0, 1.0))
    problems = []
    if wrong.any():
        what = f"{int(wrong.sum()):,} scores are not finite"
        fix = "leave these accounts out"
        problems.append(Problem("DLQ-105", what, "points", int(wrong.sum()), fix))
    if other.any():
        what = f"{int(other.sum()):,} outcomes are neither 1 nor 0"
        fix = "leave out accounts without an outcome"
        problems.append(Problem("DLQ-103", what, "bad", int(other.sum()), fix))
    if points.shape != bad.shape or points.ndim != 1:
        what, fix = "points and outcomes differ in length", "give one of each an account"
        problems.append(Problem("DLQ-103", what, "bands", fix=fix))
    if method not in ("merge", "quantile", "master"):
        fix = '"merge", "quantile" or "master"'
        problems.append(Problem("DLQ-103", "unknown", "method", fix=fix))
    if not 2 <= n <= len(string.ascii_uppercase):
        problems.append(Problem("DLQ-103", "expected 2 to 26 bands", "n", fix="n=5"))
    if problems:
        raise InputError(*problems)


def _master_edges(scale: PointsScale | None, grades: Sequence[float]) -> np.ndarray:
    edges = np.asarray(grades, dtype=float)
    rising = edges.ndim == 1 and len(edges) and bool((np.diff([0.0, *edges, 1.0]) > 0).all())
    if scale is None or not rising:
        what = "a master scale needs the points scale, and grades that rise between 0 and 1"
        raise InputError(Problem("DLQ-103", what, "grades", fix="scale=PointsScale()"))
    return scale.points(edges)


def _cells(points: np.ndarray, bad: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return cells from safest to riskiest, at whole points: lowest points, accounts, bads."""
    edges = np.unique(np.floor(edges))
    cell = np.searchsorted(edges, points, side="right")
    accounts = np.bincount(cell, minlength=len(edges) + 1)
    bads = np.bincount(cell, weights=bad, minlength=len(edges) + 1)
    floors = np.concatenate([[-math.inf], edges])
    return np.column_stack([floors, accounts, bads])[accounts > 0][::-1]


def _rate(cells: np.ndarray) -> float:
    return float(cells[:, 2].sum() / cells[:, 1].sum())
