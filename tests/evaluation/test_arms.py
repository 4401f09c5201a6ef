"""Arms are read by intention to treat, by person, and may be looked at every day."""

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import GateError, InputError
from delinquency.evaluation import compare_arms
from delinquency.evaluation._arms import _stretch


def trial(rng, n=1000, effect=0.0, accounts=1):
    """Return the outcomes of n persons with a true effect."""
    person = np.repeat(np.arange(n), accounts)
    arm = np.where(person % 2 == 0, "champion", "challenger")
    paid = rng.gamma(1, 50, len(person)) + effect * (arm == "challenger")
    return pd.DataFrame({"person_id": person, "arm": arm, "paid": paid, "complaints": 0.0})


def test_the_difference_and_the_usual_interval_are_worked_by_hand():
    """Means 3 and 2, variances 2 and 2, two persons each: 1 +- 1.96 sqrt(2)."""
    table = pd.DataFrame(
        {"person_id": [1, 2, 3, 4], "arm": ["b", "b", "a", "a"], "paid": [2, 4, 1, 3]}
    )
    row = compare_arms(table, "paid", control="a").iloc[0]

    assert row["difference"] == 1
    assert row["high_once"] == pytest.approx(1 + 1.959964 * np.sqrt(2), abs=1e-5)
    assert row["low"] < row["low_once"]


def test_a_persons_accounts_count_as_one():
    """Copying every account leaves the number of persons, and doubles what each paid."""
    one = trial(np.random.default_rng(0))
    two = compare_arms(pd.concat([one, one]), "paid", control="champion").iloc[0]
    once = compare_arms(one, "paid", control="champion").iloc[0]

    assert two["n"] == once["n"] == 500
    assert two["difference"] == pytest.approx(2 * once["difference"])
    assert two["high"] - two["low"] == pytest.approx(2 * (once["high"] - once["low"]))


def test_looking_every_day_does_not_make_an_effect():
    """Of 4,000 trials without an effect, read at 240 sizes, at most 5% ever leave zero; usual ones do."""
    sizes = np.arange(100, 2500, 10)
    steps = np.random.default_rng(1).normal(0, 1, (4000, len(sizes))) * np.sqrt(10)
    steps[:, 0] *= np.sqrt(10)
    errors = np.abs(steps.cumsum(axis=1)) / np.sqrt(sizes)
    always = np.array([_stretch(n, 2500, 0.05) for n in sizes])

    assert (errors > always).any(axis=1).mean() <= 0.05
    assert (errors > 1.96).any(axis=1).mean() > 0.25


def test_the_two_intervals_differ_by_the_price_of_looking():
    """At the planned size it is three standard errors instead of two."""
    row = compare_arms(trial(np.random.default_rng(0)), "paid", planned=1000).iloc[0]
    ratio = (row["high"] - row["low"]) / (row["high_once"] - row["low_once"])

    assert ratio == pytest.approx(_stretch(1000, 1000, 0.05) / 1.959964, rel=1e-6)
    assert 1.4 < ratio < 1.65


def test_a_true_effect_is_seen():
    """An effect of a fifth of the spread with 5,000 persons: better."""
    log = trial(np.random.default_rng(2), 5000, effect=10)

    assert compare_arms(log, "paid", control="champion").loc[0, "verdict"] == "better"


def test_a_guardrail_is_read_beside_the_money():
    """Complaints that rise by 4 points break a limit of 1, and hold one of 10."""
    rng = np.random.default_rng(3)
    log = trial(rng, 8000)
    log["complaints"] = rng.random(8000) < np.where(log["arm"] == "challenger", 0.05, 0.01)
    log["calls"] = log["complaints"]
    read = compare_arms(
        log, "paid", control="champion", guardrails={"complaints": 0.01, "calls": 0.1}
    ).set_index("column")

    assert read.loc[["complaints", "calls"], "verdict"].tolist() == ["broken", "held"]
    assert read.loc["paid", "role"] == "metric"


def test_an_arm_that_lost_people_is_not_read():
    """450 of 1,000 where 500 were due: p = 0.0016; 430: far below 0.001, refused."""
    log = trial(np.random.default_rng(4), 1000)
    lost = log.drop(log.index[log["arm"] == "challenger"][:150])
    with pytest.raises(GateError, match="DLQ-330"):
        compare_arms(lost, "paid", shares={"champion": 0.5, "challenger": 0.5})

    assert len(compare_arms(log, "paid", shares={"champion": 0.5, "challenger": 0.5})) == 1


def test_missing_outcomes_are_refused():
    """Who dropped out still counts: leaving them out would be reading as treated."""
    log = trial(np.random.default_rng(5), 100)
    with pytest.raises(InputError, match="DLQ-104"):
        compare_arms(log.assign(paid=log["paid"].where(log.index > 3)), "paid")
    with pytest.raises(InputError, match=r"DLQ-102.*paid"):
        compare_arms(log, "payd")


def test_a_person_on_two_arms_is_refused():
    """Assignment by account is found out."""
    log = pd.DataFrame({"person_id": [1, 1, 2, 3], "arm": list("abab"), "paid": 1.0})
    with pytest.raises(InputError, match="DLQ-175"):
        compare_arms(log, "paid")


def test_the_control_of_arms_of_one_size_does_not_depend_on_the_order_of_rows():
    """Two of two hundred each: the first by name, whichever row came first."""
    log = trial(np.random.default_rng(3), 400)
    log["arm"] = np.where(log["person_id"] % 2 == 0, "a", "b")

    for rows in (log, log.iloc[::-1]):
        assert compare_arms(rows, "paid")["arm"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("DLQ-103 level", {"level": 95}),
        ("DLQ-103 planned", {"planned": 0}),
        ("DLQ-186 guardrails.complaints", {"guardrails": {"complaints": float("nan")}}),
    ],
)
def test_settings_that_make_no_interval_are_refused(code, more):
    """A level of 95 made intervals of nothing, and a missing limit was never broken."""
    with pytest.raises(InputError, match=code):
        compare_arms(trial(np.random.default_rng(0)), "paid", **more)
