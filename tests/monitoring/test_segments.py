"""Monitoring by segment: each against itself, with the noise floor of its own size, or too small."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scoring.conftest import sample

from delinquency.errors import InputError
from delinquency.evaluation import by_segment
from delinquency.monitoring import (
    Cohort,
    Limits,
    drift,
    judge_segments,
    outcomes,
    retrain_reasons,
    segment_names,
    segment_stability,
)


def cohort(scorer, n, seed, moved=()):
    """Accounts of the scorer's kind; in the segments `moved` every utilisation is 0.4 higher."""
    X, _ = sample(n, seed)
    names = np.array(["big", "mid", "tiny"])[np.digitize(np.arange(n) / n, [0.7, 0.98])]
    X.loc[np.isin(names, moved), "utilisation"] += 0.4
    return Cohort(X, scorer.score(X).scores), pd.Series(names, X.index.get_level_values(0))


def compared(scorer, moved=(), seed=2, n=3000):
    then, names = cohort(scorer, n, 1)
    now, _ = cohort(scorer, n, seed, moved)
    return segment_stability(scorer, now, then, names)


def states(verdicts, question):
    rows = verdicts[verdicts["question"] == question]
    return dict(zip(rows["segment"], rows["state"], strict=True))


def test_each_segment_has_the_noise_floor_of_its_own_size(scorer):
    """Chi-square over 1/n + 1/m with the accounts of the segment alone, now and at training."""
    table = compared(scorer)
    rows = table[table["kind"] == "score"].set_index("segment")

    assert rows["n"].tolist() == rows["n_reference"].tolist() == [2100, 840, 60]
    for _, row in rows.iterrows():
        floor = stats.chi2(row["bins"] - 1).ppf(0.95) * (1 / row["n"] + 1 / row["n_reference"])
        assert row["noise_95"] == pytest.approx(floor)
    assert rows.loc["tiny", "noise_95"] > 10 * rows.loc["big", "noise_95"]


def test_a_segment_is_held_against_itself_and_not_against_the_book(scorer):
    """One that always stood higher has not shifted; the book's own reference would say it has."""
    then, names = cohort(scorer, 3000, 1, moved=["mid"])
    now, _ = cohort(scorer, 3000, 2, moved=["mid"])
    table = segment_stability(scorer, now, then, names)
    mid = table[(table["segment"] == "mid") & (table["name"] == "utilisation")].iloc[0]
    book = scorer.reference.features["utilisation"]

    assert mid["psi"] < mid["noise_95"] * 2
    assert book.counts.sum() != mid["n_reference"] == 840
    assert set(states(judge_segments(table), "feature_shift").values()) == {"within", "too small"}


def test_the_segment_that_moved_is_found_and_no_other(scorer):
    """Utilisation is 0.4 higher in one of three: its feature and its score, with words."""
    table = compared(scorer, moved=["mid"])
    verdicts = judge_segments(table)

    assert states(verdicts, "feature_shift") == {
        "big": "within", "mid": "beyond", "tiny": "too small",
    }  # fmt: skip
    reasons = retrain_reasons(segments=verdicts)
    feature = next(reason for reason in reasons if reason.code == "segment_feature_shift")
    assert {reason.evidence["segment"] for reason in reasons} == {"mid"}
    assert feature.en.startswith("In the segment mid utilisation has shifted since training: PSI ")
    assert feature.zh.startswith("客群 mid utilisation 自训练以来已偏移：840 个账户的 PSI")
    worst = drift(table).drop_duplicates("segment").set_index("segment")["worst"]
    assert worst["mid"] == "utilisation"


def test_a_small_segment_is_too_small_however_much_it_moved(scorer):
    """Sixty accounts: chance alone passes the limit, so it is neither cleared nor accused."""
    few = compared(scorer, moved=["tiny"], n=1500)
    verdicts = judge_segments(few)

    tiny = verdicts[verdicts["segment"] == "tiny"]
    assert set(tiny["state"]) == {"too small"}
    assert tiny["n"].tolist() == [30, 30]
    assert retrain_reasons(segments=verdicts) == []


def test_when_nothing_moved_a_segment_is_accused_in_less_than_one_book_of_twenty(scorer):
    """With a limit of nothing, so that chance alone is tested: 120 books of three segments."""
    narrow = Limits(score_psi=0.0, feature_psi=0.0)
    verdicts = [judge_segments(compared(scorer, seed=k), limits=narrow) for k in range(10, 130)]
    accused = [
        [(table.loc[table["question"] == name, "state"] == "beyond").any() for table in verdicts]
        for name in ("score_shift", "feature_shift")
    ]

    # the reference is one draw for all books, so allow for luck: binomial 99.9% of 120 at 5% is 14
    assert max(map(sum, accused)) <= 14


def table_of(**columns):
    """Outcomes of one segment of 9,000 accounts in which the promise was kept."""
    table = pd.DataFrame({"segment": ["one"], "n": 9000, "bads": 450, "expected": 0.05})
    table = table.assign(intercept=0.0, intercept_low=-0.1, intercept_high=0.1)
    return table.assign(auc=0.80, auc_low=0.79, auc_high=0.81).assign(**columns)


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "within"),
        ({"intercept": 0.4, "intercept_low": 0.3, "intercept_high": 0.5}, "beyond"),
        # beyond and sure of it, although chance alone could pass the limit
        ({"intercept": 0.9, "intercept_low": 0.5, "intercept_high": 1.3}, "beyond"),
        ({"intercept": 0.3, "intercept_low": -0.1, "intercept_high": 0.7}, "too small"),
        ({"n": 180, "intercept": 0.9, "intercept_low": 0.5, "intercept_high": 1.3}, "too small"),
        # 450 bads promised and none came: no log-odds, and yet a promise broken
        (
            dict.fromkeys(["intercept", "intercept_low", "intercept_high"], np.nan) | {"bads": 0},
            "beyond",
        ),
    ],
)
def test_promises_to_a_segment(columns, state):
    """Nine bads promised of 180 are too few for a normal curve; goods alone are judged by their rate."""
    verdicts = judge_segments(outcomes=table_of(**columns))

    assert verdicts["state"].tolist() == [state]
    assert len(retrain_reasons(segments=verdicts)) == (state == "beyond")


def test_rank_order_is_held_against_the_segment_at_training():
    """0.85 +- 0.01 then: 0.80 +- 0.01 is surely more than 0.03 below, 0.83 is not, +- 0.05 says nothing."""
    then = table_of(auc=0.85, auc_low=0.84, auc_high=0.86)

    def judged(**columns):
        table = judge_segments(outcomes=table_of(**columns), then=then)
        return table[table["question"] == "rank_order"].iloc[0]

    lost = judged()
    assert (lost["state"], lost["limit"]) == ("beyond", pytest.approx(0.82))
    assert lost["noise"] == pytest.approx(0.01 * 2**0.5)
    assert lost["p"] == pytest.approx(stats.norm.cdf(-0.02 / (0.01 * 2**0.5) * 1.959964), rel=1e-4)
    assert judged(auc=0.83, auc_low=0.82, auc_high=0.84)["state"] == "within"
    assert judged(auc=0.80, auc_low=0.75, auc_high=0.85)["state"] == "too small"
    assert judged(segment="new")["state"] == "too small"
    said = retrain_reasons(segments=judge_segments(outcomes=table_of(), then=then))
    assert [reason.code for reason in said] == ["segment_rank_order"]
    assert "AUC 0.800 (0.790 to 0.810), and 0.820 is the least allowed" in said[0].en


def test_an_account_in_four_months_is_not_four_accounts():
    """The same outcome in every month: the interval is that of one month, not half of it."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.02, 0.4, 4000)
    one = pd.DataFrame({"account_id": np.arange(4000), "probability": chance, "points": 600.0})
    bad = (rng.random(4000) < chance).astype(int)
    days = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"])
    four = pd.concat([one.assign(snapshot_date=day, band="A") for day in days], ignore_index=True)
    labels = four[["account_id", "snapshot_date"]].assign(bad=np.tile(bad, 4))
    found = outcomes(four, labels, segments=pd.Series("x", index=one["account_id"])).iloc[0]
    month = by_segment(bad, chance, ["x"] * 4000).iloc[0]

    def width(row):
        return row["intercept_high"] - row["intercept_low"]

    assert found["intercept"] == pytest.approx(month["intercept"], abs=1e-6)
    assert width(found) == pytest.approx(width(month), rel=0.03)


def test_an_account_in_four_months_of_training_sets_the_floor_of_one(scorer):
    """The same rows four times over: the same index, the same floor, the same number of accounts."""
    then, names = cohort(scorer, 3000, 1)
    now, _ = cohort(scorer, 3000, 2)
    days = [pd.Timedelta(days=k) for k in (0, 28, 59, 89)]
    months = [then.features.rename(lambda d, k=k: d + k, level="snapshot_date") for k in days]
    four = Cohort(pd.concat(months), pd.concat([then.scores] * 4, ignore_index=True))

    once = segment_stability(scorer, now, then, names)
    often = segment_stability(scorer, now, four, names)
    pd.testing.assert_frame_equal(often, once)


def test_segments_that_are_people_are_refused():
    """A page is made to be passed on, and an id is no group."""
    with pytest.raises(InputError, match="DLQ-103 segments: 101 segments"):
        segment_names({k: f"p{k}" for k in range(101)}, range(101))
    with pytest.raises(InputError, match="DLQ-115"):
        segment_names({"1": "prime"}, [1, 2])


def test_nothing_to_judge_is_an_empty_table():
    """With the columns that a page expects."""
    assert list(judge_segments().columns)[:2] == ["segment", "question"]
    assert retrain_reasons(segments=judge_segments()) == []
