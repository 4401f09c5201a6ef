"""Ranks inside the month and the model of single months."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from delinquency.errors import InputError
from delinquency.features import MonthlyModel, MonthRanks, month_matrix

from .panels import built, portfolio, table


@parametrize_with_checks([MonthRanks(), MonthlyModel(min_child_samples=2, n_estimators=5)])
def test_scikit_learn_common_checks(estimator, check):
    """Drop-in scikit-learn: every common check, none waived."""
    check(estimator)


def frame(values, months, accounts=None):
    accounts = np.arange(len(values)) if accounts is None else accounts
    dates = pd.to_datetime(months)
    index = pd.MultiIndex.from_arrays([accounts, dates], names=["account_id", "snapshot_date"])
    return pd.DataFrame({"balance_last": values}, index=index)


def test_a_drift_that_moves_everybody_moves_no_rank():
    """March is January plus a thousand; ranks are the same."""
    values = np.random.default_rng(0).normal(size=400)
    january = frame(values, ["2026-01-31"] * 400)
    march = frame(values + 1000, ["2026-03-31"] * 400)

    ranks = MonthRanks().fit(pd.concat([january, march]))

    np.testing.assert_array_equal(ranks.transform(january), ranks.transform(march))


def test_ranks_are_worked_by_hand():
    """Five values in quarters: 10 twice is the middle of its steps."""
    fitted = MonthRanks(quantiles=4).fit(frame([1, 10, 10, 20, 30.0], ["2026-01-31"] * 5))

    got = fitted.transform(frame([0, 1, 5, 10, 25, 30, 99, np.nan], ["2026-01-31"] * 8)).ravel()

    # edges 1, 10, 10, 20, 30
    np.testing.assert_allclose(got, [0, 0, 0.125, 0.375, 0.875, 1, 1, np.nan])


def test_a_rank_does_not_depend_on_who_is_scored_with_it():
    """One account at a time gives the same bits."""
    months = table(portfolio(31, accounts=60))
    X = built(months, ["2024-12-31", "2025-03-31"])
    fitted = MonthRanks().fit(X)
    together = fitted.transform(X)

    alone = np.vstack([fitted.transform(X.iloc[[row]]) for row in range(len(X))])

    np.testing.assert_array_equal(alone, together)


def test_a_month_without_a_table_uses_the_last_one_before_it():
    """February uses January's table, last year uses the first there is."""
    fitted = MonthRanks(quantiles=2).fit(
        frame([1.0, 2, 3, 11, 12, 13], ["2026-01-31"] * 3 + ["2026-03-31"] * 3)
    )

    got = fitted.transform(frame([2.0, 2, 12], ["2026-02-28", "2025-01-31", "2027-01-31"]))

    assert got.ravel().tolist() == [0.5, 0.5, 0.5]
    assert fitted.get_feature_names_out().tolist() == ["balance_last_month_rank"]


def panel(accounts=600, seed=0):
    """Accounts whose last months tell the label, in several snapshots each."""
    rng = np.random.default_rng(seed)
    risk = rng.random(accounts)
    rows = [
        {"account_id": a, "month": month, "days_past_due": int(30 * (rng.random() < risk[a]))}
        for a in range(accounts)
        for month in pd.period_range("2025-01", "2026-06", freq="M")
    ]
    y = pd.Series((rng.random(accounts) < risk).astype(int), index=range(accounts))
    return pd.DataFrame(rows), y


def test_scores_are_out_of_fold_by_account():
    """With labels tossed like coins, scores of the training accounts themselves say nothing."""
    months, _ = panel()
    X = month_matrix(months, snapshots=["2026-04-30", "2026-06-30"], ages=6)
    X += np.random.default_rng(1).normal(0, 0.01, X.shape)  # no two alike: easy to learn by heart
    coins = np.random.default_rng(2).integers(0, 2, 600)
    y = coins[X.index.get_level_values("account_id")]

    scores = MonthlyModel(min_child_samples=5, num_leaves=63).fit(X, y).transform(X)

    assert 0.4 < roc_auc_score(y, scores[:, 1]) < 0.6


def test_scores_rank_risk():
    """Where months do tell, the aggregated scores find it, in accounts never seen too."""
    months, y = panel()
    X = month_matrix(months, "2026-06-30", ages=6)
    model = MonthlyModel().fit(X, y)
    others, other_y = panel(seed=9)
    others["account_id"] += 10_000

    new = model.transform(month_matrix(others, "2026-06-30", ages=6))

    assert roc_auc_score(other_y, new[:, 1]) > 0.7
    names = model.get_feature_names_out()
    assert names[0] == "monthly_score_last"
    assert len(names) == new.shape[1] == 5


def test_fitting_and_scoring_do_not_depend_on_row_order():
    """Folds follow the id, not the place."""
    months, y = panel(accounts=200)
    X = month_matrix(months, "2026-06-30", ages=4)
    model = MonthlyModel().fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))

    np.testing.assert_array_equal(model.transform(X)[order], model.transform(X.iloc[order]))


def test_a_month_matrix_lays_months_side_by_side(caplog):
    """Newest first, six values a month, gaps missing."""
    months = pd.DataFrame(
        {
            "account_id": ["a", "a"],
            "month": ["2026-01", "2026-03"],
            "days_past_due": [31, 0],
            "amount_due": [100.0, 200.0],
            "amount_paid": [50.0, 300.0],
        }
    )
    got = month_matrix(months, "2026-03-31", ages=3).iloc[0]

    assert not [r for r in caplog.records if "compiling" not in r.getMessage()]
    assert len(got) == 18
    assert got.filter(like="days_past_due").tolist()[::2] == [0, 31]
    assert got["payment_ratio_age0"] == 1.5
    assert got["amount_paid_age2"] == 50
    assert got.filter(like="age1").isna().all()
    assert got.filter(like="balance").isna().all()


def test_columns_that_are_no_whole_months_are_refused():
    """Five columns are no months of two."""
    with pytest.raises(InputError, match="5 columns are no whole number of months of 2"):
        MonthlyModel(values_per_month=2).fit(np.ones((4, 5)), [0, 1, 0, 1])


def test_clones_carry_settings_and_nothing_learnt():
    """As scikit-learn wants it."""
    model = MonthlyModel(values_per_month=3, folds=4)

    assert clone(model).get_params() == model.get_params()
