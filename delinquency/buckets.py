"""Buckets of days past due: the named presets and one's own edges.

The presets differ by one day at each edge, so a table of buckets always goes with its scheme. Days and
cycles (missed payments) are different counts; a scheme cuts days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["BucketScheme", "scheme_of"]


@dataclass(frozen=True)
class BucketScheme:
    """Where buckets begin and what they are called.

    Parameters
    ----------
    name : str
        Name of the scheme.
    starts : tuple of int
        First day of each bucket after the current one, rising, 1 or more.
    labels : tuple of str
        One for current accounts, then one for each start.

    Raises
    ------
    InputError
        ``DLQ-214`` when the edges do not rise from 1 or the labels do not fit.

    Examples
    --------
    >>> generic = scheme_of("generic")
    >>> generic.labels[generic.codes([29, 30])[1]]
    '30-59'
    >>> generic.codes([0, 1, 29, 30, 180, float("nan")])
    array([ 0,  1,  1,  2,  7, -1])
    """

    name: str
    starts: tuple[int, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.starts, self.starts[1:], strict=False))
        whole = all(float(start).is_integer() for start in self.starts)
        if not self.starts or not whole or self.starts[0] < 1 or not rising:
            what = "bucket edges must be whole days that rise from 1 or more"
            raise InputError(Problem("DLQ-214", what, self.name, fix="for example (1, 30, 60, 90)"))
        if len(set(self.labels)) != len(self.starts) + 1:
            what = (
                "a scheme needs one label for current accounts and one for each edge, all different"
            )
            fix = "give one label more than there are edges"
            raise InputError(Problem("DLQ-214", what, self.name, fix=fix))

    def codes(self, days_past_due: Any) -> np.ndarray:
        """Return the bucket number of each value: 0 is current, -1 is missing."""
        days = np.asarray(days_past_due, dtype="float64")
        found = np.searchsorted(np.asarray(self.starts, dtype="float64"), days, side="right")
        return np.where(np.isnan(days), -1, found)


def _labels_between(starts: Sequence[int]) -> tuple[str, ...]:
    ends = [start - 1 for start in starts[1:]]
    between = [
        f"{start}-{end}" if end > start else f"{start}"
        for start, end in zip(starts, ends, strict=False)
    ]
    current = "0" if starts[0] == 1 else f"0-{starts[0] - 1}"
    return (current, *between, f"{starts[-1]}+")


def _ranged(name: str, starts: tuple[int, ...]) -> BucketScheme:
    return BucketScheme(name, starts, _labels_between(starts))


_PRESETS = {
    "generic": _ranged("generic", (1, 30, 60, 90, 120, 150, 180)),
    "cn_m": BucketScheme(
        "cn_m",
        (1, 31, 61, 91, 121, 151, 181),
        ("M0", "M1", "M2", "M3", "M4", "M5", "M6", "M7"),
    ),
    "cn_stage": BucketScheme("cn_stage", (1, 30, 90), ("current", "early", "mid", "late")),
}


def scheme_of(buckets: str | Sequence[int] | BucketScheme) -> BucketScheme:
    """Return a scheme from the name of a preset, from edges, or as it is.

    Parameters
    ----------
    buckets : {"generic", "cn_m", "cn_stage"}, sequence of int, or BucketScheme
        ``generic``: 0, 1-29, 30-59, ... 180+. ``cn_m``: M0, M1 = 1-30, ... M6 = 151-180, M7 from 181.
        ``cn_stage``: early 1-29, mid 30-89, late 90+. A sequence gives the first day of each bucket.

    Raises
    ------
    InputError
        ``DLQ-214`` for an unknown name or edges that do not rise.

    Examples
    --------
    >>> scheme_of((1, 31, 91)).labels
    ('0', '1-30', '31-90', '91+')
    >>> scheme_of("cn_m").codes([30, 31])
    array([1, 2])
    """
    if isinstance(buckets, BucketScheme):
        return buckets
    if isinstance(buckets, str):
        if buckets not in _PRESETS:
            fix = did_you_mean(buckets, _PRESETS) or "use " + ", ".join(_PRESETS)
            raise InputError(Problem("DLQ-214", f'no preset "{buckets}"', "buckets", fix=fix))
        return _PRESETS[buckets]
    starts = tuple(buckets)
    if not starts:
        raise InputError(Problem("DLQ-214", "no edges", "buckets", fix="(1, 30, 60, 90)"))
    return _ranged("own", starts)
