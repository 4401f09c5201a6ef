import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency import history, schema
from delinquency.errors import InputError
from delinquency.history import (
    Settlement,
    _ledger,
    days_past_due,
    material_days,
    months_delinquent,
    months_from_ledger,
)

from .ledger_oracle import EPOCH, stand


def dues_of(*rows, account=1, **more):
    frame = pd.DataFrame(rows, columns=["due_date", "amount_due"]).astype({"amount_due": float})
    return frame.assign(account_id=account, **more)


def payments_of(*rows, account=1, **more):
    frame = pd.DataFrame(rows, columns=["paid_date", "amount_paid"]).astype({"amount_paid": float})
    return frame.assign(account_id=account, **more)


MONTHLY = [(f"2026-{month:02d}-01", 100) for month in range(1, 6)]
PAID = [("2026-01-01", 100), ("2026-02-20", 60), ("2026-03-05", 90)]


def late_on(dues, payments, *days, **how):
    table = days_past_due(dues, payments, at=days, **how)
    return list(zip(table["days_past_due"], table["arrears"], strict=True))


@pytest.mark.parametrize(
    ("day", "days", "arrears"),
    [
        ("2026-02-01", 0, 0),
        ("2026-02-02", 1, 100),
        ("2026-02-20", 19, 40),
        ("2026-03-01", 28, 40),
        ("2026-03-05", 4, 50),
        ("2026-04-02", 32, 150),
        ("2026-05-31", 91, 250),
    ],
)
def test_worked_example_of_the_field(day, days, arrears):
    """Dues of 100 on the 1st; paid 100 on 1 January, 60 on 20 February, 90 on 5 March."""
    assert late_on(dues_of(*MONTHLY), payments_of(*PAID), day) == [(days, arrears)]


def test_nobody_paid_yet_is_a_book_too():
    """No payments table, and an empty one."""
    assert late_on(dues_of(*MONTHLY), None, "2026-01-31") == [(30, 100)]
    assert late_on(dues_of(*MONTHLY), payments_of(), "2026-01-31") == [(30, 100)]


def test_a_remainder_within_the_tolerance_is_settled():
    """Absolute and as a share; the larger holds; just above it is late."""
    dues = dues_of(("2026-01-01", 100))
    for paid, how, expected in [
        (95, {"tolerance": 5}, 0),
        (94.99, {"tolerance": 5}, 9),
        (95, {"tolerance_share": 0.05}, 0),
        (94, {"tolerance_share": 0.05}, 9),
        (94, {"tolerance_share": 0.05, "tolerance": 6}, 0),
    ]:
        payments = payments_of(("2026-01-01", paid))
        assert late_on(dues, payments, "2026-01-10", **how)[0][0] == expected


def test_sums_of_cents_leave_no_dust():
    """0.1 + 0.2 pays 0.3, although floats disagree."""
    payments = payments_of(("2026-01-01", 0.1), ("2026-01-01", 0.2))

    assert late_on(dues_of(("2026-01-01", 0.3)), payments, "2026-01-10") == [(0, 0)]
    assert late_on(
        dues_of(("2026-01-01", 0.1 + 0.2)), payments_of(("2026-01-01", 0.3)), "2026-01-10"
    ) == [(0, 0)]


def test_a_reversal_opens_the_due_again():
    """Paid on 5 January, bounced on 20 January: late since the 1st."""
    payments = payments_of(("2026-01-05", 100), ("2026-01-20", -100))

    assert late_on(dues_of(("2026-01-01", 100)), payments, "2026-01-19", "2026-01-20") == [
        (0, 0),
        (19, 100),
    ]


def test_overpayment_covers_what_falls_due_later():
    """250 on 1 January: February is covered, March half."""
    payments = payments_of(("2026-01-01", 250))

    assert late_on(dues_of(*MONTHLY), payments, "2026-02-10", "2026-03-10") == [(0, 0), (9, 50)]


def test_the_past_is_seen_as_it_was_known_then():
    """A payment of 10 January that was booked on 20 January, back-dated."""
    dues = dues_of(("2026-01-01", 100))
    payments = payments_of(("2026-01-10", 100), known_at=pd.Timestamp("2026-01-20 09:00"))

    assert late_on(dues, payments, "2026-01-19", "2026-01-20") == [(18, 100), (0, 0)]
    assert late_on(dues, payments, "2026-01-19", known="now") == [(0, 0)]


def test_a_due_that_was_booked_late_was_not_late_before():
    """Due on 1 January, booked on 20 January: from then on it is 19 days late."""
    dues = dues_of(("2026-01-01", 100), known_at=pd.Timestamp("2026-01-20"))

    assert late_on(dues, None, "2026-01-19", "2026-01-20") == [(0, 0), (19, 100)]


def test_a_designated_payment_settles_its_due_first():
    """FIFO gives the payment of 1 February to January; designation to February."""
    dues = dues_of(*MONTHLY[:2])
    payments = payments_of(("2026-02-01", 100), for_due="2026-02-01")

    assert late_on(dues, payments, "2026-02-10") == [(9, 100)]
    assert late_on(dues, payments, "2026-02-10", order="designated") == [(40, 100)]


def test_what_a_designated_payment_leaves_goes_to_the_oldest():
    """150 for February: 100 there, 50 to January."""
    payments = payments_of(("2026-02-01", 150), for_due="2026-02-01")

    assert late_on(dues_of(*MONTHLY[:2]), payments, "2026-02-10", order="designated") == [(40, 50)]


def test_within_an_instalment_the_oldest_due_comes_first():
    """Plan b has dues on 1 February and 1 March; a payment for b passes plan a by."""
    dues = dues_of(*MONTHLY[:3], instalment=["a", "b", "b"])
    payments = payments_of(("2026-03-01", 120), instalment="b")
    at = "2026-03-11"

    assert late_on(dues, payments, at, order="instalment") == [(69, 100 + 80)]
    assert late_on(dues, payments, at) == [(38, 180)]


def test_a_due_may_have_parts_when_something_tells_them_apart():
    """Principal and fee of one day, by instalment; the same row twice is refused."""
    dues = dues_of(("2026-01-01", 90), ("2026-01-01", 10), instalment=["p", "f"])

    assert late_on(dues, payments_of(("2026-01-01", 95)), "2026-01-10") == [(9, 5)]
    with pytest.raises(InputError, match="DLQ-101"):
        late_on(dues.drop(columns="instalment"), None, "2026-01-10")


def test_an_extension_moves_the_current_count_never_the_contractual():
    """January's due was moved to 1 March on 15 February."""
    dues = dues_of(
        ("2026-03-01", 100),
        contractual_date=pd.Timestamp("2026-01-01"),
        moved_at=pd.Timestamp("2026-02-15"),
    )
    months = months_from_ledger(dues, None, as_of="2026-03-31")

    assert months["contractual_dpd"].tolist() == [30, 58, 89]
    assert months["days_past_due"].tolist() == [30, 58, 89]
    assert months["current_dpd"].tolist() == [30, 0, 30]


def test_mortgage_conventions_differ_by_a_month():
    """Due on 1 April and unpaid: MBA one month at 30 April, OTS current; OTS one at 31 May."""
    dues = dues_of(("2026-04-01", 100))
    at = ["2026-04-29", "2026-04-30", "2026-05-01", "2026-05-31"]

    assert months_delinquent(dues, None, at, "mba")["months_delinquent"].tolist() == [0, 1, 1, 2]
    assert months_delinquent(dues, None, at, "ots")["months_delinquent"].tolist() == [0, 0, 1, 1]
    with pytest.raises(InputError, match="DLQ-215"):
        months_delinquent(dues, None, at, "mortgage")


def test_a_dip_of_one_day_resets_the_material_counter():
    """150 late since 2 January; on 1 March 60 is paid, and on 2 March the payment bounces."""
    dues = dues_of(("2026-01-01", 150))
    payments = payments_of(("2026-03-01", 60), ("2026-03-02", -60))
    at = ["2026-02-28", "2026-03-01", "2026-03-02", "2026-05-30", "2026-05-31"]
    table = material_days(dues, payments, at, exposure=5_000)

    assert table["material_days"].tolist() == [58, 0, 1, 90, 91]
    assert table["past_limit"].tolist() == [False, False, False, False, True]


def test_both_materiality_thresholds_must_be_passed():
    """EUR 100 and 1 % of the exposure, both strictly."""
    at = "2026-01-05"
    for amount, exposure, days in [
        (100, 50, 0),
        (101, 10_100, 0),
        (101, 10_000, 4),
        (150, 20_000, 0),
    ]:
        table = material_days(dues_of(("2026-01-01", amount)), None, at, exposure=exposure)
        assert table["material_days"].tolist() == [days]


def test_exposure_comes_by_account():
    """A Series by account id; an account without one is refused."""
    dues = pd.concat([dues_of(("2026-01-01", 150)), dues_of(("2026-01-01", 150), account=2)])
    exposure = pd.Series({1: 1_000.0, 2: 50_000.0})

    assert material_days(dues, None, "2026-01-05", exposure)["material_days"].tolist() == [4, 0]
    small = material_days(dues, None, "2026-01-05", exposure / 100)
    assert small["material_days"].tolist() == [4, 4]
    with pytest.raises(InputError, match="DLQ-104"):
        material_days(dues, None, "2026-01-05", exposure.loc[[1]])


def test_months_run_from_the_first_event_to_the_last_ended_month():
    """Account 1 begins in January, account 2 in March; April has not ended."""
    dues = pd.concat([dues_of(*MONTHLY), dues_of(("2026-03-15", 50), account=2)])
    months = months_from_ledger(dues, payments_of(*PAID), as_of="2026-04-29")

    assert months["account_id"].tolist() == [1, 1, 1, 2]
    assert months["month"].dt.month.tolist() == [1, 2, 3, 3]
    assert months["days_past_due"].tolist() == [0, 27, 30, 16]
    assert months["arrears"].tolist() == [0, 40, 50, 50]
    assert months["amount_due"].tolist() == [100, 100, 100, 50]
    assert months["amount_paid"].tolist() == [100, 60, 90, 0]
    assert months["bucket"].tolist() == ["0", "1-29", "30-59", "1-29"]
    assert months["oldest_due"].isna().tolist() == [True, False, False, False]


def test_months_pass_their_own_door_and_checks():
    """What the ledger gives is canonical, and the checks find nothing in it."""
    months = months_from_ledger(dues_of(*MONTHLY), payments_of(*PAID), as_of="2026-05-31")

    admitted = schema.admit(months, schema.MONTHS)
    pd.testing.assert_frame_equal(admitted, months)
    assert history.check_months(months, as_of="2026-05-31").empty


def test_bucket_preset_is_kept_with_the_table():
    """Day 30 is M1 in one scheme and 30-59 in the other."""
    dues = dues_of(("2026-01-01", 100))
    chinese = months_from_ledger(dues, None, as_of="2026-01-31", buckets="cn_m")

    assert (chinese["bucket"].tolist(), chinese.attrs["buckets"]) == (["M1"], "cn_m")
    assert months_from_ledger(dues, None, as_of="2026-01-31")["bucket"].tolist() == ["30-59"]


def test_a_history_written_later_is_not_seen_before():
    """Restated rows carry the day on which they were written."""
    months = months_from_ledger(dues_of(*MONTHLY), None, as_of="2026-03-31", known="now")

    assert set(months["known_at"]) == {pd.Timestamp("2026-03-31")}


def test_payments_of_unknown_accounts_are_counted():
    """Left out, and told."""
    payments = pd.concat([payments_of(*PAID), payments_of(("2026-01-01", 5), account=9)])
    table = days_past_due(dues_of(*MONTHLY), payments, at="2026-03-05")

    assert table["arrears"].tolist() == [50]
    assert table.attrs["payments_left_out"] == 1


def test_text_ids_are_matched_exactly():
    """007 is not 7, and order in the tables does not matter."""
    dues = pd.concat([dues_of(*MONTHLY[:1], account="7"), dues_of(*MONTHLY[:1], account="007")])
    payments = payments_of(("2026-01-01", 100), account="007")
    table = days_past_due(dues, payments, at="2026-01-10").set_index("account_id")

    assert table["days_past_due"].to_dict() == {"007": 0, "7": 9}


@pytest.mark.parametrize(
    ("code", "dues", "payments"),
    [
        ("DLQ-106", dues_of(("2026-01-01", -1)), None),
        ("DLQ-104", dues_of(("2026-01-01", np.nan)), None),
        ("DLQ-104", dues_of((None, 1), ("2026-01-01", 1)), None),
        ("DLQ-100", dues_of(), None),
        ("DLQ-102", dues_of(("2026-01-01", 1)).drop(columns="amount_due"), None),
        ("DLQ-115", dues_of(("2026-01-01", 1)), payments_of(("2026-01-01", 1), account="1")),
        ("DLQ-104", dues_of(("2026-01-01", 1)), payments_of(("2026-01-01", np.nan))),
        (
            "DLQ-111",
            dues_of(("2026-01-01", 1), currency="EUR"),
            payments_of(("2026-01-01", 1), currency="CNY"),
        ),
        ("DLQ-111", dues_of(("2026-01-01", 1), ("2026-02-01", 1), currency=["EUR", "CNY"]), None),
    ],
)
def test_a_ledger_that_cannot_be_read_is_refused(code, dues, payments):
    """One line each, no traceback of another library."""
    with pytest.raises(InputError) as caught:
        days_past_due(dues, payments, at="2026-02-01")

    assert caught.value.code == code


def test_all_problems_of_a_ledger_come_together():
    """A negative due, a missing payment and two currencies in one answer."""
    dues = dues_of(("2026-01-01", -1), currency="EUR")
    payments = payments_of(("2026-01-01", np.nan), currency="USD")
    with pytest.raises(InputError) as caught:
        days_past_due(dues, payments, at="2026-02-01")

    assert {problem.code for problem in caught.value.problems} == {"DLQ-106", "DLQ-104", "DLQ-111"}


@pytest.mark.parametrize(
    "wrong", [{"order": "lifo"}, {"known": "later"}, {"tolerance": -1}, {"tolerance_share": np.inf}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    """Unknown words and negative tolerances."""
    with pytest.raises(InputError, match="DLQ-215"):
        Settlement(**wrong)


def test_designation_without_its_column_is_refused():
    """The order needs to know which due a payment names."""
    with pytest.raises(InputError, match="DLQ-102"):
        days_past_due(dues_of(*MONTHLY), payments_of(*PAID), at="2026-03-05", order="designated")


# ---------------------------------------------------------------- against the plain oracle

DAYS = st.integers(0, 200)
BOOKED = st.one_of(st.none(), DAYS)


@st.composite
def ledgers(draw):
    """A few accounts, cents, ties, reversals, late bookings, groups."""
    accounts = {}
    for account in range(draw(st.integers(1, 3))):
        days = draw(st.lists(DAYS, min_size=1, max_size=6, unique=True))
        accounts[account] = (
            [_event("due", day, draw(st.integers(0, 300)), draw) for day in days],
            [
                _event("paid", draw(DAYS), draw(st.integers(-200, 400)), draw)
                for _ in range(draw(st.integers(0, 6)))
            ],
        )
    return accounts


def _event(key, day, cents, draw):
    known = draw(BOOKED)
    return {
        key: EPOCH + dt.timedelta(days=day),
        "cents": cents,
        "known": None if known is None else EPOCH + dt.timedelta(days=known),
        "group": draw(st.sampled_from([None, "a", "b"])),
    }


def _tables(accounts, *, named):
    def frame(side, day, amount):
        rows = [
            (account, event[day], event["cents"] / 100, event["known"], event["group"])
            for account, sides in accounts.items()
            for event in sides[side]
        ]
        columns = ["account_id", day, amount, "known_at", "instalment"]
        table = pd.DataFrame(rows, columns=columns)
        table[[day, "known_at"]] = table[[day, "known_at"]].apply(pd.to_datetime)
        return table if named else table.drop(columns="instalment")

    dues = frame(0, "due", "amount_due").rename(columns={"due": "due_date"})
    return dues, frame(1, "paid", "amount_paid").rename(columns={"paid": "paid_date"})


def _against_oracle(accounts, day, named, then, share):
    if not named:
        for sides in accounts.values():
            for event in [*sides[0], *sides[1]]:
                event["group"] = None
    dues, payments = _tables(accounts, named=named)
    at = EPOCH + dt.timedelta(days=day)
    how = {"order": "instalment" if named else "fifo", "known": "then" if then else "now"}
    table = days_past_due(dues, payments, at=at, tolerance_share=share, **how)
    for (_, row), (due, paid) in zip(table.iterrows(), accounts.values(), strict=True):
        late, arrears = stand(due, paid, at, tolerance=0.5, share=share, then=then)
        assert (row["days_past_due"], round(row["arrears"] * 100)) == (late, arrears)


@settings(max_examples=150, deadline=None)
@given(ledgers(), DAYS, st.booleans(), st.booleans(), st.sampled_from([0.0, 0.1]))
def test_days_past_due_agree_with_a_plain_oracle(accounts, day, named, then, share):
    """FIFO and by instalment, as known then and now, with reversals, ties and late bookings."""
    _against_oracle(accounts, day, named, then, share)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(ledgers(), DAYS, st.booleans(), st.booleans(), st.sampled_from([0.0, 0.1]))
def test_days_past_due_agree_with_a_plain_oracle_5_000_ledgers(accounts, day, named, then, share):
    """The same at full size."""
    _against_oracle(accounts, day, named, then, share)


@settings(max_examples=60, deadline=None)
@given(ledgers())
def test_both_kernels_agree_month_by_month(accounts):
    """The quick walk and the patient one, on ledgers where both apply."""
    for sides in accounts.values():
        for event in [*sides[0], *sides[1]]:
            event["known"] = event["group"] = None
    dues, payments = _tables(accounts, named=False)
    ledger = _ledger.admit_ledger(dues, payments, Settlement())
    row_start, rows, _ = _ledger._month_rows(ledger, pd.Timestamp("2026-08-31"))
    quick = _ledger.settle(ledger, row_start, rows)
    object.__setattr__(ledger, "plain", False)
    patient = _ledger.settle(ledger, row_start, rows)

    assert ledger.plain is False
    for one, other in zip(quick, patient, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(ledgers(), st.integers(0, 3))
def test_late_and_in_arrears_are_one_thing_and_rows_have_no_order(accounts, seed):
    """Arrears stand exactly where days do; shuffling rows changes nothing."""
    dues, payments = _tables(accounts, named=True)
    at = ["2026-02-28", "2026-05-31", "2026-08-31"]
    table = days_past_due(dues, payments, at=at, order="instalment")
    shuffled = days_past_due(
        dues.sample(frac=1, random_state=seed),
        payments.sample(frac=1, random_state=seed),
        at=at,
        order="instalment",
    )

    assert ((table["days_past_due"] > 0) == (table["arrears"] > 0)).all()
    assert shuffled[["account_id", "date", "days_past_due"]].equals(
        table[["account_id", "date", "days_past_due"]]
    )
    np.testing.assert_allclose(shuffled["arrears"], table["arrears"], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(ledgers(), DAYS)
def test_what_is_booked_later_never_changes_what_was_known(accounts, day):
    """Drop every event that was not known on a day: that day's months are the same."""
    at = EPOCH + dt.timedelta(days=day)
    known = {
        account: [
            [event for event in side if max(event[key], event["known"] or event[key]) <= at]
            for side, key in zip(sides, ("due", "paid"), strict=True)
        ]
        for account, sides in accounts.items()
    }
    before = {account: sides for account, sides in known.items() if sides[0]}
    if not before:
        return
    table = days_past_due(*_tables(accounts, named=False), at=at).set_index("account_id")
    alone = days_past_due(*_tables(before, named=False), at=at).set_index("account_id")

    for account in before:
        assert table.loc[account, "days_past_due"] == alone.loc[account, "days_past_due"]
