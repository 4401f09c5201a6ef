"""Scores and contributions beside LightGBM's own, on the same matrix with the same threads.

python benchmarks/scoring_speed.py --out benchmarks/results/scoring_speed.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np

from delinquency.scoring import Calibration, PointsScale, contributions
from delinquency.scoring._bands import BandScheme
from delinquency.scoring._trees import from_boosters

ROWS, FEATURES = 200_000, 100
EXPLAINED = 4_096


def book(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features with missing values and an outcome that depends on some of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, FEATURES))
    X[rng.random(X.shape) < 0.05] = np.nan
    X[:, 5] = np.nan_to_num(X[:, 5])
    z = np.nan_to_num(X[:, 0]) + X[:, 5] * np.nan_to_num(X[:, 3]) + rng.normal(size=rows)
    return X, (z > 1).astype(int)


def median_of(runs: int, work) -> float:
    """Return the median wall seconds of several runs, the first not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def measure(trees: int, leaves: int, threads: int) -> dict:
    """Return seconds and ratios of one size of model."""
    X, y = book(ROWS)
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "feature_fraction": 0.5,
        "verbosity": -1,
    }
    data = lgb.Dataset(X[:40_000], y[:40_000])
    booster = lgb.train({**parameters, "learning_rate": 0.05, "num_threads": 2}, data, trees)
    ours = from_boosters([booster])
    scale = PointsScale()
    bands = BandScheme(names=tuple("ABCDE"), floors=(600.0, 560.0, 520.0, 480.0))
    line = Calibration(np.array([0.0, 1.0]), np.array([-0.1, 0.95]))

    def score() -> None:
        bands.assign(scale.points(line.probability(ours.raw(X, threads))))

    start = time.perf_counter()
    ours.raw(X[:100])
    first = time.perf_counter() - start
    same = bool((ours.raw(X, threads) == booster.predict(X, raw_score=True)).all())
    few, one = X[:EXPLAINED], X[:1]
    seconds = {
        "scores, points and bands, ours": median_of(5, score),
        "raw scores, LightGBM": median_of(
            3, lambda: booster.predict(X, raw_score=True, num_threads=threads)
        ),
        "one row, ours": median_of(200, lambda: ours.raw(one)),
        "one row, LightGBM": median_of(
            200, lambda: booster.predict(one, raw_score=True, num_threads=1)
        ),
    }
    if trees <= 500:
        ours_parts = contributions(ours, few, threads)
        theirs = np.asarray(booster.predict(few, pred_contrib=True))
        seconds["contributions, ours"] = median_of(3, lambda: contributions(ours, few, threads))
        seconds["contributions, LightGBM"] = median_of(
            1, lambda: booster.predict(few, pred_contrib=True, num_threads=threads)
        )
        error = float(np.abs(ours_parts - theirs).max())
    else:
        error = None
    ratios = {
        name.removesuffix(", LightGBM"): seconds[name] / seconds[ours_name]
        for name, ours_name in (
            ("raw scores, LightGBM", "scores, points and bands, ours"),
            ("one row, LightGBM", "one row, ours"),
            ("contributions, LightGBM", "contributions, ours"),
        )
        if name in seconds
    }
    return {
        "trees": trees,
        "leaves": leaves,
        "threads": threads,
        "bit_identical": same,
        "largest_difference_of_contributions": error,
        "first_call": round(first, 3),
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
        "times": {name: round(value, 1) for name, value in ratios.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    results = {
        "machine": f"{platform.machine()}, two cores, Python {platform.python_version()}, "
        f"LightGBM {lgb.__version__}",
        "rows": ROWS,
        "features": FEATURES,
        "rows_explained": EXPLAINED,
        "runs": [
            measure(trees, leaves, threads)
            for trees, leaves in ((500, 31), (2000, 63))
            for threads in (1, 2)
        ],
    }
    text = json.dumps(results, indent=1)
    print(text)
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
