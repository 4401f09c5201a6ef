"""The ten steps of the guide, P.1 to P.10: chosen, refused and postponed, each with its reason.

Written to be read by a collections manager. A case is: days past due, band (A is the safest), and
what is known of the customer. ``known`` means that no hold stands, that a call was tried, and that
an arrangement was offered.
"""

from delinquency.strategy import Strategy, catalogue, explain

NEW_YORK = {"time_zone": "America/New_York", "jurisdiction": "US"}


def strategy_with(cell, head=""):
    """Return a strategy whose only stage and band have this cell."""
    return Strategy.from_text(
        f"format: 1\nname: desk\n{head}stages: [{{stage: any, dpd: [0, null]}}]\nbands: [A]\n"
        f"cells:\n  - {{stage: any, band: A, {cell}}}\n"
    )


def test_p1_an_overdue_customer_is_reminded_by_message(decide):
    """P.1: five days late, a medium risk: a message with the amount and the consequences."""
    decision = decide(5, "B", valid_channel=True, channel_consent=True)

    assert decision.treatment == "digital_reminder"
    assert decision.channel == "sms"
    assert "fees and consequences" in catalogue()["digital_reminder"].text.en


def test_p1_nobody_is_reminded_who_opted_out_of_every_channel(decide):
    """P.1 refused: the customer wants no text, no app message and no e-mail."""
    decision = decide(5, "B", opt_out_sms=True, opt_out_app=True, opt_out_email=True)

    assert decision.treatment == "no_action"
    assert "the customer has opted out" in decision.why()


def test_p1_a_reminder_at_night_waits_for_the_morning(decide):
    """P.1 postponed: at 23:00 in New York the message waits until 08:00."""
    decision = decide(5, "B", at="2026-11-24T04:00Z", packs=["us.fdcpa_reg_f"], **NEW_YORK)

    assert decision.treatment == "digital_reminder"
    assert str(decision.earliest) == "2026-11-24 13:00:00+00:00"
    assert "It waits for contact hours (us.f.window)." in decision.why()


def test_p2_a_missed_cycle_leads_to_a_call(decide):
    """P.2: twenty days late, a riskier customer with a valid number: an agent calls."""
    assert decide(20, "C", valid_phone=True).treatment == "agent_call"


def test_p2_without_a_valid_number_there_is_no_call(decide):
    """P.2 refused: the number is wrong, so a message goes out and the reason is told."""
    decision = decide(20, "C", valid_phone=False)

    assert decision.treatment == "digital_reminder"
    assert "Call by an agent was not possible: it needs a valid phone number." in decision.why()


def test_p2_after_a_conversation_the_phone_rests_until_day_8(decide):
    """P.2 postponed: they spoke on Friday the 20th; the next call is on Friday the 27th."""
    decision = decide(
        20,
        "C",
        contacts=[("2026-11-20T15:00Z", "phone", "right_party")],
        packs=["us.fdcpa_reg_f"],
        **NEW_YORK,
    )

    assert decision.treatment == "agent_call"
    assert str(decision.earliest) == "2026-11-27 13:00:00+00:00"
    assert decision.postponed == "us.f.cooldown"


VISIT = {
    "address_valid": True,
    "region_covered": True,
    "visit_allowed": True,
    "two_person_team": True,
    "balance_ge_floor": True,
    "phone_failed": True,
    "not_time_barred": False,
}


def test_p3_when_calls_bring_nothing_somebody_visits(decide, known):
    """P.3: calls failed, the address is good, two people can go: a visit."""
    decision = decide(75, "D", **known, **VISIT)

    assert decision.treatment == "field_visit"
    assert "whether there is hardship" in catalogue()["field_visit"].text.en


def test_p3_nobody_visits_alone(decide, known):
    """P.3 refused: there is no team of two."""
    decision = decide(75, "D", **known, **{**VISIT, "two_person_team": False})

    assert decision.treatment == "agent_call"
    assert "field_visit: two_person_team" in decision.removed


def test_p3_a_visit_on_a_holiday_waits(decide, known):
    """P.3 postponed: Sunday in Jakarta; visits resume on Monday at 08:00."""
    decision = decide(
        75,
        "D",
        at="2026-11-22T03:00Z",
        packs=["id.pojk22_2023"],
        jurisdiction="ID",
        time_zone="Asia/Jakarta",
        visit_at_domicile=True,
        **known,
        **VISIT,
    )

    assert decision.treatment == "field_visit"
    assert str(decision.earliest) == "2026-11-23 01:00:00+00:00"


FIT = {
    "right_party_contact": True,
    "hardship_evidence": True,
    "willingness": True,
    "affordability_ok": True,
}


def test_p4_a_willing_customer_in_hardship_gets_instalments(decide):
    """P.4: hardship is proved, the customer is willing, 48 months are within the cap of 60."""
    decision = decide(75, "A", plan_tenor_months=48, **FIT)

    assert decision.treatment == "instalment_plan"


def test_p4_a_plan_of_61_months_is_refused(decide):
    """P.4 refused: the term is longer than sixty months."""
    decision = decide(75, "A", plan_tenor_months=61, packs=["cn.cbirc_card_2011"], **FIT)

    assert decision.treatment == "agent_call"
    assert "instalment_plan: tenor_le_cap, cn.card.instalment" in decision.removed


def test_p4_extension_promise_and_settlement_can_be_planned_too(decide, known):
    """P.4: an extension early, a promise after a conversation, a settlement late."""
    extension = decide(20, "E", extensions_12m=0, **FIT)
    promise = decide(
        20, "A", strategy=strategy_with("treatment: promise_to_pay"), right_party_contact=True
    )
    settlement = decide(
        200, "A", right_party_contact=True, discount_share=0.3, offer_npv=700.0, waiting_npv=650.0,
        **known,
    )  # fmt: skip

    assert "extension" in extension.also
    assert promise.treatment == "promise_to_pay"
    assert settlement.treatment == "settlement_discount"


def test_p4_a_settlement_that_is_worth_less_than_waiting_is_refused(decide, known):
    """P.4 refused: the offer brings less than the customer is expected to pay anyway."""
    decision = decide(
        200, "A", right_party_contact=True, discount_share=0.3, offer_npv=600.0, waiting_npv=650.0,
        **known,
    )  # fmt: skip

    assert decision.treatment != "settlement_discount"
    assert "settlement_discount: npv_test" in decision.removed


def test_p4_while_a_plan_is_kept_all_collection_stops(decide):
    """P.4: a plan that is being performed is a hold, whatever the score."""
    decision = decide(75, "E", plan_performing=True)

    assert decision.treatment == "care_and_hold"
    assert "a plan is being kept" in decision.why()


LETTER = {"address_valid": True, "not_time_barred": True}
SUIT = {
    "demand_letter_sent": True,
    "no_ombudsman_case": True,
    "identity_address_evidence": True,
    "balance_ge_floor": True,
    "ability_to_pay_or_assets": True,
}


def test_p5_the_formal_letter_comes_before_the_court(decide, known):
    """P.5: at 75 days a letter of demand; at 120 days, with the letter sent, the court."""
    assert decide(75, "D", **known, **LETTER).treatment == "demand_letter"
    assert decide(120, "D", **known, **LETTER, **SUIT).treatment == "legal_action"


def test_p5_no_court_without_an_arrangement_offered_first(decide, known):
    """P.5 refused: everything is ready, but nobody offered the customer an arrangement."""
    facts = {**known, **LETTER, **SUIT, "arrangement_offered": False}

    decision = decide(120, "D", **facts)

    assert decision.treatment == "agent_call"
    assert "it needs evidence: an arrangement already offered" in decision.why()


def test_p5_no_court_for_a_claim_that_is_time_barred(decide, known):
    """P.5 refused: the claim is too old."""
    facts = {**known, **LETTER, **SUIT, "not_time_barred": False}

    assert "legal_action: not_time_barred" in decide(120, "D", **facts).removed


PLACEMENT = {"in_house_done": True, "agency_approved": True, "processing_contract": True}


def test_p6_late_accounts_are_placed_with_an_approved_agency(decide, known):
    """P.6: in-house steps are done, the agency is approved and under contract."""
    assert decide(120, "C", **known, **PLACEMENT).treatment == "outsource"


def test_p6_a_disputed_account_is_never_placed(decide, known):
    """P.6 refused: a dispute stops everything."""
    decision = decide(120, "C", **{**known, "dispute": True}, **PLACEMENT)

    assert decision.treatment == "care_and_hold"
    assert "outsource: hold:dispute" in decision.removed


SALE = {
    "sale_allowed": True,
    "title_chain_ok": True,
    "debtor_notice_plan": True,
    "not_paid_settled_bankrupt": True,
}


def test_p7_the_claim_can_be_sold_and_the_customer_must_be_told(decide, known):
    """P.7: after half a year, in China: the claim is sold, and the customer is to be notified."""
    facts = {**known, **SALE, "notice_of_recipient": True, "statutory_basis": True}

    decision = decide(200, "E", packs=["cn.pipl_credit"], **facts)

    assert decision.treatment == "debt_sale"
    assert "cn.assign_notice=notify_debtor_of_assignment" in decision.notices


def test_p7_a_vulnerable_customer_is_not_sold(decide, known):
    """P.7 refused: vulnerability is a hold."""
    assert decide(200, "E", **{**known, "vulnerable": True}, **SALE).treatment == "care_and_hold"


REPORT = {"consent_or_legal_duty": True, "data_accurate": True, "dispute": False}
RECORD = strategy_with("treatment: no_action, also: credit_bureau_report")


def test_p8_the_credit_record_is_kept_beside_every_step(decide):
    """P.8: reported after notice, beside whatever else is done."""
    decision = decide(5, "A", strategy=RECORD, prior_notice_given=True, **REPORT)

    assert decision.also == ["credit_bureau_report"]


def test_p8_no_report_without_notice(decide):
    """P.8 refused: the customer has not been told."""
    decision = decide(5, "A", strategy=RECORD, prior_notice_given=False, **REPORT)

    assert decision.also == []
    assert decision.removed == "credit_bureau_report: prior_notice_given"


ASSETS = strategy_with("treatment: [asset_disposal, instalment_plan]")
TITLE = {"security_or_judgment": True, "net_value_positive": True}


def test_p9_assets_are_realised_with_a_title_only(decide, known):
    """P.9: with an enforceable title yes, without one no."""
    with_title = decide(200, "A", strategy=ASSETS, enforcement_title=True, **TITLE, **known)
    without = decide(200, "A", strategy=ASSETS, enforcement_title=False, **TITLE, **known)

    assert with_title.treatment == "asset_disposal"
    assert without.treatment == "instalment_plan"
    assert "asset_disposal: enforcement_title" in without.removed


PARTNER = "treatment: no_action, also: partner_notice"
CONSENT = {
    "separate_consent_or_statute": True,
    "recipient_has_lawful_need": True,
    "prior_notice_given": True,
}


def test_p10_letters_to_partner_institutions_are_switched_off(decide, known):
    """P.10: shipped disabled; who enables it still needs a legal basis."""
    enabled = strategy_with(PARTNER, head="enable: partner_notice\n")
    lawful = decide(120, "A", strategy=enabled, **known, **CONSENT)
    unlawful = decide(
        120, "A", strategy=enabled, **known, **{**CONSENT, "separate_consent_or_statute": False}
    )

    assert not catalogue()["partner_notice"].enabled
    assert lawful.also == ["partner_notice"]
    assert unlawful.removed == "partner_notice: separate_consent_or_statute"


def test_negotiation_is_open_from_every_stage(decide):
    """P.4 from every step: some cell of each overdue stage offers an arrangement."""
    arrangements = {n for n, t in catalogue().items() if t.mutex == "arrangement"}
    offered = {
        stage
        for stage, _, _, cell in Strategy.default().rules()
        if arrangements & {*cell.treatment, *cell.also}
    }

    assert offered >= {"8-30", "31-60", "61-90", "91-180", "181+"}


def test_every_decision_reads_in_chinese_too(decide, known):
    """An agent in Shanghai reads the same reasons."""
    text = explain(decide(75, "D", **known, **{**VISIT, "two_person_team": False}).row, lang="zh")

    assert "未采取「上门外访」：缺少条件：两人以上外访。" in text
