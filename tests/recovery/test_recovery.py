"""Cure, default and recoveries agree with what has a closed form, however histories are cut."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.recovery import CureModel, RecoveryModel, aalen_johansen


def made_up(n, seed, *, effect=0.0, cut=True, late=False):
    """Return features and histories with hazards of cure 0.2 exp(effect x) and default 0.05."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    cure = np.minimum(0.2 * np.exp(effect * x), 0.9)
    month = rng.geometric(cure + 0.05)
    event = np.where(rng.random(n) < cure / (cure + 0.05), "cure", "default").astype(object)
    end = rng.integers(4, 13, n) if cut else np.full(n, 50)
    event[month > end] = "censored"
    duration = np.minimum(month, end)
    entry = rng.integers(0, 3, n) if late else np.zeros(n, dtype=int)
    keep = duration > entry  # who ended before they were seen is not in the table
    X = pd.DataFrame({"x": x, "noise": rng.normal(0, 1, n)})
    return X[keep].reset_index(drop=True), duration[keep], event[keep], entry[keep]


def closed_form(cure, default, months):
    """Return the incidence of cure with constant hazards: c / (c + d) * (1 - (1 - c - d)^t)."""
    return cure / (cure + default) * (1 - (1 - cure - default) ** months)


def test_aalen_johansen_is_worked_by_hand():
    """Six accounts, one joined late: hazards 1/5; 1/5 and 1/5; 1/2."""
    table = aalen_johansen(
        [1, 2, 2, 3, 3, 2],
        ["cure", "default", "cure", "cure", None, None],
        [0, 0, 0, 0, 0, 1],
    )
    assert table["at_risk"].tolist() == [5, 5, 2]
    assert table["cure"].tolist() == pytest.approx([0.2, 0.2 + 0.8 / 5, 0.36 + 0.48 / 2])
    assert table["default"].tolist() == pytest.approx([0, 0.16, 0.16])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 6), st.sampled_from(["a", "b", None])),
        min_size=1,
        max_size=40,
    )
)
def test_incidences_add_up_to_one(histories):
    """Law: events and open are all there is, and incidences never fall."""
    entry = [start for start, _, _ in histories] + [0]
    duration = [start + span for start, span, _ in histories] + [9]
    event = [kind for _, _, kind in histories] + ["a"]
    table = aalen_johansen(duration, event, entry).drop(columns="at_risk").dropna()

    assert np.allclose(table.sum(axis=1), 1)
    assert (table.drop(columns="open").diff().iloc[1:] >= -1e-12).all().all()


@pytest.mark.parametrize("late", [False, True])
def test_cut_and_late_histories_give_the_closed_form(late):
    """Censored and left-truncated: within 0.015 of the constant-hazard formula at every month."""
    _, duration, event, entry = made_up(40_000, 1, late=late)
    table = aalen_johansen(duration, event, entry)
    truth = closed_form(0.2, 0.05, np.arange(1, 13))

    assert np.abs(table["cure"].to_numpy()[:12] - truth).max() < 0.015
    # negative control: taking cut-off accounts for uncured ones is far off
    assert abs((event == "cure").mean() - truth[-1]) > 0.03


def test_without_signal_the_model_is_aalen_johansen():
    """No tree survives, and the prediction is the counted incidence to the last digit."""
    _, duration, event, entry = made_up(3000, 2, late=True)
    X = pd.DataFrame({"constant": np.zeros(len(event))})
    model = CureModel(horizon=10).fit(X, duration, event, entry=entry)
    table = aalen_johansen(duration, event, entry)

    assert model.n_trees_ == 0
    predicted = model.cumulative_incidence(X.iloc[:1]).to_numpy()
    assert np.allclose(predicted, table[["cure", "default", "open"]].to_numpy()[:10], atol=1e-9)


def test_with_signal_each_account_gets_its_own_closed_form():
    """Cut-off and late histories: the curves at x = -1, 0, 1 are found within 0.05."""
    X, duration, event, entry = made_up(30_000, 3, effect=0.5, late=True)
    model = CureModel(horizon=10).fit(X, duration, event, entry=entry)
    asked = pd.DataFrame({"x": [-1.0, 0.0, 1.0], "noise": 0.0})
    table = model.cumulative_incidence(asked)

    for row, x in enumerate(asked["x"]):
        truth = closed_form(0.2 * np.exp(0.5 * x), 0.05, np.arange(1, 11))
        assert np.abs(table.loc[row, "cure"].to_numpy() - truth).max() < 0.05
    assert np.allclose(table.sum(axis=1), 1)


def test_predictions_are_calibrated_by_group():
    """On other accounts each tenth is within 0.05 of what was counted in it."""
    model = CureModel(horizon=10).fit(*made_up(20_000, 4, effect=0.5)[:3])
    X, duration, event, entry = made_up(20_000, 5, effect=0.5)
    table = model.calibration(X, duration, event, entry=entry, of="cure")

    assert (table["predicted"] - table["counted"]).abs().max() < 0.05
    assert table["counted"].iloc[-1] > table["counted"].iloc[0] + 0.2


def test_histories_that_cannot_be_are_refused():
    """Ended before seen, an unknown event, a horizon nobody reached, a protected column."""
    X = pd.DataFrame({"x": [0.0, 1.0]})
    with pytest.raises(InputError, match="DLQ-190"):
        CureModel().fit(X, [1, 2], ["cure", "cure"], entry=[1, 0])
    with pytest.raises(InputError, match="DLQ-191"):
        CureModel(events=("cure",)).fit(X, [1, 2], ["cure", "sold"])
    with pytest.raises(InputError, match="nobody is at risk in month 3"):
        CureModel(horizon=6).fit(X, [1, 2], ["cure", "cure"])
    with pytest.raises(InputError, match="DLQ-110"):
        CureModel(horizon=1).fit(X.rename(columns={"x": "age"}), [1, 2], ["cure", "cure"])


def repaid(n, seed, *, cut=False, effect=0.0, horizon=12):
    """Return features, payments and balances: hazard 0.1, share 0.3 + effect x, half at once, half next."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    first = rng.geometric(0.1, n) - 1
    share = np.clip(0.3 + effect * x, 0, 1) * rng.uniform(0.5, 1.5, n)
    balance = rng.uniform(50, 150, n)
    paid = np.zeros((n, horizon + 2))
    for lag in range(2):
        rows = np.flatnonzero(first + lag < horizon + 2)
        paid[rows, first[rows] + lag] = (share * balance)[rows] / 2
    paid = paid[:, :horizon]
    if cut:
        paid[np.arange(horizon) >= rng.integers(3, horizon + 1, n)[:, None]] = np.nan
    return pd.DataFrame({"x": x}), paid, balance


def truth_by_month(horizon=12):
    """Return the expected share of the balance in each month: half of 0.3 now, half a month later."""
    f = 0.1 * 0.9 ** np.arange(horizon)
    return 0.15 * f + 0.15 * np.append(0, f[:-1])


@pytest.mark.parametrize("cut", [False, True])
def test_expected_recoveries_are_the_closed_form_month_by_month(cut):
    """Cut off or not, the months are found within 6% of the largest, and the sum within 3%."""
    X, paid, balance = repaid(30_000, 1, cut=cut)
    flat = X.assign(x=0.0)
    model = RecoveryModel(horizon=12).fit(flat, paid, balance)
    found = model.expected_recoveries(flat.iloc[:1], [1.0]).to_numpy()[0]
    truth = truth_by_month()

    assert np.abs(found - truth).max() < 0.06 * truth.max()
    assert found.sum() == pytest.approx(truth.sum(), rel=0.03)


def test_the_share_follows_what_is_known_and_the_sign_that_is_set():
    """Who has more brings more: by account within 0.03 of the truth, and never falling."""
    X, paid, balance = repaid(20_000, 2, effect=0.2)
    model = RecoveryModel(horizon=12, signs={"x": 1}).fit(X, paid, balance)
    asked = pd.DataFrame({"x": np.linspace(-0.9, 0.9, 25)})
    found = model.predict(asked)
    truth = truth_by_month().sum() * (0.3 + 0.2 * asked["x"].to_numpy()) / 0.3

    assert (np.diff(found) >= -1e-12).all()
    assert np.abs(found - truth).max() < 0.03


def test_accounts_of_one_person_judge_together_what_share_they_bring():
    """A figure that only names the person says nothing of other persons: with ids no tree is kept."""
    person = np.repeat(np.arange(60), 30)
    share = np.where(person % 2, 0.8, 0.2)  # the persons nearest in x are the least alike
    table = (
        pd.DataFrame({"x": person.astype(float)}),
        100 * share[:, None],
        np.full(len(person), 100.0),
    )
    model = RecoveryModel(1, n_estimators=30, min_child_samples=20)

    assert model.fit(*table).booster_ is not None  # the control: row by row it seems to know
    assert model.fit(*table, groups=person).booster_ is None
    assert model.predict(table[0]) == pytest.approx(share.mean())
    assert model.fit(*table, groups=np.zeros(len(person))).booster_ is None  # one person alone


def test_signs_are_of_columns_that_are_there():
    """A misspelt name would leave its column without a sign; all are said together."""
    X, paid, balance = repaid(200, 1)
    model = RecoveryModel(2, signs={"xx": 1, "x": 2, "y": 0})
    with pytest.raises(InputError) as caught:
        model.fit(X, paid, balance)

    assert [problem.code for problem in caught.value.problems] == ["DLQ-102", "DLQ-103", "DLQ-102"]
    assert str(caught.value).splitlines()[0] == (
        'DLQ-102 signs: no column "xx". fix: did you mean "x"?'
    )


def test_recoveries_are_calibrated_by_group():
    """On other accounts, cut off, each fifth brings what was expected within 8%."""
    model = RecoveryModel(horizon=12).fit(*repaid(20_000, 3, effect=0.2, cut=True))
    table = model.calibration(*repaid(20_000, 4, effect=0.2, cut=True), groups=5)

    assert ((table["expected"] / table["recovered"] - 1).abs() < 0.08).all()


def test_payments_that_cannot_be_are_refused():
    """A gap inside a history, a balance of nothing, nobody who paid."""
    X = pd.DataFrame({"x": [0.0, 1.0]})
    with pytest.raises(InputError, match="DLQ-193"):
        RecoveryModel(2).fit(X, [[1.0, np.nan, 1.0], [0, 0, 0]], [1.0, 1.0])
    with pytest.raises(InputError, match="DLQ-105"):
        RecoveryModel(2).fit(X, [[1.0, 0], [0, 0]], [0.0, 1.0])
    with pytest.raises(InputError, match="DLQ-194"):
        RecoveryModel(2).fit(X, [[0.0, 0], [0, 0]], [1.0, 1.0])


@pytest.fixture(scope="module")
def cured():
    X, duration, event, _ = made_up(2000, 9, cut=False)
    return CureModel(horizon=6, n_estimators=5).fit(X, np.minimum(duration, 6), event)


def test_a_group_that_was_not_seen_long_enough_has_no_counted_rate(cured):
    """Nobody had an event in the one month that was seen: that is not a rate of 0 over six months."""
    X = made_up(60, 1)[0].iloc[:40]
    short = cured.calibration(X, np.ones(40), [None] * 40, of="cure", groups=2)
    whole = cured.calibration(X, np.full(40, 6), [None] * 40, of="cure", groups=2)

    assert short["counted"].isna().all()
    assert whole["counted"].tolist() == [0.0, 0.0]
    over = cured.calibration(X, np.ones(40), ["cure"] * 40, of="cure", groups=1)
    assert over["counted"].tolist() == [1.0]  # nobody is left to wait for


def test_incidences_keep_every_level_of_the_index(cured):
    """Account and snapshot date stay what they are, with the month beside them."""
    X = made_up(60, 1)[0].iloc[:2]
    keys = [("a", "2026-01-31"), ("b", "2026-01-31")]
    X.index = pd.MultiIndex.from_tuples(keys, names=["account_id", "snapshot_date"])
    table = cured.cumulative_incidence(X, 3)

    assert table.index.names == ["account_id", "snapshot_date", "month"]
    assert table.loc[("b", "2026-01-31")].index.tolist() == [1, 2, 3]


def test_polars_is_a_table_of_features_too(cured):
    """The same numbers, by name."""
    X = made_up(60, 1)[0]

    assert (cured.predict_proba(pl.from_pandas(X)) == cured.predict_proba(X)).all()


def test_what_cannot_be_asked_of_the_models_is_refused_by_name(cured):
    """Lengths, names and amounts."""
    X = made_up(60, 1)[0].iloc[:3]
    with pytest.raises(InputError, match=r'DLQ-191 of: .*did you mean "cure"'):
        cured.calibration(X, [1] * 3, [None] * 3, of="cured")
    with pytest.raises(InputError, match="DLQ-103 X: 3 rows"):
        cured.calibration(X, [1] * 2, [None] * 2, of="cure")
    with pytest.raises(InputError, match="DLQ-103 groups"):
        CureModel(horizon=1).fit(X, [1] * 3, ["cure"] * 3, groups=[1, 2])
    with pytest.raises(InputError, match="DLQ-192 horizon"):
        CureModel(horizon=0).fit(X, [1] * 3, ["cure"] * 3)
    paid = np.array([[5.0], [0.0], [1.0]])
    model = RecoveryModel(horizon=1).fit(X, paid, np.full(3, 10.0))
    for code, balance in (
        ("DLQ-103", [1.0, 2.0]),
        ("DLQ-103", ["much"] * 3),
        ("DLQ-105", [1.0, np.nan, 2.0]),
        ("DLQ-105", [1.0, -2.0, 2.0]),
    ):
        with pytest.raises(InputError, match=f"{code} balance"):
            model.expected_recoveries(X, balance)
