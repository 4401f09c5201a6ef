"""A desk to try cases on: one customer, what is known of them, and what the plan says."""

import pandas as pd
import pytest

from delinquency.strategy import assign, explain

TODAY = "2026-11-23T15:00Z"

# what has to be on record before anything formal: nothing stands in the way, the claim is alive
NO_HOLD = dict.fromkeys(
    [
        "deceased",
        "bankruptcy",
        "moratorium",
        "dispute",
        "fraud_claim",
        "plan_performing",
        "litigation_stay",
        "complaint",
        "vulnerable",
    ],
    False,
)
TRIED_AND_OFFERED = {"contact_tried": True, "arrangement_offered": True}


class Decision:
    """One row of a plan, with its reasons in words."""

    def __init__(self, row):
        self.row = row
        self.treatment, self.channel = row["treatment"], row["channel"]
        self.also = [name for name in row["also"].split("; ") if name]
        self.removed, self.rule, self.notices = row["removed"], row["rule"], row["notices"]
        self.earliest, self.postponed = row["earliest_at"], row["postponed"]

    def why(self, lang="en"):
        return explain(self.row, lang=lang)


@pytest.fixture
def decide():
    """Return a function that decides one case: days past due, band, and what is known."""

    def decide(days, band, contacts=(), at=TODAY, packs=(), strategy=None, **known):
        scores = pd.DataFrame(
            {
                "account_id": ["customer"],
                "snapshot_date": "2026-10-31",
                "probability": 0.1,
                "points": 600.0,
                "band": band,
            }
        )
        account = pd.DataFrame([{"account_id": "customer", "days_past_due": days, **known}])
        log = None
        if contacts:
            names = ["at", "channel", "outcome"]
            log = pd.DataFrame(contacts, columns=names).assign(account_id="customer")
        plan = assign(scores, account, log, strategy=strategy, packs=packs, as_of=at)
        return Decision(plan.iloc[0])

    return decide


@pytest.fixture
def known():
    """Return the facts without which nothing formal is done."""
    return {**NO_HOLD, **TRIED_AND_OFFERED}
