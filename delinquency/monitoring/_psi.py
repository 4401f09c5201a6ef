"""The population stability index with what chance alone makes of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, chdtri, chndtr, chndtrinc, ndtri

__all__ = ["Psi", "psi_of"]

_LARGE = 1000.0  # beyond it the root of a chi-square is normal to three digits


class Psi(NamedTuple):
    """A population stability index and its noise floor; see `psi_of`."""

    psi: float
    low: float
    high: float
    noise: float
    noise_95: float
    p: float
    bins: int


def psi_of(reference: np.ndarray, current: np.ndarray, level: float = 0.95) -> Psi:
    """Return the index of two rows of counts over the same bins.

    Parameters
    ----------
    reference, current : ndarray (bins,)
        Accounts of each bin. A bin that is empty in one sample alone counts half an account there, so
        that the logarithm stays finite; one that is empty in both is left out.
    level : float
        Level of the interval.

    Returns
    -------
    Psi
        ``psi``; the interval ``low`` to ``high`` of what it would be without sampling noise; ``noise``
        and ``noise_95``, the mean and the 95% point of the index when nothing has shifted; ``p``, how
        often chance alone gives as much; ``bins`` in use. Everything is missing when a sample is empty.

    Notes
    -----
    With n and m accounts and B bins the index is about ``(1/n + 1/m)`` times a chi-square with
    ``B - 1`` degrees of freedom when nothing shifted (Yurdakul, Statistical Properties of Population
    Stability Index, Western Michigan University 2018), and a non-central one when something did
    (Potgieter et al., arXiv:2307.11878): the interval inverts the latter. Where the two samples
    share accounts, they differ by less than that, so the floor is on the safe side.

    Examples
    --------
    >>> found = psi_of(np.array([500, 300, 200]), np.array([400, 300, 300]))
    >>> print(f"{found.psi:.4f} in {found.bins} bins, by chance up to {found.noise_95:.4f}")
    0.0629 in 3 bins, by chance up to 0.0120
    """
    used = (reference + current) > 0
    before, after = reference[used].astype("float64"), current[used].astype("float64")
    n, m = float(before.sum()), float(after.sum())
    if not n or not m:
        return Psi(*[np.nan] * 6, bins=int(used.sum()))
    p, q = np.maximum(before, 0.5) / n, np.maximum(after, 0.5) / m
    psi = float(((q - p) * np.log(q / p)).sum())
    unit, freedom = 1 / n + 1 / m, int(used.sum()) - 1
    if freedom == 0:
        return Psi(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1)
    low, high = _centres(psi / unit, freedom, level)
    return Psi(
        psi,
        low * unit,
        high * unit,
        unit * freedom,
        unit * float(chdtri(freedom, 0.05)),
        float(chdtrc(freedom, psi / unit)),
        freedom + 1,
    )


def _centres(x: float, freedom: int, level: float) -> tuple[float, float]:
    """Return the non-centralities for which `x` is just not too large, and just not too small."""
    tail = (1 - level) / 2
    if x > _LARGE:
        reach = float(ndtri(1 - tail))
        return (x**0.5 - reach) ** 2 - freedom, (x**0.5 + reach) ** 2 - freedom
    return _centre(x, freedom, 1 - tail), _centre(x, freedom, tail)


def _centre(x: float, freedom: int, share: float) -> float:
    # at zero the chi-square itself may already lie above
    if x <= 0 or chndtr(x, freedom, 0.0) <= share:
        return 0.0
    return float(chndtrinc(x, freedom, share))
