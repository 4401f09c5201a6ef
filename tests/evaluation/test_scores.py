"""Figures on scores, each against an implementation that shares no code with ours."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn import metrics

from delinquency.errors import InputError
from delinquency.evaluation import (
    by_band,
    calibration,
    compare_scores,
    discrimination,
    gains,
    impact_ratios,
    roc,
)

# few distinct scores, so that ties are common; scaled by 1/8, exact in floating point
samples = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8).map(lambda k: k / 8)), min_size=4, max_size=40
).filter(lambda rows: 2 <= sum(y for y, _ in rows) <= len(rows) - 2)


def apart(rows):
    y, score = zip(*rows, strict=True)
    return np.array(y), np.array(score)


def pairs_won(y, score):
    """Brute force over all pairs: the definition of the AUC."""
    wins = [(b > g) + 0.5 * (b == g) for b in score[y == 1] for g in score[y == 0]]
    return np.array(wins).reshape((y == 1).sum(), (y == 0).sum())


def drawn(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.beta(1.2, 4, size=n).round(3)
    return (rng.random(n) < probability).astype(int), probability


@given(samples)
def test_auc_is_the_share_of_pairs_won(rows):
    """A bad against a good, every pair, half a point for a tie."""
    y, score = apart(rows)

    assert discrimination(y, score).auc == pytest.approx(pairs_won(y, score).mean(), abs=1e-12)


@given(samples)
def test_delong_interval_is_that_of_the_definition(rows):
    """The placement values of DeLong et al., row and column means of all pairs."""
    y, score = apart(rows)
    won = pairs_won(y, score)
    variance = won.mean(axis=1).var(ddof=1) / won.shape[0]
    variance += won.mean(axis=0).var(ddof=1) / won.shape[1]
    reach = stats.norm.ppf(0.975) * math.sqrt(variance)

    result = discrimination(y, score)

    assert result.auc_low == pytest.approx(max(won.mean() - reach, 0), abs=1e-9)
    assert result.auc_high == pytest.approx(min(won.mean() + reach, 1), abs=1e-9)


@given(samples)
def test_ks_is_that_of_scipy(rows):
    """The two-sample Kolmogorov-Smirnov statistic between bads and goods."""
    y, score = apart(rows)

    expected = stats.ks_2samp(score[y == 1], score[y == 0], method="asymp").statistic

    assert discrimination(y, score).ks == pytest.approx(expected, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(samples)
def test_h_measure_is_the_integral_of_its_definition(rows):
    """Numerical integration of the best loss over all thresholds, with no convex hull in sight."""
    y, score = apart(rows)
    bad = y.mean()
    weight = stats.beta(1 + bad, 2 - bad).pdf
    cuts = [*np.unique(score), np.inf]
    flagged_good = np.array([(score[y == 0] >= t).mean() for t in cuts])
    missed_bad = np.array([(score[y == 1] < t).mean() for t in cuts])
    cost = np.linspace(0, 1, 20001)
    best = (np.outer(cost, (1 - bad) * flagged_good) + np.outer(1 - cost, bad * missed_bad)).min(1)
    useless = np.minimum(cost * (1 - bad), (1 - cost) * bad)

    expected = 1 - integrate.trapezoid(best * weight(cost), cost) / integrate.trapezoid(
        useless * weight(cost), cost
    )

    assert discrimination(y, score).h_measure == pytest.approx(expected, abs=2e-6)


def test_h_measure_is_one_for_a_perfect_score_and_zero_for_a_useless_one():
    """The two ends of its scale."""
    y = np.array([0, 0, 0, 1, 1])

    assert discrimination(y, y).h_measure == pytest.approx(1)
    assert discrimination(y, np.zeros(5)).h_measure == pytest.approx(0, abs=1e-12)


def test_figures_agree_with_scikit_learn():
    """AUC, ROC curve and Gini on four thousand accounts with ties."""
    y, probability = drawn()

    result = discrimination(y, probability)
    false_alarms, caught, cuts = metrics.roc_curve(y, probability, drop_intermediate=False)
    table = roc(y, probability, points=10**6)

    assert result.auc == pytest.approx(metrics.roc_auc_score(y, probability), abs=1e-12)
    assert result.gini == pytest.approx(2 * result.auc - 1)
    np.testing.assert_allclose(table["goods_share"], false_alarms, atol=1e-12)
    np.testing.assert_allclose(table["bads_share"], caught, atol=1e-12)
    np.testing.assert_array_equal(table["threshold"], cuts)


def test_ks_stands_where_it_says():
    """The gap between bads and goods at or above `ks_at` is the KS."""
    y, probability = drawn()
    result = discrimination(y, probability)
    above = probability >= result.ks_at

    assert above[y == 1].mean() - above[y == 0].mean() == pytest.approx(result.ks)


@given(samples, st.integers(5, 30))
def test_thinned_tables_keep_ends_and_order(rows, points):
    """A table thin enough to draw still starts at nobody and ends at everybody."""
    y, score = apart(rows)
    for table, column in ((roc(y, score, points=points), "bads_share"),):
        assert table[column].iloc[0] == 0
        assert table[column].iloc[-1] == 1
        assert table["threshold"].is_monotonic_decreasing
    table = gains(y, score, points=points)
    assert table[["share", "captured"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]


def test_thinned_roc_keeps_the_curve_within_a_pixel():
    """Two hundred of three thousand points: nobody can see the difference, and KS stays exact."""
    rng = np.random.default_rng(1)
    score = rng.normal(size=3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(-score))).astype(int)
    whole, thin = roc(y, score, points=10**6), roc(y, score)
    # along the diagonal, because the curve has vertical runs
    along = [(table["goods_share"] + table["bads_share"]) / 2 for table in (whole, thin)]
    redrawn = np.interp(along[0], along[1], thin["bads_share"])

    assert len(whole) > 3000 >= 200 >= len(thin) - 3
    assert np.abs(redrawn - whole["bads_share"]).max() < 0.01
    gap = (thin["bads_share"] - thin["goods_share"]).abs().max()
    assert gap == pytest.approx(discrimination(y, score).ks, abs=1e-12)


def test_gains_count_accounts_from_the_riskiest_on():
    """Worked by hand: six accounts, two bads, the two riskiest tied."""
    table = gains([1, 0, 0, 1, 0, 0], [0.9, 0.9, 0.5, 0.4, 0.2, 0.1])

    assert table["n"].tolist() == [0, 2, 3, 4, 5, 6]
    assert table["bads"].tolist() == [0, 1, 1, 2, 2, 2]
    assert table["captured"].tolist() == [0, 0.5, 0.5, 1, 1, 1]
    assert table["lift"].iloc[1] == pytest.approx(1.5)


@given(samples, st.randoms(use_true_random=False))
def test_order_of_rows_and_scale_of_scores_change_nothing(rows, chance):
    """Ranks are all that counts: shuffling rows or a rising map of the score moves no figure."""
    y, score = apart(rows)
    order = list(range(len(y)))
    chance.shuffle(order)
    base, moved = discrimination(y, score), discrimination(y[order], 3 * score[order] - 7)

    fields = ("auc", "auc_low", "auc_high", "ks", "h_measure")
    assert [getattr(base, f) for f in fields] == [getattr(moved, f) for f in fields]


@given(samples)
def test_turning_the_score_round_turns_the_auc_round(rows):
    """The orientation is part of the figure."""
    y, score = apart(rows)

    turned = discrimination(y, -score).auc

    assert turned == pytest.approx(1 - discrimination(y, score).auc, abs=1e-12)


def test_one_bad_has_an_auc_and_no_interval():
    """The variance among bads needs two of them."""
    result = discrimination([0, 0, 1], [0.1, 0.2, 0.3])

    assert result.auc == 1
    assert math.isnan(result.auc_low)
    assert math.isnan(result.auc_high)


def test_band_rates_are_counts_over_counts_with_a_jeffreys_interval():
    """Interval ends solve the beta tail equations, by scipy's own distribution."""
    y, probability = drawn()
    band = np.where(probability < 0.1, "A", np.where(probability < 0.3, "B", "C"))
    table = by_band(y, probability, band).set_index("band")
    for name in "ABC":
        inside, row = band == name, table.loc[name]
        posterior = stats.beta(y[inside].sum() + 0.5, (1 - y[inside]).sum() + 0.5)
        assert (row["n"], row["bads"]) == (inside.sum(), y[inside].sum())
        assert row["bad_rate"] == pytest.approx(y[inside].mean())
        assert row["expected"] == pytest.approx(probability[inside].mean())
        assert posterior.cdf([row["low"], row["high"]]) == pytest.approx([0.025, 0.975])
    assert table["share"].sum() == pytest.approx(1)
    assert table.index.tolist() == ["A", "B", "C"]


def test_bands_keep_a_stated_order_and_their_empty_rows():
    """A band that nobody is in stands in the table with no rate, never with a rate of 0."""
    band = pd.Categorical(["low", "high"], categories=["low", "mid", "high"], ordered=True)
    table = by_band([0, 0], [0.1, 0.2], band)

    assert table["band"].tolist() == ["low", "mid", "high"]
    assert table["n"].tolist() == [1, 0, 1]
    assert table.loc[1, ["bad_rate", "low", "high", "expected"]].isna().all()
    assert table["low"].tolist()[::2] == [0, 0]


@pytest.mark.parametrize(
    ("y", "probability", "code"),
    [
        ([0, 1, None], [0.1, 0.2, 0.3], "DLQ-104"),
        ([0, 1, 1], [0.1, np.nan, 0.3], "DLQ-104"),
        ([0, 1, 1], [0.1, np.inf, 0.3], "DLQ-105"),
        ([0, 2, 1], [0.1, 0.2, 0.3], "DLQ-103"),
        ([0, 1, 1], [0.1, 0.2], "DLQ-103"),
        ([0, 1], ["low", "high"], "DLQ-103"),
        ([0, 1], [[0.1, 0.9], [0.9, 0.1]], "DLQ-103"),
        ([], [], "DLQ-100"),
        ([0, 0], [0.1, 0.2], "DLQ-150"),
        ([1, 1], [0.1, 0.2], "DLQ-150"),
        (pd.array([0, pd.NA, 1], dtype="Int64"), [0.1, 0.2, 0.3], "DLQ-104"),
    ],
)
@pytest.mark.parametrize("figure", [discrimination, roc, gains])
def test_what_cannot_be_judged_is_refused_in_one_line(figure, y, probability, code):
    """Missing, non-finite, one class, no numbers: each has its code, and no value is repeated."""
    with pytest.raises(InputError) as caught:
        figure(y, probability)

    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_all_problems_of_one_pass_come_together():
    """Whoever repairs the input sees everything at once."""
    with pytest.raises(InputError) as caught:
        discrimination([0, 3, np.nan], [0.1, np.inf, np.nan])

    assert [problem.code for problem in caught.value.problems] == [
        "DLQ-104",
        "DLQ-103",
        "DLQ-104",
        "DLQ-105",
    ]


def test_bands_that_are_missing_are_refused():
    """There is no default band."""
    with pytest.raises(InputError, match="DLQ-104 band: values are missing in 1 of 2 rows"):
        by_band([0, 1], [0.1, 0.2], ["A", None])


def test_a_million_accounts_take_seconds():
    """One sort: the quadratic form would need a terabyte."""
    rng = np.random.default_rng(0)
    score = rng.random(1_000_000)
    y = (rng.random(1_000_000) < score / 4).astype(int)
    started = time.process_time()

    result = discrimination(y, score)

    assert time.process_time() - started < 10
    assert result.auc == pytest.approx(metrics.roc_auc_score(y, score), abs=1e-9)


def test_bools_nullable_and_plain_labels_are_the_same():
    """How a label is stored is no part of what it says."""
    score = [0.1, 0.4, 0.35, 0.8]
    kinds = ([0, 0, 1, 1], [False, False, True, True], pd.array([0, 0, 1, 1], dtype="Int8"))

    for left, right in itertools.pairwise(discrimination(y, score) for y in kinds):
        assert left == right


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda y, p: discrimination(y, p, level=95), "level"),
        (lambda y, p: by_band(y, p, y, level=0), "level"),
        (lambda y, p: roc(y, p, points=2), "points"),
        (lambda y, p: gains(y, p, points=7.5), "points"),
        (lambda y, p: calibration(y, p, bins=0), "bins"),
        (lambda y, p: calibration(y, p, simulations=True), "simulations"),
        (lambda y, p: compare_scores(y, p, p, level=1), "level"),
        (lambda y, p: impact_ratios(y, p, least=0), "least"),
    ],
)
def test_settings_that_mean_nothing_are_refused(call, where):
    """A level of 95 would give missing intervals without a word."""
    with pytest.raises(InputError) as caught:
        call([0, 1, 0, 1], [0.1, 0.4, 0.2, 0.8])

    assert (caught.value.code, caught.value.where) == ("DLQ-103", where)


def test_columns_of_every_table_library_are_the_same():
    """polars, pyarrow, tuples, numpy: one answer."""
    import polars as pl
    import pyarrow as pa

    y, p = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    kinds = (pl.Series, pa.array, lambda values: pa.chunked_array([values]), tuple, np.array)

    assert len({discrimination(kind(y), kind(p)) for kind in kinds}) == 1
