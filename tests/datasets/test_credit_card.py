import time

import pandas as pd
import pytest

from delinquency import datasets, schema
from delinquency.datasets import _credit_card
from delinquency.errors import EnvironmentFailure, IntegrityError


@pytest.fixture(scope="module")
def sample():
    return datasets.load_credit_card()


def test_sample_has_the_published_totals(sample):
    """The counts and the mean limit are those of the published description."""
    assert len(sample.accounts) == 30_000
    assert len(sample.months) == 180_000
    assert int(sample.labels["bad"].sum()) == 6_636
    assert round(sample.accounts["credit_limit"].mean(), 2) == 167_484.32
    assert round(sample.accounts["age"].mean(), 4) == 35.4855


def test_third_client_reads_as_its_row_of_the_file(sample):
    """Every cell of one client, copied by hand from the file, stands in its month."""
    rows = sample.months[sample.months["account_id"] == 3]

    assert rows["month"].dt.strftime("%m").tolist() == ["04", "05", "06", "07", "08", "09"]
    assert rows["balance"].tolist() == [15549, 14948, 14331, 13559, 14027, 29239]
    assert rows["amount_paid"].tolist() == [5000, 1000, 1000, 1000, 1500, 1518]
    assert pd.isna(rows["amount_due"].iloc[0])
    assert rows["amount_due"].tolist()[1:] == [15549, 14948, 14331, 13559, 14027]


def test_late_codes_become_days_and_the_rest_keeps_its_behaviour(sample):
    """Client 1 went -2, -2, -1, -1, 2, 2 from April to September."""
    rows = sample.months[sample.months["account_id"] == 1]

    assert rows["days_past_due"].tolist() == [0, 0, 0, 0, 60, 60]
    assert rows["payment_behaviour"].tolist() == [
        *["full_payer_little_use"] * 2,
        *["paid_in_full"] * 2,
        *["late"] * 2,
    ]


def test_a_credit_balance_is_never_a_negative_due(sample):
    """Negative statements stay in the balance and are floored in what fell due."""
    assert (sample.months["balance"] < 0).sum() > 0
    assert sample.months["amount_due"].min() == 0


def test_undocumented_codes_are_unknown(sample):
    """EDUCATION 0, 5, 6 (14 + 280 + 51) and MARRIAGE 0 (54) have no meaning on record."""
    assert (sample.accounts["education"] == "unknown").sum() == 345
    assert (sample.accounts["marriage"] == "unknown").sum() == 54
    assert (sample.accounts["sex"] == "unknown").sum() == 0


def test_tables_pass_the_door_unchanged(sample):
    """What we ship is canonical already: admitting it changes neither rows nor types."""
    pd.testing.assert_frame_equal(schema.admit(sample.months, schema.MONTHS), sample.months)
    pd.testing.assert_frame_equal(schema.admit(sample.accounts, schema.ACCOUNTS), sample.accounts)
    assert len(schema.admit(sample.labels, schema.LABELS)) == 30_000


def test_personal_attributes_stay_out_of_the_months(sample):
    """Protected columns are in accounts alone, under names the guard knows."""
    assert schema.audit_only(sample.months.columns) == []
    assert schema.audit_only(sample.accounts.columns) == ["sex", "education", "marriage", "age"]


def test_attribution_travels_with_the_data(sample):
    """The licence asks for author, source and licence."""
    for words in ("I-Cheng Yeh", "10.24432/C55S3H", "CC BY 4.0"):
        assert words in sample.attribution


def test_a_damaged_or_absent_sample_is_named(tmp_path, monkeypatch):
    """A changed byte and a missing file each get their own answer."""
    fake = tmp_path / "delinquency" / "datasets" / "_credit_card.py"
    monkeypatch.setattr(_credit_card, "__file__", str(fake))
    with pytest.raises(EnvironmentFailure, match="DLQ-502"):
        datasets.load_credit_card()

    (fake.parent / "sample").mkdir(parents=True)
    (fake.parent / "sample" / "uci_credit_card.csv.gz").write_bytes(b"not the sample")
    with pytest.raises(IntegrityError, match="DLQ-603"):
        datasets.load_credit_card()


def test_loading_is_quick():
    """Half a second is the promise; the bound is loose because machines are shared."""
    start = time.process_time()
    datasets.load_credit_card()

    assert time.process_time() - start < 2
