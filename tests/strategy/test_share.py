"""Caps over a whole plan: every planned contact counts, also those beside the chosen treatment."""

import numpy as np
import pandas as pd
import pytest

from delinquency.strategy import RulePack, Strategy, assign, explain

NOON = "2026-11-23T12:00Z"


def house(cap, scope="channels: [all]", more=""):
    """A house policy of one cap."""
    return RulePack.from_text(
        f"""
format: 1
id: house.cap
version: "1"
title: a cap
jurisdiction: any
actors: [any]
status: house
rules:
  - {{id: cap, kind: contact_cap, mode: executable, severity: block, evidence: primary,
     {scope}, cap: {cap}}}
{more}"""
    )


def strategy_of(*cells):
    """One stage, one band; the cells in order."""
    text = "format: 1\nname: small\nstages: [{stage: late, dpd: [0, null]}]\nbands: [{band: C}]\n"
    rows = [cell.replace("{", "{stage: late, band: C, ", 1) for cell in cells]
    return Strategy.from_text(text + "cells:\n" + "".join(f"  - {row}\n" for row in rows))


def made(*accounts, day=22, channel="phone"):
    """One contact with each of these accounts, at noon."""
    columns = {"at": f"2026-11-{day:02d}T12:00Z", "channel": channel, "outcome": "right_party"}
    return pd.DataFrame({"account_id": [int(a) for a in accounts]}).assign(**columns)


STANDS = {"address_valid": True, "not_time_barred": True, "not_on_hold": True}
TRIED = {"arrangement_offered": True, "contact_tried": True}


@pytest.mark.parametrize(("before", "beside"), [(1, "demand_letter"), (2, "")])
def test_a_letter_beside_a_call_counts_for_the_cap_of_the_account(book, before, beside):
    """Australia: three contacts a week. After two there is room for the call, not for the letter."""
    scores, accounts = book((75, "C"), time_zone="Australia/Sydney", **STANDS, **TRIED)
    contacts = made(*[1] * before, day=20)

    plan = assign(scores, accounts, contacts, packs=["au.rg96"], as_of="2026-11-23T04:00Z").iloc[0]

    assert (plan["treatment"], plan["channel"]) == ("instalment_plan", "phone")
    assert (plan["also"], plan["rule"]) == (beside, "61-90/C")
    assert plan["removed"] == ("" if beside else "demand_letter: au.cap_week")
    told = "Letter of demand was not possible: not allowed by" in explain(plan.to_dict())
    assert told == (beside == "")


def test_what_runs_beside_gives_way_before_any_chosen_treatment(book):
    """A person's cap of three a day: both calls and one survey, that of the account longest overdue."""
    scores, accounts = book((20, "C"), (30, "C"), (25, "C"))
    accounts = accounts.assign(person_id=[1, 1, 2], contact_happened=True, not_in_dispute=True)
    strategy = strategy_of("{treatment: agent_call, also: satisfaction_survey}")
    pack = house("{counts: attempts, max: 3, days: 1, unit: person}")

    plan = assign(scores, accounts, strategy=strategy, house_policy=pack, as_of=NOON)

    assert plan["treatment"].tolist() == ["agent_call"] * 3
    assert plan["also"].tolist() == ["", "satisfaction_survey", "satisfaction_survey"]
    assert plan["removed"].tolist() == ["satisfaction_survey: cap", "", ""]


def test_a_treatment_beside_another_on_its_channel_is_the_same_contact(book):
    """A plan offered in the call is no second call: a cap of one leaves both."""
    scores, accounts = book((20, "C"), right_party_contact=True)
    strategy = strategy_of("{treatment: agent_call, also: [instalment_plan, satisfaction_survey]}")
    pack = house("{counts: attempts, max: 1, days: 1, unit: account}")

    plan = assign(scores, accounts, strategy=strategy, house_policy=pack, as_of=NOON).iloc[0]

    assert (plan["treatment"], plan["also"]) == ("agent_call", "instalment_plan")
    assert plan["removed"] == "satisfaction_survey: cap"


def test_a_contact_left_out_no_longer_puts_off_what_it_stood_beside(book):
    """The survey had to wait for its hours; without it the call need not."""
    scores, accounts = book((20, "C"), contact_happened=True, time_zone="UTC")
    strategy = strategy_of("{treatment: agent_call, also: satisfaction_survey}")
    hours = """  - {id: hours, kind: contact_window, mode: executable, severity: block, evidence: primary,
     channels: [sms, email, app], window: {allow: ["15:00", "20:00"]}}
"""
    cap = "{counts: attempts, max: %d, days: 1, unit: account}"

    def earliest(most):
        pack = house(cap % most, more=hours)
        rules = {"strategy": strategy, "house_policy": pack, "as_of": NOON}
        row = assign(scores, accounts, **rules).iloc[0]
        return f"{row['earliest_at']:%H:%M}", row["postponed"], row["also"], row["to_confirm"] != ""

    confirm = True  # nobody has said that there is no dispute, nor whom the log counts
    assert earliest(2) == ("15:00", "hours", "satisfaction_survey", confirm)
    assert earliest(1) == ("12:00", "", "", confirm)


def test_a_cap_on_a_treatment_binds_the_plan_as_it_binds_the_log(book):
    """One call a day for a person with three accounts; a message to one of them uses that up."""
    scores, accounts = book((20, "C"), (30, "C"), (9, "C"))
    accounts = accounts.assign(person_id=1, small=[False, False, True])
    strategy = strategy_of(
        "{when: {small: true}, treatment: digital_reminder}", "{treatment: agent_call}"
    )
    cap, scope = "{counts: attempts, max: %d, days: 1, unit: person}", "treatments: [agent_call]"

    def treatments(most):
        rules = {"strategy": strategy, "house_policy": house(cap % most, scope), "as_of": NOON}
        return assign(scores, accounts, **rules)["treatment"].tolist()

    assert treatments(2) == ["no_action", "agent_call", "digital_reminder"]
    assert treatments(1) == ["no_action", "no_action", "digital_reminder"]
    assert treatments(3) == ["agent_call", "agent_call", "digital_reminder"]


@pytest.mark.parametrize("unit", ["account", "person"])
@pytest.mark.parametrize("seed", range(4))
def test_log_and_plan_together_never_break_a_cap(book, unit, seed):
    """Counted in plain Python over 60 accounts, and no contact was left out that had room."""
    draw = np.random.default_rng(seed)
    n, most, days = 60, int(draw.integers(1, 4)), int(draw.integers(1, 8))
    scores, accounts = book(*[(int(d), "C") for d in draw.integers(1, 100, n)], time_zone="UTC")
    person = draw.integers(0, 25, n)
    accounts = accounts.assign(person_id=person, contact_happened=True, good=draw.random(n) < 0.5)
    strategy = strategy_of(
        "{when: {good: true}, treatment: digital_reminder}",
        "{treatment: [agent_call, digital_reminder], also: [satisfaction_survey, instalment_plan]}",
    )
    contacts = pd.concat(
        made(*draw.integers(1, n + 1, 12), day=int(day), channel=channel)
        for day, channel in zip(draw.integers(14, 23, 5), ["sms", "phone"] * 3, strict=False)
    )
    pack = house(f"{{counts: attempts, max: {most}, days: {days}, unit: {unit}}}")
    rules = {"strategy": strategy, "house_policy": pack, "as_of": "2026-11-23T08:00Z"}
    plan = assign(scores, accounts, contacts, **rules)

    whose = dict(zip(accounts["account_id"], person, strict=True))
    unit_of = whose.get if unit == "person" else int
    planned = dict.fromkeys(map(unit_of, accounts["account_id"]), 0)
    for row in plan.itertuples():
        channels = {row.channel} - {""}
        channels |= {"sms"} if "satisfaction_survey" in row.also else set()
        planned[unit_of(row.account_id)] += len(channels)
    for row in plan.itertuples():
        if not row.channel:
            continue
        day = row.earliest_at.tz_localize(None).normalize()
        counted = [
            entry
            for entry in contacts.itertuples()
            if unit_of(entry.account_id) == unit_of(row.account_id)
            and (day - pd.Timestamp(entry.at).tz_localize(None).normalize()).days < days
        ]
        assert len(counted) + planned[unit_of(row.account_id)] <= most
        if row.treatment == "agent_call" and "satisfaction_survey: cap" in row.removed:
            assert len(counted) + planned[unit_of(row.account_id)] == most
    assert plan["removed"].str.contains("satisfaction_survey: cap").any() or most > 2
