"""Promises against what came, and what should have come by now."""

import numpy as np
import pandas as pd
import pytest

from delinquency import evaluation, history
from delinquency.errors import InputError
from delinquency.history import LabelSpec
from delinquency.monitoring import early_reads, outcomes, timing

MONTHS = pd.date_range("2025-01-31", periods=16, freq="ME")
SPEC = LabelSpec(dpd=30, within=4)
# from current, from 1-29 days late: to current, to 1-29, to 30 or more
CHAIN = np.array([[0.90, 0.08, 0.02], [0.50, 0.30, 0.20], [0.20, 0.10, 0.70]])


def chain_book(accounts, seed, worse_from=None):
    """Accounts that live by the chain alone; from a month on twice as many go bad."""
    rng = np.random.default_rng(seed)
    state = np.where(rng.random(accounts) < 0.2, 1, 0)
    days = np.array([0, 15, 45])
    frames = []
    for number, month in enumerate(MONTHS):
        frames.append(
            pd.DataFrame(
                {"account_id": np.arange(accounts), "month": month, "days_past_due": days[state]}
            )
        )
        steps = CHAIN.copy()
        if worse_from is not None and number >= worse_from:
            steps[:2, 2] *= 2
            steps[:2, 0] -= CHAIN[:2, 2]
        state = (rng.random(accounts)[:, None] > steps[state].cumsum(axis=1)).sum(axis=1)
    return pd.concat(frames, ignore_index=True)


def chances(within):
    """The chance of standing at 30 days within so many months, by brute force over all paths."""
    by_start = []
    for start in range(3):
        alive, reached = np.eye(3)[start], 0.0
        for _ in range(within):
            after = alive @ CHAIN
            reached += after[2]
            alive = np.array([after[0], after[1], 0.0])
        by_start.append(reached)
    return np.array(by_start)


def scored(months, dates, factor=1.0):
    """Scores that are exactly true of the chain, times a factor."""
    rows = months[months["month"].isin(dates)]
    bucket = np.searchsorted([1, 30], rows["days_past_due"], side="right")
    probability = chances(SPEC.within)[bucket] * factor
    return pd.DataFrame(
        {
            "account_id": rows["account_id"].to_numpy(),
            "snapshot_date": rows["month"].to_numpy(),
            "probability": probability,
            "points": 600.0,
            "band": "A",
        }
    )


def test_outcomes_are_those_of_the_evaluation_room():
    """Rows without a label take no part; the rest is counted by hand for the first month."""
    scores = pd.DataFrame(
        {
            "account_id": [1, 2, 3, 4, 1, 2],
            "snapshot_date": ["2026-01-31"] * 4 + ["2026-02-28"] * 2,
            "probability": [0.1, 0.2, 0.3, 0.9, 0.2, 0.4],
            "points": 600.0,
            "band": "A",
        }
    )
    labels = scores[["account_id", "snapshot_date"]].assign(
        bad=pd.array([0, 0, 1, None, 0, 1], dtype="Int8")
    )
    table = outcomes(scores, labels)

    assert table["n"].tolist() == [3, 2]
    assert table["bads"].tolist() == [1, 1]
    assert table["expected"].tolist() == pytest.approx([0.2, 0.3])
    direct = evaluation.calibration([0, 0, 1], [0.1, 0.2, 0.3], simulations=200)
    assert table["intercept"].iloc[0] == pytest.approx(direct.intercept)


def test_outcomes_by_segment_keep_who_has_none():
    """Three segments, one of them unknown; all months together."""
    scores = pd.DataFrame({"account_id": range(60), "snapshot_date": "2026-01-31"})
    scores = scores.assign(probability=[0.2, 0.4] * 30, points=600.0, band="A")
    labels = scores[["account_id", "snapshot_date"]].assign(bad=[0, 1] * 30)
    segments = pd.Series(["x"] * 20 + ["y"] * 20, index=range(40))

    table = outcomes(scores, labels, segments=segments)
    assert table["segment"].tolist() == ["unknown", "x", "y"]
    assert table["n"].tolist() == [20, 20, 20]


def test_nothing_matured_is_an_empty_table_with_its_columns():
    """Not an error: in the first months of a model it is the truth."""
    scores = pd.DataFrame({"account_id": [1], "snapshot_date": "2026-01-31"})
    scores = scores.assign(probability=0.2, points=600.0, band="A")
    labels = scores[["account_id", "snapshot_date"]].assign(bad=pd.array([None], dtype="Int8"))

    for segments, name in ((None, "month"), (pd.Series({1: "x"}), "segment")):
        table = outcomes(scores, labels, segments=segments)
        assert len(table) == 0
        assert {name, "auc", "intercept"} <= set(table.columns)


def test_ids_of_two_types_are_refused():
    """A join would be silently empty."""
    scores = pd.DataFrame({"account_id": [1], "snapshot_date": "2026-01-31"})
    scores = scores.assign(probability=0.2, points=600.0, band="A")
    labels = pd.DataFrame({"account_id": ["1"], "snapshot_date": "2026-01-31", "bad": [1]})

    with pytest.raises(InputError, match="DLQ-115 scores, labels"):
        outcomes(scores, labels)
    known = labels.assign(account_id=1)
    with pytest.raises(InputError, match="DLQ-115 scores, segments"):
        outcomes(scores, known, segments={"1": "prime"})


def test_timing_is_the_first_passage_of_the_chain():
    """Learnt from 20,000 accounts, within a hundredth of what all paths give."""
    found = timing(chain_book(20_000, seed=1), SPEC)

    true = np.column_stack([chances(age) for age in range(1, 5)])
    expected = true / true[:, -1:]
    assert found.index.tolist() == ["0", "1-29", "30+"]
    assert found.to_numpy() == pytest.approx(expected, abs=0.01)
    assert found[4].tolist() == [1, 1, 1]


def test_timing_is_shared_evenly_where_nobody_ever_went_bad():
    """Nothing better is known."""
    months = pd.DataFrame({"account_id": 1, "month": MONTHS[:3], "days_past_due": 0})

    assert timing(months, SPEC).loc["0"].tolist() == [0.25, 0.5, 0.75, 1.0]


def test_timing_does_not_see_steps_outside_its_months():
    """A worse time after `until` does not change a share."""
    calm, worse = chain_book(2000, 3), chain_book(2000, 3, worse_from=9)

    until = MONTHS[8]
    pd.testing.assert_frame_equal(timing(calm, SPEC, until=until), timing(worse, SPEC, until=until))
    assert not timing(calm, SPEC).equals(timing(worse, SPEC))


@pytest.mark.parametrize("spec", [LabelSpec(at_end=True), LabelSpec.preset("roll_forward")])
def test_labels_that_can_turn_back_have_no_early_read(spec):
    """Being good after a month says nothing then."""
    with pytest.raises(InputError, match="DLQ-141"):
        timing(chain_book(10, 0), spec)


def test_an_early_read_by_hand():
    """Four current accounts at 0.5 each; two of them bad after one of two months."""
    months = pd.DataFrame(
        {
            "account_id": np.repeat(range(4), 4),
            "month": [*MONTHS[:4]] * 4,
            "days_past_due": [0, 0, 0, 0, 0, 31, 0, 0, 0, 0, 0, 31, 0, 0, 0, 31],
        }
    )
    at = MONTHS[2]
    scores = pd.DataFrame({"account_id": range(4), "snapshot_date": at})
    scores = scores.assign(probability=0.5, points=600.0, band="A")
    spec = LabelSpec(dpd=30, within=2)
    (row,) = early_reads(months, scores, spec, as_of=MONTHS[3]).to_dict("records")

    # before the snapshot: from current one of seven went bad, and the bad one came back;
    # so one month brings 1/7 and two bring 1/7 + 6/7 x 1/7 = 13/49
    share = (1 / 7) / (13 / 49)
    assert (row["age"], row["n"], row["bads"], row["expected"]) == (1, 4, 2, 2.0)
    assert row["share_expected"] == pytest.approx(share)
    assert row["expected_so_far"] == pytest.approx(2 * share)
    assert row["ratio"] == pytest.approx(1 / share)
    assert (row["low"], row["high"], row["outside"]) == (0.0, 3.0, False)


def test_true_scores_are_seldom_outside_and_a_worse_time_always():
    """Ten books of 2,500 with three immature snapshots each: 95% inside; twice the hazard: none."""
    inside, flagged, ratios = [], [], []
    for seed in range(10):
        for worse_from in (None, 12):
            months = chain_book(2500, seed, worse_from)
            scores = scored(months, MONTHS[12:16])
            table = early_reads(months, scores, SPEC, as_of=MONTHS[15])
            assert table["age"].tolist() == [3, 2, 1]
            (inside if worse_from is None else flagged).extend(table["outside"])
            ratios += [] if worse_from is None else table["ratio"].tolist()

    assert sum(inside) <= 4  # 1.5 are expected of 30; five or more would be one chance in 60
    assert all(flagged)
    assert np.mean(ratios) > 1.3


def test_scores_that_promise_too_little_are_found_before_their_time():
    """Half the true chance: twice the bads by now."""
    months = chain_book(2500, 4)
    table = early_reads(months, scored(months, MONTHS[12:16], 0.5), SPEC, as_of=MONTHS[15])

    assert table["outside"].all()
    assert table["ratio"].tolist() == pytest.approx([2, 2, 2], abs=0.35)


def test_snapshots_that_matured_or_are_of_today_are_passed_over():
    """Only ages from one month to one short of the window."""
    months = chain_book(300, 0)
    scores = scored(months, MONTHS)

    table = early_reads(months, scores, SPEC, as_of=MONTHS[15])
    assert table["snapshot_date"].tolist() == list(MONTHS[12:15])
    assert early_reads(months, scored(months, MONTHS[:3]), SPEC, as_of=MONTHS[15]).empty


def test_nothing_after_the_date_is_read():
    """With the later months cut off, the same figures."""
    months = chain_book(800, 5)
    scores = scored(months, MONTHS[9:12])

    whole = early_reads(months, scores, SPEC, as_of=MONTHS[11])
    cut = early_reads(months[months["month"] <= MONTHS[11]], scores, SPEC, as_of=MONTHS[11])
    pd.testing.assert_frame_equal(whole, cut)
    assert len(whole) == 2


def test_bads_so_far_are_those_that_the_label_will_count():
    """The same rule at a shorter window, as `history.label` tells it."""
    months = chain_book(500, 6)
    day = MONTHS[12]
    table = early_reads(months, scored(months, [day]), SPEC, as_of=MONTHS[14])

    two = history.take_snapshots(months[months["month"] <= MONTHS[14]], [day], perform=2)
    assert table["bads"].tolist() == [
        int(history.label(two, LabelSpec(dpd=30, within=2))["bad"].sum())
    ]


def test_an_account_in_two_segments_is_refused():
    """Which of the two would it count in?"""
    scores = pd.DataFrame({"account_id": [1], "snapshot_date": "2026-01-31"})
    labels = scores.assign(bad=[1])
    scores = scores.assign(probability=0.2, points=600.0, band="A")

    with pytest.raises(InputError, match="DLQ-101 segments: 1 accounts"):
        outcomes(scores, labels, segments=pd.Series(["x", "y"], index=[1, 1]))


def test_a_snapshot_within_a_month_does_not_set_its_own_expectation():
    """A month that ends after the day belongs to what is awaited, not to what it is measured by."""
    months = chain_book(400, 8)
    day = MONTHS[12] + pd.Timedelta(days=15)
    scores = scored(months, MONTHS[12:13]).assign(snapshot_date=day)
    known = months[months["month"] <= MONTHS[13]]
    worse = known.assign(days_past_due=known["days_past_due"].where(known["month"] < day, 45))

    quiet, bad = (early_reads(rows, scores, SPEC, as_of=MONTHS[13]) for rows in (known, worse))
    assert bad["bads"].iloc[0] > quiet["bads"].iloc[0]
    assert bad["share_expected"].tolist() == quiet["share_expected"].tolist()
