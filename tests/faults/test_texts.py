"""R9, R21: what people write is answered clearly, what they open runs nothing. Fast sizes."""

from .test_kills import none


def test_damaged_configurations_get_a_clear_answer(proof):
    """Strategies, rule packs, retraining settings and goals: accepted, or refused by name with a fix."""
    counts = proof("texts.configurations", times=200)

    assert counts["refused"] > 100
    assert none(counts, "no clear answer")
    assert proof("texts.configurations", times=60, trusting=True)["no clear answer"]


def test_names_full_of_mischief_stay_names(proof):
    """On the page and in the table for a spreadsheet."""
    counts = proof("texts.active_content", times=3)

    assert counts["names"] == 3
    assert none(counts, "marked up by a name", "loads something", "cells a spreadsheet runs")
    careless = proof("texts.active_content", times=60, careless=True)
    assert careless["marked up by a name"]
    assert careless["loads something"]
    assert careless["cells a spreadsheet runs"]
