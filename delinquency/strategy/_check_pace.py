"""What a strategy's pace must not say: a rung left before it may be, a timeout that leads nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from delinquency.errors import Problem
from delinquency.storage import Document
from delinquency.strategy._file import Cell
from delinquency.strategy._treatments import Treatment

__all__ = ["pace_problems"]


def pace_problems(
    document: Document, cells: Iterable[Cell], treatments: Mapping[str, Treatment]
) -> Iterator[Problem]:
    """Say which timeouts end before their rung's dwell, and which no cell could ever follow."""
    dwell, timeout = (_days(document.data.get(key)) for key in ("dwell_days", "timeout_days"))
    used = [name for cell in cells for name in cell.treatment if name in treatments]
    highest = max((treatments[name].rung for name in used), default=9)
    for rung, days in timeout.items():
        where = document.at("timeout_days", rung)
        stay = dwell.get(rung, 0)
        if days < stay:
            what = f"rung {rung} times out after {days} days, but must be stayed on for {stay}"
            yield Problem("DLQ-209", what, where, fix=f"write {stay} or more, or dwell less")
        if int(rung) >= highest:
            what = f"a timeout of rung {rung} leads nowhere: no cell names a treatment above it"
            yield Problem("DLQ-208", what, where, fix="add a higher treatment, or take it out")


def _days(value: Any) -> dict[str, int]:
    """Return the sound entries, for those that are not have been told where they stand."""
    entries = value.items() if isinstance(value, dict) else ()
    return {
        key: days
        for key, days in entries
        if len(key) == 1 and key in "0123456789" and type(days) is int and 0 <= days <= 365
    }
