"""The reference: how the accounts that a scorer learnt from were spread, as small counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.scoring._reference_segments import Segmentation, refuse_unsound

__all__ = ["Histogram", "Reference", "reference_of"]

_BINS = 10
_MOST = 1 << 53  # counts above it would not survive a double


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of one number by bin.

    Parameters
    ----------
    edges : ndarray (bins - 1,)
        Rising and finite. A value falls in the first bin whose edge is at or above it; the last bin is
        open.
    counts : ndarray (bins + 1,)
        Accounts of each bin; the last is that of missing values.

    Examples
    --------
    >>> histogram = Histogram.of(np.array([0.0, 0.0, 0.0, 1.0, 2.0, np.nan]), bins=2)
    >>> histogram.edges, histogram.counts
    (array([0.]), array([3, 2, 1]))
    >>> histogram.count([5.0, np.nan, 0.0])
    array([1, 1, 1])
    """

    edges: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: Any, bins: int = _BINS) -> Histogram:
        """Cut values into bins of about equal count; a value never stands in two bins."""
        x = np.asarray(values, dtype="float64")
        known = x[~np.isnan(x)]
        steps = np.arange(1, bins) / bins
        edges = np.unique(np.quantile(known, steps, method="lower")) if len(known) else known
        if len(known) and edges[-1] == known.max():
            # a bin of its own for a value that many share, so that leaving it upwards is seen too
            edges = edges[:-1] if len(edges) > 1 else np.r_[np.nextafter(edges, -np.inf), edges]
        blank = cls(edges, np.zeros(len(edges) + 2, dtype="int64"))
        return cls(edges, blank.count(x))

    def count(self, values: Any) -> np.ndarray:
        """Return how many values fall in each bin (bins + 1,), missing last."""
        x = np.asarray(values, dtype="float64")
        codes = np.searchsorted(self.edges, x, side="left")
        codes[np.isnan(x)] = len(self.edges) + 1
        return np.bincount(codes, minlength=len(self.edges) + 2)

    @property
    def n(self) -> int:
        """Accounts counted."""
        return int(self.counts.sum())


@dataclass(frozen=True, eq=False)
class Reference:
    """How the reference accounts were spread; kept in the bundle, so that monitoring recomputes nothing.

    Parameters
    ----------
    features : mapping of str to Histogram
        One of each feature of the scorer, in its order.
    points : Histogram
        Of the score.
    bands : mapping of str to int
        Accounts of each band, safest first.
    about : str
        The sample, in words.
    segments : tuple of Segmentation
        The same accounts by segment, for each column that the book is cut by.

    Raises
    ------
    InputError
        ``DLQ-103`` for segments that are no parts of these accounts, or are too many, or whose names
        cannot be kept.

    Examples
    --------
    >>> X = pd.DataFrame({"dpd_max_3m": [0.0, 0.0, 31.0, 62.0]})
    >>> reference = Reference.learn(X, [620.0, 610.0, 560.0, 520.0], ["A", "A", "B", "B"])
    >>> reference.features["dpd_max_3m"].counts, reference.bands
    (array([2, 1, 1, 0]), {'A': 2, 'B': 2})
    """

    features: Mapping[str, Histogram]
    points: Histogram
    bands: Mapping[str, int]
    about: str = ""
    segments: tuple[Segmentation, ...] = ()

    def __post_init__(self) -> None:
        refuse_unsound(self)

    @classmethod
    def learn(
        cls,
        X: pd.DataFrame,
        points: Any,
        band: Any,
        *,
        names: Sequence[str] = (),
        about: str = "",
    ) -> Reference:
        """Count a reference sample.

        Parameters
        ----------
        X : DataFrame (n, features)
            Features of the accounts.
        points, band : array-like
            Scores and bands of accounts that the model did not learn from; not necessarily the
            same accounts.
        names : sequence of str
            Bands, safest first; those that occur, sorted, by default.
        about : str
            What to call the sample.
        """
        bands = pd.Series(np.asarray(band, dtype=object)).value_counts()
        order = list(names) or sorted(bands.index)
        return cls(
            {str(name): Histogram.of(X[name]) for name in X.columns},
            Histogram.of(points),
            {str(name): int(bands.get(name, 0)) for name in order},
            about,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a bundle keeps of it, as plain arrays."""
        every = [*self.features.values(), self.points]
        return {
            "reference.sizes": np.array([len(one.edges) for one in every], dtype="int64"),
            "reference.edges": np.concatenate([one.edges for one in every]),
            "reference.counts": np.concatenate([one.counts for one in every]).astype("int64"),
            "reference.bands": np.array(list(self.bands.values()), dtype="int64"),
            **{
                f"{_place(k)}{name}": part
                for k, one in enumerate(self.segments)
                for name, part in one.arrays().items()
            },
        }


def reference_of(
    arrays: Mapping[str, np.ndarray],
    features: Sequence[str],
    bands: Sequence[str],
    about: str,
    segments: Sequence[tuple[str, Sequence[str]]] = (),
) -> Reference:
    """Rebuild a reference from the arrays of a bundle, and from the names of its segments by column.

    Raises
    ------
    InputError
        ``DLQ-103`` when the arrays cannot be those of a reference: nothing is taken on trust.
    """
    sizes, edges = arrays["reference.sizes"], arrays["reference.edges"]
    counts, held = arrays["reference.counts"], arrays["reference.bands"]
    shapes = [part.ndim == 1 for part in (sizes, edges, counts, held)]
    kinds = [part.dtype.kind == "i" for part in (sizes, counts, held)]
    sound = (
        all(shapes)
        and all(kinds)
        and edges.dtype.kind == "f"
        and len(sizes) == len(features) + 1
        and len(held) == len(bands)
        and bool((sizes >= 0).all())
        and bool((sizes <= len(edges)).all())
        and int(sizes.sum()) == len(edges)
        and len(counts) == len(edges) + 2 * len(sizes)
        and all(bool(((part >= 0) & (part < _MOST)).all()) for part in (counts, held))
        and bool(np.isfinite(edges).all())
    )
    if not sound:
        raise _unsound()
    parts = np.split(edges, np.cumsum(sizes)[:-1])
    tallies = np.split(counts, np.cumsum(sizes + 2)[:-1])
    if not all(bool((np.diff(part) > 0).all()) for part in parts):
        raise _unsound()
    every = [Histogram(*pair) for pair in zip(parts, tallies, strict=True)]
    held_by = dict(zip(bands, map(int, held), strict=True))
    parted = tuple(
        Segmentation.from_arrays(column, names, arrays, _place(k))
        for k, (column, names) in enumerate(segments)
    )
    return Reference(dict(zip(features, every, strict=False)), every[-1], held_by, about, parted)


def _place(k: int) -> str:
    return f"reference.segments.{k}."


def _unsound() -> InputError:
    return InputError(Problem("DLQ-103", "the counts are not those of a reference", "reference"))
