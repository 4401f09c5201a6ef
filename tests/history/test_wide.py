import numpy as np
import pandas as pd
import pytest

from delinquency import datasets, storage
from delinquency.datasets import _credit_card
from delinquency.errors import InputError
from delinquency.history import from_wide, months_from_ledger, take_snapshots

TWO = ["2026-01", "2026-02"]


def test_the_real_sample_comes_out_as_its_own_loader_gives_it():
    """From the published file, backwards months, lagged dues and all."""
    raw = storage.read_table(_credit_card._sample_file())
    months = from_wide(
        raw.assign(**{f"DUE{k}": raw[f"BILL_AMT{k}"].clip(lower=0) for k in range(2, 7)}),
        pd.period_range("2005-04", "2005-09", freq="M"),
        account_id="ID",
        late=["PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0"],
        coding="cycles",
        amount_due=[None, "DUE6", "DUE5", "DUE4", "DUE3", "DUE2"],
        amount_paid=[f"PAY_AMT{k}" for k in range(6, 0, -1)],
        balance=[f"BILL_AMT{k}" for k in range(6, 0, -1)],
        credit_limit="LIMIT_BAL",
    )
    expected = datasets.load_credit_card().months.drop(columns="payment_behaviour")

    pd.testing.assert_frame_equal(months, expected)


def late(values, coding, **how):
    wide = pd.DataFrame([values], columns=["a", "b"]).assign(account_id=1)
    return from_wide(wide, TWO, late=["a", "b"], coding=coding, **how)


@pytest.mark.parametrize(
    ("coding", "values", "days"),
    [
        ("days", [0, 45], [0, 45]),
        ("days", ["0", "45"], [0, 45]),
        ("cycles", [-1, 2], [0, 60]),
        ("pattern", ["C", "2"], [0, 60]),
        ("pattern", [0, 7], [0, 180]),
        ("pboc", ["N", "3"], [0, 61]),
        ("cn_m", ["M0", "M2"], [0, 31]),
        ("grades", ["0", "4"], [0, 91]),
        ({"ok": 0, "late": 30}, ["ok", "late"], [0, 30]),
    ],
)
def test_codings_give_the_least_days_of_their_range(coding, values, days):
    """Numbers, letters, and one's own mapping."""
    assert late(values, coding)["days_past_due"].tolist() == days


def test_codes_may_end_an_account():
    """PBOC: C is settled; a bureau's 9 is charged off."""
    assert late(["N", "C"], "pboc")["status"].tolist() == ["open", "paid_off"]
    assert late(["6", "9"], "pattern")["status"].tolist() == ["open", "charged_off"]


def test_codes_without_an_observation_have_no_row():
    """X, a dash, and a missing cell."""
    assert late(["X", "1"], "pattern")["month"].dt.month.tolist() == [2]
    assert late([None, "1"], "pattern")["month"].dt.month.tolist() == [2]


def test_the_code_may_be_kept_beside_the_days():
    """Current in two ways."""
    months = late([-2, 0], "cycles", keep_code="code")

    assert months["code"].tolist() == [-2, 0]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("DLQ-112", {"late": ["a", "b"], "coding": "pattern"}),
        ("DLQ-112", {"late": ["a"]}),
        ("DLQ-112", {"late": ["a", "b"], "coding": "patern"}),
        ("DLQ-102", {"late": ["a", "c"]}),
        ("DLQ-112", {}),
    ],
)
def test_what_cannot_be_read_is_refused_without_showing_a_cell(code, arguments):
    """Codes without a meaning, lists of another length, names that are not there."""
    wide = pd.DataFrame({"account_id": [1], "a": ["CANARY"], "b": ["CANARY"]})
    with pytest.raises(InputError) as caught:
        from_wide(wide, TWO, **arguments)

    assert caught.value.code == code
    assert "CANARY" not in str(caught.value)


def test_days_are_worked_out_where_months_tell_amounts_alone():
    """The same dues and payments, by month, through the ledger with due days at the month's end."""
    due, paid = [100.0, 100, 100, 0], [100.0, 0, 60, 140]
    month = pd.period_range("2026-01", periods=4, freq="M")
    months = pd.DataFrame({"account_id": 1, "month": month, "amount_due": due, "amount_paid": paid})
    ends = month.to_timestamp(how="end").normalize()
    ledger = months_from_ledger(
        pd.DataFrame({"account_id": 1, "due_date": ends, "amount_due": due}),
        pd.DataFrame({"account_id": 1, "paid_date": ends, "amount_paid": paid}),
        as_of="2026-04-30",
    )
    observed = take_snapshots(months, "2026-04-30").observed

    assert observed["days_past_due"].tolist() == ledger["days_past_due"].tolist() == [0, 0, 31, 0]


def test_days_are_not_worked_out_across_booking_dates():
    """Days that rest on a row known later would let the future in."""
    months = pd.DataFrame({"account_id": 1, "month": TWO, "amount_due": 1.0, "amount_paid": 0.0})
    with pytest.raises(InputError, match="DLQ-102"):
        take_snapshots(months.assign(known_at="2026-03-01"), "2026-02-28")
    assert np.isfinite(take_snapshots(months, "2026-02-28").table["days_past_due"]).all()
