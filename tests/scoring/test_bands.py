"""Bands: frozen edges, in order, with enough in each."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.scoring import BandScheme, PointsScale

FIVE = BandScheme(names=("A", "B", "C", "D", "E"), floors=(640.0, 600.0, 560.0, 520.0))


def test_an_edge_belongs_to_the_safer_band():
    """Worked by hand, on the edge and a hair below it."""
    points = [640, math.nextafter(640, 0), 600, 599.999, 520, 519.999, -1e9, 1e9]

    assert FIVE.assign(points).tolist() == ["A", "B", "B", "C", "D", "E", "E", "A"]


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=50))
def test_fewer_points_never_mean_a_safer_band(points):
    """Everyone gets one band, and the order of bands is that of points."""
    bands = FIVE.assign(np.sort(points))

    assert (np.diff([ord(band) for band in bands]) <= 0).all()


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_has_no_band(wrong):
    """NaN in a search falls into the last, harshest band; so it is refused and counted."""
    with pytest.raises(InputError, match="2 scores are not finite, first at row 1") as caught:
        FIVE.assign([600.0, wrong, wrong])

    assert (caught.value.code, caught.value.count) == ("DLQ-105", 2)


@pytest.mark.parametrize(
    ("names", "floors"),
    [
        (("A", "A"), (600.0,)),
        (("A", "B"), ()),
        (("A", "B"), (600.0, 500.0)),
        (("A", "B", "C"), (600.0, 600.0)),
        (("A", "B", "C"), (500.0, 600.0)),
        (("A", "B"), (math.nan,)),
        (("A", "B"), (math.inf,)),
        ((), ()),
    ],
)
def test_bands_that_overlap_or_leave_a_gap_are_refused(names, floors):
    """Edges fall strictly, one fewer than names."""
    with pytest.raises(InputError, match="DLQ-203"):
        BandScheme(names=names, floors=floors)


def test_the_table_says_the_range_of_each_band():
    """From the safest down, open at both ends."""
    table = FIVE.table()

    assert table["points_from"].tolist() == [640, 600, 560, 520, -math.inf]
    assert table["points_below"].tolist() == [math.inf, 640, 600, 560, 520]


def test_a_described_batch_shows_empty_bands_too():
    """A band that lost its accounts is news."""
    table = FIVE.describe(["A", "A", "C", "E"], [0.1, 0.2, 0.3, 0.4])

    assert table["accounts"].tolist() == [2, 0, 1, 0, 1]
    assert table["share"].tolist() == [0.5, 0, 0.25, 0, 0.25]
    assert table["probability"][0] == pytest.approx(0.15)
    assert FIVE.describe([], [])["accounts"].tolist() == [0] * 5


@st.composite
def books(draw):
    """Scores and outcomes, from steep to flat to upside down."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(200, 3000))
    points = rng.normal(550, draw(st.floats(5, 60)), n)
    if draw(st.booleans()):
        points = np.round(points / 20) * 20
    log_odds = draw(st.floats(-2, 0)) + draw(st.floats(-0.02, 0.06)) * (550 - points)
    return points, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)


@given(books(), st.integers(2, 8), st.sampled_from(["merge", "quantile"]))
@settings(deadline=None, max_examples=80)
def test_proposed_bands_rise_in_risk_and_hold_enough(book, n, method):
    """Bad rate rises from band to band; every band has its share and its bads, counted anew."""
    points, bad = book
    try:
        scheme = BandScheme.propose(points, bad, n=n, method=method, min_share=0.05, min_bads=15)
    except InputError as error:
        assert error.code == "DLQ-113"
        return
    bands = scheme.assign(points)
    counts = [(bands == name).sum() for name in scheme.names]
    bads = [bad[bands == name].sum() for name in scheme.names]
    rates = np.divide(bads, counts)

    assert 2 <= len(scheme.names) <= n
    assert (np.diff(rates) > 0).all()
    assert min(counts) >= math.ceil(0.05 * len(points))
    assert min(bads) >= 15
    assert tuple(counts) == scheme.counts
    assert rates.tolist() == pytest.approx(list(scheme.expected))
    assert all(floor == round(floor) for floor in scheme.floors)


def best_by_hand(cells, n, least, bads):
    """Every way to part the cells, tried: the greatest likelihood with rising rates."""

    def likelihood(group):
        count, bad = cells[group, 1].sum(), cells[group, 2].sum()
        if count < least or bad < bads:
            return None
        parts = [(bad, bad / count), (count - bad, 1 - bad / count)]
        return bad / count, sum(k * math.log(p) for k, p in parts if k)

    best = (-math.inf, None)
    size = len(cells)
    for cut in range(1, 2 ** (size - 1)):
        edges = [0, *[i + 1 for i in range(size - 1) if cut >> i & 1], size]
        if len(edges) - 1 > n:
            continue
        groups = [likelihood(list(range(a, b))) for a, b in itertools.pairwise(edges)]
        if None in groups or any(a[0] >= b[0] for a, b in itertools.pairwise(groups)):
            continue
        best = max(best, (sum(group[1] for group in groups), edges))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_merging_finds_the_best_partition(seed):
    """Held against every partition of ten cells."""
    rng = np.random.default_rng(seed)
    levels = np.arange(500.0, 600.0, 10.0)
    points = rng.choice(levels, 600)
    bad = (rng.random(600) < 1 / (1 + np.exp((points - 530) / 30))).astype(float)
    cells = np.array([[p, (points == p).sum(), bad[points == p].sum()] for p in levels[::-1]])
    value, edges = best_by_hand(cells, 4, 30, 10)

    scheme = BandScheme.propose(points, bad, n=4, min_share=0.05, min_bads=10)

    floors = [cells[edge - 1, 0] for edge in edges[1:-1]]
    assert list(scheme.floors) == floors, value


@pytest.mark.parametrize(
    ("points", "bad", "more", "code"),
    [
        ([np.nan, 600], [0, 1], {}, "DLQ-105"),
        ([500, 600], [0, np.nan], {}, "DLQ-103"),
        ([500, 600], [0, 2], {}, "DLQ-103"),
        ([500, 600], [0], {}, "DLQ-103"),
        ([500, 600], [0, 1], {"method": "kmeans"}, "DLQ-103"),
        ([500, 600], [0, 1], {"n": 1}, "DLQ-103"),
        ([500, 600], [0, 1], {"n": 27}, "DLQ-103"),
        ([500, 600], [0, 1], {}, "DLQ-113"),
        ([500] * 1000, [0, 1] * 500, {}, "DLQ-113"),
    ],
)
def test_a_sample_that_carries_no_bands_is_refused(points, bad, more, code):
    """One line says what it lacks."""
    with pytest.raises(InputError) as caught:
        BandScheme.propose(points, bad, **more)

    assert caught.value.code == code


def doubling_book(n=40_000, seed=0):
    """Accounts whose true probability is that of their points."""
    scale = PointsScale()
    rng = np.random.default_rng(seed)
    probability = np.exp(rng.uniform(np.log(0.003), np.log(0.6), n))
    return scale, scale.points(probability), (rng.random(n) < probability).astype(int)


def test_a_master_scale_puts_its_grades_at_whole_points():
    """600 points at 50 goods to one bad, 20 to double: worked by hand for 1%, 2%, 4%, ..."""
    scale, points, bad = doubling_book()
    bands = BandScheme.propose(
        points,
        bad,
        n=8,
        method="master",
        scale=scale,
        min_share=0.01,
        min_bads=5,
        date="2026-06-30",
    )
    # 600 + 20 / ln 2 * ln(odds / 50), down to a whole point
    grades = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
    by_hand = [600 + 20 * math.log2((1 - p) / p / 50) for p in grades]

    assert bands.floors == tuple(math.floor(floor) for floor in by_hand)
    assert bands.date == "2026-06-30"
    assert (np.diff(bands.expected) > 0).all()
    assert all(
        low * 0.8 < rate < 2.4 * low for low, rate in zip(grades, bands.expected[1:], strict=True)
    )


def test_grades_that_the_sample_cannot_carry_are_merged():
    """Too few bads in the two safest."""
    scale, points, bad = doubling_book(4000)
    bands = BandScheme.propose(points, bad, n=8, method="master", scale=scale)

    assert len(bands.names) < 8
    assert min(np.array(bands.counts) * np.array(bands.expected)) >= 29.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": None},
        {"grades": (0.1, 0.05)},
        {"grades": (0.0, 0.1)},
        {"grades": (0.1, 1.0)},
        {"grades": ()},
        {"grades": (0.1, math.nan)},
    ],
)
def test_a_master_scale_that_is_none_is_refused(wrong):
    """Grades rise between 0 and 1, on a named scale."""
    scale, points, bad = doubling_book(2000)
    with pytest.raises(InputError, match="DLQ-103 grades"):
        BandScheme.propose(points, bad, method="master", **({"scale": scale} | wrong))


def test_a_date_of_another_form_is_refused():
    """Six months on, nobody should have to guess."""
    with pytest.raises(InputError):
        BandScheme(names=("A", "B"), floors=(600.0,), date="yesterday")


def test_the_check_by_month_worked_by_hand():
    """January holds; in February C is gone, B is below A, and A's rate has doubled."""
    bands = BandScheme(names=("A", "B", "C"), floors=(600.0, 560.0), expected=(0.1, 0.2, 0.5))
    points = np.repeat([620.0, 580.0, 540.0, 620.0, 580.0], [200, 100, 100, 300, 100])
    bad = np.concatenate(
        [np.repeat([1, 0], pair) for pair in ((20, 180), (20, 80), (50, 50), (60, 240), (15, 85))]
    )
    month = np.repeat(["2026-01", "2026-02"], [400, 400])

    table = bands.check(points, bad, month=month, min_bads=20).set_index(["month", "band"])

    assert table["accounts"].tolist() == [200, 100, 100, 300, 100, 0]
    assert table["share"].tolist() == [0.5, 0.25, 0.25, 0.75, 0.25, 0]
    assert table["bad_rate"].tolist()[:5] == [0.1, 0.2, 0.5, 0.2, 0.15]
    assert table["in_order"].astype("object").fillna("-").tolist() == [
        "-",
        True,
        True,
        "-",
        False,
        "-",
    ]
    assert table["as_expected"].astype("object").fillna("-").tolist() == [
        True,
        True,
        True,
        False,
        True,
        "-",
    ]
    assert table["enough_bads"].tolist() == [True, True, True, True, False, False]
    assert table["enough_share"].tolist() == [True, True, True, True, True, False]


def test_an_empty_band_between_two_does_not_hide_their_order():
    """C is held against A where B has nobody."""
    bands = BandScheme(names=("A", "B", "C"), floors=(600.0, 560.0))
    table = bands.check([620.0] * 4 + [540.0] * 4, [1, 1, 0, 0, 1, 0, 0, 0])

    assert table["in_order"].astype("object").fillna("-").tolist() == ["-", "-", False]
    assert table["expected"].isna().all()


def test_outcomes_that_are_not_known_yet_count_for_the_share_alone():
    """A month whose outcomes are still to come is checked for its shares."""
    table = FIVE.check([650.0, 610.0], [np.nan, 1])

    assert table["accounts"].tolist() == [1, 1, 0, 0, 0]
    assert table["judged"].tolist() == [0, 1, 0, 0, 0]
    assert FIVE.check([650.0])["as_expected"].isna().all()
    with pytest.raises(InputError, match="other than 1, 0"):
        FIVE.check([650.0], [2])
    with pytest.raises(InputError, match="differ in length"):
        FIVE.check([650.0], [1, 0])
