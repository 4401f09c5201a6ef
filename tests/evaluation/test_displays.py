"""Displays in the manner of scikit-learn: a table inside, drawn on the ax that was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression

from delinquency.evaluation import (
    BandDisplay,
    CalibrationDisplay,
    GainsDisplay,
    MonthDisplay,
    RocDisplay,
    by_band,
    draw_months,
    roc,
)

RNG = np.random.default_rng(0)
P = RNG.random(400)
Y = (RNG.random(400) < P).astype(int)
BAND = np.where(P < 0.5, "A", "B")
MONTH = np.tile(["2025-12", "2026-01"], 200)
MORE = {BandDisplay: (BAND,), MonthDisplay: (MONTH,)}
ALL = [RocDisplay, GainsDisplay, CalibrationDisplay, BandDisplay, MonthDisplay]


@pytest.mark.parametrize("display", ALL)
def test_a_display_draws_on_the_ax_it_is_given(display):
    """And remembers ax and figure."""
    ax = Figure().subplots()
    drawn = display.from_predictions(Y, P, *MORE.get(display, ()), ax=ax)

    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure
    assert ax.has_data()


def test_an_estimator_gives_what_its_predictions_give():
    """The second column of predict_proba is the probability of bad."""
    X = P[:, None]
    model = LogisticRegression().fit(X, Y)
    ax = Figure().subplots()
    one = BandDisplay.from_estimator(model, X, Y, BAND, ax=ax)

    pd.testing.assert_frame_equal(one.table, by_band(Y, model.predict_proba(X)[:, 1], BAND))


def test_without_an_ax_a_figure_is_made():
    """As in a notebook."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    display = RocDisplay(roc(Y, P)).plot()

    assert display.figure_ in [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")


def test_the_drawn_curve_is_the_table():
    """No figure computes anything of its own."""
    ax = Figure().subplots()
    display = RocDisplay.from_predictions(Y, P, ax=ax)
    curves = [line.get_xydata() for line in ax.lines]
    expected = display.table[["goods_share", "bads_share"]].to_numpy()

    assert any(curve.shape == expected.shape and (curve == expected).all() for curve in curves)


def test_many_months_keep_a_dozen_labels():
    """Labels of sixty months would run into one another."""
    months = pd.date_range("2021-01-31", periods=60, freq="ME")
    rates = {"bad_rate": 0.1, "low": 0.05, "high": 0.2, "expected": 0.1}
    ax = draw_months(pd.DataFrame({"month": months, **rates}), Figure().subplots())

    assert len(ax.get_xticks()) == 12
    assert ax.get_xticklabels()[0].get_text() == "Jan\n2021"
