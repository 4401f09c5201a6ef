"""When several treatments of an account may happen together: hours that all of them allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from delinquency.strategy._gates import Gate, Gates
from delinquency.strategy._hours import Windows

__all__ = ["hours_of", "opening_together"]


def opening_together(gates: Gates, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Return the first instant at which all of these treatments may happen, for some accounts.

    `NEVER` where each has its hours, and they do not meet.
    """
    each = np.array([gates.earliest(name)[rows] for name in names])
    start = each.max(axis=0)
    # where one must wait, the hours of another may be over by then
    apart = np.flatnonzero((each < start).any(axis=0))
    windows = [window for name in names for window in _windows(gates, name)] if len(apart) else []
    if windows:
        start[apart] = gates.engine.hours.opening(start[apart], windows, rows[apart])
    return start


def hours_of(gates: Gates, name: str) -> list[Gate]:
    """Return the rules whose hours bind a treatment, with the accounts they bind."""
    return [Gate(f"later:{rule.id}", applies) for rule, applies in _windows(gates, name)]


def _windows(gates: Gates, name: str) -> Windows:
    """Return the windows of a treatment and of the channel to be used."""
    windows = list(gates.engine.treatment(name).windows)
    position = gates.channel(name)
    for number, channel in enumerate(gates.treatments[name].channels):
        here = position == number
        windows += [(rule, on & here) for rule, on in gates.engine.channel(channel).windows]
    return windows
