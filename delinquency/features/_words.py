"""Inputs and phrases that the entries of several files share: one spelling each."""

from __future__ import annotations

__all__ = [
    "DPD",
    "EMPTY_IS_0",
    "LAST_24",
    "NO_RATIO",
    "NO_ROW",
    "NO_ROW_IS_0",
    "NO_USE",
    "PAY",
    "USE",
]

# columns of the months table that a feature cannot do without
DPD = ("days_past_due",)
PAY = ("amount_due", "amount_paid")
USE = ("balance", "credit_limit")

# when a value is missing
EMPTY_IS_0 = "never: an empty window counts as 0"
NO_RATIO = "no month in the window with a due above zero and a known payment"
NO_ROW = "no month on record in the window"
NO_ROW_IS_0 = "never: no row counts as 0"
NO_USE = "no month in the window with a known balance and a limit above zero"

# the end of a definition
LAST_24 = "; rows of the last 24 months"
