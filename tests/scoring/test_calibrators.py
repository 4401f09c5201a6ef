"""Every way of calibrating finds the truth it can say, and none changes a rank."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from delinquency.errors import InputError
from delinquency.scoring._calibrators import METHODS, choose_calibration


def draw(truth, n=20_000, seed=3):
    """Raw log-odds whose true ones are `truth` of them, outcomes, weights and folds."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-1.0, 1.5, n)
    bad = (rng.random(n) < expit(truth(raw))).astype(int)
    return raw, bad, np.ones(n), np.arange(n) % 5


TRUTHS = {
    "line": lambda x: 0.7 * x - 0.4,
    "bent": lambda x: np.where(x < -1.0, 0.3 * x - 1.0, 1.6 * x + 0.3),
    "beta": lambda x: 0.4 * -np.logaddexp(0, -x) + 1.8 * np.logaddexp(0, x) - 0.5,
}


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("truth", TRUTHS)
@given(seed=st.integers(0, 50))
def test_ranks_never_change(method, truth, seed):
    """Of two scores the higher stays the higher, within the sample and far outside."""
    raw, bad, weight, fold = draw(TRUTHS[truth], n=400, seed=seed)

    calibration = choose_calibration(raw, bad, weight, fold, method)
    mapped = calibration.log_odds(np.sort(np.append(raw, [-30.0, 30.0])))

    assert (np.diff(mapped) > 0).all()


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_chosen_way_is_near_the_truth(truth):
    """In the middle of the sample the probability is within two points of the true one."""
    calibration = choose_calibration(*draw(TRUTHS[truth]))
    middle = np.linspace(-3.5, 1.5, 50)

    error = np.abs(calibration.probability(middle) - expit(TRUTHS[truth](middle)))

    assert error.max() < 0.03
    assert error.mean() < 0.012


def test_a_line_cannot_say_what_bends():
    """Platt's line is not taken where the truth has a kink."""
    assert choose_calibration(*draw(TRUTHS["bent"])).method != "platt"


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_is_that_of_the_outcomes(method):
    """Every way puts the level right."""
    raw, bad, weight, fold = draw(TRUTHS["bent"])

    probability = choose_calibration(raw, bad, weight, fold, method).probability(raw)

    assert probability.mean() == pytest.approx(bad.mean(), abs=0.004)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("raw", [np.zeros(60), np.repeat([-1.0, 1.0], 30)])
def test_scores_that_hardly_differ_are_no_trouble(method, raw):
    """One or two distinct scores give a rising map through the bad rate."""
    bad = np.tile([0, 0, 1], 20)

    calibration = choose_calibration(raw, bad, np.ones(60), np.arange(60) % 3, method)

    assert calibration.probability(raw).mean() == pytest.approx(1 / 3, abs=0.02)


def test_an_unknown_way_is_refused():
    """The answer names the known ones."""
    with pytest.raises(InputError, match="isotonic"):
        choose_calibration(*draw(TRUTHS["line"], n=100), "isotone")
