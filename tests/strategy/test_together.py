"""What runs beside a treatment: one instant that everything of a row may happen at, in law and hours."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.strategy import RulePack, Strategy, assign, eligible, explain

AT = "2026-07-01T10:00Z"
CALL_AND_SURVEY = Strategy.from_text(
    "format: 1\nname: own\nstages: [{stage: late, dpd: [0, null]}]\nbands: [{band: C}]\ncells:\n"
    "  - {stage: late, band: C, treatment: agent_call, also: satisfaction_survey}\n"
)


def hours(phone, message):
    """A house policy of the hours of calls and of messages."""
    rule = "kind: contact_window, mode: executable, severity: block, evidence: primary"
    return RulePack.from_text(
        f"""
format: 1
id: house.hours
version: "1"
title: hours
jurisdiction: any
actors: [any]
status: house
rules:
  - {{id: calls, {rule}, channels: [phone], window: {{allow: {phone}}}}}
  - {{id: texts, {rule}, channels: [sms, app, email], window: {{allow: {message}}}}}
"""
    )


@pytest.fixture
def plan(book):
    """Return a maker of the plan for an account in Greenwich and one in Tokyo, nine hours ahead."""
    scores, accounts = book((20, "C"), (20, "C"), contact_happened=True, not_in_dispute=True)
    accounts["time_zone"] = ["UTC", "Asia/Tokyo"]

    def make(phone, message):
        rules = {"house_policy": hours(phone, message), "as_of": AT}
        return accounts, assign(scores, accounts, strategy=CALL_AND_SURVEY, **rules)

    return make


def test_a_call_waits_for_hours_that_its_survey_has_too(plan):
    """Calls from 9 to 12, messages from 11: at 11 in Greenwich, and at 11 of the next day in Tokyo."""
    _, table = plan(["09:00", "12:00"], ["11:00", "20:00"])

    assert table["also"].tolist() == ["satisfaction_survey"] * 2
    assert table["earliest_at"].dt.strftime("%d %H:%M").tolist() == ["01 11:00", "02 02:00"]


def test_what_shares_no_hour_with_a_call_is_left_out(plan):
    """Calls from 9 to 12, messages from 15 to 20: the call is made, and never at 15 o'clock."""
    _, table = plan(["09:00", "12:00"], ["15:00", "20:00"])

    assert table["also"].tolist() == ["", ""]
    assert table["removed"].tolist() == ["satisfaction_survey: later:texts"] * 2
    assert table["earliest_at"].dt.strftime("%d %H:%M").tolist() == ["01 10:00", "02 00:00"]
    assert table["postponed"].tolist() == ["", "calls"]
    assert "Satisfaction survey was not possible" in explain(table, 1)


HOURS = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda h: h[0] != h[1])


@settings(max_examples=20)
@given(first=HOURS, second=HOURS)
def test_at_the_instant_of_the_plan_everything_of_it_is_allowed(first, second):
    """Whatever the hours: asked again at that instant, no gate closes what is planned."""
    ids = [1, 2]
    known = {"snapshot_date": "2026-06-30", "probability": 0.1, "points": 600.0, "band": "C"}
    facts = {"days_past_due": 20, "contact_happened": True, "not_in_dispute": True}
    accounts = pd.DataFrame({"account_id": ids}).assign(**facts, time_zone=["UTC", "Asia/Tokyo"])
    scores = pd.DataFrame({"account_id": ids}).assign(**known)
    pack = hours(*([f"{start:02d}:00", f"{end:02d}:00"] for start, end in (first, second)))
    table = assign(scores, accounts, strategy=CALL_AND_SURVEY, house_policy=pack, as_of=AT)

    for row in table.itertuples():
        at = row.earliest_at.isoformat()
        allowed = eligible(accounts, at=at, packs=[pack]).set_index(["account_id", "treatment"])
        assert row.treatment == "agent_call"
        for name in [row.treatment, *filter(None, row.also.split("; "))]:
            assert allowed.loc[(row.account_id, name), "allowed"]
