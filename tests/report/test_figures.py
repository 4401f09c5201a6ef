"""Figures: each takes a finished table and an ax, and draws what the table says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from delinquency.evaluation import draw_bands, draw_calibration, draw_gains, draw_roc
from delinquency.report import draw_drivers, draw_plan
from delinquency.report._figures import to_svg
from tests.report.made_up import story

PARTS = {
    "roc": draw_roc,
    "gains": draw_gains,
    "bands": draw_bands,
    "drivers": draw_drivers,
    "plan": draw_plan,
}


@pytest.mark.parametrize("name", [*PARTS, "calibration"])
def test_a_figure_returns_the_ax_it_was_given(name):
    """So that a person can go on drawing."""
    told = story()
    table = told.calibration.table if name == "calibration" else getattr(told, name)
    ax = Figure().subplots()

    assert PARTS.get(name, draw_calibration)(table, ax) is ax


def test_plan_shades_are_shares_of_a_band():
    """Eighty of a hundred are written as 80%, and columns add up."""
    table = story().plan
    ax = draw_plan(table, Figure().subplots())
    written = {
        (text.get_position()[0], text.get_position()[1]): text.get_text() for text in ax.texts
    }
    first = table[table["band"] == "A"].set_index("treatment")["n"]

    assert written[(0, 0)] == f"{first['no_action'] / first.sum():.0%}"
    assert len(ax.patches) == len(table)


def test_band_bars_are_as_high_as_the_rates():
    """The bar is the rate that came, the tick the promise."""
    table = story().bands
    ax = draw_bands(table, Figure().subplots())
    heights = [bar.get_height() for bar in ax.patches]

    np.testing.assert_allclose(heights, table["bad_rate"])


def test_svg_is_light_and_its_styles_are_classes():
    """No inline style, no metadata, no ids that nothing points at."""
    svg, rules = to_svg(lambda ax: draw_roc(story().roc, ax), "roc", 'a "label" <here>')

    assert svg.startswith('<svg viewBox="0 0 374.4 302.4" role="img" aria-label="a &quot;label')
    assert "style=" not in svg
    assert "metadata" not in svg
    assert len(svg) < 20_000
    assert set(re.findall(r'class="([^"]+)"', svg)) == set(rules)
    ids, used = re.findall(r' id="([^"]+)"', svg), re.findall(r"#([A-Za-z0-9]+)", svg)
    assert set(ids) == set(used)
    assert any("var(--accent)" in rule for rule in rules.values())
