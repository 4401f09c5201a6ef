import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.history import LabelSpec, Population, label, label_from, take_snapshots


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
    with pytest.raises(InputError, match="DLQ-110"):
        label_from(outside.assign(**key), take_snapshots(book([0]), "2026-01-31"))
