"""The same accounts, judged by R and by other Python packages; see the folder ``oracle``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from delinquency.evaluation import (
    by_band,
    by_group,
    by_segment,
    calibration,
    compare_scores,
    discrimination,
    grade_test,
)
from delinquency.evaluation._curve import count_by_score
from delinquency.evaluation._hmeasure import h_measure
from delinquency.evaluation._intervals import holm

FOLDER = Path(__file__).parent / "oracle"


@pytest.fixture(scope="module")
def accounts():
    return pd.read_csv(FOLDER / "accounts.csv")


@pytest.fixture(scope="module")
def r():
    return pd.read_csv(FOLDER / "figures_r.csv").set_index("name")["value"]


@pytest.fixture(scope="module")
def python():
    return pd.read_csv(FOLDER / "figures_python.csv").set_index("name")["value"]


def test_delong_interval_is_that_of_proc(accounts, r):
    """`ci.auc` of pROC 1.18.0."""
    result = discrimination(accounts["y"], accounts["a"])

    assert result.auc == pytest.approx(r["auc"], abs=1e-12)
    assert result.auc_low == pytest.approx(r["auc_low"], abs=1e-12)
    assert result.auc_high == pytest.approx(r["auc_high"], abs=1e-12)


def test_paired_comparison_is_that_of_proc(accounts, r):
    """`roc.test` of pROC 1.18.0, paired, DeLong."""
    result = compare_scores(accounts["y"], accounts["a"], accounts["b"])

    assert result.statistic == pytest.approx(r["paired_z"], abs=1e-10)
    assert result.p == pytest.approx(r["paired_p"], rel=1e-9)
    assert [result.low, result.high] == pytest.approx([r["paired_low"], r["paired_high"]], abs=1e-9)


def test_calibration_is_that_of_rms_and_glm(accounts, r):
    """`val.prob` of rms 6.5-0 and logistic regressions of base R."""
    result = calibration(accounts["y"], accounts["a"])

    assert result.brier == pytest.approx(r["brier"], abs=1e-12)
    assert result.slope == pytest.approx(r["slope"], abs=1e-7)
    assert result.intercept == pytest.approx(r["intercept"], abs=1e-9)
    assert result.spiegelhalter == pytest.approx(r["spiegelhalter"], abs=1e-10)
    assert result.spiegelhalter_p == pytest.approx(r["spiegelhalter_p"], abs=1e-10)
    z = stats.norm.ppf(0.975)
    assert result.intercept_high - result.intercept == pytest.approx(
        z * r["intercept_se"], abs=1e-7
    )
    assert result.slope_high - result.slope == pytest.approx(z * r["slope_se"], abs=1e-7)


def test_hosmer_lemeshow_is_that_of_r(accounts, r):
    """The same ten bins, summed in R."""
    result = calibration(accounts["y"], accounts["a"])

    assert result.hosmer_lemeshow == pytest.approx(r["hosmer_lemeshow"], abs=1e-10)
    assert result.hosmer_lemeshow_p == pytest.approx(r["hosmer_lemeshow_p"], abs=1e-10)


def test_jeffreys_test_and_holm_are_those_of_r(accounts, r):
    """`pbeta` and `p.adjust` over the same ten bins."""
    bins = calibration(accounts["y"], accounts["a"]).table
    edges = bins["n"].cumsum().to_numpy()
    rank = accounts["a"].rank(method="max").to_numpy()
    table = grade_test(accounts["y"], accounts["a"], np.searchsorted(edges, rank))

    assert table["n"].tolist() == bins["n"].tolist()
    for position, row in table.iterrows():
        assert row["p"] == pytest.approx(r[f"jeffreys_p_{position + 1}"], abs=1e-12)
        assert row["p_holm"] == pytest.approx(r[f"jeffreys_holm_{position + 1}"], abs=1e-12)


def test_brier_decomposition_is_that_of_model_diagnostics(accounts, python):
    """`decompose` of model-diagnostics 1.5.0, which calls resolution discrimination."""
    result = calibration(accounts["y"], accounts["a"])

    assert result.miscalibration == pytest.approx(python["miscalibration"], abs=1e-12)
    assert result.resolution == pytest.approx(python["discrimination"], abs=1e-12)
    assert result.uncertainty == pytest.approx(python["uncertainty"], abs=1e-12)


def test_h_measure_is_that_of_the_package_of_its_authors(accounts, python):
    """hmeasure 0.1.6, by both ways of naming the weight."""
    y, a = accounts["y"].to_numpy(), accounts["a"].to_numpy()
    odds = (1 - y.mean()) / y.mean()

    assert discrimination(y, a).h_measure == pytest.approx(python["h_measure"], abs=1e-10)
    assert h_measure(count_by_score(y, a), (2, 1 + odds)) == pytest.approx(
        python["h_measure_by_severity"], abs=1e-10
    )


def test_h_measure_of_its_documentation():
    """The worked example of hmeasure's documentation: ten accounts, 0.1889 and 0.1831."""
    rng = np.random.default_rng(66)
    y, p = rng.integers(low=0, high=2, size=10), rng.random(10)
    counts = count_by_score(y, p)
    odds = (1 - y.mean()) / y.mean()

    assert h_measure(counts, (2, 1 + odds)) == pytest.approx(0.18889596344769588, abs=1e-12)
    assert h_measure(counts) == pytest.approx(0.18310946512079307, abs=1e-12)


def test_partial_gini_is_that_of_scikit_learn_on_the_part(accounts, python):
    """Gini among probabilities up to 0.4."""
    result = discrimination(accounts["y"], accounts["a"])

    assert result.partial_gini == pytest.approx(python["partial_gini"], abs=1e-12)


def test_group_audit_is_that_of_fairlearn(accounts, python):
    """Selection rates, false positive rates and the parity ratio of fairlearn 0.15.0."""
    favoured = accounts["a"] < 0.3
    table = by_group(accounts["y"], accounts["a"], accounts["group"], favoured=favoured)
    table = table.set_index("group")

    for group in ("north", "south", "west"):
        row = table.loc[group]
        assert 1 - row["favoured_rate"] == pytest.approx(python[f"flagged_{group}"])
        assert row["burdened_goods"] == pytest.approx(python[f"false_alarms_{group}"])
        assert row["auc"] == pytest.approx(python[f"auc_{group}"])
    assert table["impact_ratio"].min() == pytest.approx(python["impact"])


def test_jeffreys_interval_and_holm_are_those_of_statsmodels(accounts, python):
    """`proportion_confint` and `multipletests` of statsmodels 0.15.0."""
    row = by_band(accounts["y"], accounts["a"], np.zeros(len(accounts))).iloc[0]
    corrected = holm(np.array([0.01, 0.04, 0.03, 0.005, 0.2]))

    assert [row["low"], row["high"]] == pytest.approx(
        [python["jeffreys_low"], python["jeffreys_high"]], abs=1e-10
    )
    assert corrected.tolist() == pytest.approx([python[f"holm_{i}"] for i in range(5)])


def test_segments_are_what_their_accounts_alone_would_say(accounts):
    """A row of the table is the figure of that part of the book."""
    table = by_segment(accounts["y"], accounts["a"], accounts["group"]).set_index("segment")
    for group, part in accounts.groupby("group"):
        ranking = discrimination(part["y"], part["a"])
        truth = calibration(part["y"], part["a"], simulations=500)
        row = table.loc[group]
        assert [row["auc_low"], row["ks"]] == [ranking.auc_low, ranking.ks]
        assert [row["ece_noise_high"], row["slope"]] == [truth.ece_noise_high, truth.slope]
        assert row["expected"] == pytest.approx(part["a"].mean())
