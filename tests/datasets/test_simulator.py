"""The simulator's truth is a truth: nothing beats the oracle, and the logs say how they were made."""

from dataclasses import replace

import numpy as np
import pytest

from delinquency.datasets import CollectionsSimulator, World
from delinquency.errors import InputError


@pytest.fixture(scope="module")
def simulator():
    """Return a small department."""
    return CollectionsSimulator(3000, seed=1)


@pytest.fixture(scope="module")
def oracle(simulator):
    """Return its best possible."""
    return simulator.oracle()


def test_the_same_seed_tells_the_same_story(simulator):
    """Accounts, log and value are the same each time, another seed is another story."""
    again = CollectionsSimulator(3000, seed=1)

    assert again.truth.equals(simulator.truth)
    assert again.run("judgement", seed=5).log.equals(simulator.run("judgement", seed=5).log)
    assert not CollectionsSimulator(3000, seed=2).truth.equals(simulator.truth)


def test_the_oracle_without_limits_is_what_its_policy_brings():
    """Backward induction against simulation: the mean of 30 runs is within three standard errors."""
    simulator = CollectionsSimulator(2000, seed=3)
    oracle = simulator.oracle(capacities={})
    values = [simulator.run(oracle.policy, seed=seed).value for seed in range(30)]
    error = np.std(values, ddof=1) / np.sqrt(len(values))

    assert abs(np.mean(values) - oracle.value) < 3 * error


def test_the_value_of_one_month_is_worked_by_hand():
    """One treatment, one month, one certain account: payment now plus what the stage is worth."""
    world = replace(
        World(),
        types=("plain",),
        type_shares=(1.0,),
        effects=((0.0,) * 7,),
        ability_weight=0.0,
        willingness_weight=0.0,
        stage_log_odds=(0.0, 0.0, 0.0, 0.0, 0.0),
        cure_log_odds=-50.0,
        start=(0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        complaint=(0.0,) * 7,
    )
    simulator = CollectionsSimulator(1, 1, world=world)
    balance = simulator.accounts.loc[0, "balance"]
    # half pay one instalment and stay (worth 0.55), half roll (worth 0.35)
    expected = balance * (0.5 * (0.05 + 0.99 * 0.55) + 0.5 * 0.99 * 0.35)

    assert simulator.oracle(capacities={}).value == pytest.approx(expected)


@pytest.mark.parametrize("policy", ["no_action", "randomised", "risk_ranked", "judgement"])
def test_nobody_beats_the_oracle(simulator, oracle, policy):
    """The bound holds for every policy that keeps to the capacities, in the mean of four runs."""
    values = [simulator.run(policy, seed=seed).value for seed in range(4)]

    assert np.mean(values) < oracle.value


def test_limits_lower_the_oracle_and_have_prices(simulator):
    """Less can be done with less, and an hour is worth something when hours are short."""
    tight = simulator.oracle(capacities={"agent_hours": 10.0, "field_visits": 1.0})
    free = simulator.oracle(capacities={})

    assert tight.value < free.value
    assert tight.prices["agent_hours"].max() > 0
    assert (free.prices == 0).all().all()


def test_logged_propensities_are_true(simulator):
    """Each allowed treatment weighted by one over its propensity counts once an account."""
    log = CollectionsSimulator(20_000, 2, seed=4).run("randomised", seed=1).log
    month = log[(log["month"] == 0) & (log["stage"] == "60-89")]
    counts = (1 / month["propensity"]).groupby(month["treatment"]).sum() / len(month)

    assert counts.between(0.8, 1.2).all()
    assert len(counts) == 7


def test_judgement_is_confounded_and_logs_no_propensity(simulator):
    """Who gets an agent would have gained more from one than the rest."""
    log = simulator.run("judgement", seed=1).log
    assert log["propensity"].isna().all()

    gain = simulator.truth.set_index("account_id")["effect_agent_call"]
    called = log[log["treatment"] == "agent_call"]["account_id"]
    assert gain.loc[called].mean() > gain.mean() + 0.2


@pytest.mark.parametrize("policy", ["randomised", "risk_ranked", "judgement"])
def test_capacities_are_kept_in_the_mean(simulator, policy):
    """Built-in policies use what there is, chance aside."""
    used = simulator.run(policy, seed=1).used
    limits = np.array(list(simulator.capacities.values()))

    assert (used.to_numpy().mean(axis=0) <= limits * 1.2).all()


def test_the_types_do_what_they_are_named_for(simulator):
    """Some are moved by nothing, some are harmed by any call."""
    truth = simulator.truth.set_index("type")
    effects = truth.filter(like="effect_")

    assert (effects.loc["unmoved"] == 0).all().all()
    assert (effects.loc["resistant", "effect_agent_call"] < 0).mean() > 0.95


def test_closed_accounts_leave_the_log(simulator):
    """Settled and written-off accounts are not asked again."""
    log = simulator.run("no_action", seed=1).log

    assert "closed" not in set(log["stage"])
    assert log.groupby("month")["account_id"].size().is_monotonic_decreasing


def test_a_policy_that_is_not_allowed_is_refused(simulator):
    """A field visit to an account that is current; a name that does not exist."""
    with pytest.raises(InputError, match="not allowed"):
        simulator.run(lambda known: np.repeat("field_visit", len(known)))
    with pytest.raises(InputError, match=r'did you mean "randomised"'):
        simulator.run("randomized")


@pytest.mark.slow
def test_a_hundred_thousand_accounts_over_a_year():
    """The size that was asked for."""
    run = CollectionsSimulator(100_000, 12, seed=1).run("randomised")

    assert len(run.log) > 1_000_000


@pytest.mark.parametrize("limits", [{"agent_hour": 0.0}, {"agent_hours": -5.0}])
def test_capacities_that_are_none_are_refused(simulator, limits):
    """A capacity with a typo was one without a limit, and the bound that of another world."""
    with pytest.raises(InputError, match="DLQ-195 capacities"):
        simulator.oracle(capacities=limits)


@pytest.mark.parametrize(
    "answer",
    [None, ["no_action"], lambda known: (["no_action"] * len(known), [1.0])],
    ids=["nothing", "one for all", "one chance"],
)
def test_a_policy_answers_for_each_row(simulator, answer):
    """Treatments and chances, one of each an account."""
    policy = answer if callable(answer) else lambda known: answer
    with pytest.raises(InputError, match="DLQ-195 policy"):
        simulator.run(policy)


def test_half_an_account_is_none():
    """Sizes are whole numbers."""
    with pytest.raises(InputError, match="DLQ-195 CollectionsSimulator"):
        CollectionsSimulator(100.5)
