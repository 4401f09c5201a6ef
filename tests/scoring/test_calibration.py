"""Calibration: the true line is found and nobody's rank is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from delinquency.errors import IntegrityError
from delinquency.scoring import Calibration
from delinquency.scoring._calibration import fit_calibration


def ones(bad):
    return np.ones(len(bad))


def draw(n=40_000, intercept=-0.7, slope=0.6, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(1.0, 2.0, n)
    bad = (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * raw)))).astype(float)
    return raw, bad


def test_a_known_line_is_found():
    """Raw log-odds that are too bold by 1/0.6 and too high by 0.7 are brought back."""
    line = fit_calibration(*draw(), np.ones(40_000))

    at = line.log_odds([0.0, 1.0])
    assert at[0] == pytest.approx(-0.7, abs=0.05)
    assert at[1] - at[0] == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_the_line_is_that_of_an_unpenalised_logistic_regression(seed):
    """Solved by scikit-learn instead; weights count."""
    raw, bad = draw(2000, seed=seed)
    weight = np.random.default_rng(seed).random(2000) + 0.1
    reference = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    reference.fit(raw[:, None], bad, sample_weight=weight)

    ours = fit_calibration(raw, bad, weight).log_odds(raw)

    np.testing.assert_allclose(ours, reference.decision_function(raw[:, None]), atol=1e-4)


def test_the_mean_probability_is_the_bad_rate():
    """What maximum likelihood with an intercept always gives."""
    raw, bad = draw(3000)

    assert fit_calibration(raw, bad, ones(bad)).probability(raw).mean() == pytest.approx(
        bad.mean(), abs=1e-6
    )


def test_classes_that_are_parted_cleanly_give_a_finite_line():
    """Likelihood has no maximum there; the slope is held."""
    raw, bad = np.r_[-np.ones(50), np.ones(50)], np.r_[np.zeros(50), np.ones(50)]

    probability = fit_calibration(raw, bad, ones(bad)).probability(raw)

    assert np.isfinite(probability).all()
    assert probability[0] < 0.01 < 0.99 < probability[-1]


def test_a_ranking_that_is_upside_down_is_not_turned_round():
    """Calibration corrects the level; to score the worst as the best is not its business."""
    raw, bad = draw(3000)

    line = fit_calibration(-raw, bad, ones(bad))

    assert line.log_odds([1.0])[0] > line.log_odds([0.0])[0]


def test_a_model_that_says_the_same_of_everyone_gets_the_right_level():
    """One knot more, and the mean."""
    bad = np.r_[np.ones(25), np.zeros(75)]

    line = fit_calibration(np.full(100, 3.0), bad, ones(bad))

    assert line.probability([3.0])[0] == pytest.approx(0.25)


knots = st.lists(st.floats(-50, 50), min_size=2, max_size=8, unique=True).map(sorted)


@given(knots, st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
@settings(deadline=None)
def test_ranking_is_kept_whatever_the_knots(raw, values):
    """A rising line never puts one account above another who ranked above it."""
    raw = np.array(raw)
    if np.diff(raw).min() < 1e-3:
        return
    line = Calibration(raw, np.cumsum(np.r_[0.0, np.linspace(0.5, 2, len(raw) - 1)]))
    values = np.sort(values)

    assert (np.diff(line.log_odds(values)) >= 0).all()
    assert ((line.probability(values) >= 0) & (line.probability(values) <= 1)).all()


def test_between_knots_the_line_is_straight_and_beyond_them_goes_on():
    """Worked by hand: slopes 2 and 0.5."""
    line = Calibration(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 3.0]))

    assert line.log_odds([-1, 0, 0.5, 1, 2, 3, 5]).tolist() == [-2, 0, 1, 2, 2.5, 3, 4]


@pytest.mark.parametrize(
    ("raw", "calibrated"),
    [
        ([0.0], [0.0]),
        ([0.0, 0.0], [0.0, 1.0]),
        ([0.0, 1.0], [1.0, 1.0]),
        ([1.0, 0.0], [0.0, 1.0]),
        ([0.0, np.nan], [0.0, 1.0]),
        ([0.0, np.inf], [0.0, 1.0]),
        ([-1e308, 1e308], [0.0, 1.0]),
        ([0.0, 5e-324], [0.0, 1.0]),
        ([0.0, 1.0], [0.0, 1.0, 2.0]),
        ([[0.0, 1.0], [2.0, 3.0]], [[0.0, 1.0], [2.0, 3.0]]),
        (0.0, 0.0),
    ],
)
def test_knots_that_do_not_rise_are_damage(raw, calibrated):
    """A calibration comes from our own fit or from a bundle; anything else was changed."""
    with pytest.raises(IntegrityError, match="the knots do not rise"):
        Calibration(np.array(raw), np.array(calibrated))


@pytest.mark.parametrize("dtype", ["uint64", "int32", "float32"])
def test_knots_of_another_type_are_damage(dtype):
    """Unsigned differences wrap, so falling knots would seem to rise."""
    falling = np.array([3, 1], dtype=dtype)

    with pytest.raises(IntegrityError):
        Calibration(falling, falling)
