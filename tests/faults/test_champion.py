"""R24: the champion pointer always names a complete, verified bundle, whoever is killed when.

Fast sizes; ``benchmarks/reliability_champion.py`` runs every failpoint and 1,000 kills.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def world(*arguments):
    """Run the world in a process of its own, which forks from a parent that has only imported."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("champion_world.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    return json.loads(done.stdout)


def test_a_change_killed_anywhere_leaves_a_sound_champion_and_can_be_done_again():
    """At every 23rd line of the first promotion, a second, and a roll back."""
    result = world("failpoints", "--step", 23)

    assert result["wrong"] == []
    assert result["changes"] == 3
    assert result["failpoints"] >= 30


@pytest.mark.parametrize("mistake", ["in-place", "pointer-first"])
def test_a_registry_with_a_mistake_is_caught(mistake):
    """The negative control: else the test above might pass for the wrong reason."""
    assert world("failpoints", "--step", 23, "--only", "promote", "--broken", mistake)["wrong"]


def test_processes_that_race_and_are_killed_lose_no_change():
    """Four at a time, thirty kills; whoever looks in between sees a sound champion."""
    result = world("race", "--kills", 30)

    assert (result["wrong"], result["errors"], result["lost"]) == ([], [], 0)
    assert result["states"] == ["same"]
    assert result["kills"] == 30
    assert min(result["looks"], result["changes_returned"]) > 10


def test_a_registry_without_its_lock_is_caught():
    """The negative control: changes are lost, or bundles torn."""
    result = world("race", "--kills", 30, "--broken", "no-lock")

    assert result["lost"] or result["wrong"] or result["errors"]
