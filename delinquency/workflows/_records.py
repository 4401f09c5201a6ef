"""Tables as JSON content."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

__all__ = ["plain"]


def plain(table: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    """Return a table as JSON content: dates as text, missing and infinite numbers as None."""
    if table is None:
        return None
    return [
        {str(key): _item(value) for key, value in row.items()} for row in table.to_dict("records")
    ]


def _item(value: Any) -> Any:
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return str(value.date())
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
