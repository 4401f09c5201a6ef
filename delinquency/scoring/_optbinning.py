"""Bins by optbinning's solver, for those who have it (extra ``optbinning``); the card around them is ours.

G. Navas-Palencia, "Optimal binning: mathematical programming formulation", arXiv:2001.08025.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from delinquency.errors import EnvironmentFailure, Problem
from delinquency.scoring._binning import Binning, counted

__all__ = ["bin_by_optbinning", "solver"]

_PREBINS = 40  # as many cells as our own bins are merged from
_SECONDS = 10.0  # for a characteristic; a tenth is usual


def solver() -> Any:
    """Return optbinning's class, or say in one line that it is not there."""
    try:
        from optbinning import OptimalBinning  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        fix = 'pip install "delinquency[optbinning]", or binning="own"'
        what = "optbinning is not installed"
        raise EnvironmentFailure(Problem("DLQ-506", what, "Scorecard.binning", fix=fix)) from error
    return OptimalBinning


def bin_by_optbinning(
    x: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray,
    *,
    sign: int,
    max_bins: int,
    min_share: float,
    min_bads: int,
) -> Binning | None:
    """Return the monotone bins with the greatest information value, or None when there are fewer than two.

    Parameters are those of `bin_characteristic`. Counts and weights of evidence are ours, so that a missing
    value means the same whoever found the edges.
    """
    known = ~np.isnan(x)
    if known.sum() < 2 * min_bads or np.ptp(x[known]) == 0.0:
        return None
    found = solver()(
        dtype="numerical",
        max_n_prebins=_PREBINS,
        min_prebin_size=min_share,
        max_n_bins=max_bins,
        min_bin_size=min_share,
        min_bin_n_event=min_bads,
        monotonic_trend={1: "ascending", -1: "descending", 0: "auto_asc_desc"}[sign],
        time_limit=_SECONDS,
    )
    even = bool((weight[known] == weight[known][0]).all())
    found.fit(x[known], bad[known].astype("int64"), None if even else weight[known])
    if found.status not in ("OPTIMAL", "FEASIBLE") or not len(found.splits):
        return None
    # its bins are open above, ours are closed: x < split is x <= the number just below
    return counted(np.nextafter(found.splits, -np.inf), x, bad, weight, min_bads)
