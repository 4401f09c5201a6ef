"""The panel that the feature benchmarks share: accounts of 4 to 24 months, 16 rows each on average."""

from __future__ import annotations

import numpy as np
import pandas as pd

LAST = "2026-06-30"


def panel(accounts: int, seed: int = 0, first_id: int = 0) -> pd.DataFrame:
    """Return months of so many accounts, sorted by account and month, ending at `LAST`."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([4, 8, 12, 16, 20, 24], accounts, p=[0.08, 0.12, 0.16, 0.2, 0.19, 0.25])
    rows = int(lengths.sum())
    place = np.arange(rows) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    age = np.repeat(lengths, lengths) - 1 - place
    ends = (np.datetime64("2026-07", "M") - age).astype("datetime64[D]") - np.timedelta64(1, "D")
    limit = np.repeat(rng.integers(2, 60, accounts) * 500.0, lengths)
    risk = np.repeat(rng.beta(1, 9, accounts), lengths)
    late = rng.random(rows) < risk
    due = np.round(limit * rng.uniform(0.02, 0.1, rows), 2)
    return pd.DataFrame(
        {
            "account_id": np.repeat(np.arange(first_id, first_id + accounts), lengths),
            "month": ends.astype("datetime64[us]"),
            "days_past_due": np.where(late, rng.integers(1, 120, rows), 0).astype("float64"),
            "amount_due": due,
            "amount_paid": np.round(due * np.where(late, rng.random(rows), 1.0), 2),
            "balance": np.round(limit * rng.beta(2, 4, rows), 2),
            "credit_limit": limit,
        },
        copy=False,
    )
