"""The points card: monotone bins, whole points, and the same answer from SQL."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.metrics import log_loss

from delinquency.errors import InputError
from delinquency.scoring import PointsScale, Scorecard
from delinquency.scoring._binning import bin_characteristic
from delinquency.scoring._card_joint import Candidate, forward_joint
from delinquency.scoring._logistic import fit_nonnegative

SIGNS = {"dpd_max": 1, "paid_to_due": -1}


@pytest.fixture(scope="module")
def book():
    """4,000 accounts whose risk rises with lateness and falls with what they paid; some unknown."""
    rng = np.random.default_rng(7)
    dpd = rng.poisson(6.0, 4000).astype(float)
    paid = rng.beta(2, 1, 4000)
    log_odds = -2.5 + 0.25 * dpd - 1.5 * paid
    X = pd.DataFrame({"dpd_max": dpd, "paid_to_due": paid, "noise": rng.normal(size=4000)})
    X.loc[rng.random(4000) < 0.1, "paid_to_due"] = np.nan
    return X, (rng.random(4000) < 1 / (1 + np.exp(-log_odds))).astype(int)


@pytest.fixture(scope="module")
def card(book):
    """The card of the book."""
    return Scorecard(signs=SIGNS).fit(*book)


def test_noise_stays_out_of_the_card(card):
    """A characteristic that says nothing is not taken."""
    assert set(card.characteristics_) == {"dpd_max", "paid_to_due"}


def test_points_go_the_way_of_the_domain(card):
    """Every further bin of lateness costs points, every further bin of payment earns them."""
    for name, points in zip(card.characteristics_, card.points_, strict=True):
        steps = np.diff(points[:-1]) * -SIGNS[name]

        assert (steps >= 0).all()
        assert steps.sum() > 0


def test_points_are_whole_and_add_up(card, book):
    """An account's points are the base and one figure of each characteristic."""
    X = book[0].head(50)
    table = card.table()

    for (_, row), points in zip(X.iterrows(), card.points(X), strict=True):
        total = card.base_points_
        for name in card.characteristics_:
            bins = table[table["characteristic"] == name]
            x = row[name]
            here = (
                bins["above"].isna() if np.isnan(x) else (bins["above"] < x) & (x <= bins["up_to"])
            )
            total += int(bins.loc[here, "points"].item())

        assert points == total


def test_probability_is_that_of_the_points(card, book):
    """The scale turns the points back into the probability."""
    X = book[0]

    expected = PointsScale().probability(card.points(X))

    assert card.predict_proba(X)[:, 1] == pytest.approx(expected, abs=1e-12)


def test_the_card_is_calibrated_on_its_sample(card, book):
    """Rounding to whole points moves the mean probability by less than half a percent."""
    X, y = book

    assert card.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.005)


def test_sql_gives_the_same_points(card, book):
    """The query of the card, run by a database, agrees in every row, missing values included."""
    features = book[0].replace({np.nan: None}).astype("float64")
    with duckdb.connect() as database:
        database.register("features", features)
        database.execute("CREATE TABLE book AS SELECT * FROM features")
        for name in features:
            database.execute(f'UPDATE book SET "{name}" = NULL WHERE isnan("{name}")')
        points = database.execute(card.to_sql("book")).fetchnumpy()["points"]

    assert np.array_equal(points, card.points(book[0]))


def test_missing_has_a_bin_with_its_own_evidence():
    """Where the missing are the bad ones, missing costs points."""
    rng = np.random.default_rng(1)
    x = rng.random(3000)
    x[:600] = np.nan
    bad = np.where(np.isnan(x), rng.random(3000) < 0.5, rng.random(3000) < 0.1 + 0.1 * x).astype(
        int
    )

    binning = bin_characteristic(
        x, bad, np.ones(3000), sign=1, max_bins=5, min_share=0.05, min_bads=10
    )

    assert binning.woe[-1] < binning.woe[:-1].min()


def test_few_missing_say_nothing():
    """A missing bin with hardly a bad in it stays neutral."""
    x = np.r_[np.full(5, np.nan), np.repeat([0.0, 1.0], 1000)]
    bad = np.r_[np.ones(5), np.tile(np.r_[np.ones(1), np.zeros(9)], 100), np.tile([1, 0], 500)]

    binning = bin_characteristic(
        x, bad, np.ones(2005), sign=1, max_bins=5, min_share=0.05, min_bads=30
    )

    assert binning.woe[-1] == 0.0
    assert binning.edges.tolist() == [0.0]


def test_woe_by_hand():
    """ln((80.5 / 120.5) / (20.5 / 80.5)) for 80 goods and 20 bads of 120 and 80."""
    x = np.repeat([0.0, 1.0], 100)
    bad = np.r_[np.repeat([1, 0], [20, 80]), np.repeat([1, 0], [60, 40])]

    binning = bin_characteristic(
        x, bad, np.ones(200), sign=1, max_bins=2, min_share=0.1, min_bads=5
    )

    assert binning.woe[0] == pytest.approx(np.log((80.5 / 120.5) / (20.5 / 80.5)))


@given(st.integers(0, 10_000))
def test_weights_are_never_negative(seed):
    """A column that lowers the risk gets weight 0, whatever the data."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 3))
    bad = (rng.random(200) < 1 / (1 + np.exp(X[:, 0] - X[:, 1]))).astype(float)

    weights, _ = fit_nonnegative(X, bad, np.ones(200))

    assert (weights >= 0).all()
    assert weights[0] == pytest.approx(0.0, abs=1e-6)


def test_protected_attributes_are_refused(book):
    """The card obeys the same rule as the model."""
    X, y = book

    with pytest.raises(InputError, match="DLQ-110"):
        Scorecard().fit(X.assign(marital_status=1.0), y)


def test_infinite_values_are_refused(book):
    """In our own words, as the model does."""
    X, y = book

    with pytest.raises(InputError, match="DLQ-105"):
        Scorecard().fit(X.assign(noise=np.inf), y)


def test_where_nothing_speaks_the_card_is_its_base(book):
    """Without a characteristic everybody gets the points of the bad rate."""
    X, y = book

    card = Scorecard().fit(X[["noise"]], y)

    assert card.characteristics_ == []
    assert card.predict_proba(X[["noise"]])[:, 1] == pytest.approx(y.mean(), abs=0.01)


def test_what_shifts_between_dates_stays_out(book):
    """A characteristic whose values move between the snapshots is left out, however well it predicts."""
    X, y = book
    dates = np.repeat(pd.to_datetime(["2026-01-31", "2026-02-28"]), 2000)
    moved = X.assign(dpd_max=X["dpd_max"] + np.repeat([0.0, 6.0], 2000))
    moved.index = pd.MultiIndex.from_arrays(
        [range(4000), dates], names=["account_id", "snapshot_date"]
    )

    card = Scorecard(signs=SIGNS).fit(moved, y)

    assert card.characteristics_ == ["paid_to_due"]


def test_a_clone_learns_the_same_card(card, book):
    """Nothing hides outside the parameters."""
    again = clone(card).fit(*book)

    assert again.to_sql() == card.to_sql()


def test_bins_weighed_together_reach_the_greatest_penalised_likelihood():
    """Two characteristics that overlap, against a general solver of the same problem."""
    rng = np.random.default_rng(3)
    a = rng.integers(0, 4, 3000)
    b = np.clip(a + rng.integers(-1, 2, 3000), 0, 3)
    bad = (rng.random(3000) < 1 / (1 + np.exp(2 - 0.5 * a - 0.2 * b + 0.4 * (b == 1)))).astype(
        float
    )
    weight, ridge = rng.uniform(0.5, 2, 3000), 20.0
    candidates = [Candidate(codes, 5, True, False) for codes in (a, b)]

    order, scores, intercept = forward_joint(
        candidates,
        bad,
        weight,
        np.zeros((2, 2), dtype=bool),
        most=2,
        ridge=ridge,
        min_gain=0.0,
    )

    def loss(theta):
        tables = [theta[4 * k] + np.r_[0, np.cumsum(theta[4 * k + 1 : 4 * k + 4])] for k in (0, 1)]
        z = theta[8] + tables[0][a] + tables[1][b]
        fit = (weight * (np.logaddexp(0, z) - bad * z)).sum()
        return fit + ridge / 2 * sum((table**2).sum() for table in tables)

    rises = [(None, None), *[(0, None)] * 3] * 2 + [(None, None)]
    best = minimize(loss, np.zeros(9), bounds=rises, method="L-BFGS-B", options={"ftol": 1e-14})
    by_name = dict(zip(order, scores, strict=True))
    ours = np.concatenate([np.r_[by_name[k][0], np.diff(by_name[k][:-1])] for k in (0, 1)])

    assert loss(np.append(ours, intercept)) == pytest.approx(best.fun, abs=0.01)
    assert all((np.diff(score[:-1]) >= 0).all() for score in scores)
    assert all(score[-1] == 0.0 for score in scores)


def test_weighing_bins_together_predicts_better_than_one_weight_each():
    """Half of what each of two overlapping characteristics says alone is said by the other."""
    rng = np.random.default_rng(0)
    early = rng.gamma(1.0, 1.0, 12_000)
    late = early + rng.gamma(1.0, 1.0, 12_000)
    log_odds = -2.5 + 1.2 * (early > 2) + 1.5 * np.minimum(late, 1.5)
    X = pd.DataFrame({"early": early, "late": late})
    y = (rng.random(12_000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    losses = {
        way: log_loss(
            y[6000:], Scorecard(weights=way).fit(X[:6000], y[:6000]).predict_proba(X[6000:])
        )
        for way in ("joint", "woe")
    }

    assert losses["joint"] < losses["woe"]


def test_neighbours_with_the_same_points_are_one_bin(card):
    """A card on paper repeats no line; its counts still add up to the sample."""
    table = card.table()

    for _, lines in table.groupby("characteristic"):
        points = lines["points"].to_numpy()[:-1]
        assert (np.diff(points) != 0).all()
        assert lines["accounts"].sum() == 4000


def test_the_classical_card_has_one_weight_for_all_bins(book):
    """Points are the weights of evidence times one number, rounded."""
    card = Scorecard(signs=SIGNS, weights="woe").fit(*book)

    for binning, points in zip(card.binnings_, card.points_, strict=True):
        steep = np.polyfit(binning.woe[:-1], points[:-1], 1)[0]
        assert np.abs(points[:-1] - steep * binning.woe[:-1]).max() < 3
    with pytest.raises(InputError, match="DLQ-103 weights"):
        Scorecard(weights="both").fit(*book)


def test_no_more_characteristics_enter_than_asked_for(book):
    """The one that says most stays."""
    card = Scorecard(signs=SIGNS, max_characteristics=1).fit(*book)

    assert card.characteristics_ == ["dpd_max"]


def test_noise_stays_out_of_nearly_every_card():
    """Of 200 columns that say nothing, at most two are binned as if they did."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(3000, 200))).add_prefix("noise_")
    y = (rng.random(3000) < 0.2).astype(int)

    assert len(Scorecard().fit(X, y).characteristics_) <= 2
