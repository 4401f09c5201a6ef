"""The value of a policy from a log: right where the log can say it, refused where it cannot."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from delinquency.errors import GateError, InputError
from delinquency.evaluation import policy_value


def logged(n, seed, *, weak=0.5):
    """Return a log of two treatments, the best policy and its true value: E[1 + x + |x|/2]."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    chance = np.clip(1 / (1 + np.exp(-x)), 1 - weak, weak) if weak < 1 else 1 / (1 + np.exp(-x))
    called = rng.random(n) < chance
    mean = 1 + x + np.where(called, x / 2, -x / 2)
    log = pd.DataFrame(
        {
            "person_id": np.arange(n) // 2,
            "treatment": np.where(called, "call", "text"),
            "propensity": np.where(called, chance, 1 - chance),
            "reward": mean + rng.normal(0, 1, n),
            "x": x,
        }
    )
    policy = np.where(x > 0, "call", "text")
    return log, policy, 1 + np.sqrt(2 / np.pi) / 2


@pytest.mark.parametrize("estimator", ["ips", "snips", "dr"])
def test_the_interval_holds_the_truth(estimator):
    """A confounded log with known propensities: whoever weighs by them is right."""
    log, policy, truth = logged(6000, 1, weak=0.9)
    found = policy_value(log, policy, estimator, model=LinearRegression(), bootstrap=200)

    assert found.low < truth < found.high
    assert found.effective_size > 1000


def test_ips_is_worked_by_hand():
    """Weights 2, 0, 4: (2*1 + 4*3) / 3, self-normalised 14/6, and (2+4)^2 / (4+16) = 1.8."""
    log = pd.DataFrame(
        {
            "treatment": ["a", "b", "a"] * 100,
            "propensity": [0.5, 0.5, 0.25] * 100,
            "reward": [1.0, 2.0, 3.0] * 100,
        }
    )
    plain = policy_value(log, ["a"] * 300, "ips", bootstrap=10)
    own = policy_value(log, pd.DataFrame({"a": np.ones(300)}), "snips", bootstrap=10)

    assert plain.value == pytest.approx(14 / 3)
    assert own.value == pytest.approx(14 / 6)
    assert plain.effective_size == pytest.approx(180)


def test_a_wrong_model_is_put_right_by_the_propensities():
    """Doubly robust with a model that knows nothing still finds what the direct one misses."""
    log, policy, truth = logged(8000, 2, weak=0.8)
    blind = log.assign(x=0.0)
    dr = policy_value(blind, policy, "dr", model=LinearRegression(), bootstrap=200)
    dm = policy_value(blind, policy, "dm", model=LinearRegression(), bootstrap=200)

    assert dr.low < truth < dr.high
    assert not dm.low < truth < dm.high


def test_the_policy_may_be_a_column_a_function_or_probabilities():
    """Four ways to say the same."""
    log, policy, _ = logged(2000, 3)
    log["new"] = policy
    shares = pd.DataFrame({"call": policy == "call", "text": policy == "text"}).astype(float)
    said = [policy, "new", lambda table: table["new"], shares]
    values = {policy_value(log, way, "ips", bootstrap=10).value for way in said}

    assert len(values) == 1


def test_an_action_never_logged_is_refused_by_cell():
    """Visits were never tried in the north: the cell is named, and so is the treatment."""
    log = pd.DataFrame(
        {
            "treatment": ["visit", "text", "text", "text"] * 100,
            "propensity": 0.5,
            "reward": 1.0,
            "region": ["south", "south", "north", "north"] * 100,
        }
    )
    with pytest.raises(GateError, match=r'DLQ-331 log: "visit" .* in 1 cell: "north"'):
        policy_value(log, ["visit"] * 400, cells=["region"])

    # negative control: where it is not needed, nothing is refused
    south = np.where(log["region"] == "south", "visit", "text")
    assert policy_value(log, south, "ips", cells=["region"], bootstrap=10).n == 400


def test_too_thin_a_log_is_refused():
    """Ninety rows of full weight are below a hundred."""
    log = pd.DataFrame({"treatment": ["a"] * 90 + ["b"] * 910, "propensity": 0.09, "reward": 1.0})
    with pytest.raises(GateError, match=r'DLQ-332 .* 90, below 100; thinnest in "all": a'):
        policy_value(log, ["a"] * 1000, "ips")


def test_bad_logs_are_refused_with_everything_wrong():
    """A propensity of 0, a missing reward, a wrong column."""
    log, policy, _ = logged(200, 4)
    with pytest.raises(InputError) as caught:
        policy_value(log.assign(propensity=0.0, reward=np.nan), policy)
    assert {problem.code for problem in caught.value.problems} == {"DLQ-180", "DLQ-104"}
    with pytest.raises(InputError, match="DLQ-102"):
        policy_value(log.rename(columns={"reward": "rewards"}), policy)
    with pytest.raises(InputError, match="DLQ-181"):
        policy_value(log, policy[:-1])


def test_persons_widen_the_interval():
    """Ten identical rows a person say no more than one."""
    log, policy, _ = logged(600, 5)
    log["person_id"] = np.arange(600)
    many = pd.concat([log] * 10, ignore_index=True)
    one = policy_value(log, policy, "ips", bootstrap=300)
    ten = policy_value(many, np.tile(policy, 10), "ips", bootstrap=300)

    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=1e-6)


def two_arms(n=2000):
    """Return a log of a coin's choice between a, worth 1, and b, worth 3, with what was paid."""
    rng = np.random.default_rng(1)
    treatment = np.where(rng.random(n) < 0.5, "a", "b")
    reward = np.where(treatment == "a", 1.0, 3.0) + rng.normal(0, 1, n)
    return pd.DataFrame(
        {"treatment": treatment, "propensity": 0.5, "reward": reward, "x": rng.random(n)}
    )


@pytest.mark.parametrize("made", [pl.from_pandas, pa.Table.from_pandas, pd.DataFrame])
def test_a_table_of_probabilities_is_read_by_the_names_of_its_columns(made):
    """Columns of polars and Arrow in another order were taken for those of other treatments."""
    always_b = pd.DataFrame({"b": np.ones(2000), "a": np.zeros(2000)})

    assert policy_value(two_arms(), made(always_b), "snips", bootstrap=10).value == pytest.approx(
        3.0, abs=0.15
    )


def test_what_came_after_the_treatment_is_no_feature():
    """A model that is shown the payment foretells the log itself, and is sure of it."""
    log = two_arms()
    log["paid"] = log["reward"]
    always_b = ["b"] * len(log)
    found = policy_value(log, always_b, bootstrap=50)

    assert found.low < 3.0 < found.high
    fooled = policy_value(log, always_b, features=["paid"], bootstrap=50)
    assert fooled.high < 2.8  # whoever names it gets what was asked for


def test_a_policy_must_say_what_it_does_with_every_row():
    """A missing treatment counted as the last one, and of two columns of one name the second counted."""
    log = two_arms(400)
    half = np.full((400, 2), 0.5)
    for policy in (
        pd.Series(["a"] * 399 + [None]),
        pd.DataFrame(half, columns=["a", "a"]),
        pd.DataFrame({"a": ["all"] * 400, "b": ["none"] * 400}),
    ):
        with pytest.raises(InputError, match="DLQ-181 policy"):
            policy_value(log, policy, "ips", bootstrap=10)


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("DLQ-103 level", {"level": 95}),
        ("DLQ-103 bootstrap", {"bootstrap": 0}),
        ("DLQ-103 folds", {"folds": 0}),
        ("DLQ-103 features", {"features": ["where"]}),
        ("DLQ-110 features", {"features": ["gender"]}),
    ],
)
def test_settings_that_make_no_sense_are_refused(code, more):
    """Each says its name; no protected attribute is used, not even for a value."""
    log = two_arms(400).assign(where="north", gender=1)
    with pytest.raises(InputError, match=code):
        policy_value(log, ["a"] * 400, **more)
