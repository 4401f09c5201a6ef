"""Scores and contributions beside LightGBM's own, on the same matrix with the same threads.

Seconds on the clock say what a quiet machine gives; processor seconds say the same where others work on it.

python benchmarks/scoring_speed.py --out benchmarks/results/scoring_speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np

from delinquency.scoring import Calibration, PointsScale, contributions
from delinquency.scoring._bands import BandScheme
from delinquency.scoring._trees import from_boosters

ROWS, FEATURES = 60_000, 100
LEARNT = 20_000
EXPLAINED = {500: 4_096, 2000: 512}  # rows by number of trees


def book(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features with missing values and an outcome that depends on some of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, FEATURES))
    X[rng.random(X.shape) < 0.05] = np.nan
    X[:, 5] = np.nan_to_num(X[:, 5])
    z = np.nan_to_num(X[:, 0]) + X[:, 5] * np.nan_to_num(X[:, 3]) + rng.normal(size=rows)
    return X, (z > 1).astype(int)


def medians(runs: int, work) -> tuple[float, float]:
    """Return the median clock and processor seconds of several runs, the first not counted."""
    times = []
    for _ in range(runs + 1):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - clock, time.process_time() - processor))
    clock, processor = zip(*times[1:], strict=True)
    return statistics.median(clock), statistics.median(processor)


def learn(X: np.ndarray, y: np.ndarray, trees: int, leaves: int) -> lgb.Booster:
    """Return a booster of a size."""
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "feature_fraction": 0.5,
        "verbosity": -1,
        "learning_rate": 0.05,
        "num_threads": 2,
    }
    return lgb.train(parameters, lgb.Dataset(X[:LEARNT], y[:LEARNT]), trees)


def measure(booster: lgb.Booster, X: np.ndarray, leaves: int, threads: int) -> dict:
    """Return seconds and ratios of one model on so many threads."""
    ours, trees = from_boosters([booster]), booster.num_trees()
    scale = PointsScale()
    bands = BandScheme(names=tuple("ABCDE"), floors=(600.0, 560.0, 520.0, 480.0))
    line = Calibration(np.array([0.0, 1.0]), np.array([-0.1, 0.95]))
    few, one = X[: EXPLAINED[trees]], X[:1]

    def score() -> None:
        bands.assign(scale.points(line.probability(ours.raw(X, threads))))

    def theirs(rows: np.ndarray, **options) -> np.ndarray:
        return np.asarray(booster.predict(rows, **{"num_threads": threads, **options}))

    start = time.perf_counter()
    ours.raw(X[:100])
    first = time.perf_counter() - start
    same = bool((ours.raw(X, threads) == theirs(X, raw_score=True)).all())
    error = np.abs(contributions(ours, few, threads) - theirs(few, pred_contrib=True)).max()
    pairs = {
        "scores, points and bands beside raw scores": (
            medians(5, score),
            medians(2, lambda: theirs(X, raw_score=True)),
        ),
        "one row": (
            medians(500, lambda: ours.raw(one)),
            medians(500, lambda: theirs(one, raw_score=True, num_threads=1)),
        ),
        "contributions": (
            medians(3, lambda: contributions(ours, few, threads)),
            medians(1, lambda: theirs(few, pred_contrib=True)),
        ),
        "contributions of one row": (
            medians(10, lambda: contributions(ours, one)),
            medians(10, lambda: theirs(one, pred_contrib=True, num_threads=1)),
        ),
    }
    return {
        "trees": trees,
        "leaves": leaves,
        "threads": threads,
        "bit_identical": same,
        "largest_difference_of_contributions": float(error),
        "rows_explained": len(few),
        "first_call": round(first, 3),
        "measured": {name: beside(*pair) for name, pair in pairs.items()},
    }


def beside(ours: tuple[float, float], theirs: tuple[float, float]) -> dict:
    """Return clock and processor seconds of both, and how many times ours goes into theirs."""
    names = ("clock", "processor")
    return {
        "ours": {name: round(value, 7) for name, value in zip(names, ours, strict=True)},
        "LightGBM": {name: round(value, 7) for name, value in zip(names, theirs, strict=True)},
        "times": {name: round(b / a, 1) for name, a, b in zip(names, ours, theirs, strict=True)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    X, y = book(ROWS)
    load, runs = os.getloadavg()[0], []
    for trees, leaves in ((500, 31), (2000, 63)):
        booster = learn(X, y, trees, leaves)
        runs += [measure(booster, X, leaves, threads) for threads in (1, 2)]
    results = {
        "machine": f"{platform.machine()}, two cores, Python {platform.python_version()}, "
        f"LightGBM {lgb.__version__}",
        "load_at_the_start": round(load, 2),
        "rows": ROWS,
        "features": FEATURES,
        "runs": runs,
    }
    text = json.dumps(results, indent=1)
    print(text)
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
