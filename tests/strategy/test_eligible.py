"""What is allowed, by which rules not, and from when."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import RulePack, eligible

NY = "America/New_York"
CALLS = ["agent_call", "digital_reminder", "demand_letter"]


def accounts(n=1, **columns):
    base = {"account_id": list(range(1, n + 1)), "days_past_due": 20, "time_zone": NY}
    return pd.DataFrame({**base, **columns})


def contacts(*rows):
    names = ["account_id", "at", "channel", "outcome"]
    return pd.DataFrame([row[:4] for row in rows], columns=names).assign(
        inbound=[row[4] if len(row) > 4 else False for row in rows]
    )


def pack(*rules, name="house.test", jurisdiction="any", status="house", head=""):
    lines = "\n".join(f"  - {rule}" for rule in rules)
    text = (
        f"format: 1\nid: {name}\ntitle: t\njurisdiction: {jurisdiction}\nstatus: {status}\n{head}"
        f"rules:\n{lines}\n"
    )
    return RulePack.from_text(text)


BASE = "kind: contact_cap, mode: executable, severity: block, evidence: primary"
DAYTIME = f'{{id: t.window, {BASE}, channels: [phone], window: {{allow: ["09:00", "17:00"]}}}}'


def row(table, account=1, treatment="agent_call"):
    chosen = (table["account_id"] == account) & (table["treatment"] == treatment)
    return table[chosen].iloc[0]


def test_every_account_and_treatment_has_one_row():
    """22 rows an account, in order."""
    table = eligible(accounts(3), at="2026-11-23T15:00Z")

    assert len(table) == 66
    assert table["account_id"].tolist() == sorted(table["account_id"])
    assert not table.duplicated(["account_id", "treatment"]).any()


def test_the_strictest_of_several_packs_wins_whatever_their_order():
    """Reg F permits seven calls, Massachusetts two."""
    log = contacts(*[(1, f"2026-11-{d}T15:00Z", "phone", "no_answer") for d in (21, 22, 23)])
    names = ["us.fdcpa_reg_f", "us.ma.940cmr7"]

    tables = [
        eligible(accounts(), log, at="2026-11-23T16:00Z", packs=order)
        for order in (names, names[::-1])
    ]

    assert row(tables[0])["blocked_by"] == "us.ma.call_cap"
    assert str(row(tables[0])["earliest_at"]) == "2026-11-29 13:00:00+00:00"  # 08:00 in New York
    pd.testing.assert_frame_equal(*tables)


def test_reg_f_resumes_on_day_8_at_the_opening_hour():
    """Day 1 is the day of the conversation; after a week, and not before 08:00."""
    log = contacts((1, "2026-11-16T15:00Z", "phone", "right_party", True))

    found = row(eligible(accounts(), log, at="2026-11-20T15:00Z", packs=["us.fdcpa_reg_f"]))

    assert found["blocked_by"] == "us.f.cooldown"
    assert str(found["earliest_at"]) == "2026-11-23 13:00:00+00:00"


def test_reg_f_does_not_bind_an_original_creditor():
    """Who acts decides which packs bind."""
    early = "2026-11-23T10:00Z"
    packs = ["us.fdcpa_reg_f", "us.ma.940cmr7"]

    free = eligible(accounts(), at=early, packs=packs, actors=["original_creditor"])
    bound = eligible(accounts(), at=early, packs=packs, actors=["third_party_collector"])

    assert row(free)["blocked_by"] == ""
    assert row(bound)["blocked_by"] == "us.f.window"


def test_a_pack_binds_where_it_is_law_and_everyone_whose_place_is_unknown():
    """A place lies in what it names before the hyphen; no place is no excuse."""
    places = ["US-MA", "US", "GB", None]
    table = eligible(
        accounts(4, jurisdiction=places),
        at="2026-11-23T10:00Z",
        packs=["us.fdcpa_reg_f"],
        treatments=["agent_call"],
    )

    assert (table["blocked_by"] == "us.f.window").tolist() == [True, True, False, True]


def test_a_pack_binds_only_while_it_is_in_force():
    """As of a day before it came into force, and of one after it ended, it is not there."""
    dated = pack(DAYTIME, head="effective_from: 2026-09-01\neffective_to: 2026-11-30\n")
    found = {
        day: row(eligible(accounts(), at=f"{day}T05:00Z", packs=[dated]))["blocked_by"]
        for day in ("2026-08-31", "2026-09-01", "2026-11-30", "2026-12-01")
    }

    assert list(found.values()) == ["", "t.window", "t.window", ""]
    assert not pack(DAYTIME, status="draft").in_force(pd.Timestamp("2026-11-23").date())


def test_an_unverified_rule_warns_and_does_not_block():
    """Three contacts in seven days in New York City: not verified, so it is told only."""
    log = contacts(*[(1, "2026-11-22T15:00Z", "phone", "no_answer")] * 3)

    found = row(eligible(accounts(), log, at="2026-11-23T15:00Z", packs=["us.nyc.dcwp2026"]))

    assert found["allowed"]
    assert found["warnings"] == "us.nyc.contact_cap"


def test_a_zone_nobody_knows_is_the_intersection_of_the_place():
    """08:00 in Honolulu is 13:00 in New York: a call must suit both."""
    table = eligible(
        accounts(jurisdiction="US", time_zone=None),
        at="2026-11-23T14:00Z",
        packs=["us.fdcpa_reg_f"],
    )

    assert str(row(table)["earliest_at"]) == "2026-11-23 18:00:00+00:00"


def test_accounts_of_one_person_share_the_persons_caps():
    """Three conversations about one account use up the day for the other."""
    log = contacts(*[(1, f"2026-11-23T0{h}:00Z", "phone", "right_party") for h in (1, 2, 3)])
    table = eligible(
        accounts(3, person_id=[7, 7, 8], time_zone="Asia/Shanghai"),
        log,
        at="2026-11-23T04:00Z",
        packs=["cn.gbt_45251_2025"],
        treatments=["agent_call"],
    )

    assert table["allowed"].tolist() == [False, False, True]


def test_what_is_true_of_a_person_holds_for_all_their_accounts():
    """A death or an opt-out of a medium is not a matter of one account; a dispute is."""
    table = eligible(
        accounts(2, person_id=[7, 7], deceased=[True, False], dispute=[True, False]),
        at="2026-11-23T15:00Z",
        treatments=["agent_call"],
    )

    assert table["blocked_by"].tolist() == ["hold:deceased, hold:dispute", "hold:deceased"]


def test_a_request_to_stop_closes_every_channel_without_any_pack():
    """Cease comes before the law of any place."""
    log = contacts((1, "2026-11-20T15:00Z", "phone", "cease"))

    table = eligible(accounts(), log, at="2026-11-23T15:00Z")

    assert (table["channel"] == "").all()
    assert "cease_requested" in row(table)["blocked_by"]


def test_contacts_after_the_instant_are_not_known_yet():
    """An answer as of a past instant does not change when the log grows."""
    past = contacts(*[(1, f"2026-11-{d}T15:00Z", "phone", "no_answer") for d in range(10, 16)])
    later = contacts(*[(1, f"2026-11-{d}T15:00Z", "phone", "right_party") for d in range(17, 24)])
    at, packs = "2026-11-16T15:00Z", ["us.fdcpa_reg_f", "us.ma.940cmr7"]

    before = eligible(accounts(), past, at=at, packs=packs)
    after = eligible(accounts(), pd.concat([past, later]), at=at, packs=packs)

    pd.testing.assert_frame_equal(before, after)


def test_a_calendar_month_begins_anew_in_the_customers_zone():
    """Ten texts in November; December begins in Sydney before it does in Greenwich."""
    log = contacts(*[(1, f"2026-11-{d:02d}T02:00Z", "sms", "sent") for d in range(1, 21, 2)])
    table = eligible(
        accounts(time_zone="Australia/Sydney"), log, at="2026-11-25T02:00Z", packs=["au.rg96"]
    )

    assert str(row(table)["earliest_at"]) == "2026-11-30 20:30:00+00:00"  # 07:30 on 1 December


def test_a_house_policy_tightens_and_its_own_cap_counts():
    """The house closes at 17:00 where the law closes at 21:00."""
    table = eligible(
        accounts(), at="2026-11-23T23:00Z", packs=["us.fdcpa_reg_f"], house_policy=pack(DAYTIME)
    )

    assert row(table)["blocked_by"] == "t.window"
    assert str(row(table)["earliest_at"]) == "2026-11-24 14:00:00+00:00"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"time_zone": "Mars/Base"}, "DLQ-103"),
        ({"cease_requested": pd.array([None], dtype="boolean")}, "DLQ-104"),
        ({"opt_out_sms": pd.array([None], dtype="boolean")}, "DLQ-104"),
        ({"standard_breathing_space": pd.array([None], dtype="boolean")}, "DLQ-104"),
        ({"limitation_from": ["next year"]}, "DLQ-103"),
        ({"plan_tenor_months": ["long"]}, "DLQ-103"),
    ],
)
def test_what_cannot_be_understood_is_refused(spoil, code):
    """An unknown stop must not pass as none; nothing is guessed."""
    with pytest.raises(InputError, match=code):
        eligible(
            accounts(**spoil), at="2026-11-23T15:00Z", packs=["uk.conc7", "cn.cbirc_card_2011"]
        )


@pytest.mark.parametrize(
    "log",
    [
        pd.DataFrame({"account_id": [1], "channel": ["phone"], "outcome": ["busy"]}),
        pd.DataFrame(
            {"account_id": [1], "at": ["soon"], "channel": ["phone"], "outcome": ["busy"]}
        ),
        pd.DataFrame({"account_id": [1], "at": [None], "channel": ["phone"], "outcome": ["busy"]}),
        pd.DataFrame(
            {"account_id": ["1"], "at": ["2026-01-01"], "channel": ["a"], "outcome": ["b"]}
        ),
    ],
)
def test_a_log_that_cannot_be_counted_is_refused(log):
    """A contact without a time cannot be left out of a cap."""
    with pytest.raises(InputError):
        eligible(accounts(), log, at="2026-11-23T15:00Z")


def test_packs_that_are_not_there_are_refused_with_the_nearest_name():
    """A typo must not mean no rules."""
    with pytest.raises(InputError, match=r'did you mean "us\.fdcpa_reg_f"'):
        eligible(accounts(), at="2026-11-23", packs=["us.fdcpa_reg"])
    with pytest.raises(InputError, match="DLQ-206"):
        eligible(
            accounts(), at="2026-11-23", packs=[pack(DAYTIME), pack(DAYTIME.replace("17", "16"))]
        )


OUTCOMES = [
    "no_answer",
    "busy",
    "voicemail",
    "right_party",
    "sent",
    "promise",
    "wrong_party",
    "odd",
]
entries = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(0, 45 * 24).map(lambda h: datetime(2026, 10, 10,
        tzinfo=ZoneInfo("UTC")) + timedelta(hours=h)), st.sampled_from(["phone", "ai_voice", "sms",
        "email"]), st.sampled_from(OUTCOMES), st.booleans(),
    ),
    max_size=25,
)  # fmt: skip
caps = st.fixed_dictionaries(
    {
        "counts": st.sampled_from(["attempts", "connected", "conversations", "unanswered"]),
        "max": st.integers(1, 4),
        "unit": st.sampled_from(["account", "person"]),
        "inbound": st.booleans(),
        "span": st.sampled_from(["days: 1", "days: 3", "days: 7", "months: 1"]),
    }
)
SILENT = {
    "attempts": set(),
    "connected": {"no_answer", "busy"},
    "conversations": {"no_answer", "busy", "voicemail", "sent", "wrong_party"},
}


def brute(log, cap, zone, person_of, account, at):
    """Count day by day, with plain dates, until the cap has room."""

    def counts(entry):
        who, _, channel, outcome, inbound = entry
        same = who == account if cap["unit"] == "account" else person_of[who] == person_of[account]
        if not same or channel not in ("phone", "ai_voice") or (inbound and not cap["inbound"]):
            return False
        if cap["counts"] == "unanswered":
            return outcome in {"no_answer", "busy", "voicemail"}
        return outcome not in SILENT[cap["counts"]]

    local = [e[1].astimezone(ZoneInfo(zone)).date() for e in log if counts(e) and e[1] <= at]
    unit, length = cap["span"].split(": ")
    for ahead in range(60):
        day = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=ahead)
        if unit == "days":
            used = sum(day - timedelta(days=int(length)) < d <= day for d in local)
        else:
            used = sum((d.year, d.month) == (day.year, day.month) for d in local)
        if used < cap["max"]:
            if ahead == 0:
                return at
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
            return midnight.astimezone(ZoneInfo("UTC"))
    raise AssertionError


@settings(max_examples=200)
@given(entries, caps, st.sampled_from([NY, "Asia/Kolkata", "Australia/Sydney", "UTC"]))
def test_caps_agree_with_counting_day_by_day(log, cap, zone):
    """An independent count by calendar days finds the same earliest time."""
    at = datetime(2026, 11, 20, 15, tzinfo=ZoneInfo("UTC"))
    shape = ", ".join(f"{k}: {str(v).lower()}" for k, v in cap.items() if k != "span")
    rules = pack(f"{{id: t.cap, {BASE}, channels: [phone], cap: {{{shape}, {cap['span']}}}}}")
    person_of = {1: 7, 2: 7, 3: 8}
    table = eligible(
        accounts(3, person_id=list(person_of.values()), time_zone=zone),
        contacts(*(log or [(99, at, "phone", "busy", False)])),
        at=at,
        packs=[rules],
        treatments=["contact_repair", "promise_to_pay"],
    )
    for account in person_of:
        found = row(table, account, "promise_to_pay")
        expected = brute(log, cap, zone, person_of, account, at)
        # a recent conversation is this treatment's own precondition, and no matter of the cap
        waits = "t.cap" in found["blocked_by"]
        assert waits == (expected > at)
        if "right_party_contact" not in found["blocked_by"]:
            assert found["earliest_at"] == pd.Timestamp(expected)


RULES = [
    DAYTIME,
    f"{{id: t.cap, {BASE}, channels: [all], "
    "cap: {counts: attempts, max: 1, days: 3, unit: person}}",
    f"{{id: t.ban, {BASE}, treatments: [contact_repair], always: true}}",
    f"{{id: t.wait, {BASE}, channels: [sms], wait: {{after: told, days: 3}}}}",
    f"{{id: t.need, {BASE}, channels: [phone], require: {{valid_phone: true}}}}",
]


@settings(max_examples=80)
@given(
    entries, st.lists(st.sampled_from(RULES), unique=True), st.sampled_from(RULES), st.booleans()
)
def test_adding_a_rule_never_adds_an_option(log, rules, extra, unknown_zone):
    """With one more rule nothing becomes allowed and nothing becomes allowed sooner."""
    table = accounts(
        3,
        person_id=[7, 7, 8],
        told=["2026-11-18", None, "2026-11-01"],
        valid_phone=[True, False, True],
        days_past_due=[5, 20, 70],
    )
    if unknown_zone:
        table["time_zone"] = f"{NY}|Asia/Tokyo"
    at = datetime(2026, 11, 20, 15, tzinfo=ZoneInfo("UTC"))
    log = contacts(*(log or [(99, at, "phone", "busy", False)]))
    fewer = pack(*rules) if rules else None
    more = pack(*rules, *([extra] if extra not in rules else []))

    before = eligible(table, log, at=at, packs=[fewer] if fewer else [])
    after = eligible(table, log, at=at, packs=[more])

    assert not (after["allowed"] & ~before["allowed"]).any()
    late = pd.Timestamp("2100-01-01", tz="UTC")
    assert (after["earliest_at"].fillna(late) >= before["earliest_at"].fillna(late)).all()


@settings(max_examples=50)
@given(entries, st.permutations(range(3)), st.randoms(use_true_random=False))
def test_the_order_of_accounts_and_contacts_is_irrelevant(log, order, random):
    """Shuffling either table changes nothing."""
    table = accounts(3, person_id=[7, 7, 8], days_past_due=[5, 20, 70])
    at = datetime(2026, 11, 20, 15, tzinfo=ZoneInfo("UTC"))
    log = log or [(99, at, "phone", "busy", False)]
    shuffled = list(log)
    random.shuffle(shuffled)
    packs = ["us.fdcpa_reg_f", "us.ma.940cmr7", "cn.gbt_45251_2025"]

    first = eligible(table, contacts(*log), at=at, packs=packs)
    again = eligible(table.iloc[order], contacts(*shuffled), at=at, packs=packs[::-1])

    pd.testing.assert_frame_equal(first, again, check_categorical=False)
