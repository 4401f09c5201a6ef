"""Shift against the reference of the bundle: figures by hand, and a noise floor that holds."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats
from scoring.conftest import sample

from delinquency.errors import InputError
from delinquency.monitoring import drift, psi_of, stability
from delinquency.scoring import Reference, Scorer
from delinquency.storage import load_bundle

FORMAT_1 = Path(__file__).parents[1] / "storage" / "data" / "format1"


def test_the_index_by_hand():
    """0.1 ln(0.5/0.4) + 0.1 ln(0.3/0.2), and chi-square with two degrees of freedom over 500."""
    found = psi_of(np.array([500, 300, 200]), np.array([400, 300, 300]))

    assert found.psi == pytest.approx(0.1 * math.log(1.25) + 0.1 * math.log(1.5))
    assert found.noise == pytest.approx(2 * 2 / 1000)
    assert found.noise_95 == pytest.approx(stats.chi2(2).ppf(0.95) * 2 / 1000)
    assert found.p == pytest.approx(stats.chi2(2).sf(found.psi * 500))
    assert stats.ncx2(2, found.low * 500).cdf(found.psi * 500) == pytest.approx(0.975)
    assert stats.ncx2(2, found.high * 500).cdf(found.psi * 500) == pytest.approx(0.025)


def test_an_empty_bin_counts_half_an_account_and_one_empty_in_both_is_left_out():
    """So the figure stays finite and the noise floor counts the bins in use."""
    found = psi_of(np.array([50, 50, 0, 0]), np.array([60, 30, 10, 0]))
    by_hand = 0.1 * math.log(1.2) - 0.2 * math.log(0.6) + 0.095 * math.log(20)

    assert found.bins == 3
    assert found.psi == pytest.approx(by_hand)


def test_one_bin_or_nobody_says_nothing():
    """A constant column has nothing to shift; an empty sample has no index."""
    assert psi_of(np.array([9]), np.array([4]))[:5] == (0, 0, 0, 0, 0)
    assert math.isnan(psi_of(np.array([9, 1]), np.array([0, 0])).psi)


SPREADS = {
    "nothing moved": [0.1] * 10,
    "a little": [0.08, 0.09, 0.1, 0.1, 0.1, 0.1, 0.1, 0.11, 0.11, 0.11],
    "a lot": [0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.15],
}


@pytest.mark.parametrize("kind", SPREADS)
def test_the_interval_holds_the_true_index_and_the_floor_is_crossed_one_time_in_twenty(kind):
    """1,000 pairs of samples of 4,000 and 1,500; binomial error at 95% is 0.0135."""
    rng = np.random.default_rng(1)
    then, now = np.full(10, 0.1), np.array(SPREADS[kind])
    true = float(((now - then) * np.log(now / then)).sum())
    pairs = zip(rng.multinomial(4000, then, 1000), rng.multinomial(1500, now, 1000), strict=True)

    found = [psi_of(*pair) for pair in pairs]

    held = np.mean([f.low <= true <= f.high for f in found])
    # where nothing moved the lower end is 0 and only the upper can miss
    assert 0.935 <= held <= (0.995 if kind == "nothing moved" else 0.965)
    if kind == "nothing moved":
        assert np.mean([f.psi for f in found]) == pytest.approx(found[0].noise, rel=0.05)
        assert np.mean([f.psi > f.noise_95 for f in found]) == pytest.approx(0.05, abs=0.02)


def test_large_shifts_of_large_samples_keep_a_sound_interval():
    """Where the chi-square is replaced by the normal curve, both roads agree."""
    then, now = np.array([5000, 5000]), np.array([4000, 6000])
    found = psi_of(then * 100, now * 100)

    assert found.low < found.psi < found.high
    assert found.high - found.low == pytest.approx(4 * 1.96 * math.sqrt(found.psi * 2e-6), rel=0.01)


def test_accounts_like_those_of_training_stay_below_the_floor(scorer):
    """A fresh sample of the same kind: few features cross the 95% point, no family has shifted."""
    table = stability(scorer, sample(3000, seed=11)[0].droplevel("snapshot_date"))

    features = table[table["kind"] == "feature"]
    assert list(features["name"]) == [f.name for f in scorer.features]
    assert (features["psi"] > features["noise_95"]).sum() <= 1
    assert drift(table)["shifted"].sum() == 0
    assert features["use"].sum() == pytest.approx(1)


def test_a_shift_is_found_where_it_is(scorer):
    """Utilisation rises by a half: its family leads, the score follows, the others stay."""
    X = sample(3000, seed=11)[0].droplevel("snapshot_date")
    table = stability(scorer, X.assign(utilisation=X["utilisation"] * 1.5))

    moved = table.set_index("name")
    assert moved.loc["utilisation", "low"] > 0.1
    assert moved.loc["points", "psi"] > moved.loc["points", "noise_95"]
    families = drift(table)
    assert families["family"].iloc[0] == "use"
    assert families["worst"].iloc[0] == "utilisation"
    assert families.set_index("family")["shifted"].to_dict() == {
        "use": 1, "arrears": 0, "payments": 0, "other": 0,
    }  # fmt: skip


def test_each_snapshot_date_is_judged_for_itself(scorer):
    """Two dates in one table give what each gives alone."""
    one, two = sample(500, seed=1)[0], sample(700, seed=2)[0]
    index = [["account_id", "snapshot_date"]]
    for X, day in ((one, "2026-02-28"), (two, "2026-03-31")):
        X.index = pd.MultiIndex.from_product([range(len(X)), [pd.Timestamp(day)]], names=index[0])
    both = stability(scorer, pd.concat([one, two]))

    alone = pd.concat([stability(scorer, one), stability(scorer, two)], ignore_index=True)
    pd.testing.assert_frame_equal(both, alone)
    assert both.groupby("snapshot_date")["n"].max().tolist() == [500, 700]


def test_a_bundle_without_a_reference_says_so():
    """A bundle of format 1 as it was first written."""
    old = Scorer.from_bundle(load_bundle(FORMAT_1))

    with pytest.raises(InputError, match="DLQ-140 bundle: no reference"):
        stability(old, sample(50)[0])


def test_features_that_are_not_there_are_named():
    """With the nearest name that is."""
    X = pd.DataFrame({"dpd_max_3m": [0.0, 31.0]})
    reference = Reference.learn(X, [600.0, 500.0], ["A", "B"])

    with pytest.raises(InputError, match=r"DLQ-102 current: .*did you mean"):
        stability(reference, X.rename(columns={"dpd_max_3m": "dpd_max_3"}))
    with pytest.raises(InputError, match="DLQ-100"):
        stability(reference, X.iloc[:0])


def test_missing_shares_are_told():
    """One in four then, three in four now; the missing are a bin of their own."""
    then = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan] * 25})
    now = pd.DataFrame({"x": [1.0, np.nan, np.nan, np.nan] * 25})
    row = stability(Reference.learn(then, [600.0], ["A"]), now).iloc[0]

    assert (row["missing_reference"], row["missing"]) == (0.25, 0.75)
    assert row["p"] < 1e-9


def two_dates():
    """Return a reference, features of two snapshot dates, and their scores, dates as text."""
    then = pd.DataFrame({"dpd": [0.0] * 90 + [31.0] * 10})
    reference = Reference.learn(then, np.linspace(500, 700, 100), ["A"] * 50 + ["B"] * 50)
    dates = pd.to_datetime(["2026-01-31", "2026-02-28"])
    index = pd.MultiIndex.from_product([range(50), dates], names=["account_id", "snapshot_date"])
    scores = index.to_frame(index=False).assign(points=600.0, band="A")
    return reference, pd.DataFrame({"dpd": 0.0}, index=index), scores


@pytest.mark.parametrize(
    "made",
    [
        lambda scores: scores.assign(snapshot_date=scores["snapshot_date"].dt.strftime("%Y-%m-%d")),
        pl.from_pandas,
        pa.Table.from_pandas,
    ],
)
def test_scores_of_any_kind_of_table_are_judged_alike(made):
    """Dates as text matched no snapshot, so that the shift of the score was missing without a word."""
    reference, current, scores = two_dates()
    expected = stability(reference, current, scores=scores)

    assert expected.loc[expected["kind"] == "score", "n"].tolist() == [50, 50]
    pd.testing.assert_frame_equal(stability(reference, current, scores=made(scores)), expected)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ('DLQ-102 scores: column "points"', lambda X, s: (X, s.drop(columns="points"))),
        ("DLQ-103 scores.points", lambda X, s: (X, s.assign(points="many"))),
        ("DLQ-103 scores.snapshot_date", lambda X, s: (X, s.assign(snapshot_date="soon"))),
        ("DLQ-103 current.dpd", lambda X, s: (X.assign(dpd="late"), s)),
        ("DLQ-103 current", lambda X, s: (pl.from_pandas(X), s)),
    ],
)
def test_tables_that_cannot_be_judged_are_refused(message, change):
    """By the column's name, and never by what stands in it."""
    reference, current, scores = two_dates()
    X, table = change(current, scores)
    with pytest.raises(InputError, match=message):
        stability(reference, X, scores=table)
