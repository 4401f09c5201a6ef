import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.history import (
    LabelSpec,
    Population,
    label,
    label_first_payment,
    label_from,
    take_snapshots,
    worst_of,
)


def book(*accounts):
    """Months from January 2026; each account is a list of days or of (days, status)."""
    rows = []
    for account, history in enumerate(accounts, start=1):
        for at, cell in enumerate(history):
            if cell is None:
                continue
            days, status = cell if isinstance(cell, tuple) else (cell, "open")
            rows.append((account, f"2026-{at + 1:02d}", days, status))
    return pd.DataFrame(rows, columns=["account_id", "month", "days_past_due", "status"])


def outcome(months, spec, date="2026-01-31"):
    return label(take_snapshots(months, date, perform=max(spec.within, 3)), spec)


def test_bad_is_ever_late_enough_inside_the_window():
    """29 days are not 30; day 30 in the last month of the window counts, after it no longer."""
    months = book([0, 0, 29, 0, 0], [0, 0, 0, 30, 0], [0, 0, 0, 0, 30])
    result = outcome(months, LabelSpec(dpd=30, within=3))

    assert result["bad"].tolist() == [0, 1, 0]
    assert result["why"].tolist() == ["stayed below 30", "reached 30+", "stayed below 30"]


def test_at_end_looks_at_the_last_month_alone():
    """Late in between and cured by the end is good then."""
    months = book([0, 45, 0, 0], [0, 0, 0, 45])
    result = outcome(months, LabelSpec(dpd=30, within=3, at_end=True))

    assert result["bad"].tolist() == [0, 1]


def test_a_window_that_has_not_ended_is_missing_even_when_the_event_came():
    """Counting early bads but not early goods would bias the rate."""
    months = book([0, 90, 120], [0, 0, 0])
    result = outcome(months, LabelSpec(dpd=30, within=3))

    assert result["bad"].isna().all()
    assert set(result["why"]) == {"immature"}


def test_leaving_is_good_only_when_no_event_came_first():
    """Paid off clean, sold clean, paid off after the event, event after the sale, charged off."""
    months = book(
        [0, 0, (0, "paid_off")],
        [0, (0, "sold")],
        [0, 30, (0, "paid_off")],
        [0, (0, "sold"), (90, "sold")],
        [0, (20, "charged_off")],
        [0, 0, 0, 0],
    )
    result = outcome(months, LabelSpec(dpd=30, within=3))

    assert result["bad"].tolist() == [0, 0, 1, 0, 1, 0]
    assert result["why"].tolist()[:5] == [
        "paid_off first",
        "sold first",
        "reached 30+",
        "sold first",
        "charged off",
    ]


def test_a_closed_account_may_still_owe():
    """Closed and gone is good; closed and 30 days late afterwards is bad; closed and seen to the end."""
    months = book(
        [0, (0, "closed")], [0, (0, "closed"), (30, "closed")], [0] + [(0, "closed")] * 3, [0] * 4
    )
    result = outcome(months, LabelSpec(dpd=30, within=3))

    assert result["bad"].tolist() == [0, 1, 0, 0]
    assert result["why"][0] == "closed first"


def test_vanishing_without_a_status_is_unknown():
    """The second account has no row in the last month and never said why."""
    result = outcome(book([0, 0, 0, 0], [0, 0, 0, None]), LabelSpec(dpd=30, within=3))

    assert result["bad"].isna().tolist() == [False, True]
    assert result["why"][1] == "unknown: left the book without a status"


def test_between_good_and_bad_is_missing():
    """30 to 59 days in a 60+ definition."""
    result = outcome(
        book([0, 45, 0, 0], [0, 60, 0, 0], [0, 29, 0, 0]),
        LabelSpec(dpd=60, within=3, indeterminate=30),
    )

    assert result["bad"].isna().tolist() == [True, False, False]
    assert result["bad"].dropna().tolist() == [1, 0]


def test_population_rules_leave_accounts_out_by_where_they_stood():
    """Days past due at both edges, age, and accounts that had ended by the snapshot."""
    months = book([29] + [0] * 3, [30] + [0] * 3, [(0, "paid_off")] + [(0, "paid_off")] * 3)
    spec = LabelSpec(dpd=30, within=3, population=Population(max_dpd=29))
    result = outcome(months, spec)

    assert result["why"].tolist() == [
        "stayed below 30",
        "excluded: days past due at the snapshot",
        "excluded: not open at the snapshot",
    ]
    young = LabelSpec(dpd=30, within=3, population=Population(min_months_on_book=1))
    assert outcome(months, young)["why"][0] == "excluded: too few months on book"


def test_every_snapshot_row_gets_its_label_row():
    """Several dates: the result has the keys of the table, in its order."""
    parted = take_snapshots(book([0, 0, 30], [0, 0, 0]), ["2026-01-31", "2026-02-28"], perform=1)
    result = label(parted, LabelSpec(dpd=30, within=1))

    pd.testing.assert_frame_equal(
        result[["account_id", "snapshot_date"]], parted.table[["account_id", "snapshot_date"]]
    )
    assert result["bad"].tolist() == [0, 1, 0, 0]


def test_looking_beyond_the_snapshots_is_refused():
    """A label of 12 months needs 12 performed months."""
    with pytest.raises(InputError, match="DLQ-213"):
        label(take_snapshots(book([0, 0]), "2026-01-31", perform=1), LabelSpec(within=12))


@pytest.mark.parametrize("wrong", [{"dpd": 0}, {"within": 0}, {"dpd": 30, "indeterminate": 30}])
def test_a_definition_that_makes_no_sense_is_refused(wrong):
    """Nothing is bad at 0 days; the band in between lies below bad."""
    with pytest.raises(InputError, match="DLQ-213"):
        LabelSpec(**wrong)


def test_outside_labels_meet_the_snapshots_by_key():
    """A snapshot without an outcome is missing, never good."""
    parted = take_snapshots(book([0], [0]), "2026-01-31")
    outside = pd.DataFrame({"account_id": [2, 9], "snapshot_date": "2026-01-31", "bad": [1, 0]})
    result = label_from(outside, parted)

    assert result["account_id"].tolist() == [1, 2]
    assert result["bad"].isna().tolist() == [True, False]
    assert result["why"].tolist() == ["unknown: no outcome on record", "outcome table"]


@pytest.mark.parametrize("key", [{"account_id": ["1"]}, {"snapshot_date": ["2026-02-28"]}])
def test_outside_labels_that_meet_nothing_are_refused(key):
    """Text ids against integers, or another date: every label would be missing."""
    outside = pd.DataFrame({"account_id": [1], "snapshot_date": ["2026-01-31"], "bad": [1]})
    with pytest.raises(InputError, match="DLQ-116"):
        label_from(outside.assign(**key), take_snapshots(book([0]), "2026-01-31"))


# ---------------------------------------------------------------- presets


def preset(name, months, date="2026-01-31", **changes):
    spec = LabelSpec.preset(name, **changes)
    return label(take_snapshots(months, date, perform=spec.within), spec)


def test_behaviour_presets_ask_for_open_little_late_and_old_enough():
    """Opened in June 2025, seven months; opened in August, five; 30 days late; 90 and 60 days."""
    months = book([0, 95], [0, 95], [30, 95], [29, 65])
    opened = {1: "2025-06-15", 2: "2025-08-15", 3: "2025-01-01", 4: "2025-01-01"}
    months["opened"] = months["account_id"].map(opened)
    ninety, sixty = (preset(f"behaviour_{k}_12", months, within=1) for k in (90, 60))

    assert ninety["bad"].fillna(-1).tolist() == [1, -1, -1, 0]
    assert ninety["why"].tolist()[1:3] == [
        "excluded: too few months on book",
        "excluded: days past due at the snapshot",
    ]
    assert sixty["bad"].fillna(-1).tolist() == [1, -1, -1, 1]


def test_early_warning_looks_at_current_accounts_alone():
    """DPD 0 now, 30 within three months."""
    result = preset("early_warning_roll30", book([0, 0, 0, 30], [0, 0, 0, 0], [1, 30, 60, 90]))

    assert result["bad"].fillna(-1).tolist() == [1, 0, -1]


def test_roll_forward_compares_buckets_not_days():
    """31 to 59 is one bucket, 31 to 60 is not; better is good; charged off is worse."""
    months = book([31, 59], [31, 60], [31, 0], [31, (31, "charged_off")], [0, 1])
    result = preset("roll_forward", months)

    assert result["bad"].tolist() == [0, 1, 0, 1, 1]
    assert result["why"][1] == "rolled to a worse bucket"


def test_cure_is_good_only_when_all_arrears_are_gone():
    """3 days late: current a month later; still 10 days late; sold; charged off; 6 days is no entry."""
    months = book(
        [3, 0], [3, 10], [3, (34, "sold")], [3, (34, "charged_off")], [6, 0], [3, (0, "paid_off")]
    )
    result = preset("cure_30", months)

    assert result["bad"].fillna(-1).tolist() == [0, 1, -1, 1, -1, 0]
    assert result["why"].tolist()[:4] == [
        "cured",
        "not cured",
        "unknown: sold first",
        "charged off",
    ]


def test_redefault_follows_those_who_have_just_cured():
    """45 days in January, 0 in February: late again or not; 20 days in January was no default."""
    months = book([45, 0, 31], [45, 0, 29], [20, 0, 31], [0, 0, 31])
    result = preset("redefault_12", months, date="2026-02-28", within=1)

    assert result["bad"].fillna(-1).tolist() == [1, 0, -1, -1]
    assert result["why"][3] == "excluded: days past due in the month before"


def test_paid_share_tells_the_share_and_counts_recoveries():
    """500 owed at 180 days: 300 paid; 100 paid; and 400 written off of which 240 come back."""
    months = book([180, 0], [180, 211], [(200, "charged_off"), (231, "charged_off")])
    months["balance"] = [500.0, 200, 500, 400, 0, 0]
    months["amount_paid"] = [0.0, 300, 0, 100, 0, 0]
    months["written_off"] = [0.0, 0, 0, 0, 400, 0]
    months["recovered"] = [0.0, 0, 0, 0, 0, 240]
    result = preset("recovery_180", months, within=1)

    assert result["share"].tolist() == [0.6, 0.2, 0.6]
    assert result["bad"].tolist() == [0, 1, 0]
    assert result["why"].tolist()[:2] == ["paid 50% or more", "paid less than 50%"]


def test_paid_share_needs_money_and_something_owed():
    """A missing column is named; an account that owes nothing is excluded."""
    with pytest.raises(InputError, match="DLQ-102"):
        preset("recovery_180", book([200, 200]), within=1)
    months = book([200, 200]).assign(balance=0.0, amount_paid=0.0)
    assert (
        preset("recovery_180", months, within=1)["why"][0]
        == "excluded: nothing owed at the snapshot"
    )


def test_every_preset_is_immature_when_its_window_has_not_ended():
    """Never good, whatever the definition."""
    from delinquency.history._label_spec import PRESETS

    months = book([3, 0], [0, 0]).assign(balance=100.0, amount_paid=0.0)
    for name, spec in PRESETS.items():
        result = label(take_snapshots(months, "2026-02-28", perform=spec.within), spec)
        assert result["bad"].isna().all(), name


def test_a_population_may_be_a_list_of_starts():
    """Starts of plans: account 2 alone."""
    parted = take_snapshots(book([0, 31], [0, 31]), "2026-01-31", perform=1)
    starts = parted.table.loc[[1], ["account_id", "snapshot_date"]]
    result = label(parted, LabelSpec(within=1), only=starts)

    assert result["bad"].fillna(-1).tolist() == [-1, 1]
    assert result["why"][0] == "excluded: not in the population given"


@pytest.mark.parametrize(
    "wrong",
    [{"event": "lat"}, {"share": 0}, {"event": "not_cured", "indeterminate": 10}],
)
def test_events_that_are_not_known_are_refused(wrong):
    """With the nearest known word."""
    with pytest.raises(InputError, match="DLQ-213"):
        LabelSpec(**wrong)
    with pytest.raises(InputError, match="behaviour_90_12"):
        LabelSpec.preset("behavior_90_12")


# ---------------------------------------------------------------- first payment, worst of


def test_first_payment_default_is_about_the_first_due_alone():
    """Paid on day 29 and on day 30; the second due unpaid; too young; reversed after 30 days."""
    dues = pd.DataFrame(
        {
            "account_id": [1, 2, 3, 3, 4, 5],
            "due_date": [
                "2026-01-01",
                "2026-01-01",
                "2026-01-01",
                "2026-02-01",
                "2026-03-15",
                "2026-01-01",
            ],
            "amount_due": 100.0,
        }
    )
    payments = pd.DataFrame(
        {
            "account_id": [1, 2, 3, 5, 5],
            "paid_date": ["2026-01-31", "2026-02-01", "2026-01-01", "2026-01-05", "2026-03-01"],
            "amount_paid": [100.0, 100, 100, 100, -100],
        }
    )
    result = label_first_payment(dues, payments, as_of="2026-03-31", days=30)

    assert result["bad"].fillna(-1).tolist() == [0, 1, 0, -1, 0]
    assert result["snapshot_date"].dt.strftime("%m-%d").tolist()[3] == "03-15"
    assert result["why"][3] == "immature"


def test_worst_before_against_worst_after_leaves_out_what_has_not_matured():
    """Two dates; the window of the second has not ended."""
    months = book([31, 0, 95, 0], [0, 0, 0, 0])
    parted = take_snapshots(months, ["2026-02-28", "2026-04-30"], observe=12, perform=2)
    table = worst_of(parted, ahead=2)
    some = table[table["n"] > 0]

    assert some[["worst_before", "worst_after", "n"]].values.tolist() == [
        ["0", "0", 1],
        ["30-59", "90-119", 1],
    ]
    with pytest.raises(InputError, match="DLQ-213"):
        worst_of(parted, ahead=3)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([0, 29, 30, 60, 200]),
                st.sampled_from(["open", "open", "open", "paid_off", "charged_off", "sold", None]),
            )
            | st.none(),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_labels_agree_with_a_plain_reading(histories, within, at_end):
    """One account at a time, in plain Python."""
    months = book(*histories)
    if months.empty or not (months["month"] == "2026-01").any():
        return
    parted = take_snapshots(months, "2026-01-31", perform=3)
    result = label(parted, LabelSpec(dpd=30, within=within, at_end=at_end)).set_index("account_id")
    book_end = int(months["month"].max()[-2:])
    for account, history in enumerate(histories, start=1):
        if history[0] is None:
            continue
        expected = _plain(history, within, at_end, book_end)
        actual = result.loc[account, "bad"]
        assert (None if pd.isna(actual) else int(actual)) == expected


def _plain(history, within, at_end, book_end):
    if history[0][1] in ("paid_off", "charged_off", "sold") or 1 + within > book_end:
        return None
    for ahead in range(1, within + 1):
        cell = history[ahead] if ahead < len(history) else None
        if cell is None:
            continue
        days, status = cell
        if status == "charged_off" or (days >= 30 and (ahead == within or not at_end)):
            return 1
        if status in ("paid_off", "sold"):
            return 0
    reached = within < len(history) and history[within] is not None
    return 0 if reached else None
