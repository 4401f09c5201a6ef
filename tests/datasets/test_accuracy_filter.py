"""The filter of the benchmark that says what the months tell at best: every hidden path counted out."""

import itertools
import sys
from math import exp
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency.datasets import make_portfolio
from delinquency.datasets._portfolio import book_of
from delinquency.datasets._portfolio_kernel import DISTRESSED, NEVER_PAYS, STRAINED, WELL

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import accuracy_filter as bench

SEASON = [1.0, 1.4, 0.8, 1.2]
# what is paid and what is then in arrears, month by month
FULL, MISSED, NOTHING = (100.0, 0.0), (0.0, 100.0), (0.0, 0.0)
LIVES = {
    "a part of a part": [FULL, MISSED, (70.0, 30.0), (30.0, 70.0)],
    "forgot once": [FULL, FULL, MISSED, FULL],
    "never paid": [MISSED, MISSED, MISSED],
    "nothing was owed": [NOTHING, (60.0, 40.0), NOTHING],
}


def step(before, after, hazard, risk):
    """The chance of a change of condition, as the generator draws it."""
    worse = 0.17 * exp(0.25 * risk)
    return {
        WELL: {WELL: 1 - hazard, STRAINED: hazard, DISTRESSED: 0.0},
        STRAINED: {WELL: 0.30, STRAINED: 1 - worse - 0.30, DISTRESSED: worse},
        DISTRESSED: {WELL: 0.07, STRAINED: 0.09, DISTRESSED: 0.84},
    }[before][after]


def likelihood(condition, paid, arrears, late, forgets):
    """How likely the generator makes a payment; a part is uniform between two shares."""
    if paid == arrears == 0:
        return 1.0
    share = paid / (paid + arrears)
    if condition == WELL:
        forgotten = bench.SLIP if late else forgets
        whole = 1.0 if late else 1 - forgets
        return {0.0: forgotten, 1.0: whole}.get(share, bench.SLIP)
    low, high, part, none = (
        (0.2, 0.9, 0.25, 0.25) if condition == STRAINED else (0.05, 0.45, 0.15, 0.8)
    )
    inside = part / (high - low) if low <= share <= high else bench.SLIP
    return {0.0: none, 1.0: 1 - part - none}.get(share, inside)


def counted_out(life, prior, loan, young):
    """The chance of each mind after a life: the sum over every path of conditions."""
    found = {}
    late = [False, *(arrears > 0 for _, arrears in life)]
    for weight, risk in zip(prior, bench.RISKS, strict=True):
        never = min(0.004 * exp(0.5 * risk), 1.0) if young else 0.0
        if all(paid == 0 for paid, _ in life):
            # such an account has no scar and forgets nothing: the filter writes the first of each
            found[NEVER_PAYS, 0, risk, None] = weight * never
        for forgets in bench.FORGETS:
            for path in itertools.product((WELL, STRAINED, DISTRESSED), repeat=len(life)):
                chance, scars, before = weight * (1 - never) / len(bench.FORGETS), 0, WELL
                for month, condition in enumerate(path):
                    strain = SEASON[month] * (1.3 if loan else 1.0)
                    hazard = min(0.011 * exp(0.9 * risk + min(0.15 * scars, 0.9)) * strain, 0.5)
                    chance *= step(before, condition, hazard, risk)
                    chance *= likelihood(condition, *life[month], late[month], forgets)
                    scars += condition == DISTRESSED
                    before = condition
                key = (before, scars, risk, forgets)
                found[key] = found.get(key, 0.0) + chance
    total = sum(found.values())
    return {key: chance / total for key, chance in found.items()}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize(("loan", "young"), [(True, False), (False, True)])
def test_the_filter_knows_what_every_hidden_path_adds_up_to(life, loan, young):
    """Evenly spaced draws meet each state as often as its chance says, to one draw in 40,000."""
    months, draws = LIVES[life], 40_000
    paid, arrears = np.array(months).T
    prior = bench._cells(0.2)
    codes = np.zeros((1, draws), dtype="int32")
    bench._filter(
        np.array([0, len(months)]),
        np.arange(len(months)),
        paid,
        arrears,
        np.array(SEASON),
        np.array([loan]),
        np.array([young]),
        prior[None],
        np.array([0.5]),
        codes,
    )
    minds = pd.DataFrame(bench.minds_of(codes[0]), columns=["condition", "scar", "risk", "forgets"])
    minds.loc[minds["condition"] == NEVER_PAYS, "forgets"] = np.nan
    counts = minds.groupby(list(minds), dropna=False).size()

    expected = counted_out(months, prior, loan, young)
    seen = {
        (int(c), round(scar / 0.15), risk, None if np.isnan(forgets) else forgets): count / draws
        for (c, scar, risk, forgets), count in counts.items()
    }
    assert sum(expected.values()) == pytest.approx(1)
    assert set(seen) <= set(expected)
    assert max(abs(seen.get(k, 0.0) - chance) for k, chance in expected.items()) <= 1.001 / draws


def test_what_the_filter_says_of_a_book_is_what_is_hidden_in_it():
    """Of 4,000 accounts, each group by its chance of distress holds as many as it says."""
    n, span, month = 4000, 20, 14
    made = make_portfolio(n, span, seed=3)
    book = book_of(n, span, 3, "2026-06-30", 0.4, 1.0, 1.6)
    codes = bench.drawn_states(made.months, book, month, 100, seed=0)
    chance = (bench.minds_of(codes.ravel())[:, 0] == DISTRESSED).reshape(codes.shape).mean(axis=1)

    day = np.sort(made.months["month"].unique())[month]
    standing = made.months[made.months["month"] == day].merge(
        made.truth, on=["account_id", "month"]
    )
    standing = standing[standing["status"] == "open"]
    distressed = (standing["condition"] == "distressed").to_numpy()
    told = chance[standing["account_id"] - 1]
    assert len(standing) > 2500
    for low, high in ((0.0, 0.05), (0.05, 0.5), (0.5, 1.01)):
        here = (told >= low) & (told < high)
        error = np.sqrt((told[here] * (1 - told[here])).sum()) / here.sum()
        assert here.sum() > 20
        assert abs(distressed[here].mean() - told[here].mean()) < 3 * error + 0.002
