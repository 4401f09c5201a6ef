"""Preconditions that a figure settles: limits are parameters of the treatment, figures columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.strategy._treatments import Treatment

__all__ = ["measured"]

Check = Callable[[dict[str, np.ndarray], dict[str, float]], np.ndarray]

# precondition: (columns it takes, parameters it takes, the rule); a missing figure never passes
MEASURES: dict[str, tuple[tuple[str, ...], tuple[str, ...], Check]] = {
    "tenor_le_cap": (
        ("plan_tenor_months",),
        ("max_tenor_months",),
        lambda c, p: c["plan_tenor_months"] <= p["max_tenor_months"],
    ),
    "extension_count_ok": (
        ("extensions_12m",),
        ("max_per_year",),
        lambda c, p: c["extensions_12m"] < p["max_per_year"],
    ),
    "tenure_ok": (
        ("tenure_months",),
        ("min_tenure_months",),
        lambda c, p: c["tenure_months"] >= p["min_tenure_months"],
    ),
    "npv_test": (
        ("offer_npv", "waiting_npv"),
        (),
        lambda c, p: c["offer_npv"] >= p.get("npv_floor_share", 1.0) * c["waiting_npv"],
    ),
    "authority_level": (
        ("discount_share",),
        ("max_discount_share",),
        lambda c, p: c["discount_share"] <= p["max_discount_share"],
    ),
}


def measured(need: str, entry: Treatment, table: pd.DataFrame) -> np.ndarray | None:
    """Return for which accounts the figures meet the treatment's limit, or None without figures.

    Examples
    --------
    >>> from delinquency.strategy import catalogue
    >>> plan = catalogue()["instalment_plan"]  # at most 60 months
    >>> table = pd.DataFrame({"plan_tenor_months": [60.0, 61.0, float("nan")]})
    >>> measured("tenor_le_cap", plan, table)
    array([ True, False, False])
    >>> measured("npv_test", plan, table) is None
    True
    """
    if need not in MEASURES:
        return None
    columns, parameters, check = MEASURES[need]
    if not set(columns) <= set(table) or not set(parameters) <= set(entry.parameters):
        return None
    with np.errstate(invalid="ignore"):
        return check({name: _figures(table[name]) for name in columns}, dict(entry.parameters))


def _figures(values: pd.Series) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        where = f"accounts.{values.name}"
        fix = "export the column as a number"
        raise InputError(Problem("DLQ-103", "expected numbers", where, len(values), fix))
    return values.to_numpy(dtype="float64", na_value=np.nan)
