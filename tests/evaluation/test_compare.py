"""Comparisons of scores: published examples, and coverage where no tool is at hand."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from delinquency.errors import InputError
from delinquency.evaluation import compare_folds, compare_scores, discrimination


def test_corrected_test_of_the_scikit_learn_example():
    """ "Statistical comparison of models using grid search": t 0.750, one-sided p 0.227."""
    from sklearn.datasets import make_moons
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    radial, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )

    result = compare_folds(radial, linear, n_train=90, n_test=10)

    assert result.statistic == pytest.approx(0.750, abs=5e-4)
    assert result.p / 2 == pytest.approx(0.227, abs=5e-4)


def test_without_test_accounts_in_the_ratio_it_is_the_paired_t_test():
    """A vanishing test share takes the correction away, and scipy's paired test is left."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(0.79, 0.01, 12), rng.normal(0.785, 0.01, 12)
    plain = stats.ttest_rel(one, two)
    low, high = plain.confidence_interval(0.95)

    result = compare_folds(one, two, n_train=1e15, n_test=1)

    assert [result.statistic, result.p] == pytest.approx([plain.statistic, plain.pvalue], rel=1e-6)
    assert [result.low, result.high] == pytest.approx([low, high], rel=1e-6)


def test_the_correction_widens_by_its_formula():
    """Ten folds of a tenth: the variance grows from 1/10 to 1/10 + 1/9."""
    one, two = np.arange(10) * 0.01, np.arange(10)[::-1] * 0.007
    plain = stats.ttest_rel(one, two).statistic

    result = compare_folds(one, two, n_train=900, n_test=100)

    assert result.statistic == pytest.approx(plain * math.sqrt((1 / 10) / (1 / 10 + 1 / 9)))


def test_two_equal_scores_have_no_difference_and_no_p():
    """Nothing varies, so nothing is tested."""
    y, p = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.8]
    result = compare_scores(y, p, p)

    assert result.difference == 0
    assert math.isnan(result.p)
    assert math.isnan(compare_folds([0.8, 0.8], [0.7, 0.7], n_train=1, n_test=1).p)


def test_swapping_the_scores_turns_the_sign():
    """Which one is called first is a matter of words."""
    rng = np.random.default_rng(1)
    y, one, two = rng.integers(0, 2, 80), rng.random(80), rng.random(80)
    there, back = compare_scores(y, one, two), compare_scores(y, two, one)

    assert there.difference == pytest.approx(-back.difference)
    assert [there.low, there.p] == pytest.approx([-back.high, back.p])


def obuchowski(y, score, account):
    """Obuchowski (1997), term by term from all pairs, as her paper writes it."""
    bad, good = score[y == 1], score[y == 0]
    won = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
    auc, m, n = won.mean(), len(bad), len(good)
    of_bad, of_good = won.mean(axis=1), won.mean(axis=0)
    names = np.unique(account)
    bads = np.array([(of_bad[account[y == 1] == c] - auc).sum() for c in names])
    goods = np.array([(of_good[account[y == 0] == c] - auc).sum() for c in names])
    i10, i01 = len(np.unique(account[y == 1])), len(np.unique(account[y == 0]))
    s10 = i10 / ((i10 - 1) * m) * (bads**2).sum()
    s01 = i01 / ((i01 - 1) * n) * (goods**2).sum()
    s11 = len(names) / (len(names) - 1) * (bads * goods).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def panel(rng, accounts=120, dates=6):
    """Accounts seen on several dates, alike within themselves."""
    account = np.repeat(np.arange(accounts), dates)
    mind = np.repeat(rng.normal(size=accounts), dates)
    odds = -1 + 1.5 * mind + 0.3 * rng.normal(size=len(account))
    y = (rng.random(len(account)) < 1 / (1 + np.exp(-odds))).astype(int)
    score = np.round(mind + rng.normal(size=len(account)) * 0.5, 1)
    return y, score, account


def test_interval_by_account_is_that_of_obuchowski():
    """Against the sums of the paper, over all pairs."""
    y, score, account = panel(np.random.default_rng(3))
    result = discrimination(y, score, account=account)
    reach = stats.norm.ppf(0.975) * math.sqrt(obuchowski(y, score, account))

    assert result.auc_high - result.auc == pytest.approx(reach, rel=1e-9)
    assert result.auc_high - result.auc_low > 1.2 * (
        discrimination(y, score).auc_high - discrimination(y, score).auc_low
    )


def test_every_row_its_own_account_is_plain_delong():
    """The clustered form holds the plain one."""
    y, score, _ = panel(np.random.default_rng(4))

    clustered = discrimination(y, score, account=np.arange(len(y)))

    # a missing partial Gini is not equal to itself, which the fields of a dataclass notice since 3.13
    np.testing.assert_equal(asdict(clustered), asdict(discrimination(y, score)))


def test_interval_by_account_covers_and_the_plain_one_does_not():
    """1,000 panels: about 95 in 100 for accounts, and far fewer for rows taken as independent."""
    rng = np.random.default_rng(5)
    truth = np.mean([discrimination(*panel(rng, accounts=4000)[:2]).auc for _ in range(20)])
    clustered = plain = 0
    for _ in range(1000):
        y, score, account = panel(rng)
        wide, narrow = discrimination(y, score, account=account), discrimination(y, score)
        clustered += wide.auc_low <= truth <= wide.auc_high
        plain += narrow.auc_low <= truth <= narrow.auc_high

    assert 920 <= clustered <= 975
    assert plain < 900


def test_equal_scores_differ_by_chance_in_one_of_twenty_samples():
    """2,000 samples of two scores of equal worth: p below 0.05 in about 5 of 100."""
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(2000):
        truth = rng.normal(size=400)
        y = rng.random(400) < 1 / (1 + np.exp(1 - truth))
        found += compare_scores(y, *(truth + rng.normal(size=400) for _ in range(2))).p < 0.05

    assert 70 <= found <= 135


def test_order_of_rows_changes_no_bit_of_a_comparison():
    """Sums are rounded once."""
    y, score, account = panel(np.random.default_rng(7))
    other = np.random.default_rng(8).permutation(score)
    order = np.random.default_rng(9).permutation(len(y))

    assert compare_scores(y, score, other, account=account) == compare_scores(
        y[order], score[order], other[order], account=account[order]
    )


@pytest.mark.parametrize(
    ("first", "second", "sizes", "code"),
    [
        ([0.1, 0.2], [0.1], (9, 1), "DLQ-103"),
        ([0.1], [0.1], (9, 1), "DLQ-100"),
        ([0.1, np.nan], [0.1, 0.2], (9, 1), "DLQ-104"),
        ([0.1, np.inf], [0.1, 0.2], (9, 1), "DLQ-105"),
        ([0.1, 0.2], [-np.inf, 0.2], (9, 1), "DLQ-105"),
        ([0.1, 0.2], [0.1, 0.3], (0, 1), "DLQ-106"),
    ],
)
def test_folds_that_cannot_be_compared_are_refused(first, second, sizes, code):
    """Each has its code."""
    with pytest.raises(InputError) as caught:
        compare_folds(first, second, n_train=sizes[0], n_test=sizes[1])

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("account", "code", "count"),
    [([1, 2], "DLQ-103", None), ([1, None, None, 2], "DLQ-104", 2)],
)
def test_accounts_must_stand_beside_their_rows(account, code, count):
    """One each, none missing."""
    with pytest.raises(InputError) as caught:
        discrimination([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], account=account)

    assert (caught.value.code, caught.value.count) == (code, count)


def test_paired_losses_are_those_of_a_t_test_on_the_differences():
    """The same standard error as scipy's paired test; rows of one account count together."""
    from scipy import stats

    from delinquency.evaluation import compare_losses

    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.6, 400)
    y = (rng.random(400) < p).astype(int)
    q = np.clip(p + rng.normal(0, 0.1, 400), 0.01, 0.99)
    loss = [-np.where(y == 1, np.log(one), np.log(1 - one)) for one in (p, q)]
    found = compare_losses(y, p, q)

    assert found.statistic == pytest.approx(stats.ttest_rel(*loss).statistic)
    assert found.difference == pytest.approx(np.mean(loss[0] - loss[1]))
    doubled = compare_losses(
        *(np.repeat(v, 2) for v in (y, p, q)), account=np.repeat(range(400), 2)
    )
    assert doubled.statistic == pytest.approx(found.statistic)
    assert doubled.low == pytest.approx(found.low)
