"""Calibration figures against scikit-learn, scipy and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from delinquency.errors import InputError
from delinquency.evaluation import calibration


def drawn(n=3000, seed=0, stretch=1.0, shift=0.0):
    """Outcomes from true probabilities, and probabilities whose log-odds are moved off them."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1.3, 1.2, size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    return y, 1 / (1 + np.exp(-(shift + stretch * odds)))


def test_brier_and_log_loss_are_those_of_scikit_learn():
    """Two figures with one definition everywhere."""
    y, p = drawn()

    result = calibration(y, p)

    assert result.brier == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-12)
    assert result.log_loss == pytest.approx(metrics.log_loss(y, p), abs=1e-12)


def test_slope_and_intercept_are_those_of_other_optimisers():
    """The slope by scikit-learn without penalty, the intercept by a scalar root of the score."""
    y, p = drawn(stretch=1.4, shift=0.9)
    odds = np.log(p / (1 - p))
    line = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], y)
    shift = optimize.brentq(lambda a: (y - 1 / (1 + np.exp(-a - odds))).sum(), -5, 5)

    result = calibration(y, p)

    assert result.slope == pytest.approx(line.coef_[0, 0], abs=1e-5)
    assert result.intercept == pytest.approx(shift, abs=1e-9)
    assert result.slope_high < 1
    assert result.intercept_high < 0


def test_slope_interval_is_that_of_the_likelihood():
    """The Wald interval against a numerical second derivative of the log-likelihood."""
    y, p = drawn(n=800)
    x = np.column_stack([np.ones(len(y)), np.log(p / (1 - p))])

    def loss(beta):
        z = x @ beta
        return (np.logaddexp(0, z) - y * z).sum()

    best = optimize.minimize(loss, [0, 1], method="Nelder-Mead", options={"xatol": 1e-9}).x
    h, e = 1e-3, np.eye(2) * 1e-3
    hessian = np.array(
        [
            [
                (loss(best + a + b) - loss(best + a - b) - loss(best - a + b) + loss(best - a - b))
                / (4 * h * h)
                for b in e
            ]
            for a in e
        ]
    )
    error = math.sqrt(np.linalg.inv(hessian)[1, 1])

    result = calibration(y, p)

    assert (result.slope_high - result.slope_low) / 2 == pytest.approx(1.959964 * error, rel=1e-4)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_brier_score_is_the_sum_of_its_parts(seed):
    """Exact, not up to what happens inside bins; and no part is ever negative."""
    rng = np.random.default_rng(seed)
    p = rng.random(60).round(1)
    y = np.concatenate([[0, 1], rng.integers(0, 2, 58)])

    parts = calibration(y, p, simulations=10)

    assert parts.brier == pytest.approx(parts.miscalibration - parts.resolution + parts.uncertainty)
    assert min(parts.miscalibration, parts.resolution, parts.uncertainty) >= -1e-12


def pooled(y):
    """Pool adjacent violators, one value after the other: the isotonic fit."""
    blocks = []
    for value in y:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + count)
    return np.concatenate([np.full(count, total / count) for total, count in blocks])


def test_miscalibration_is_what_an_isotonic_fit_saves():
    """With pool-adjacent-violators as it is told in two lines."""
    y, p = drawn(stretch=0.5)
    order = np.lexsort([p])
    fitted = pooled(y[order])

    result = calibration(y, p)

    saved = ((y - p) ** 2).mean() - ((y[order] - fitted) ** 2).mean()
    assert result.miscalibration == pytest.approx(saved, abs=1e-12)


def test_hosmer_lemeshow_and_spiegelhalter_by_hand():
    """Two bins of four accounts, worked with a pencil."""
    y = [0, 0, 0, 1, 0, 1, 1, 1]
    p = [0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6, 0.6]
    # bin 1 expects 0.8 of 4 with variance 0.64, bin 2 expects 2.4 of 4 with variance 0.96
    chi = 0.2**2 / 0.64 + 0.6**2 / 0.96
    # sum of (y - p)(1 - 2p): 0.2 x 0.6 + 0.6 x (-0.2) = 0; the spread does not matter then
    result = calibration(y, p, bins=2)

    assert result.hosmer_lemeshow == pytest.approx(chi)
    assert result.hosmer_lemeshow_p == pytest.approx(stats.chi2.sf(chi, 2))
    assert result.spiegelhalter == pytest.approx(0, abs=1e-12)
    assert result.spiegelhalter_p == pytest.approx(1)
    assert calibration(y, [0.2] * 3 + [0.3] + [0.6] * 4, bins=2).spiegelhalter == pytest.approx(
        (-0.2 * 3 * 0.6 + 0.7 * 0.4 + (0.4 * 3 - 0.6) * -0.2)
        / math.sqrt(3 * 0.36 * 0.16 + 0.16 * 0.21 + 4 * 0.04 * 0.24)
    )


def test_two_degrees_of_freedom_go_when_the_sample_is_the_one_fitted():
    """Hosmer and Lemeshow's g - 2 holds on the fitted sample, g on a new one."""
    y, p = drawn()
    new, fitted = calibration(y, p), calibration(y, p, in_sample=True)

    assert new.hosmer_lemeshow == fitted.hosmer_lemeshow
    assert new.hosmer_lemeshow_p == pytest.approx(stats.chi2.sf(new.hosmer_lemeshow, 10))
    assert fitted.hosmer_lemeshow_p == pytest.approx(stats.chi2.sf(new.hosmer_lemeshow, 8))


def test_bins_never_part_equal_probabilities():
    """Else the order of rows would decide; a few values give a few bins."""
    y = np.tile([0, 1, 0, 0], 25)
    p = np.repeat([0.1, 0.2, 0.2, 0.5], 25)
    table = calibration(y, p, bins=10).table

    assert table["expected"].round(3).tolist() == [0.1, 0.2, 0.5]
    assert table["n"].tolist() == [25, 50, 25]
    assert table["n"].sum() == 100


def test_ece_is_the_mean_gap_of_the_bins():
    """From the table itself, by hand."""
    y, p = drawn(stretch=1.5)
    result = calibration(y, p)
    gap = (result.table["observed"] - result.table["expected"]).abs()

    assert result.ece == pytest.approx((gap * result.table["n"]).sum() / len(y))


@pytest.mark.parametrize("n", [150, 4000])
def test_the_noise_band_is_that_of_drawing_account_by_account(n):
    """The grouped binomial draw against plain Bernoulli draws, below and above the group size."""
    y, p = drawn(n=n, seed=3)
    result = calibration(y, p, simulations=4000)
    rng = np.random.default_rng(99)
    ordered = np.sort(p)
    ends = result.table["n"].cumsum().to_numpy()
    starts = ends - result.table["n"].to_numpy()
    truth = np.add.reduceat(ordered, starts)
    draws = [
        np.abs(np.add.reduceat(rng.random(n) < ordered, starts) - truth).sum() / n
        for _ in range(4000)
    ]

    expected = np.quantile(draws, [0.025, 0.975])

    assert [result.ece_noise_low, result.ece_noise_high] == pytest.approx(expected, rel=0.05)


def test_true_probabilities_stay_in_the_band_and_false_ones_leave_it():
    """About 1 in 40 true samples may lie above; every sample stretched by a half must."""
    inside = [calibration(*drawn(seed=s), simulations=500).within_noise for s in range(40)]
    outside = [
        calibration(*drawn(seed=s, stretch=1.5), simulations=500).within_noise for s in range(10)
    ]

    assert sum(inside) >= 36
    assert not any(outside)


def test_the_band_is_the_same_for_the_same_seed_and_any_order_of_rows():
    """A report drawn twice shows the same figure."""
    y, p = drawn()
    order = np.random.default_rng(5).permutation(len(y))
    first, second = calibration(y, p), calibration(y[order], p[order])

    assert (first.ece_noise_low, first.ece_noise_high) == (
        second.ece_noise_low,
        second.ece_noise_high,
    )
    np.testing.assert_array_equal(first.table, second.table)
    assert first == second  # every other figure too, to the last bit


def test_equal_probabilities_have_an_intercept_and_no_slope():
    """There is no line through one point."""
    result = calibration([0, 0, 0, 1], [0.2] * 4)

    assert math.isnan(result.slope)
    assert result.intercept == pytest.approx(math.log((0.25 / 0.75) / (0.2 / 0.8)))


def test_log_odds_that_part_the_classes_have_no_slope():
    """The likelihood has no maximum there, and no number is made up for it."""
    assert math.isnan(calibration([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]).slope)


def test_certainties_that_hold_are_free_and_those_that_fail_are_not():
    """Probabilities of exactly 0 and 1 are legal; a broken certainty costs dearly, not infinity."""
    kept = calibration([0, 1, 0, 1], [0.0, 1.0, 0.5, 0.5], bins=3)
    broken = calibration([1, 0, 0, 1], [0.0, 1.0, 0.5, 0.5], bins=3)

    assert kept.hosmer_lemeshow == pytest.approx(0)
    assert math.isinf(broken.hosmer_lemeshow)
    assert math.isfinite(broken.log_loss)
    assert broken.log_loss > 10


@pytest.mark.parametrize(
    ("y", "p", "code"),
    [
        ([0, 1], [0.2, 1.2], "DLQ-103"),
        ([0, 1], [-0.1, 0.2], "DLQ-103"),
        ([0, 1], [0.2, np.nan], "DLQ-104"),
        ([0, 0], [0.2, 0.3], "DLQ-150"),
    ],
)
def test_what_is_no_probability_is_refused(y, p, code):
    """Points or log-odds cannot be calibrated as they stand."""
    with pytest.raises(InputError) as caught:
        calibration(y, p)

    assert caught.value.code == code


@pytest.mark.slow
def test_true_probabilities_are_doubted_as_often_as_the_figures_promise():
    """1,000 samples of true probabilities: each test, interval and band errs at its own rate."""
    results = [calibration(*drawn(n=800, seed=10_000 + s), simulations=400) for s in range(1000)]
    tables = [result.table for result in results]

    def share(condition):
        return np.mean([condition(result) for result in results])

    assert 0.01 <= share(lambda r: not r.within_noise) <= 0.045  # 2.5% above the band
    assert 0.01 <= share(lambda r: r.ece < r.ece_noise_low) <= 0.045
    assert 0.03 <= share(lambda r: r.hosmer_lemeshow_p < 0.05) <= 0.075
    assert 0.03 <= share(lambda r: r.spiegelhalter_p < 0.05) <= 0.075
    assert 0.93 <= share(lambda r: r.slope_low <= 1 <= r.slope_high) <= 0.97
    assert 0.93 <= share(lambda r: r.intercept_low <= 0 <= r.intercept_high) <= 0.97
    held = [((t["low"] <= t["expected"]) & (t["expected"] <= t["high"])).mean() for t in tables]
    inside = [t["observed"].between(t["noise_low"], t["noise_high"]).mean() for t in tables]
    assert 0.92 <= np.mean(held) <= 0.98
    assert 0.94 <= np.mean(inside) <= 0.99
