import numpy as np
import pandas as pd
import pytest

from delinquency.datasets import make_portfolio
from delinquency.errors import InputError
from delinquency.portfolio import cumulative_incidence, first_payment_default, vintage

from .test_roll import book


def rates(table):
    return [None if np.isnan(rate) else rate for rate in table["rate"]]


def test_ever_bad_stays_and_currently_bad_may_cure():
    """Account 1 is late in its second month and cures; account 2 never is."""
    months = book([0, 31, 0], [0, 0, 0], opened="2026-01-10")

    assert rates(vintage(months, 30)) == [0, 0.5, 0.5]
    assert rates(vintage(months, 30, ever=False)) == [0, 0.5, 0]


def test_cells_that_not_all_have_reached_are_blank():
    """Opened in January and February, book to March: age 2 is January's alone, so it is blank."""
    months = book([0, 0, 31], [None, 0, 31]).assign(opened=["2026-01-10"] * 3 + ["2026-02-10"] * 2)
    table = vintage(months, 30)

    assert table["n"].tolist() == [2, 2, 2]
    assert rates(table) == [0, 0.5, None]
    assert rates(vintage(months, 30, cohort="M")) == [0, 0, 1, 0, 1, None]


def test_cohorts_older_than_the_book_are_blank():
    """Their early life was not seen, so a share would be too low."""
    months = book([0, 0], [0, 31]).assign(opened=["2025-01-01"] * 2 + ["2026-01-01"] * 2)
    table = vintage(months, 30, cohort="Y").set_index(["cohort", "months_on_book"])["rate"]

    assert table.loc["2025"].isna().all()
    assert table.loc["2026"].tolist() == [0, 1]


def test_who_left_stays_in_the_denominator():
    """Paid off after a month, charged off for good."""
    months = book([0, (0, "paid_off")], [0, (200, "charged_off")], [0, 0, 0], opened="2026-01-01")

    assert rates(vintage(months, 30)) == pytest.approx([0, 1 / 3, 1 / 3])
    assert rates(vintage(months, 30, ever=False)) == pytest.approx([0, 1 / 3, 1 / 3])


def test_by_balance_over_first_balances():
    """100 and 300 lent; the second has 270 left when it goes bad."""
    months = book([0, 0], [0, 31], opened="2026-01-01").assign(balance=[100.0, 90, 300, 270])

    assert rates(vintage(months, 30, by="balance")) == [0, 270 / 400]


def test_anniversary_waits_for_the_day():
    """Opened on 31 January: 28 February is no anniversary, 31 March is the second."""
    months = book([0, 31, 0], opened="2026-01-31")

    assert rates(vintage(months, 30, ever=False)) == [0, 1, 0]
    anniversary = vintage(months, 30, ever=True, age="anniversary")
    assert anniversary["months_on_book"].tolist() == [0, 1, 2]
    assert rates(anniversary) == [1, 1, 1]


def test_opening_dates_may_come_from_accounts():
    """And a table without them is refused."""
    months = book([0, 31])
    accounts = pd.DataFrame({"account_id": [1], "opened": ["2026-01-01"]})

    assert rates(vintage(months, 30, accounts=accounts)) == [0, 1]
    with pytest.raises(InputError, match="DLQ-102"):
        vintage(months, 30)


def test_a_vintage_curve_never_falls_and_agrees_with_counting():
    """On a made-up book: monotone where seen; one cell counted again by hand."""
    portfolio = make_portfolio(4_000, 30, seed=2)
    table = vintage(portfolio.months, 90, cohort="Q")
    assert (table.groupby("cohort")["rate"].diff().fillna(0) >= 0).all()

    months = portfolio.months
    cohort = months[months["opened"].dt.to_period("Q").astype(str) == "2024Q3"]
    age = (cohort["month"].dt.year - cohort["opened"].dt.year) * 12
    age += cohort["month"].dt.month - cohort["opened"].dt.month
    bad = cohort[
        (age <= 12) & ((cohort["days_past_due"] >= 90) | (cohort["status"] == "charged_off"))
    ]
    cell = table[(table["cohort"] == "2024Q3") & (table["months_on_book"] == 12)].iloc[0]
    assert cell["rate"] == bad["account_id"].nunique() / cohort["account_id"].nunique()


def test_first_payment_default_follows_the_first_due_alone():
    """1 never pays; 2 pays the first due and misses the second; 3 pays late, 25 days; 4 is too young."""
    months = pd.DataFrame(
        {
            "account_id": [1] * 3 + [2] * 3 + [3] * 3 + [4],
            "month": ["2026-01", "2026-02", "2026-03"] * 3 + ["2026-03"],
            "days_past_due": [21, 49, 80, 0, 18, 49, 21, 0, 0, 21],
            "amount_due": 100.0,
            "opened": ["2026-01-02"] * 9 + ["2026-03-01"],
        }
    )
    table = first_payment_default(months, 30)

    assert table[["n", "bad"]].values.tolist() == [[3, 1]]


def test_first_payment_default_by_segment():
    """The word to underwriting: one row for each origination segment."""
    portfolio = make_portfolio(6_000, 30, seed=4)
    table = first_payment_default(
        portfolio.months, groups="segment", cohort=None, accounts=portfolio.accounts
    ).set_index("segment")

    assert table.loc["thin_file", "rate"] > table.loc["prime", "rate"]
    assert (table["low"] <= table["rate"]).all()
    never = portfolio.truth.loc[portfolio.truth["condition"] == "never_pays", "account_id"].unique()
    assert table["bad"].sum() >= 0.7 * len(never)


# Remission times under 6-mercaptopurine; see data/README.md
TIMES = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_incidence_without_exits_is_kaplan_meier():
    """Published example, computed with lifelines 0.30.3."""
    table = cumulative_incidence(TIMES, ENDED).set_index("time")

    expected = {6: 0.857142857, 7: 0.806722689, 10: 0.752941176, 13: 0.690196078}
    expected |= {16: 0.627450980, 22: 0.537815126, 23: 0.448179272, 35: 0.448179272}
    for time, surviving in expected.items():
        assert table.loc[time, "surviving"] == pytest.approx(surviving, abs=1e-9)
        assert table.loc[time, "incidence"] == pytest.approx(1 - surviving, abs=1e-9)


def test_incidence_with_exits_is_aalen_johansen():
    """Computed with lifelines 0.30.3; one minus Kaplan-Meier would say 0.79 at the end."""
    table = cumulative_incidence(range(1, 11), [1, 2, 0, 1, 0, 2, 1, 1, 0, 2]).set_index("time")

    expected = {1: 0.1, 3: 0.1, 4: 0.214285714, 6: 0.214285714, 7: 0.351428571, 8: 0.488571429}
    for time, incidence in expected.items():
        assert table.loc[time, "incidence"] == pytest.approx(incidence, abs=1e-9)


@pytest.mark.parametrize("wrong", [([], []), ([1], [3]), ([1, 2], [1])])
def test_lives_that_cannot_be_read_are_refused(wrong):
    """Nothing, an unknown event, two lengths."""
    with pytest.raises(InputError, match="DLQ-217"):
        cumulative_incidence(*wrong)


def test_a_charge_off_counts_once_at_each_age():
    """Its tail of rows adds nothing; after its last row it still counts."""
    months = book([0, (200, "charged_off"), (230, "charged_off")], [0] * 5, opened="2026-01-01")

    assert rates(vintage(months, 30, ever=False)) == [0, 0.5, 0.5, 0.5, 0.5]


def test_intervals_hold_what_they_say():
    """Jeffreys: the density of Beta(1.5, 2.5), summed between the ends for 1 of 3, is 0.8."""
    months = book([0, 31], [0, 0], [0, 0], opened="2026-01-01")
    cell = vintage(months, 30, level=0.8).iloc[1]
    grid = (np.arange(200_000) + 0.5) / 200_000
    density = grid**0.5 * (1 - grid) ** 1.5

    for end, below in (("low", 0.1), ("high", 0.9)):
        mass = density[grid <= cell[end]].sum() / density.sum()
        assert mass == pytest.approx(below, abs=1e-4)
    clean = vintage(book([0], [0], opened="2026-01-01"), 30).iloc[0]
    assert (clean["low"], clean["high"] < 1) == (0, True)
