"""From scores to a plan: every account once, holds first, every removal with its reason."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import Strategy, assign, catalogue, explain
from delinquency.strategy._facts import HOLDS

BANDS = "ABCDE"


def plan_of(scores, accounts, **keywords):
    return assign(scores, accounts, as_of="2026-07-01", **keywords).set_index("account_id")


@pytest.mark.parametrize(
    ("days", "band", "treatment", "rule"),
    [
        (0, "A", "no_action", "pre_due/A"),
        (0, "E", "pre_due_reminder", "pre_due/E"),
        (1, "A", "no_action", "1-7/A#2"),
        (4, "A", "digital_reminder", "1-7/A"),
        (7, "B", "digital_reminder", "1-7/B"),
        (8, "C", "agent_call", "8-30/C"),
        (30, "C", "agent_call", "8-30/C"),
        (31, "B", "agent_call", "31-60/B"),
        (61, "A", "instalment_plan", "61-90/A"),
        (90, "D", "agent_call", "61-90/D"),
        (91, "A", "instalment_plan", "91-180/A"),
        (181, "A", "instalment_plan", "181+/A"),
    ],
)
def test_stage_and_band_find_the_cell(book, days, band, treatment, rule):
    """The edges of the stages belong to the stage that names them."""
    plan = plan_of(*book((days, band)))

    assert plan.loc[1, ["treatment", "rule"]].tolist() == [treatment, rule]


def test_conditions_choose_between_cells_and_a_missing_value_is_false(book):
    """A high balance earns a call, a low or unknown one a message."""
    scores, accounts = book(*[(5, "E")] * 3, balance=[60000.0, 100.0, np.nan])

    plan = plan_of(scores, accounts)

    assert plan["treatment"].tolist() == ["agent_call", "digital_reminder", "digital_reminder"]
    assert plan["rule"].tolist() == ["1-7/E", "1-7/E#2", "1-7/E#2"]


@pytest.mark.parametrize("hold", HOLDS)
def test_every_hold_wins_over_everything(book, hold):
    """A hold leads to care, names itself as the rule, and leaves nothing beside."""
    places = [(days, band) for days in (0, 5, 20, 45, 75, 120, 400) for band in BANDS]
    scores, accounts = book(*places, balance=1e6, **{hold: True})

    plan = plan_of(scores, accounts)

    assert set(plan["treatment"]) == {"care_and_hold"}
    assert set(plan["rule"]) == {f"hold:{hold}"}
    assert set(plan["also"]) == set(plan["channel"]) == set(plan["to_confirm"]) == {""}


def test_several_holds_are_all_named(book):
    """The rule names every hold that stands."""
    scores, accounts = book((20, "C"), dispute=[True], vulnerable=[True], complaint=[False])

    assert plan_of(scores, accounts).loc[1, "rule"] == "hold:dispute+vulnerable"


def test_a_precondition_denied_or_missing_removes_and_is_named(book):
    """No and missing are both no."""
    phone = pd.array([True, False, None], dtype="boolean")
    scores, accounts = book(*[(20, "C")] * 3, valid_phone=phone)

    plan = plan_of(scores, accounts)

    assert plan["treatment"].tolist() == ["agent_call", "digital_reminder", "digital_reminder"]
    assert plan["removed"].tolist() == ["", "agent_call: valid_phone", "agent_call: valid_phone"]


def test_what_nobody_knows_is_to_be_confirmed_below_rung_5_and_removes_above(book):
    """A call may be prepared and confirmed; a letter of demand needs evidence."""
    plan = plan_of(*book((75, "D")))

    assert plan.loc[1, "treatment"] == "agent_call"
    assert plan.loc[1, "to_confirm"] == "agent_call: valid_phone, in_window, under_cap, not_on_hold"
    assert plan.loc[1, "removed"].startswith(
        "demand_letter: address_valid, not_time_barred, not_on_hold, escalation:contact_tried"
    )


def test_rung_5_needs_an_earlier_contact_and_an_offer(book):
    """With every precondition met there is still no letter without a contact and an offer."""
    facts = {"address_valid": True, "not_time_barred": True, "not_on_hold": True}
    facts |= {"contact_tried": [False, True, False, True]}
    facts |= {"arrangement_offered": [False, False, True, True]}

    plan = plan_of(*book(*[(75, "D")] * 4, **facts))

    assert plan["treatment"].tolist() == ["agent_call"] * 3 + ["demand_letter"]


def test_opting_out_closes_a_channel_and_the_next_is_used(book):
    """Messages go by app when text messages are closed; with all closed nothing is sent."""
    shut = {"opt_out_sms": [False, True, True], "opt_out_app": [False, False, True]}

    plan = plan_of(*book(*[(5, "B")] * 3, **shut, opt_out_email=True))

    assert plan["channel"].tolist() == ["sms", "app", ""]
    assert plan.loc[3, "treatment"] == "no_action"
    assert plan.loc[3, "rule"] == "1-7/B/last_resort"
    assert plan.loc[3, "removed"] == "digital_reminder: opted_out"


def test_one_treatment_of_a_mutex_group(book):
    """What runs beside the chosen treatment is of another group."""
    groups = {name: entry.mutex for name, entry in catalogue().items()}
    places = [(days, band) for days in (0, 5, 20, 45, 75, 120, 400) for band in BANDS]

    plan = plan_of(*book(*places))

    assert (plan["also"] != "").any()
    for row in plan.itertuples():
        running = [row.treatment, *filter(None, row.also.split("; "))]
        exclusive = [groups[name] for name in running if groups[name] != "none"]
        assert len(exclusive) == len(set(exclusive))


def test_fixed_edges_decide_on_the_unrounded_points(book):
    """A band with edges is [from, to): the edge itself belongs to the safer band."""
    strategy = Strategy.from_text(
        "format: 1\nname: edges\nstages: [{stage: all, dpd: [0, null]}]\n"
        "bands: [{band: safe, points: [600, null]}, {band: risky, points: [null, 600]}]\n"
        "cells:\n  - {stage: all, band: [safe, risky], treatment: no_action}\n"
    )
    scores, accounts = book((0, "A"), (0, "A"))

    plan = plan_of(scores.assign(points=[600.0, 599.999]), accounts, strategy=strategy)

    assert plan["band"].tolist() == ["safe", "risky"]


REFUSED = [
    (lambda s, a: (s, a.iloc[:1]), "DLQ-121"),
    (lambda s, a: (s.assign(account_id=["1", "2"]), a), "DLQ-115"),
    (lambda s, a: (s.assign(points=[600.0, np.nan]), a), "DLQ-105"),
    (lambda s, a: (s.assign(probability=[np.inf, 0.1]), a), "DLQ-105"),
    (lambda s, a: (s.assign(band=["A", "Z"]), a), "DLQ-123"),
    (lambda s, a: (s.assign(band=["A", None]), a), "DLQ-123"),
    (lambda s, a: (s.assign(snapshot_date="2026-08-31"), a), "DLQ-122"),
    (lambda s, a: (s, a.drop(columns="days_past_due")), "DLQ-102"),
    (lambda s, a: (s, a.assign(dispute=[True, None])), "DLQ-104"),
    (lambda s, a: (s, a.assign(dispute=["yes", "no"])), "DLQ-103"),
    (lambda s, a: (s, a.assign(valid_phone=[2, 0])), "DLQ-103"),
    (lambda s, a: (s, a.assign(balance=["x", "y"])), "DLQ-103"),
    (lambda s, a: (s.iloc[:0], a), "DLQ-100"),
    (lambda s, a: (pd.concat([s, s.assign(snapshot_date="2026-05-31")]), a), "DLQ-124"),
]


@pytest.mark.parametrize(("spoil", "code"), REFUSED)
def test_bad_tables_are_refused_before_anything_is_decided(book, spoil, code):
    """No account is dropped, no score is guessed."""
    scores, accounts = spoil(*book((20, "C"), (5, "E"), balance=1.0))

    with pytest.raises(InputError) as caught:
        plan_of(scores, accounts)

    assert code in {problem.code for problem in caught.value.problems}


def test_a_decision_id_is_the_hash_of_policy_account_treatment_and_period(book):
    """Worked by hand with hashlib; the same all month, another one in the next."""
    scores, accounts = book((5, "B"))
    strategy = Strategy.default()

    july = [
        assign(scores, accounts, as_of=day) for day in ("2026-07-01", "2026-07-31", "2026-08-01")
    ]

    text = f"{strategy.hash}|1|digital_reminder|2026-07"
    assert july[0].loc[0, "decision_id"] == hashlib.sha256(text.encode()).hexdigest()
    assert july[0].loc[0, "decision_id"] == july[1].loc[0, "decision_id"]
    assert july[0].loc[0, "decision_id"] != july[2].loc[0, "decision_id"]


@st.composite
def books(draw):
    n = draw(st.integers(1, 12))
    choose = lambda values: draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))  # noqa: E731
    ids = draw(st.permutations(range(n)))
    scores = pd.DataFrame(
        {
            "account_id": ids,
            "snapshot_date": "2026-06-30",
            "probability": 0.1,
            "points": 600.0,
            "band": choose(list(BANDS)),
        }
    )
    accounts = pd.DataFrame(
        {"account_id": ids, "days_past_due": choose([0, 3, 5, 20, 45, 75, 120, 400])}
    )
    needs = sorted({need for entry in catalogue().values() for need in entry.requires})
    needs += ["dispute", "vulnerable", "contact_tried", "arrangement_offered", "opt_out_sms"]
    for name in draw(st.lists(st.sampled_from(needs), unique=True, max_size=25)):
        accounts[name] = choose([True, False])
    return scores, accounts


@given(books(), st.randoms(use_true_random=False))
def test_order_of_rows_never_changes_a_plan(tables, random):
    """The plan depends on the accounts, not on where they stand."""
    scores, accounts = tables
    rows = list(range(len(scores)))
    random.shuffle(rows)

    again = assign(scores.iloc[rows], accounts.iloc[rows[::-1]], as_of="2026-07-01")

    pd.testing.assert_frame_equal(again, assign(scores, accounts, as_of="2026-07-01"))


@given(books())
def test_each_account_is_decided_alone_and_once(tables):
    """One row an account, and the same row when the account is alone in the book."""
    scores, accounts = tables
    plan = assign(scores, accounts, as_of="2026-07-01")
    first = plan["account_id"].iloc[0]

    alone = assign(
        scores[scores["account_id"] == first],
        accounts[accounts["account_id"] == first],
        as_of="2026-07-01",
    )

    assert plan["account_id"].tolist() == sorted(scores["account_id"])
    pd.testing.assert_frame_equal(alone, plan.iloc[:1])


@given(books(), st.sampled_from(HOLDS))
def test_adding_a_hold_never_adds_contact(tables, hold):
    """Under one more hold nobody is contacted who was not contacted before."""
    scores, accounts = tables

    plan = assign(scores, accounts.assign(**{hold: True}), as_of="2026-07-01")

    assert (plan["channel"] == "").all()


@given(books())
def test_nothing_from_rung_5_runs_without_contact_and_offer(tables):
    """The escalation rule holds on every path."""
    scores, accounts = tables
    plan = assign(scores, accounts, as_of="2026-07-01").merge(accounts, on="account_id")
    for row in plan.to_dict("records"):
        running = [row["treatment"], *filter(None, row["also"].split("; "))]
        if max(catalogue()[name].rung for name in running) >= 5:
            assert row.get("arrangement_offered") is True
            assert row.get("contact_tried") is True or row.get("unreachable") is True


@given(books(), st.sampled_from(["en", "zh"]))
def test_every_row_explains_itself(tables, lang):
    """No row is beyond words, and no word is missing from the shipped list."""
    plan = assign(*tables, as_of="2026-07-01")
    for account in plan["account_id"]:
        text = explain(plan, account, lang=lang)
        assert text
        if lang == "zh":
            assert not any("_" in line for line in text.splitlines()[1:] if "渠道" not in line)


def test_explain_tells_hold_last_resort_and_reasons(book):
    """An agent reads why, in both languages."""
    scores, accounts = book((20, "C"), (75, "D"), dispute=[True, False], valid_phone=False)
    plan = assign(scores, accounts, as_of="2026-07-01")

    assert explain(plan, 1).splitlines()[1] == "Collection is on hold: the debt is disputed."
    assert "its last resort was taken" in explain(plan, 2)
    assert "Call by an agent was not possible: it needs a valid phone number." in explain(plan, 2)
    assert "未采取「人工电话」：缺少条件：有效电话号码。" in explain(plan, 2, lang="zh")
    with pytest.raises(InputError, match="DLQ-125"):
        explain(plan, 99)


LAW = ["cn.gbt_45251_2025", "cn.cba_2026"]


def test_accounts_of_one_person_share_the_persons_cap_in_one_plan(book):
    """Four accounts of a person, three conversations a day: the longest overdue go first."""
    scores, accounts = book((20, "C"), (25, "C"), (30, "C"), (9, "C"), (20, "C"))
    accounts = accounts.assign(person_id=[1, 1, 1, 1, 2], time_zone="Asia/Shanghai")

    plan = assign(scores, accounts, packs=LAW, as_of="2026-11-23T04:00Z").set_index("account_id")

    calls = ["agent_call", "agent_call", "agent_call", "no_action", "agent_call"]
    assert plan["treatment"].tolist() == calls
    assert plan.loc[4, "rule"] == "8-30/C/shared_cap"
    assert plan.loc[4, "removed"] == "agent_call: cn.gb.voice_cap"
    assert "Another account of the same person goes first" in explain(plan.loc[4].to_dict())


def test_contacts_already_made_leave_less_of_the_shared_cap(book):
    """Two conversations this morning leave room for one call, not for two."""
    scores, accounts = book((20, "C"), (25, "C"))
    accounts = accounts.assign(person_id=1, time_zone="Asia/Shanghai")
    contacts = pd.DataFrame(
        {
            "account_id": [1, 2],
            "at": ["2026-11-23T01:00Z", "2026-11-23T02:00Z"],
            "channel": "phone",
            "outcome": "right_party",
        }
    )

    plan = assign(scores, accounts, contacts, packs=LAW, as_of="2026-11-23T04:00Z")

    assert plan["treatment"].tolist() == ["no_action", "agent_call"]


def test_a_contact_that_would_wait_too_long_gives_way_to_the_next(book):
    """Ten contacts this month in Australia: the call would wait eight days, so nothing is sent."""
    scores, accounts = book((20, "C"))
    accounts["time_zone"] = "Australia/Sydney"
    contacts = pd.DataFrame(
        {
            "account_id": 1,
            "at": [f"2026-11-{day:02d}T02:00Z" for day in range(1, 21, 2)],
            "channel": "email",
            "outcome": "sent",
        }
    )
    plan = assign(scores, accounts, contacts, packs=["au.rg96"], as_of="2026-11-21T02:00Z")

    assert plan["treatment"].tolist() == ["no_action"]
    assert "later:au.cap_month" in plan["removed"][0]
    # midnight in Sydney, where December begins eleven hours before it does in Greenwich
    assert "digital_reminder: 2026-11-30T13:00Z" in plan["allowed_from"][0].split("; ")


DRAWN = """\
format: 1
name: trial
role: challenger
stages: [{stage: all, dpd: [0, null]}]
bands: [A]
cells:
  - stage: all
    band: A
    treatment: [digital_reminder, agent_call, ai_voice_call]
    weights: [1, 2, 1]
"""


def test_weights_draw_among_what_is_allowed_and_log_the_propensity():
    """Half of the people are called; where the phone is bad the message is certain."""
    n = 4000
    scores = pd.DataFrame(
        {
            "account_id": range(n),
            "snapshot_date": "2026-06-30",
            "probability": 0.1,
            "points": 600.0,
            "band": "A",
        }
    )
    accounts = pd.DataFrame(
        {
            "account_id": range(n),
            "person_id": np.arange(n) // 2,
            "days_past_due": 20,
            "valid_phone": np.arange(n) % 4 < 2,
            "robocall_consent": True,
        }
    )
    strategy = Strategy.from_text(DRAWN)

    plan = assign(scores, accounts, strategy=strategy, as_of="2026-07-01")

    good = plan[accounts["valid_phone"]]
    shares = good["treatment"].value_counts(normalize=True)
    assert abs(shares["agent_call"] - 0.5) < 0.05
    assert set(plan.loc[~accounts["valid_phone"], "treatment"]) == {"digital_reminder"}
    assert set(plan.loc[~accounts["valid_phone"], "propensity"]) == {1.0}
    expected = {"agent_call": 0.5, "digital_reminder": 0.25, "ai_voice_call": 0.25}
    assert (good["propensity"] == good["treatment"].map(expected)).all()
    by_person = plan.groupby(accounts["person_id"])["treatment"].nunique()
    assert (by_person == 1).all()
    assert set(plan["arm"]) == {"challenger"}


def test_an_account_dwells_on_its_rung_before_it_climbs(book):
    """Five days on rung 1, then a call; going down is always open."""
    strategy = Strategy.from_text(
        "format: 1\nname: slow\ndwell_days: {'1': 5}\nstages: [{stage: all, dpd: [0, null]}]\n"
        "bands: [C]\ncells:\n  - {stage: all, band: C, treatment: [agent_call, digital_reminder]}\n"
    )
    facts = {"current_rung": [1, 1, 3, 1], "days_at_rung": [4.0, 5.0, 0.0, np.nan]}

    plan = plan_of(*book(*[(20, "C")] * 4, **facts), strategy=strategy)

    message, call = "digital_reminder", "agent_call"
    assert plan["treatment"].tolist() == [message, call, call, message]
    assert plan.loc[1, "removed"] == "agent_call: dwell"


SLOW = (
    "format: 1\nname: slow\ndwell_days: {1: 5}\ntimeout_days: {1: 10}\n"
    "stages: [{stage: all, dpd: [0, null]}]\nbands: [C]\n"
    "cells:\n  - {stage: all, band: C, treatment: [%s]}\n"
)


def test_a_rung_times_out_and_the_next_one_takes_over(book):
    """Messages for ten days, then a call; without a higher step that is open, messages go on."""
    strategy = Strategy.from_text(SLOW % "digital_reminder, agent_call")
    facts = {
        "current_rung": [1, 1, 1, 3, 1],
        "days_at_rung": [9.0, 10.0, 10.0, 25.0, np.nan],
        "valid_phone": [True, True, False, True, True],
    }

    plan = plan_of(*book(*[(20, "C")] * 5, **facts), strategy=strategy)

    message, call = "digital_reminder", "agent_call"
    assert plan["treatment"].tolist() == [message, call, message, message, message]
    assert plan.loc[2, "removed"] == "digital_reminder: timeout"
    assert plan.loc[4, "removed"] == ""


@pytest.mark.parametrize("relief", ["paid_recently", "promise_open", "hardship_reported"])
def test_what_was_paid_or_promised_stops_the_clock(book, relief):
    """A timeout never answers a payment, a promise or hardship with a call."""
    strategy = Strategy.from_text(SLOW % "digital_reminder, agent_call")
    facts = {"current_rung": [1, 1], "days_at_rung": [30.0, 30.0], relief: [True, False]}

    plan = plan_of(*book(*[(20, "C")] * 2, **facts), strategy=strategy)

    assert plan["treatment"].tolist() == ["digital_reminder", "agent_call"]


@pytest.mark.parametrize(
    ("first", "rung", "chosen"),
    [("instalment_plan", 4, "instalment_plan"), ("agent_call", 3, "demand_letter")],
)
def test_an_arrangement_is_never_timed_out(book, first, rung, chosen):
    """A letter takes over from calls that brought nothing, and from an offered plan never."""
    text = SLOW.replace("{1: 10}", "{3: 20, 4: 20}") % f"{first}, demand_letter"
    evidence = ("contact_tried", "arrangement_offered", "contact_happened", "address_valid")
    facts = {name: [True] for name in (*evidence, "not_time_barred")}
    facts |= {name: [False] for name in HOLDS}
    facts |= {"current_rung": [rung], "days_at_rung": [30.0]}

    plan = plan_of(*book((70, "C"), **facts), strategy=Strategy.from_text(text))

    assert plan["treatment"].tolist() == [chosen]


def test_what_waiting_allows_again_is_told_with_its_instant(book):
    """Two days of five are left to dwell; a missing number lifts by no waiting."""
    strategy = Strategy.from_text(SLOW % "agent_call, digital_reminder")
    facts = {"current_rung": [1, 1], "days_at_rung": [3.0, 3.0], "valid_phone": [True, False]}

    plan = plan_of(*book(*[(20, "C")] * 2, **facts), strategy=strategy)

    assert plan["allowed_from"].tolist() == ["agent_call: 2026-07-03T00:00Z", ""]
    assert "Call by an agent is allowed from 2026-07-03 00:00Z." in explain(plan.iloc[0])


def test_a_strategy_names_its_packs_and_the_rules_of_the_house(book):
    """The file is enough: its packs, its own hours, and who acts."""
    text = DRAWN.replace("weights: [1, 2, 1]", "rule: first").replace(
        "stages:",
        "packs: us.fdcpa_reg_f\nactors: debt_buyer\nhouse:\n"
        "  - {id: our.hours, kind: contact_window, mode: executable, severity: block,\n"
        "     evidence: primary, channels: [sms, email],\n"
        '     window: {allow: ["09:00", "17:00"]}}\nstages:',
        1,
    )
    scores, accounts = book((5, "A"))
    accounts["time_zone"] = "America/New_York"

    plan = assign(scores, accounts, strategy=Strategy.from_text(text), as_of="2026-07-01T12:30Z")

    assert str(plan["earliest_at"][0]) == "2026-07-01 13:00:00+00:00"
    assert plan["postponed"][0] == "our.hours"
    assert "us.fdcpa_reg_f@2026.11#" in plan["policy"][0]


def test_the_plan_of_a_past_day_does_not_know_what_came_later(book):
    """As of July, a request to stop in August changes nothing."""
    scores, accounts = book((20, "C"))
    log = pd.DataFrame(
        {"account_id": 1, "at": ["2026-08-01T00:00Z"], "channel": "phone", "outcome": "cease"}
    )

    before = assign(scores, accounts, log, as_of="2026-07-01")
    after = assign(scores, accounts, log, as_of="2026-08-02")

    assert before["treatment"].tolist() == ["agent_call"]
    assert after["treatment"].tolist() == ["no_action"]


def test_an_account_without_a_score_still_speaks_for_its_person(book):
    """The other account of this person is not scored; its log and opt-outs count all the same."""
    scores, accounts = book((20, "C"), (20, "C"), (20, "C"))
    accounts = accounts.assign(
        person_id=[1, 1, 2], time_zone="Asia/Shanghai", opt_out_email=[False, True, False]
    )
    contacts = pd.DataFrame(
        {
            "account_id": 2,
            "at": [f"2026-11-23T0{hour}:00Z" for hour in (1, 2, 3)],
            "channel": "phone",
            "outcome": "right_party",
        }
    )

    plan = assign(
        scores[scores["account_id"] != 2], accounts, contacts, packs=LAW, as_of="2026-11-23T04:00Z"
    )

    assert plan["account_id"].tolist() == [1, 3]
    assert plan["postponed"].tolist() == ["cn.gb.voice_cap", ""]


def test_a_rule_that_only_warns_removes_nothing_even_without_data(book):
    """No column says whether the customer consents: unverified, so a letter is not removed."""
    strategy = Strategy.from_text(
        "format: 1\nname: x\nstages: [{stage: all, dpd: [0, null]}]\nbands: [C]\n"
        "treatments:\n  - treatment: notice\n    name: {en: N, zh: 函}\n    rung: 6\n"
        "    mutex: legal_track\n    dpd: [0, 9999]\n    capacity: none\n    channels: [email]\n"
        "    text: {en: Send it., zh: 发送。}\n"
        "cells:\n  - {stage: all, band: C, treatment: notice}\n"
    )
    facts = {"contact_tried": True, "arrangement_offered": True}

    plan = plan_of(*book((20, "C"), **facts), strategy=strategy, packs=["us.nyc.dcwp2026"])

    assert plan["treatment"].tolist() == ["notice"]


BESIDE = (
    "format: 1\nname: x\nstages: [{stage: all, dpd: [0, null]}]\nbands: [C]\n"
    "cells:\n  - {stage: all, band: C, treatment: %s, also: %s}\n"
)


def test_what_runs_beside_gives_way_to_the_chosen_of_its_group(book):
    """A promise may be taken beside a call; beside a plan, two days late, it may not."""
    strategy = Strategy.from_text(BESIDE % ("[agent_call, instalment_plan]", "promise_to_pay"))

    plan = plan_of(*book((20, "C"), (2, "C")), strategy=strategy)

    assert plan["treatment"].tolist() == ["agent_call", "instalment_plan"]
    assert plan["also"].tolist() == ["promise_to_pay", ""]


def test_a_row_waits_for_everything_in_it(book):
    """The search could begin at night; the call for a plan beside it waits for the morning."""
    strategy = Strategy.from_text(BESIDE % ("contact_repair", "instalment_plan"))
    scores, accounts = book((20, "C"), time_zone="America/New_York")

    plan = assign(
        scores, accounts, strategy=strategy, packs=["us.fdcpa_reg_f"], as_of="2026-07-01T03:00Z"
    )

    assert plan["also"].tolist() == ["instalment_plan"]
    assert str(plan["earliest_at"][0]) == "2026-07-01 12:00:00+00:00"
    assert plan["postponed"].tolist() == ["us.f.window"]
