"""Views across a person's accounts, against plain Python on the features of each account."""

import logging
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.features import FeatureSpec, build_features, catalogue

from .panels import portfolio, table

SPEC = FeatureSpec(families=("person", "latest_loan"))
BASE = FeatureSpec(
    windows=(3, 12),
    names=(
        "dpd_last",
        "dpd_max_12m",
        "missed_count_3m",
        "missed_count_12m",
        "balance_last",
        "credit_limit_last",
        "months_on_book",
    ),
)
DATES = ["2024-06-14", "2025-03-31"]


def known(values):
    return [value for value in values if not math.isnan(value)]


def views(own, everyone):
    """The views of one account, from the base features of all accounts of its person."""
    others = [row for row in everyone if row["account_id"] != own["account_id"]]
    lines = [
        row
        for row in everyone
        if not math.isnan(row["balance_last"]) and row["credit_limit_last"] > 0
    ]
    dated = [row for row in everyone if not math.isnan(row["months_on_book"])]
    result = {
        "person_accounts": len(everyone),
        "person_others_late": sum(row["dpd_last"] >= 1 for row in others),
        "person_others_dpd_max": max((row["dpd_last"] for row in others), default=math.nan),
        "person_others_dpd_max_12m": max(
            known(row["dpd_max_12m"] for row in others), default=math.nan
        ),
        "person_others_missed_3m": sum(row["missed_count_3m"] for row in others),
        "person_balance": math.nan,
        "person_utilisation": math.nan,
    }
    if balances := known(row["balance_last"] for row in everyone):
        result["person_balance"] = sum(balances)
    if lines:
        limit = sum(row["credit_limit_last"] for row in lines)
        result["person_utilisation"] = sum(row["balance_last"] for row in lines) / limit
    if not dated:
        return result | dict.fromkeys(
            (
                "is_latest_loan",
                "latest_loan_months_on_book",
                "latest_loan_dpd_max_12m",
                "latest_loan_missed_count_12m",
                "person_opened_12m",
            ),
            math.nan,
        )
    latest = min(reversed(dated), key=lambda row: row["months_on_book"])
    return result | {
        "is_latest_loan": float(latest is own),
        "latest_loan_months_on_book": latest["months_on_book"],
        "latest_loan_dpd_max_12m": latest["dpd_max_12m"],
        "latest_loan_missed_count_12m": latest["missed_count_12m"],
        "person_opened_12m": sum(row["months_on_book"] < 12 for row in dated),
    }


def by_hand(months, accounts):
    base = build_features(months, snapshots=DATES, spec=BASE)
    person = accounts.set_index("account_id")["person_id"].to_dict()
    rows = base.reset_index().to_dict("records")
    answers = []
    for own in rows:
        who = person.get(own["account_id"])
        same = [
            row
            for row in rows
            if row["snapshot_date"] == own["snapshot_date"] and person.get(row["account_id"]) == who
        ]
        answers.append({} if who is None else views(own, same))
    names = catalogue().query("family in ['person', 'latest_loan']")["name"]
    return pd.DataFrame(answers, base.index, columns=list(names), dtype="float64")


def book(seed, accounts=8):
    """A generated book whose accounts belong to few persons, one of them unknown."""
    months = table(portfolio(seed, accounts=accounts))
    ids = months["account_id"].unique()
    rng = np.random.default_rng(seed)
    owners = pd.DataFrame({"account_id": ids, "person_id": rng.integers(0, 3, len(ids))})
    return months, owners.iloc[1:] if seed % 2 else owners


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_views_agree_with_plain_python(seed):
    """Sums, largest of the others and the loan taken last, worked one account at a time."""
    months, accounts = book(seed)

    actual = build_features(months, snapshots=DATES, spec=SPEC, accounts=accounts)

    pd.testing.assert_frame_equal(actual, by_hand(months, accounts), rtol=1e-12)


def test_ids_of_two_types_are_refused():
    """Every account would be that of an unknown person, and every view missing, without a word."""
    months, accounts = book(2)
    other = accounts.assign(account_id=range(len(accounts)))

    with pytest.raises(InputError, match="DLQ-115 months, accounts"):
        build_features(months, snapshots=DATES, spec=SPEC, accounts=other)


def test_a_worked_example():
    """Two accounts of one person: the card is clean, the loan taken last is 31 days late."""
    months = pd.DataFrame(
        {
            "account_id": ["card", "card", "loan", "other"],
            "month": ["2026-01-31", "2026-02-28", "2026-02-28", "2026-02-28"],
            "days_past_due": [0, 0, 31, 7],
            "balance": [100.0, 200.0, 700.0, 50.0],
            "credit_limit": [1000.0, 1000.0, 800.0, 50.0],
            "opened": ["2020-05-01", "2020-05-01", "2026-01-15", "2024-01-01"],
        }
    )
    accounts = pd.DataFrame({"account_id": ["card", "loan", "other"], "person_id": ["p", "p", "q"]})

    card = build_features(months, "2026-02-28", spec=SPEC, accounts=accounts).loc["card"].iloc[0]

    assert card["person_accounts"] == 2
    assert card["person_others_late"] == 1
    assert card["person_others_dpd_max"] == 31
    assert card["person_balance"] == 900
    assert card["person_utilisation"] == 0.5
    assert card["is_latest_loan"] == 0
    assert card["latest_loan_months_on_book"] == 1
    assert card["latest_loan_dpd_max_12m"] == 31
    assert card["person_opened_12m"] == 1


def test_without_persons_the_families_are_off_with_one_line(caplog):
    """Nothing is filled: the columns are not there."""
    months, _ = book(1)

    with caplog.at_level(logging.WARNING):
        X = build_features(months, DATES[0], spec=FeatureSpec())

    assert not X.columns.str.startswith(("person_", "latest_loan")).any()
    assert [line for line in caplog.messages if '"person_id"' in line]


def test_choosing_them_without_persons_is_refused():
    """The answer says where persons come from."""
    months, _ = book(1)

    with pytest.raises(InputError, match=r'need "opened", "person_id"|need "person_id".*accounts='):
        build_features(months, DATES[0], spec=SPEC)


def test_the_other_columns_are_the_same_bits_with_persons():
    """Persons only add."""
    months, accounts = book(3)
    spec = FeatureSpec()

    alone = build_features(months, snapshots=DATES, spec=spec)
    seen = build_features(months, snapshots=DATES, spec=spec, accounts=accounts)

    pd.testing.assert_frame_equal(seen[alone.columns], alone, check_exact=True)
    assert len(seen.columns) == len(catalogue())


def test_each_sign_is_what_the_definition_implies():
    """More days late and less paid, on every account, never lower a sign's feature, and move each."""
    sign = catalogue().set_index("name")["sign"]
    moved = set()
    for seed in range(1, 8):
        months, accounts = book(seed)
        worse = {
            "days_past_due": months["days_past_due"] + 40,
            "amount_paid": months["amount_paid"].where(months["amount_paid"].isna(), 0.0),
        }
        before = build_features(months, snapshots=DATES, spec=SPEC, accounts=accounts)
        after = build_features(
            months.assign(**worse), snapshots=DATES, spec=SPEC, accounts=accounts
        )
        change = (after - before) * sign[before.columns]
        assert not (change < 0).any(axis=None)
        moved |= set(change.columns[(change > 0).any()])

    assert moved == {name for name in sign.index[sign != 0] if name in before.columns}


def test_what_others_do_after_the_date_changes_no_bit():
    """The wall stands between accounts of one person too."""
    months, accounts = book(5)
    later = months.copy()
    after = pd.to_datetime(later["month"]) > pd.Timestamp(DATES[0])
    later.loc[after, "days_past_due"] = 999
    later.loc[after, "balance"] = 1e6

    before, changed = (
        build_features(m, DATES[0], spec=SPEC, accounts=accounts) for m in (months, later)
    )

    assert after.any()
    pd.testing.assert_frame_equal(before, changed, check_exact=True)


def test_an_account_that_no_table_names_has_no_value():
    """An unknown person is not a person without other accounts."""
    months, accounts = book(2)
    first = accounts["account_id"].iloc[0]

    X = build_features(months, DATES[1], spec=SPEC, accounts=accounts.iloc[1:])

    assert X.loc[[first]].isna().all(axis=None)
    assert X.drop(index=first, level="account_id")["person_accounts"].notna().all()
