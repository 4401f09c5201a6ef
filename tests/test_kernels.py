"""Loops are compiled everywhere the same way, also where nothing can be kept."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = """
import numpy as np
import pandas as pd
from numba.core import caching

if {homeless}:  # neither the package's folder nor the user's cache can be written
    nowhere = classmethod(lambda cls, function, file: None)
    for name in dir(caching):
        if name.endswith("Locator"):
            getattr(caching, name).from_function = nowhere
from delinquency import datasets, features, history, scoring, strategy

months = pd.DataFrame(
    {{"account_id": 1, "month": ["2026-01", "2026-02"], "days_past_due": [0, 31]}}
)
assert history.check_months(months) is not None
X = features.build_features(months, "2026-02-28", windows=(3,))
print(X.to_numpy().tobytes().hex())
"""


def run(homeless):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(homeless=homeless)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_user_without_a_place_to_write_gets_the_same_bits():
    """Compiled in each process then, and never an exception at import."""
    homeless, said = run(homeless=True)
    housed, otherwise = run(homeless=False)

    assert homeless == housed != ""
    assert said.count("cannot be kept") == 1  # dozens of loops, one line
    assert "cannot be kept" not in otherwise


def test_no_room_compiles_in_its_own_way():
    """One place to mend, when numba changes."""
    own = [
        path.name
        for path in (ROOT / "delinquency").rglob("*.py")
        if "njit" in path.read_text("utf-8") and path.name != "kernels.py"
    ]

    assert own == []
