"""The bank's card strategy, M.1 to M.4, and the aims G.2, G.5 and G.6, as cases."""

import pandas as pd

from delinquency.strategy import Strategy, assign, catalogue, early_warning


def test_m1_the_customer_is_told_before_and_at_once_when_overdue(decide):
    """M.1: a reminder before the due date for the riskier, a message right after it."""
    assert decide(0, "D").treatment == "pre_due_reminder"
    assert decide(1, "B").treatment == "digital_reminder"
    assert "a plan" in catalogue()["digital_reminder"].text.en


def test_m1_who_pays_by_themselves_is_left_alone(decide):
    """M.1: the safest customers are given three days."""
    assert decide(1, "A").treatment == "no_action"
    assert decide(4, "A").treatment == "digital_reminder"


LOYAL = {"long_good_record": True, "willingness": True, "offer_npv": 101.0, "waiting_npv": 100.0}


def test_m2_a_long_standing_good_customer_gets_a_concession(decide):
    """M.2: five years with the bank and a good record: a better rate or a longer term."""
    decision = decide(20, "A", tenure_months=60, **LOYAL)

    assert decision.treatment == "loyalty_concession"
    assert "in recognition of a long good record" in catalogue()["loyalty_concession"].text.en


def test_m2_a_new_customer_gets_a_message_instead(decide):
    """M.2 refused: six months are not a long standing."""
    decision = decide(20, "A", tenure_months=6, **LOYAL)

    assert decision.treatment == "digital_reminder"
    assert "it needs a customer of long standing" in decision.why()


LOST = [(f"2026-11-{day}T15:00Z", "phone", "no_answer") for day in range(10, 16)]


def test_m3_a_customer_who_cannot_be_reached_is_searched_for_lawfully(decide):
    """M.3: six calls rang out; before anything formal, a lawful search for a way to reach them."""
    decision = decide(45, "E", contacts=LOST, lawful_data_source=True)

    assert decision.treatment == "contact_repair"


def test_m3_there_is_no_search_in_unlawful_sources(decide):
    """M.3 refused: without a lawful source there is no search."""
    decision = decide(45, "E", contacts=LOST, lawful_data_source=False)

    assert decision.treatment == "digital_reminder"
    assert "contact_repair: lawful_data_source" in decision.removed


REFUSED = [
    ("2026-09-20T15:00Z", "phone", "arrangement_offered"),
    ("2026-10-20T15:00Z", "phone", "refusal"),
]


def test_m3_long_refusal_leads_to_an_agency_or_the_court(decide, known):
    """M.3: an arrangement was offered in September and refused in October; 120 days late."""
    facts = {k: v for k, v in known.items() if k not in ("contact_tried", "arrangement_offered")}
    ready = {"in_house_done": True, "agency_approved": True, "processing_contract": True}

    agency = decide(120, "E", contacts=REFUSED, **facts, **ready)
    nobody_asked = decide(120, "E", contacts=REFUSED[1:], **facts, **ready)

    assert agency.treatment == "outsource"
    assert nobody_asked.treatment == "agent_call"
    assert "outsource: escalation:arrangement_offered" in nobody_asked.removed


def test_m3_a_promise_or_hardship_leads_back_down(decide, known):
    """M.3: who has just promised to pay, or reported hardship, is not taken to court today."""
    ready = {"in_house_done": True, "agency_approved": True, "processing_contract": True}
    for fact, word in (
        ("promise_open", "a promise to pay is open"),
        ("hardship_reported", "hardship"),
    ):
        decision = decide(120, "E", **known, **ready, **{fact: True})

        assert decision.treatment == "agent_call"
        assert word in decision.why()


LINE = {"revolving": True, "policy_ok": True, "adverse_action_notice_if_needed": True}


def test_m4_the_line_of_a_risky_customer_is_reviewed_with_a_notice(decide):
    """M.4: the customer is current, so a cut for past conduct needs a notice with its reasons."""
    decision = decide(0, "E", packs=["us.ecoa_reg_b"], jurisdiction="US", **LINE)

    assert decision.also == ["credit_line_adjust"]
    assert decision.notices == "us.b.adverse_action=adverse_action_notice_within_30_days"


def test_m4_no_notice_is_due_while_the_account_is_delinquent(decide):
    """M.4: the exemption holds only while this account is currently late."""
    review = Strategy.from_text(
        "format: 1\nname: desk\nstages: [{stage: any, dpd: [0, null]}]\nbands: [E]\n"
        "cells:\n  - {stage: any, band: E, treatment: no_action, also: credit_line_adjust}\n"
    )
    decision = decide(20, "E", strategy=review, packs=["us.ecoa_reg_b"], jurisdiction="US", **LINE)

    assert decision.also == ["credit_line_adjust"]
    assert decision.notices == ""


def test_m4_the_record_is_corrected_only_with_accurate_data(decide):
    """M.4 refused: data that are not accurate are not reported."""
    record = Strategy.from_text(
        "format: 1\nname: desk\nstages: [{stage: any, dpd: [0, null]}]\nbands: [A]\n"
        "cells:\n  - {stage: any, band: A, treatment: no_action, also: credit_bureau_report}\n"
    )
    decision = decide(5, "A", strategy=record, prior_notice_given=True, data_accurate=False)

    assert decision.also == []
    assert "credit_bureau_report: data_accurate" in decision.removed


def test_g2_every_choice_comes_with_reasons_an_agent_can_read(decide):
    """G.2: what was chosen, what was not and why, and what to confirm first."""
    text = decide(20, "C", valid_phone=True).why()

    assert text.splitlines()[0].startswith("Call by an agent (agent_call): stage 8-30, band C")
    assert "Before Call by an agent, confirm:" in text


def test_g5_care_comes_before_every_money_goal(decide, known):
    """G.5: a vulnerable customer is never collected from, however much there is to win."""
    decision = decide(120, "E", **{**known, "vulnerable": True}, balance=1e9)

    assert decision.treatment == "care_and_hold"
    assert decision.channel == ""


def test_g6_current_accounts_likely_to_roll_are_warned_of_gently():
    """G.6: who is current but likely to fall behind gets help or a reminder, never collection."""
    scores = pd.DataFrame(
        {
            "account_id": [1, 2, 3],
            "snapshot_date": "2026-10-31",
            "probability": [0.45, 0.35, 0.02],
            "points": [520.0, 530.0, 640.0],
            "band": ["E", "E", "A"],
            "reason_1": ["payments shrink month by month", "the limit is almost used up", ""],
        }
    )
    accounts = pd.DataFrame(
        {"account_id": [1, 2, 3], "days_past_due": 0, "hardship_evidence": [False, True, False]}
    )

    warned = early_warning(scores, accounts, as_of="2026-11-01", at_least=0.2)

    assert warned["account_id"].tolist() == [1, 2]
    assert warned["step"].tolist() == ["pre_due_reminder", "extension"]
    assert warned["reasons"].tolist()[0] == "payments shrink month by month"


def test_g5_a_plan_is_the_same_for_everyone_in_the_same_case():
    """G.5: the order of a list decides nothing about a customer."""
    scores = pd.DataFrame(
        {
            "account_id": range(20),
            "snapshot_date": "2026-10-31",
            "probability": 0.1,
            "points": 600.0,
            "band": "C",
        }
    )
    accounts = pd.DataFrame({"account_id": range(20), "days_past_due": 20})

    plan = assign(scores.iloc[::-1], accounts, as_of="2026-11-01")

    assert plan[["treatment", "rule", "to_confirm"]].drop_duplicates().shape[0] == 1
