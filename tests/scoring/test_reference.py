"""The reference: counts by hand, kept in the bundle bit by bit, and damage refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import IntegrityError
from delinquency.scoring import Histogram, Reference, Scorer
from delinquency.storage import Bundle, load_bundle, save_bundle

from .conftest import sample
from .test_bundle import FORMAT_1


def test_bins_are_counted_by_hand():
    """Ten values in five bins of two; the edge belongs to the bin below it."""
    histogram = Histogram.of(np.arange(10.0), bins=5)

    assert histogram.edges.tolist() == [1.0, 3.0, 5.0, 7.0]
    assert histogram.counts.tolist() == [2, 2, 2, 2, 2, 0]
    assert histogram.count([1.0, 1.5, -5.0, 99.0, np.nan]).tolist() == [2, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("values", [[7.0] * 5, [0.0] * 9 + [7.0], [0.0] + [7.0] * 9])
def test_leaving_a_value_that_all_share_is_seen(values):
    """A constant column has a bin below, one for itself and one above."""
    histogram = Histogram.of(np.array(values))

    moved = histogram.count(np.array(values) + 1)
    assert not np.array_equal(moved, histogram.counts)
    assert histogram.n == len(values) == moved.sum()


def test_a_column_without_a_value_has_one_bin_and_the_missing():
    """Nobody was known, and that is what is kept."""
    histogram = Histogram.of(np.full(4, np.nan))

    assert (histogram.edges.tolist(), histogram.counts.tolist()) == ([], [0, 4])


numbers = st.lists(st.floats(allow_infinity=False, width=32), min_size=1, max_size=60)


@given(numbers, st.integers(2, 12))
def test_every_value_falls_in_one_bin(values, bins):
    """Whatever the values: counts add up, edges rise, and counting again gives the same."""
    x = np.array(values, dtype="float64")
    histogram = Histogram.of(x, bins)

    assert histogram.counts.sum() == len(x)
    assert (np.diff(histogram.edges) > 0).all()
    assert np.array_equal(histogram.count(x), histogram.counts)
    assert histogram.counts[-1] == np.isnan(x).sum()


def test_a_trained_scorer_keeps_the_counts_of_its_training_accounts(scorer, data):
    """Every feature, the points, and the bands, safest first."""
    X = data[0]
    reference = scorer.reference

    assert list(reference.features) == list(X.columns)
    assert all(h.n == len(X) == 3000 for h in reference.features.values())
    assert reference.features["utilisation"].counts[-1] == X["utilisation"].isna().sum()
    bands = scorer.score(X).scores["band"].value_counts()
    assert reference.bands == {name: int(bands[name]) for name in scorer.bands.names}
    assert reference.points.n == sum(reference.bands.values()) == 3000


def test_scores_of_the_reference_may_come_from_accounts_never_seen(model, data, scorer):
    """Then they are as spread as those of new accounts will be."""
    from .conftest import catalogue

    unseen = sample(500, seed=8)[0]
    made = Scorer.from_model(
        model, data[0], catalogue(), scale=scorer.scale, bands=scorer.bands, unseen=unseen
    )

    assert made.reference.points.n == 500
    assert made.reference.features["noise"].n == 3000


def test_the_reference_comes_back_from_the_bundle(scorer, tmp_path):
    """Edge by edge and count by count."""
    save_bundle(scorer, tmp_path)
    back = Scorer.from_bundle(load_bundle(tmp_path)).reference

    for name, array in scorer.reference.arrays().items():
        assert back.arrays()[name].tobytes() == array.tobytes()
    assert (back.bands, back.about) == (scorer.reference.bands, scorer.reference.about)
    assert list(back.features) == list(scorer.reference.features)


def test_a_bundle_from_before_has_none_and_keeps_its_bytes():
    """Format 1 as it was first written: loads, scores, and hashes as it did."""
    bundle = load_bundle(FORMAT_1)
    scorer = Scorer.from_bundle(bundle)

    assert scorer.reference is None
    assert scorer.to_bundle().hash == bundle.hash


def test_other_bands_drop_the_reference(scorer):
    """Its counts were made with the old edges."""
    assert scorer.with_bands(scorer.bands).reference is None


def _damage(name, change):
    def apply(arrays):
        return {**arrays, name: change(arrays[name])}

    return apply


DAMAGE = {
    "no edges": lambda a: {k: v for k, v in a.items() if k != "reference.edges"},
    "edges not finite": _damage("reference.edges", lambda a: np.where(a == a[0], np.inf, a)),
    "edges not rising": _damage("reference.edges", lambda a: a[::-1].copy()),
    "counts below zero": _damage("reference.counts", lambda a: a - 10**6),
    "counts too short": _damage("reference.counts", lambda a: a[:-1]),
    "counts beyond a double": _damage("reference.counts", lambda a: a + (1 << 53)),
    "counts of another type": _damage("reference.counts", lambda a: a.astype("float64")),
    "sizes below zero": _damage("reference.sizes", lambda a: np.r_[-1, a[1] + a[0] + 1, a[2:]]),
    "sizes that overflow": _damage("reference.sizes", lambda a: np.r_[1 << 62, a[1:]]),
    "a band too many": _damage("reference.bands", lambda a: np.r_[a, 1]),
    "a table": _damage("reference.bands", lambda a: a.reshape(1, -1)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_reference_that_cannot_be_is_refused(kind, scorer):
    """Nothing of the scorer is used then."""
    bundle = scorer.to_bundle()
    broken = Bundle(json.loads(json.dumps(bundle.document)), DAMAGE[kind](dict(bundle.arrays)))

    with pytest.raises(IntegrityError, match="DLQ-603"):
        Scorer.from_bundle(broken)


def test_the_damage_of_these_tests_is_what_is_refused(scorer):
    """Undamaged, the same road loads; a scorer without a reference stays without one."""
    bundle = scorer.to_bundle()
    assert Scorer.from_bundle(Bundle(bundle.document, dict(bundle.arrays))).reference is not None
    assert Scorer.from_bundle(replace(scorer, reference=None).to_bundle()).reference is None


def test_a_reference_can_be_counted_without_a_scorer():
    """Bands that nobody stands in are kept when they are named."""
    X = pd.DataFrame({"x": [1.0, 2.0]})
    reference = Reference.learn(X, [600.0, 500.0], ["A", "C"], names=("A", "B", "C"))

    assert reference.bands == {"A": 1, "B": 0, "C": 1}
