"""Small books of accounts and scores to decide on."""

import pandas as pd
import pytest


@pytest.fixture
def book():
    """Return a maker of (scores, accounts) from a list of (days past due, band)."""

    def make(*places, **columns):
        ids = list(range(1, len(places) + 1))
        scores = pd.DataFrame(
            {
                "account_id": ids,
                "snapshot_date": "2026-06-30",
                "probability": 0.1,
                "points": 600.0,
                "band": [band for _, band in places],
            }
        )
        accounts = pd.DataFrame(
            {"account_id": ids, "days_past_due": [days for days, _ in places], **columns}
        )
        return scores, accounts

    return make
