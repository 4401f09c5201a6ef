"""Bins of a characteristic: monotone where the domain says so, missing in a bin of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from delinquency.scoring._partition import best_partition

__all__ = ["Binning", "bin_characteristic", "counted"]

_CELLS = 40  # fine cells before merging


@dataclass(frozen=True)
class Binning:
    """The bins of one characteristic.

    Parameters
    ----------
    edges : ndarray (bins - 1,)
        A value falls in the first bin whose edge is at or above it; the last bin is open.
    woe : ndarray (bins + 1,)
        Weight of evidence of each bin, ``ln(share of goods / share of bads)``; the last is that of
        missing, 0 where too few were missing to tell.
    accounts, bads : ndarray (bins + 1,)
        Weighted counts of the sample, missing last.
    value : float
        Information value, missing included.
    """

    edges: np.ndarray
    woe: np.ndarray
    accounts: np.ndarray
    bads: np.ndarray
    value: float

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Return the bin of each value; missing is the last."""
        codes = np.searchsorted(self.edges, x, side="left")
        codes[np.isnan(x)] = len(self.edges) + 1
        return codes

    @property
    def rises(self) -> bool:
        """Whether risk rises with the value."""
        return bool(self.woe[0] > self.woe[-2])

    def joined(self, keep: np.ndarray) -> Binning:
        """Return the binning with some of its edges only (bins - 1,)."""
        first = np.concatenate([[0], np.flatnonzero(keep) + 1, [len(self.woe) - 1]])
        counts = [np.add.reduceat(part, first) for part in (self.accounts, self.bads)]
        return _with_woe(self.edges[keep], np.column_stack(counts), neutral=self.woe[-1] == 0.0)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return the weight of evidence of each value."""
        return self.woe[self.codes(x)]


def bin_characteristic(
    x: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray,
    *,
    sign: int,
    max_bins: int,
    min_share: float,
    min_bads: int,
) -> Binning | None:
    """Return the monotone bins with the greatest likelihood, or None when there are fewer than two.

    Parameters
    ----------
    x : ndarray (n,)
        NaN is missing.
    bad, weight : ndarray (n,)
        Outcome and sample weight.
    sign : {-1, 0, 1}
        1 when risk rises with the value, -1 when it falls, 0 to take the better direction.
    max_bins, min_share, min_bads
        Most bins, smallest share of the accounts and fewest bads of a bin.
    """
    known = ~np.isnan(x)
    if known.sum() < 2 * min_bads:
        return None
    edges = np.unique(np.quantile(x[known], np.arange(1, _CELLS) / _CELLS, method="lower"))
    edges = edges[edges < x[known].max()]
    cell = np.searchsorted(edges, x[known], side="left")
    counts = np.column_stack(
        [
            np.bincount(cell, weights=weight[known], minlength=len(edges) + 1),
            np.bincount(cell, weights=(weight * bad)[known], minlength=len(edges) + 1),
        ]
    )
    groups = _monotone(counts, sign, max_bins, min_share * weight.sum(), min_bads)
    if len(groups) < 2:
        return None
    kept = edges[[last for _, last in groups[:-1]]]
    binned = np.array([counts[first : last + 1].sum(axis=0) for first, last in groups])
    missing = [weight[~known].sum(), (weight * bad)[~known].sum()]
    few = min(missing[1], missing[0] - missing[1]) < min_bads
    return _with_woe(kept, np.vstack([binned, missing]), neutral=few)


def counted(
    edges: np.ndarray, x: np.ndarray, bad: np.ndarray, weight: np.ndarray, min_bads: int
) -> Binning:
    """Return the binning with given edges (bins - 1,), rising."""
    codes = Binning(edges, edges, edges, edges, 0.0).codes(x)
    size = len(edges) + 2
    totals = [np.bincount(codes, weights=part, minlength=size) for part in (weight, weight * bad)]
    few = min(totals[1][-1], totals[0][-1] - totals[1][-1]) < min_bads
    return _with_woe(edges, np.column_stack(totals), neutral=few)


def _monotone(
    counts: np.ndarray, sign: int, max_bins: int, least: float, min_bads: int
) -> list[tuple[int, int]]:
    """Return runs of cells, by rising value, whose bad rate goes one way."""
    found: list[tuple[float, list[tuple[int, int]]]] = []
    for way in (1, -1) if sign == 0 else (sign,):
        runs, gain = best_partition(counts[::way], max_bins, least, min_bads)
        if way == -1:
            size = len(counts)
            runs = [(size - 1 - last, size - 1 - first) for first, last in runs[::-1]]
        found.append((gain, runs))
    return max(found, key=lambda entry: entry[0])[1]


def _with_woe(edges: np.ndarray, counts: np.ndarray, *, neutral: bool) -> Binning:
    accounts, bads = counts[:, 0], counts[:, 1]
    goods = accounts - bads
    # half a case each keeps the logarithm finite in a bin without goods or bads
    good_share = (goods + 0.5) / (goods.sum() + 0.5)
    bad_share = (bads + 0.5) / (bads.sum() + 0.5)
    woe = np.log(good_share / bad_share)
    if neutral:
        woe[-1] = 0.0  # too few were missing to say anything of it
    return Binning(edges, woe, accounts, bads, float(((good_share - bad_share) * woe).sum()))
