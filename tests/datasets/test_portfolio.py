import numpy as np
import pandas as pd
import pytest

from delinquency import history, schema
from delinquency.datasets import make_portfolio
from delinquency.errors import InputError


@pytest.fixture(scope="module")
def book():
    return make_portfolio(3_000, 36, seed=5)


def test_same_seed_same_book_and_another_seed_another_book(book):
    """Every table, bit by bit."""
    again, other = make_portfolio(3_000, 36, seed=5), make_portfolio(3_000, 36, seed=6)

    for one, same in zip(book, again, strict=True):
        pd.testing.assert_frame_equal(one, same)
    assert not book.months.equals(other.months)


def test_an_account_lives_alone(book):
    """The first hundred accounts of a small book are those of a large one."""
    small = make_portfolio(100, 36, seed=5)

    large = book.months[book.months["account_id"] <= 100].reset_index(drop=True)
    pd.testing.assert_frame_equal(small.months, large)


def test_tables_are_canonical_and_pass_the_door(book):
    """Admitting them changes nothing."""
    for table, spec in [
        (book.months, schema.MONTHS),
        (book.accounts, schema.ACCOUNTS),
        (book.dues, schema.DUES),
        (book.payments, schema.PAYMENTS),
    ]:
        pd.testing.assert_frame_equal(schema.admit(table, spec), table)


def test_the_ledger_tells_the_same_story_as_the_months(book):
    """Two programs count days past due: the simulator as it lives, the ledger kernel afterwards."""
    told = history.months_from_ledger(book.dues, book.payments, as_of="2026-06-30")
    both = book.months.merge(told, on=["account_id", "month"], suffixes=("", "_told"))

    assert len(both) > 0.9 * len(book.months)
    assert (both["days_past_due"] == both["days_past_due_told"]).all()
    for name in ("arrears", "amount_due", "amount_paid"):
        np.testing.assert_allclose(both[name], both[f"{name}_told"], atol=0.006)


def test_the_checks_find_no_error_or_warning(book):
    """Made up, but consistent."""
    issues = history.check_months(book.months, as_of="2026-06-30")

    assert set(issues["severity"]) <= {"note"}


def test_the_book_has_the_shape_of_a_book(book):
    """Most are current; every kind of end and of condition occurs; late accounts cure and relapse."""
    months = book.months
    late = months["days_past_due"] > 0
    falls = late & ~late.groupby(months["account_id"]).shift(fill_value=False)

    assert 0.8 < (~late).mean() < 0.97
    assert set(months["status"]) == {"open", "paid_off", "charged_off", "sold", "closed"}
    assert set(book.truth["condition"]) == {"well", "strained", "distressed", "never_pays"}
    assert (falls.groupby(months["account_id"]).sum() > 1).any()
    assert months.loc[months["written_off"] > 0, "status"].eq("charged_off").all()
    assert months["recovered"].sum() > 0
    assert months["credit_limit"].isna().groupby(
        months["account_id"]
    ).first().mean() == pytest.approx(0.4, abs=0.05)


def test_the_truth_drives_what_is_seen(book):
    """Riskier accounts are later; who never pays goes bad at once; later openings are riskier."""
    worst = book.months.groupby("account_id")["days_past_due"].max()
    risk = book.truth.groupby("account_id")["risk"].first()
    never = book.truth.loc[book.truth["condition"] == "never_pays", "account_id"].unique()
    paid = book.months.groupby("account_id")["amount_paid"].sum()

    assert (worst[risk > 1] >= 90).mean() > 3 * (worst[risk < -1] >= 90).mean()
    assert len(never)
    assert (paid[never] == 0).all()


def test_accounts_of_one_person_share_their_luck(book):
    """Person ids repeat, and risks of one person are alike."""
    accounts = book.accounts.assign(
        risk=book.truth.groupby("account_id")["risk"]
        .first()
        .reindex(book.accounts["account_id"])
        .to_numpy()
    )
    pairs = accounts.merge(accounts, on="person_id", suffixes=("", "_b")).query(
        "account_id < account_id_b"
    )

    assert len(pairs) > 300
    assert pairs["risk"].corr(pairs["risk_b"]) > 0.4


def test_knobs_turn_what_they_say():
    """No loans, no strain; much strain."""
    cards = make_portfolio(500, 24, loans=0.0, strain=0.0)
    hard = make_portfolio(500, 24, strain=4.0)

    assert set(cards.accounts["product"]) == {"card"}
    assert set(cards.truth["condition"]) <= {"well", "never_pays"}
    assert (hard.months["days_past_due"] >= 90).mean() > 0.03


def test_the_smallest_book():
    """One account, one month."""
    tiny = make_portfolio(1, 1)

    assert len(tiny.accounts) == 1
    assert len(tiny.months) == 1


@pytest.mark.parametrize(
    "wrong", [{"n_accounts": 0}, {"n_months": 0}, {"loans": 1.5}, {"strain": -1}, {"shock": np.inf}]
)
def test_sizes_that_make_no_sense_are_refused(wrong):
    """One line, no traceback of numpy."""
    with pytest.raises(InputError, match="DLQ-216"):
        make_portfolio(**{"n_accounts": 10, "n_months": 10, **wrong})
