"""Damaged files by the hundred: never a traceback, always the file's name."""

import random
import sys
from importlib import resources
from pathlib import Path

import pytest

from delinquency.strategy import RulePack, Strategy

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from strategy_fuzz import STRATEGY, damaged, outcome, unchecked

SIZES = [pytest.param(150, id="150"), pytest.param(5000, id="5000", marks=pytest.mark.slow)]


def test_the_control_is_caught():
    """A reader that trusts its input is caught by the same files, so the harness can fail."""
    rng = random.Random(1)

    found = {outcome(unchecked, damaged(STRATEGY, rng), "strategy.yaml") for _ in range(300)}

    assert any(name.startswith("escaped") for name in found)


@pytest.mark.parametrize("count", SIZES)
def test_damaged_strategies_are_accepted_or_refused(count):
    """Nothing escapes our own family of errors."""
    rng = random.Random(2)

    found = {
        outcome(Strategy.from_text, damaged(STRATEGY, rng), "strategy.yaml") for _ in range(count)
    }

    assert found == {"accepted", "refused"}


@pytest.mark.parametrize("count", SIZES)
def test_damaged_packs_are_accepted_or_refused(count):
    """The same for rule packs."""
    rng = random.Random(3)
    folder = resources.files("delinquency.strategy").joinpath("data/packs")
    texts = [folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in ("us.tcpa", "ie.cpc")]

    found = {
        outcome(RulePack.from_text, damaged(rng.choice(texts), rng), "pack.yaml")
        for _ in range(count)
    }

    assert found == {"accepted", "refused"}
