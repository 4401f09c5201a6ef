"""Parts of the book: months, bands in months, grades, groups of people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.evaluation import (
    audit,
    by_band,
    by_group,
    by_month,
    by_month_and_band,
    grade_test,
    impact_ratios,
)


def drawn(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 4, n).round(3)
    return (rng.random(n) < p).astype(int), p, rng


def test_months_stand_in_the_order_of_time_by_their_last_day():
    """Any day of a month is that month, and January follows December."""
    _, p, _ = drawn(4)
    months = ["2026-01-15", "2025-12-31", "2026-01-31", "2025-12-01"]
    table = by_month([0, 1, 1, 0], p, months)

    assert table["month"].dt.strftime("%Y-%m-%d").tolist() == ["2025-12-31", "2026-01-31"]
    assert table["n"].tolist() == [2, 2]


@pytest.mark.parametrize(
    "months",
    [
        pd.period_range("2026-01", periods=2, freq="M"),
        pd.to_datetime(["2026-01-31", "2026-02-28"]),
        pd.Series(["2026-01-31", "2026-02-28"]),
        np.array(["2026-01", "2026-02"], dtype="datetime64[M]"),
    ],
)
def test_months_come_in_every_usual_type(months):
    """Periods, dates, text, numpy months: one answer."""
    table = by_month([0, 1], [0.1, 0.2], months)

    assert table["month"].dt.strftime("%Y-%m-%d").tolist() == ["2026-01-31", "2026-02-28"]


@pytest.mark.parametrize(
    ("months", "code"),
    [(["2026-01", "soon"], "DLQ-103"), ([1, 2], "DLQ-103"), (["2026-01", None], "DLQ-104")],
)
def test_what_is_no_month_is_refused(months, code):
    """Numbers are no dates, and a missing month has no place in time."""
    with pytest.raises(InputError) as caught:
        by_month([0, 1], [0.1, 0.2], months)

    assert caught.value.code == code


def test_bands_in_a_month_are_the_bands_of_that_month():
    """Each block of the long table is `by_band` of its accounts."""
    y, p, rng = drawn()
    band = pd.cut(p, [-1, 0.1, 0.3, 2], labels=["A", "B", "C"])
    month = rng.choice(["2026-01", "2026-02", "2026-03"], len(y))
    table = by_month_and_band(y, p, band, month)
    for name, block in table.groupby("month"):
        inside = month == f"{name:%Y-%m}"
        expected = by_band(y[inside], p[inside], band[inside])
        columns = ["n", "share", "bads", "bad_rate", "low", "high", "expected"]
        pd.testing.assert_frame_equal(
            block[columns].reset_index(drop=True), expected[columns], check_exact=True
        )


def test_order_of_bands_is_judged_inside_a_month():
    """A break is a break; it is sure only when the intervals part."""
    few = ([1, 0, 0, 0, 0, 1], [0.5] * 6, list("AABBCC"))
    many = ([1] * 60 + [0] * 40 + [1] * 10 + [0] * 90, [0.5] * 200, ["A"] * 100 + ["B"] * 100)
    small = by_month_and_band(*few, ["2026-01"] * 6)
    large = by_month_and_band(*many, ["2026-01"] * 200)

    assert small["in_order"].tolist() == [pd.NA, False, True]
    assert not small["surely_out"].any()
    assert large["surely_out"].tolist() == [False, True]


def test_an_empty_band_of_a_month_breaks_no_order():
    """Nobody there: nothing to compare."""
    table = by_month_and_band(
        [0, 1, 1], [0.1, 0.2, 0.3], list("ABA"), ["2026-01", "2026-01", "2026-02"]
    )

    assert table["n"].tolist() == [1, 1, 1, 0]
    assert table["in_order"].isna().tolist() == [True, False, True, True]


def test_jeffreys_test_of_the_matlab_documentation():
    """The ten grades of `risk.validation.jeffreysTest`: the first four are rejected, no other."""
    n = [56, 79, 68, 54, 45, 40, 40, 34, 37, 47]
    bads = [6, 18, 16, 21, 11, 14, 10, 13, 19, 22]
    mean = [0.027845, 0.07689, 0.12764, 0.17523, 0.2268, 0.27502, 0.327, 0.37635, 0.41964, 0.47274]
    y = np.concatenate([[1] * b + [0] * (k - b) for b, k in zip(bads, n, strict=True)])
    table = grade_test(y, np.repeat(mean, n), np.repeat(np.arange(10), n))

    assert (table["p"] < 0.05).tolist() == [True] * 4 + [False] * 6
    # after Holm the third grade (p about 0.008, eight tests left) no longer stands out
    assert (table["p_holm"] >= table["p"]).all()
    assert table["holds"].sum() >= 6


def test_jeffreys_test_of_deep_credit_risk():
    """Six accounts, two defaults, a promise of 0.0367: 0.0044."""
    table = grade_test([1, 1, 0, 0, 0, 0], [0.0367] * 6, ["X"] * 6)

    assert table.loc[0, "p"] == pytest.approx(0.0044, abs=5e-5)


def test_both_sides_of_the_test():
    """Too low, too high, either: one tail, the other, and twice the smaller."""
    y, p, rng = drawn()
    grade = rng.choice(list("AB"), len(y))
    low, high, either = (
        grade_test(y, p, grade, against=a)["p"] for a in ("too_low", "too_high", "either")
    )

    np.testing.assert_allclose(low + high, 1)
    np.testing.assert_allclose(either, 2 * np.minimum(low, high))
    with pytest.raises(InputError, match='did you mean "too_high"'):
        grade_test(y, p, grade, against="to_high")


@pytest.mark.slow
def test_grades_that_hold_fail_in_one_of_twenty_books():
    """Ten true grades, 2,000 books: Holm keeps the share of books with any failure near 5%."""
    rng = np.random.default_rng(0)
    p = np.repeat(np.linspace(0.05, 0.5, 10), 200)
    grade = np.repeat(np.arange(10), 200)
    failed = sum(not grade_test(rng.random(2000) < p, p, grade)["holds"].all() for _ in range(2000))

    assert 60 <= failed <= 135


def test_impact_ratio_by_hand():
    """48 of 60 against 45 of 90: 0.625, and Katz's interval on the log scale."""
    favoured = [1] * 48 + [0] * 12 + [1] * 45 + [0] * 45
    table = impact_ratios(favoured, ["n"] * 60 + ["s"] * 90).set_index("group")
    reach = np.exp(1.959964 * np.sqrt(1 / 45 - 1 / 90 + 1 / 48 - 1 / 60))

    assert table.loc["s", "impact_ratio"] == pytest.approx(0.625)
    assert table.loc["s", "impact_low"] == pytest.approx(0.625 / reach, rel=1e-6)
    assert table.loc["s", "impact_high"] == pytest.approx(0.625 * reach, rel=1e-6)
    assert table["below_four_fifths"].tolist() == [False, True]
    assert table.loc["n", ["impact_low", "impact_high"]].isna().all()


def test_small_groups_show_no_rates_and_are_no_reference():
    """Five people, all favoured, are noise and could be found out."""
    favoured = [1] * 5 + [1, 0] * 40
    table = impact_ratios(favoured, ["few"] * 5 + ["many"] * 80).set_index("group")

    assert table.loc["few", "n"] == 5
    assert table.loc["few", ["favoured_rate", "impact_ratio", "below_four_fifths"]].isna().all()
    assert table.loc["many", "impact_ratio"] == 1
    with pytest.raises(InputError, match="DLQ-108"):
        impact_ratios([1] * 5, ["few"] * 5)
    with pytest.raises(InputError, match="DLQ-103 reference"):
        impact_ratios(favoured, ["few"] * 5 + ["many"] * 80, reference="few")


def test_a_group_below_two_per_cent_sets_no_standard():
    """Forty of 3,040, all favoured: shown, above 1, and not what others are held against."""
    table = impact_ratios([1] * 40 + [1, 0] * 1500, ["few"] * 40 + ["many"] * 3000).set_index(
        "group"
    )

    assert table.loc["few", "impact_ratio"] == 2
    assert table.loc["many", "impact_ratio"] == 1


def test_nobody_favoured_is_a_ratio_of_nought():
    """The log scale has no room for it; the low end is 0 and the high end is not known."""
    table = impact_ratios([1] * 40 + [0] * 40, ["a"] * 40 + ["b"] * 40).set_index("group")

    assert table.loc["b", "impact_ratio"] == 0
    assert table.loc["b", "impact_low"] == 0
    assert np.isnan(table.loc["b", "impact_high"])
    assert table.loc["b", "below_four_fifths"]


@given(st.integers(0, 10**6))
def test_impact_ratios_never_pass_one_against_the_most_favoured(seed):
    """By default the reference is the group that gets the most."""
    rng = np.random.default_rng(seed)
    favoured, group = rng.integers(0, 2, 200), rng.choice(list("xyz"), 200)
    ratio = impact_ratios(favoured, group)["impact_ratio"]

    assert ratio.max() == 1
    assert (ratio.dropna() >= 0).all()


def test_an_audit_hides_every_figure_of_a_small_group():
    """Counts stay, so that everybody is accounted for."""
    y, p, _ = drawn(300)
    group = ["few"] * 8 + ["many"] * 292
    table = by_group(y, p, group, favoured=p < 0.2).set_index("group")
    shown = table.loc["few"].drop(["n", "favoured"])

    assert shown.isna().all()
    assert table["n"].sum() == 300


def test_an_audit_sees_a_burden_that_the_score_does_not_explain():
    """The same risk, twice the burden: ratios and false alarms say so, calibration does not."""
    y, p, rng = drawn(6000)
    group = rng.choice(["x", "y"], len(y))
    favoured = rng.random(len(y)) < np.where(group == "x", 0.8, 0.4)
    table = by_group(y, p, group, favoured=favoured).set_index("group")

    assert table.loc["y", "impact_ratio"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["y", "burdened_goods"] == pytest.approx(0.6, abs=0.05)
    assert (table["ece"] <= table["ece_noise_high"] * 1.3).all()


@pytest.mark.parametrize(
    ("favoured", "code"), [([1, 2], "DLQ-103"), ([1, None], "DLQ-104"), ([1], "DLQ-103")]
)
def test_decisions_are_true_or_false_for_everybody(favoured, code):
    """A decision that is not known is not favourable by default."""
    with pytest.raises(InputError) as caught:
        by_group([0, 1], [0.1, 0.2], ["a", "b"], favoured=favoured, least=1)

    assert caught.value.code == code


def test_order_of_rows_changes_no_bit():
    """Groups are summed in an order of their own."""
    y, p, rng = drawn()
    group = rng.choice(list("abc"), len(y))
    order = rng.permutation(len(y))
    for figure in (by_band, lambda *a: by_group(*a, favoured=a[1] < 0.2)):
        pd.testing.assert_frame_equal(
            figure(y, p, group), figure(y[order], p[order], group[order]), check_exact=True
        )


def test_an_audit_of_people_covers_every_attribute_and_everybody():
    """Words, few numbers, many numbers, missing values: each person stands in one group of each."""
    y, p, rng = drawn(600)
    people = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], 600),
            "code": rng.integers(0, 3, 600),
            "age": np.where(rng.random(600) < 0.1, np.nan, rng.integers(20, 80, 600)),
            "town": pd.Series(rng.choice(["x", None], 600), dtype="object"),
            "rare": [f"one of a kind {k}" for k in range(600)],
        }
    )
    tables = audit(y, p, people, favoured=p < 0.2)

    assert list(tables) == ["sex", "code", "age", "town"]
    assert all(table["n"].sum() == 600 for table in tables.values())
    assert tables["code"]["group"].tolist() == ["0", "1", "2"]
    assert tables["age"]["group"].tolist()[-1] == "unknown"
    assert len(tables["age"]) == 6
    assert tables["age"]["n"].iloc[:5].min() > 80
    assert tables["town"]["group"].tolist() == ["unknown", "x"]


def test_groups_of_numbers_hold_the_values_they_name():
    """Both ends are in; equal values never part."""
    age = pd.Series([30] * 100 + list(range(20, 70)) * 4)
    table = audit([0, 1] * 150, [0.5] * 300, pd.DataFrame({"age": age}), favoured=[1, 0] * 150)[
        "age"
    ]
    for name, n in zip(table["group"], table["n"], strict=True):
        low, high = map(float, name.split(" to "))
        assert n == age.between(low, high).sum()


def test_people_stand_beside_their_outcomes():
    """A table of other length is refused."""
    with pytest.raises(InputError, match="DLQ-103 people: 1 people for 2 outcomes"):
        audit([0, 1], [0.1, 0.2], pd.DataFrame({"sex": ["f"]}), favoured=[1, 0])


def test_equal_rates_are_in_order_and_thirty_accounts_are_enough():
    """The edges: neither worse nor better is no break, and 30 is not below 30."""
    order = by_month_and_band([0, 1, 0, 1], [0.5] * 4, list("AABB"), ["2026-01"] * 4)
    shown = impact_ratios([1, 0] * 15 + [1, 0] * 14 + [1], ["a"] * 30 + ["b"] * 29)

    assert order["in_order"].tolist() == [pd.NA, True]
    assert shown["favoured_rate"].isna().tolist() == [False, True]


def test_a_reference_that_is_misspelt_is_guessed():
    """The nearest name is offered."""
    with pytest.raises(InputError, match='did you mean "north"'):
        impact_ratios([1, 0] * 40, ["north"] * 40 + ["south"] * 40, reference="nroth")
