"""How far two distributions of scores lie apart, and how far chance alone would put them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["psi", "psi_noise", "quantile", "side_by_side", "tenths"]


def psi(now: Sequence[float], before: Sequence[float]) -> float:
    """Return the population stability index of two lists of counts; half a count fills an empty cell.

    Examples
    --------
    >>> round(psi([40, 60], [50, 50]), 4)
    0.0405
    """
    p, q = (np.maximum(np.asarray(c, dtype=float), 0.5) for c in (now, before))
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def psi_noise(n: float, m: float, cells: int, chance: float) -> float:
    """Return the PSI that two samples of one population exceed with this chance.

    Examples
    --------
    >>> round(psi_noise(1000, 1000, 10, 0.05), 4)
    0.0338
    """
    from scipy.special import chdtri  # the inverse of the chi-square's upper tail

    return float(chdtri(max(cells - 1, 1), chance)) * (1 / max(n, 1) + 1 / max(m, 1))


def side_by_side(
    run: Mapping[str, Any], last: Mapping[str, Any]
) -> tuple[dict[int, int], dict[int, int]]:
    cells = [entry["distribution"]["points"] for entry in (run, last)]
    now, before = ({int(cell): n for cell, n in part.items()} for part in cells)
    return now, before


def tenths(now: dict[int, int], before: dict[int, int]) -> tuple[list[int], list[int]]:
    """Return both counts in about ten cells that hold equal shares of the run before."""
    edges = sorted({quantile(before, k / 10) for k in range(1, 10)})
    counts = []
    for cells in (now, before):
        places = np.searchsorted(edges, np.array(list(cells)), side="right")
        counts.append(np.bincount(places, list(cells.values()), len(edges) + 1).tolist())
    return counts[0], counts[1]


def quantile(cells: Mapping[int, int], share: float) -> int:
    places = sorted(cells)
    reached = np.cumsum([cells[place] for place in places])
    return places[int(np.searchsorted(reached, share * reached[-1]))]
