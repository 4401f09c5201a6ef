from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency.datasets import make_portfolio
from delinquency.errors import InputError
from delinquency.portfolio import back_test, chain_ladder, forecast_cash, recovery_triangle

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def portfolio():
    return make_portfolio(6_000, 42, seed=8)


def test_mack_agrees_with_the_published_example_and_an_independent_tool():
    """Taylor and Ashe's triangle: total 18,680,856 with error 2,447,095; see data/README.md."""
    ladder = chain_ladder(pd.read_csv(DATA / "mack_1993.csv", index_col="cohort"))
    expected = pd.read_csv(DATA / "mack_1993_expected.csv", index_col="cohort")

    np.testing.assert_allclose(ladder.cohorts["outstanding"], expected["outstanding"], rtol=1e-9)
    np.testing.assert_allclose(
        ladder.cohorts["standard_error"], expected["standard_error"], rtol=1e-9
    )
    assert round(ladder.outstanding) == 18_680_856
    assert ladder.standard_error == pytest.approx(2_447_094.860834665, rel=1e-9)
    np.testing.assert_allclose(ladder.factors[:3], [3.490606548, 1.747332642, 1.457412836])


def test_errors_of_increments_add_up_to_mack_where_one_step_is_left():
    """The second cohort has one increment to come, so its error is the cohort's."""
    ladder = chain_ladder(pd.read_csv(DATA / "mack_1993.csv", index_col="cohort"))

    assert ladder.increment_errors.iloc[1, -1] == pytest.approx(
        ladder.cohorts["standard_error"].iloc[1]
    )
    assert (ladder.increment_errors.iloc[0] == 0).all()
    # two steps: the cohort's variance is f^2 V + s, the last increment's (f - 1)^2 V + s
    first, last = ladder.increment_errors.iloc[2, -2:] ** 2
    whole = ladder.cohorts["standard_error"].iloc[2] ** 2
    assert whole - last == pytest.approx((2 * ladder.factors[-1] - 1) * first)


@pytest.mark.parametrize(
    "triangle",
    [
        [[1.0, None, 2.0], [1.0, None, None]],
        [[1.0, None], [1.0, 2.0]],
        [[1.0, None]],
        [[None, None]],
        [[0.0, 1.0], [1.0, None]],
        [[1.0, np.inf], [1.0, None]],
        [],
    ],
)
def test_what_is_no_triangle_is_refused(triangle):
    """Holes, a young cohort ahead, ages nobody reached, nothing to grow from."""
    with pytest.raises(InputError, match="DLQ-218"):
        chain_ladder(triangle)


def test_recoveries_are_cumulated_by_cohort_and_age():
    """Two accounts written off in January and March."""
    months = pd.DataFrame(
        {
            "account_id": [1, 1, 1, 2, 2, 2],
            "month": ["2026-01", "2026-02", "2026-03"] * 2,
            "days_past_due": 200,
            "written_off": [100.0, 0, 0, 0, 0, 50],
            "recovered": [0.0, 10, 5, 0, 0, 1],
        }
    )
    triangle = recovery_triangle(months, "M")

    assert triangle.index.tolist() == ["2026-01", "2026-03"]
    assert triangle.columns.tolist() == [-1, 0, 1, 2]
    assert triangle.iloc[0].tolist() == [100, 0, 10, 15]
    assert triangle.iloc[1].tolist()[:2] == [50, 1]
    assert triangle.iloc[1, 2:].isna().all()


def test_a_book_that_shrinks_by_a_tenth_is_forecast_exactly():
    """Balance 100, 90, 81, ...; a tenth is paid each month; nothing flows in."""
    balance = 100 * 0.9 ** np.arange(6)
    months = pd.DataFrame(
        {
            "account_id": 1,
            "month": pd.period_range("2026-01", periods=6, freq="M").astype(str),
            "days_past_due": 0,
            "balance": balance,
            "amount_paid": np.append(0, balance[:-1] / 10),
        }
    )
    forecast = forecast_cash(months, 3)

    np.testing.assert_allclose(forecast["collections"], balance[-1] * 0.1 * 0.9 ** np.arange(3))
    np.testing.assert_allclose(forecast["low"], forecast["high"])
    assert forecast["month"].dt.strftime("%Y-%m-%d").tolist()[0] == "2026-07-31"
    more = forecast_cash(months, 2, inflow=50.0)
    np.testing.assert_allclose(
        more["collections"], [balance[-1] * 0.1, balance[-1] * 0.09 + 50 * 0.1]
    )


def test_new_business_can_be_stopped(portfolio):
    """In run-off less comes in, more so each month."""
    going, run_off = (forecast_cash(portfolio.months, 6, inflow=flow) for flow in (None, 0.0))

    shortfall = (going["collections"] - run_off["collections"]).to_numpy()
    assert (np.diff(shortfall) > 0).mean() > 0.5
    assert shortfall[-1] > 0


@pytest.mark.parametrize("method", ["roll", "chain_ladder"])
def test_forecasts_are_ordered_and_repeatable(portfolio, method):
    """low <= forecast <= high, and the same twice."""
    one, two = (forecast_cash(portfolio.months, 6, method) for _ in range(2))

    pd.testing.assert_frame_equal(one, two)
    assert (one["low"] <= one["collections"]).all()
    assert (one["collections"] <= one["high"]).all()


def test_back_test_says_how_wrong_it_was_and_uses_what_was_known(portfolio):
    """The mean error of the whole book stays within a tenth; rewriting the future changes no forecast."""
    dates = ["2025-09-30", "2025-12-31"]
    table = back_test(portfolio.months, dates, horizon=4)
    months = portfolio.months.copy()
    after = months["month"] > "2025-12-31"
    months.loc[after, ["amount_paid", "balance"]] *= 3
    changed = back_test(months, dates, horizon=4)

    assert len(table) == 8
    assert abs(table["error"].mean()) < 0.1
    assert (table["forecast"] == changed["forecast"]).all()
    assert (changed["actual"] > table["actual"]).any()


def test_back_test_leaves_out_months_that_the_book_has_not_reached(portfolio):
    """From May, one month of three is there."""
    assert back_test(portfolio.months, "2026-05-31", horizon=3)["ahead"].tolist() == [1]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("DLQ-217", {"method": "magic"}),
        ("DLQ-217", {"horizon": 0}),
        ("DLQ-217", {"level": 0}),
        ("DLQ-102", {}),
        ("DLQ-102", {"method": "chain_ladder"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(code, how):
    """One line each; columns that a method needs are named."""
    months = pd.DataFrame({"account_id": 1, "month": ["2026-01", "2026-02"], "days_past_due": 0})
    with pytest.raises(InputError) as caught:
        forecast_cash(months, **how)

    assert caught.value.code == code


def test_recoveries_of_like_cohorts_are_forecast_exactly():
    """Each month 100 is written off; 10 comes back a month later and 5 after that: then 15, 5, nothing."""
    rows = [
        (
            cohort,
            f"2026-{month + 1:02d}",
            100.0 * (month == cohort),
            {1: 10.0, 2: 5.0}.get(month - cohort, 0.0),
        )
        for cohort in range(6)
        for month in range(cohort, 6)
    ]
    months = pd.DataFrame(rows, columns=["account_id", "month", "written_off", "recovered"])
    forecast = forecast_cash(months.assign(days_past_due=200), 4, "chain_ladder")

    np.testing.assert_allclose(forecast["collections"], [15, 5, 0, 0], atol=1e-9)
