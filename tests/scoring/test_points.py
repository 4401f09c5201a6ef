"""Points: figures worked by hand, and a scale that says which way round its odds are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from delinquency.errors import InputError
from delinquency.scoring import PointsScale, log_odds
from delinquency.scoring._expit import expit


@pytest.mark.parametrize(
    ("scale", "probability", "points"),
    [
        (PointsScale(), 1 / 51, 600),  # 50 goods to one bad
        (PointsScale(), 1 / 101, 620),  # twice as good
        (PointsScale(), 1 / 26, 580),
        (PointsScale(), 0.5, 487.1228762045055),  # 600 - 20 log2(50)
        (PointsScale(750, 35, 60), 1 / 36, 750),
        (PointsScale(750, 35, 60), 1 / 71, 810),
        (PointsScale(600, 1 / 19, 50, "bad:good"), 1 / 20, 600),  # 1 bad to 19 goods
        (PointsScale(600, 1 / 19, 50, "bad:good"), 1 / 39, 650),  # 1 to 38
    ],
)
def test_points_are_those_worked_by_hand(scale, probability, points):
    """Three conventions that are in use."""
    assert scale.points(probability) == pytest.approx(points, abs=1e-9)
    assert scale.probability(points) == pytest.approx(probability, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_points_rise_as_risk_falls(probabilities):
    """And stay finite where there are no odds."""
    probabilities = np.sort(probabilities)

    points = PointsScale().points(probabilities)

    assert np.isfinite(points).all()
    assert (np.diff(points) <= 0).all()


@given(st.floats(1e-6, 1 - 1e-6))
def test_points_and_probability_are_inverse(probability):
    """There and back, to the tenth digit."""
    scale = PointsScale()

    assert math.isclose(scale.probability(scale.points(probability)), probability, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"odds": 1 / 19}, "scale.odds"),  # read as good:bad this is bad business
        ({"odds": 50, "orientation": "bad:good"}, "scale.odds"),
        ({"orientation": "odds"}, "scale.orientation"),
        ({"pdo": 0}, "scale.pdo"),
        ({"pdo": -20}, "scale.pdo"),
        ({"base": math.inf}, "scale.base"),
        ({"odds": math.nan}, "scale.odds"),
        ({"pdo": 1e308}, "scale"),
        ({"odds": 1e-320, "orientation": "bad:good"}, "scale"),
    ],
)
def test_a_scale_that_is_ambiguous_or_impossible_is_refused(arguments, where):
    """Conventions in the wild disagree, so none is guessed."""
    with pytest.raises(InputError) as caught:
        PointsScale(**arguments)

    assert caught.value.where == where


def test_log_odds_of_certainty_are_held_a_hair_inside():
    """-27.6, not minus infinity."""
    assert log_odds([0.0, 1.0]).tolist() == pytest.approx([-27.631, 27.631], abs=0.01)
    assert log_odds([0.5]).tolist() == [0.0]


def test_probabilities_are_those_of_scipy():
    """To the last digit but one at most, far out and at both ends as well."""
    x = np.concatenate([np.linspace(-800, 800, 100_001), np.linspace(-3, 3, 100_001)])
    ends = np.array([-np.inf, np.inf, np.nan])

    np.testing.assert_array_max_ulp(expit(x), special.expit(x), maxulp=2)
    np.testing.assert_array_equal(expit(ends), [0.0, 1.0, np.nan])
    assert isinstance(expit(0.5), float)
