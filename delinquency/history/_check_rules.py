"""What the row rules of the checks say."""

from __future__ import annotations

__all__ = ["ROW_RULES"]

# rule: severity, code, what holds not, fix
ROW_RULES = {
    "repeated": (
        "error",
        "DLQ-101",
        "(account_id, month) repeats",
        "keep one row a key: aggregate, or keep the row that was known last",
    ),
    "month_missing": ("error", "DLQ-104", "month is missing", "fill it or drop the rows"),
    "infinite": ("error", "DLQ-105", "a number is infinite", "repair the export"),
    "bad_days": (
        "error",
        "DLQ-106",
        "days_past_due is missing, negative or not whole",
        "count calendar days; 0 is current",
    ),
    "negative_due": ("error", "DLQ-106", "amount_due is negative", "floor credits at 0"),
    "negative_limit": ("error", "DLQ-106", "credit_limit is negative", "repair the export"),
    "negative_written_off": (
        "error",
        "DLQ-106",
        "written_off is negative",
        "book what comes back under recovered",
    ),
    "negative_recovered": (
        "warning",
        "DLQ-106",
        "recovered is negative",
        "right for a reversed recovery, else repair the sign",
    ),
    "negative_paid": (
        "note",
        "DLQ-106",
        "amount_paid is negative",
        "right for a reversal, else repair the sign",
    ),
    "gap": (
        "warning",
        "DLQ-122",
        "months are missing between two rows of an account",
        "export them; a missing month is skipped, never filled in",
    ),
    "rising_fast": (
        "warning",
        "DLQ-123",
        "days_past_due rises by more than the days that passed",
        "look for buckets written as days, or for months that were left out",
    ),
    "paid_but_late": (
        "warning",
        "DLQ-124",
        "what fell due was paid, yet days_past_due does not fall",
        "check that payments reach the oldest due, and that amount_due holds all that fell due",
    ),
    "never_due": (
        "warning",
        "DLQ-125",
        "days_past_due above 0 where nothing ever fell due",
        "add the dues, or set days_past_due to 0",
    ),
    "nothing_owed": (
        "warning",
        "DLQ-126",
        "days_past_due above 0 with nothing owed",
        "check which date balance and days_past_due are of",
    ),
    "above_limit": (
        "note",
        "DLQ-127",
        "balance is above credit_limit",
        "right for interest and fees, else check both columns",
    ),
    "after_end": (
        "error",
        "DLQ-128",
        "the account lives on after it was paid off, charged off or sold",
        "end its rows there, or give the new account its own id",
    ),
    "recovered_early": (
        "error",
        "DLQ-129",
        "recovered before anything was written off",
        "book it under amount_paid, or add the write-off",
    ),
    "fell_unpaid": (
        "note",
        "DLQ-134",
        "days_past_due falls to 0 without a payment",
        "right for a re-aged or extended account; keep its contractual days beside it",
    ),
}
