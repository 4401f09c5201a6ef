"""Arms are sticky, as large as they should be, and large enough."""

import hashlib
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import Experiment, power, sample_size

TRIAL = Experiment("letters", arms={"champion": 0.9, "challenger": 0.1}, salt="s")


def test_the_arm_is_the_hash_of_salt_experiment_and_person():
    """Worked out from the definition, one id as text and one as a number."""
    ids = pd.Series([17, 123_456_789_012])
    expected = []
    for person in ids:
        digest = hashlib.sha256(f"s|letters|{person}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        expected.append("champion" if share < 0.9 else "challenger")

    assert TRIAL.assign(ids)["arm"].tolist() == expected
    assert TRIAL.assign(ids.astype(str))["arm"].tolist() == expected


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50), st.lists(st.integers(0, 10**12)))
def test_arms_do_not_move_when_accounts_are_added(ids, more):
    """Law: whoever comes later, in whatever order, nobody changes sides."""
    before = TRIAL.assign(ids)
    after = TRIAL.assign([*more, *ids]).iloc[len(more) :].reset_index(drop=True)

    pd.testing.assert_frame_equal(before, after)


def test_shares_are_reached_and_logged():
    """A hundred thousand persons: within four standard errors, and the propensity is the share."""
    arms = TRIAL.assign(np.arange(100_000))
    share = (arms["arm"] == "challenger").mean()

    assert abs(share - 0.1) < 4 * np.sqrt(0.09 / 100_000)
    assert arms.groupby("arm")["propensity"].unique().str[0].to_dict() == dict(TRIAL.arms)


def test_another_name_or_salt_parts_the_persons_anew():
    """Two experiments are independent: their arms agree as often as chance would have it."""
    ids = np.arange(20_000)
    half = {"a": 0.5, "b": 0.5}
    one = Experiment("one", half).assign(ids)["arm"]
    two = Experiment("two", half).assign(ids)["arm"]
    salted = Experiment("one", half, salt="x").assign(ids)["arm"]

    assert abs((one == two).mean() - 0.5) < 0.02
    assert abs((one == salted).mean() - 0.5) < 0.02


def test_those_who_may_not_be_randomised_stay_outside():
    """A hold is no arm, and it is certain."""
    arms = TRIAL.assign([1, 2, 3], eligible=np.array([True, False, True]))

    assert arms.loc[1].tolist() == ["outside", 1.0]
    assert (arms["arm"].iloc[[0, 2]] != "outside").all()


def test_the_sample_ratio_is_worked_by_hand():
    """950 and 50 where 900 and 100 were due: 50^2/900 + 50^2/100 = 27.8."""
    ratio = TRIAL.check_ratio(range(1000), ["champion"] * 950 + ["challenger"] * 50)

    assert ratio.statistic == pytest.approx(2500 / 900 + 25)
    assert not ratio.sound
    assert TRIAL.check_ratio(range(1000), TRIAL.assign(range(1000))["arm"]).sound


def test_sample_size_and_power_are_each_others_inverse():
    """n = (1.95996 + 0.84162)^2 (0.16 + 0.1875) / 0.05^2 on each arm, 1,090.99."""
    assert sample_size(0.05, rate=0.2) == 2 * 1091
    assert power(2182, 0.05, rate=0.2) == pytest.approx(0.8, abs=1e-3)
    assert sample_size(10, spread=100, shares=(0.9, 0.1)) == pytest.approx(
        7.8489 * 100**2 / (0.09 * 100), abs=2
    )


def test_simulated_power_is_as_promised():
    """A thousand trials of the size that was worked out: eight in ten see the effect."""
    n = sample_size(0.05, rate=0.2) // 2
    rng = np.random.default_rng(0)
    one, two = rng.binomial(n, 0.2, 1000) / n, rng.binomial(n, 0.25, 1000) / n
    error = np.sqrt((one * (1 - one) + two * (1 - two)) / n)

    assert 0.76 < (np.abs(two - one) / error > 1.96).mean() < 0.84


@pytest.mark.parametrize("ids", [[1.5, 2.0], [None, "a"], [True]])
def test_ids_that_are_no_ids_are_refused(ids):
    """A number with a fraction would hash as another person elsewhere."""
    with pytest.raises(InputError, match="person_ids"):
        TRIAL.assign(ids)


def test_an_experiment_travels_between_processes():
    """joblib's way."""
    assert pickle.loads(pickle.dumps(TRIAL)) == TRIAL
