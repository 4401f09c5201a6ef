"""A card on optbinning's bins: runs where the extra is installed, and says so in one line where it is not."""

import sys

import numpy as np
import pytest

from delinquency.errors import EnvironmentFailure, InputError
from delinquency.scoring import Scorecard
from delinquency.scoring._binning import bin_characteristic, counted

from .conftest import SIGNS, sample


def test_without_it_the_answer_is_one_line(monkeypatch):
    """No traceback of an import, and what to install."""
    monkeypatch.setitem(sys.modules, "optbinning", None)
    X, y = sample(500)

    with pytest.raises(EnvironmentFailure, match=r"DLQ-506 .*optbinning is not installed"):
        Scorecard(binning="optbinning").fit(X, y)


def test_another_word_is_refused():
    """The two words that are known are named."""
    X, y = sample(500)

    with pytest.raises(InputError, match=r"DLQ-103 .*optbinning"):
        Scorecard(binning="chimerge").fit(X, y)


def test_given_edges_are_counted_as_our_own_are():
    """The edges that our bins found, counted again: the same binning."""
    X, y = sample(3000)
    x, bad, weight = X["utilisation"].to_numpy(), y.to_numpy(dtype=float), np.ones(len(y))
    own = bin_characteristic(x, bad, weight, sign=1, max_bins=8, min_share=0.02, min_bads=20)
    assert own is not None
    again = counted(own.edges, x, bad, weight, 20)

    for name in ("edges", "woe", "accounts", "bads", "value"):
        np.testing.assert_array_equal(getattr(again, name), getattr(own, name))


@pytest.fixture(scope="module")
def card():
    pytest.importorskip(
        "optbinning", reason='optbinning is not installed: pip install "delinquency[optbinning]"'
    )
    X, y = sample(6000)
    return Scorecard(signs=SIGNS, binning="optbinning").fit(X, y)


def test_its_bins_make_a_card_whose_points_go_the_domains_way(card):
    """Points fall as risk rises, along every characteristic with a sign."""
    assert card.characteristics_
    for name, points in zip(card.characteristics_, card.points_, strict=True):
        assert (SIGNS.get(name, 0) * np.diff(points[:-1]) <= 0).all()


def test_its_edges_part_values_as_its_own_bins_do(card):
    """A value at a split belongs to the bin above, there and here."""
    from optbinning import OptimalBinning

    from delinquency.scoring._optbinning import bin_by_optbinning

    x = np.repeat(np.arange(10.0), 300)
    bad = (np.tile(np.arange(300), 10) < 20 * (1 + np.repeat(np.arange(10) // 2, 300))).astype(
        float
    )
    ours = bin_by_optbinning(
        x, bad, np.ones(len(x)), sign=1, max_bins=5, min_share=0.02, min_bads=20
    )
    theirs = OptimalBinning(monotonic_trend="ascending", max_n_bins=5).fit(x, bad.astype(int))

    assert ours is not None
    assert np.diff(ours.bads[:-1] / ours.accounts[:-1]).min() > 0
    np.testing.assert_array_equal(ours.codes(x), theirs.transform(x, metric="indices"))
