"""What the bundle keeps of each segment: counts by hand, and the figures of counting again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scoring.conftest import sample

from delinquency.errors import InputError
from delinquency.monitoring import (
    Cohort,
    keep_segments,
    outcomes,
    segment_stability,
)

NAMES = np.array(["big", "mid", "tiny"])


@pytest.fixture(scope="module")
def book(scorer, data):
    """The training accounts, those of a later day whose middle moved, and the segment of each."""
    X, y = data
    ids = X.index.get_level_values("account_id")
    names = pd.Series(NAMES[np.digitize(np.arange(len(X)) / len(X), [0.7, 0.998])], ids)
    later, _ = sample(len(X), 5)
    later.loc[(names == "mid").to_numpy(), "utilisation"] += 0.4
    cohorts = [Cohort(each, scorer.score(each).scores) for each in (X, later)]
    return (*cohorts, names, y.rename("bad").reset_index())


def test_counts_are_those_of_the_segment_in_the_bins_of_the_book(scorer, book):
    """Each bin by a mask of its own, the missing last; together they are the book's."""
    then, _, _, _ = book
    parity = pd.Series(NAMES[then.features.index.get_level_values(0) % 2],
                       then.features.index.get_level_values(0))  # fmt: skip
    (kept,) = keep_segments(scorer, then, {"parity": parity}).reference.segments

    every = [*scorer.reference.features.values(), scorer.reference.points]
    assert kept.counts.sum(axis=0).tolist() == np.concatenate([h.counts for h in every]).tolist()
    first = scorer.reference.features["dpd_max"]
    even = then.features.loc[(parity == "big").to_numpy(), "dpd_max"]
    low, high = np.r_[-np.inf, first.edges], np.r_[first.edges, np.inf]
    by_hand = [int(((even > a) & (even <= b)).sum()) for a, b in zip(low, high, strict=True)]
    assert kept.counts[0, : len(by_hand)].tolist() == by_hand
    assert kept.counts[0, len(by_hand)] == even.isna().sum() == 0
    assert kept.accounts.tolist() == [[1500, 1500], [1500, 1500]]
    assert kept.bands.sum(axis=0).tolist() == list(scorer.reference.bands.values())


def test_what_is_kept_gives_the_figures_of_counting_again(scorer, book):
    """To the last bit, for every segment that is large enough to be kept; the one that moved is seen."""
    then, now, names, _ = book
    (kept,) = keep_segments(scorer, then, {"segment": names}).reference.segments
    again = segment_stability(scorer, now, then, names)
    stored = segment_stability(scorer, now, kept, names)

    large = again["segment"] != "tiny"
    pd.testing.assert_frame_equal(stored[large], again[large])
    rows = stored[stored["name"] == "utilisation"].set_index("segment")
    assert rows.loc["mid", "psi"] > 0.25 > rows.loc["big", "noise_95"] * 3 > 0


def test_other_segments_give_other_figures(scorer, book):
    """The negative control: the same accounts, told apart by chance."""
    then, now, names, _ = book
    mixed = pd.Series(np.random.default_rng(0).permutation(names), names.index)
    (kept,) = keep_segments(scorer, then, {"segment": mixed}).reference.segments
    stored = segment_stability(scorer, now, kept, names)

    assert not stored["psi"].equals(segment_stability(scorer, now, then, names)["psi"])


def test_a_handful_of_accounts_is_not_kept(scorer, book):
    """Six of 3,000: no question could be judged, and their counts would tell of people."""
    then, now, names, _ = book
    assert (names == "tiny").sum() == 6
    kept = keep_segments(scorer, then, {"segment": names})
    (parted,) = kept.reference.segments

    assert parted.names == ("big", "mid")
    rows = segment_stability(kept, now, parted, names).query("segment == 'tiny'")
    assert set(rows["n_reference"]) == {0}
    assert rows["psi"].isna().all()
    with pytest.raises(InputError, match="DLQ-103 segments: no segment has 10 accounts"):
        few = Cohort(then.features.iloc[:9], then.scores.iloc[:9])
        keep_segments(scorer, few, {"segment": names})


def test_the_rank_order_of_training_is_kept(scorer, book):
    """Rows, bads and AUC with its interval are those of `outcomes`; without labels there is none."""
    then, _, names, labels = book
    (kept,) = keep_segments(scorer, then, {"segment": names}, labels).reference.segments
    told = outcomes(then.scores, labels, segments=names)

    columns = ["segment", "n", "bads", "auc", "auc_low", "auc_high"]
    pd.testing.assert_frame_equal(kept.outcomes()[columns], told.iloc[:2][columns])
    (bare,) = keep_segments(scorer, then, {"segment": names}).reference.segments
    assert bare.outcomes()["auc"].isna().all()
    assert bare.outcomes()["n"].tolist() == [0, 0]


def test_an_account_in_four_months_keeps_the_floor_of_one(scorer, book):
    """The same rows four times over in reference and segments: the same figures."""
    then, now, names, _ = book
    days = [pd.Timedelta(days=k) for k in (0, 28, 59, 89)]
    months = [then.features.rename(lambda d, k=k: d + k, level="snapshot_date") for k in days]
    four = Cohort(pd.concat(months), pd.concat([then.scores] * 4, ignore_index=True))
    kept = scorer.reference
    often = replace(
        kept,
        features={n: replace(h, counts=h.counts * 4) for n, h in kept.features.items()},
        points=replace(kept.points, counts=kept.points.counts * 4),
        bands={name: count * 4 for name, count in kept.bands.items()},
    )
    wide = keep_segments(replace(scorer, reference=often), four, {"segment": names})
    (once,) = keep_segments(scorer, then, {"segment": names}).reference.segments

    pd.testing.assert_frame_equal(
        segment_stability(wide, now, wide.reference.segments[0], names),
        segment_stability(scorer, now, once, names),
    )


def test_segments_that_cannot_be_kept_are_refused(scorer, book):
    """People instead of groups, no reference, more columns than a bundle keeps."""
    then, _, names, _ = book
    people = {k: f"p{k}" for k in names.index}
    with pytest.raises(InputError, match=r"DLQ-103 segments: 3,000 segments; 100 are the most"):
        keep_segments(scorer, then, {"name": people})
    with pytest.raises(InputError, match="DLQ-140"):
        keep_segments(replace(scorer, reference=None), then, {"segment": names})
    with pytest.raises(InputError, match="DLQ-103 segments: a reference is cut by 10 columns"):
        keep_segments(scorer, then, {f"c{k}": names for k in range(11)})
