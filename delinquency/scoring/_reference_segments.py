"""The reference by segment: whole-book bins, each segment's own counts, and how the score ranked there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

if TYPE_CHECKING:
    from delinquency.scoring._reference import Reference

__all__ = ["Segmentation", "refuse_unsound"]

_COLUMNS = 10  # ways to cut the book; a bundle stays small
_NAMES = 101  # a hundred, and those of no segment
_LONGEST = 100  # characters of a name
_MOST = 1 << 53
_RANKS = ("n", "bads", "auc", "auc_low", "auc_high")
_PARTS = ("counts", "bands", "accounts", "ranks")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """How the reference accounts of each segment were spread over the bins of the whole book.

    The edges are those of the whole book: a segment is then told in the words of the book, any two
    segments compare, and a segment of a few hundred accounts needs no edges that its own few rows
    would have to place. What differs is the counts, so that each segment is held against itself.

    Parameters
    ----------
    column : str
        What the book was cut by.
    names : tuple of str
        Segments; ``unknown`` is that of accounts without one.
    counts : ndarray (segments, bins)
        Rows of each bin, the missing last: of each feature in its order, then of the points.
    bands : ndarray (segments, bands)
        Rows of each band, safest first.
    accounts : ndarray (segments, 2)
        Accounts behind the features and behind the points: one that stands in four months of training
        has four rows.
    ranks : ndarray (segments, 5)
        Of accounts that the scorer did not learn from: rows with an outcome, bads, and the AUC with
        its interval; NaN where there is none.
    """

    column: str
    names: tuple[str, ...]
    counts: np.ndarray
    bands: np.ndarray
    accounts: np.ndarray
    ranks: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a bundle keeps of it beside its names."""
        return {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def from_arrays(
        cls, column: str, names: Sequence[str], arrays: Mapping[str, np.ndarray], prefix: str
    ) -> Segmentation:
        """Rebuild it from the arrays of a bundle; the reference that takes it in checks them."""
        return cls(column, tuple(names), *(arrays[prefix + name] for name in _PARTS))

    def outcomes(self) -> pd.DataFrame:
        """Return how the score ranked at training: ``segment, n, bads, auc, auc_low, auc_high``."""
        table = pd.DataFrame(self.ranks, columns=list(_RANKS)).assign(segment=self.names)
        return table.astype({"n": "int64", "bads": "int64"})


def refuse_unsound(book: Reference) -> None:
    """Raise `InputError` ``DLQ-103`` unless every segmentation can be one of this reference."""
    columns = [one.column for one in book.segments]
    if len(columns) > _COLUMNS or len(set(columns)) < len(columns):
        what = f"a reference is cut by {_COLUMNS} columns at most, each once"
        raise InputError(Problem("DLQ-103", what, "segments", len(columns), "name fewer"))
    for one in book.segments:
        texts = [one.column, *one.names]
        if odd := sum(not _is_name(text) for text in texts):
            what = f"{odd} names of segments are empty, unprintable or above {_LONGEST} characters"
            raise InputError(Problem("DLQ-103", what, "segments", odd, "rename them"))
        if not (0 < len(one.names) <= _NAMES and len(set(one.names)) == len(one.names)):
            what = f"{len(one.names)} segments; from 1 to {_NAMES}, each once, can be kept"
            fix = "name a column of groups, not of people"
            raise InputError(Problem("DLQ-103", what, "segments", len(one.names), fix))
        if not (_is_shaped(one, book) and _adds_up(one, book) and _is_ranked(one.ranks)):
            what = "the counts are not those of segments of the reference"
            fix = "count the accounts that the reference was learnt from"
            raise InputError(Problem("DLQ-103", what, "segments", fix=fix))


def _is_name(text: Any) -> bool:
    """Tell whether a text may stand on a page and a terminal; Chinese may, control characters may not."""
    plain = text.replace("\u3000", " ")  # the wide blank of Chinese
    return 0 < len(plain) <= _LONGEST and plain.isprintable() and bool(plain.strip())


def _is_shaped(one: Segmentation, book: Reference) -> bool:
    rows = len(one.names)
    shapes = {
        "counts": (rows, sum(len(each.counts) for each in _every(book))),
        "bands": (rows, len(book.bands)),
        "accounts": (rows, 2),
        "ranks": (rows, len(_RANKS)),
    }
    whole = (one.counts, one.bands, one.accounts)
    return (
        all(getattr(one, name).shape == shape for name, shape in shapes.items())
        and all(part.dtype.kind == "i" for part in whole)
        and one.ranks.dtype.kind == "f"
        and all(bool(((part >= 0) & (part < _MOST)).all()) for part in whole)
    )


def _adds_up(one: Segmentation, book: Reference) -> bool:
    """Tell whether the segments are parts of the book, and all bins of a segment tell of the same rows."""
    of_book = np.concatenate([each.counts for each in _every(book)])
    starts = np.cumsum([0, *(len(each.counts) for each in _every(book))])[:-1]
    rows = np.add.reduceat(one.counts, starts, axis=1)
    behind = np.c_[rows[:, 0], rows[:, -1]]
    return (
        bool((one.counts <= of_book).all())
        and bool((one.counts.sum(axis=0) <= of_book).all())
        and bool((one.bands <= list(book.bands.values())).all())
        and bool((rows[:, :-1] == rows[:, :1]).all())
        and bool((one.bands.sum(axis=1) == rows[:, -1]).all())
        and bool(((one.accounts <= behind) & ((one.accounts > 0) == (behind > 0))).all())
    )


def _is_ranked(ranks: np.ndarray) -> bool:
    n, bads, auc, low, high = ranks.T
    told = ~np.isnan(ranks[:, 2:])
    with np.errstate(invalid="ignore"):
        ordered = (low >= 0) & (low <= auc) & (auc <= high) & (high <= 1)
        counted = (bads >= 0) & (bads <= n) & (n < _MOST)
    return bool(counted.all() and (told.all(axis=1) == told.any(axis=1)).all()) and bool(
        ordered[told.all(axis=1)].all()
    )


def _every(book: Reference) -> list[Any]:
    return [*book.features.values(), book.points]
