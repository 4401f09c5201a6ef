"""Error and coverage of `evaluation.policy_value` over simulated logs; write a table.

Run as ``python benchmarks/evaluation_policy_value.py [OUT.csv] [RUNS]``. Each run draws a new log: three
treatments, propensities that depend on what is known (confounded, but logged), a reward that is zero for
many and skewed for the rest, two rows a person. The truth is the mean over two million rows without
sampling of treatments.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from delinquency.evaluation import policy_value

NAMES = np.array(["agent_call", "digital_reminder", "no_action"])
ROWS = 20_000


def drawn(n, rng):
    """Return what is known, the chances of the log, and the expected reward of each treatment."""
    x = rng.normal(0, 1, (n, 4))
    x[n // 2 :] = x[: n - n // 2] * 0.5 + x[n // 2 :] * 0.87  # the second account of a person
    push = np.column_stack([0.8 * x[:, 0], 0.4 * x[:, 1], 0.3 - 0.5 * x[:, 0]])
    chance = np.exp(push) / np.exp(push).sum(axis=1, keepdims=True)
    chance = 0.85 * chance + 0.05  # a floor of exploration
    pays = 1 / (1 + np.exp(-(x[:, [0]] * [0.2, 0.7, 1.0] + [0.2, 0.1, -0.2] + x[:, [2]])))
    amount = 100 * np.exp(0.3 * x[:, [1]])
    return x, chance, pays, amount


def best_guess(x):
    """Return the policy that is judged: a rule on what is known."""
    return np.where(x[:, 0] < 0, 0, np.where(x[:, 2] > 0, 2, 1))


def truth(rng):
    x, _, pays, amount = drawn(2_000_000, rng)
    return float((pays[np.arange(len(x)), best_guess(x)] * amount[:, 0]).mean())


def one(seed, target):
    rng = np.random.default_rng(seed)
    x, chance, pays, amount = drawn(ROWS, rng)
    action = (rng.random((ROWS, 1)) > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    each = np.arange(ROWS)
    paid = (rng.random(ROWS) < pays[each, action]) * amount[:, 0] * rng.gamma(2, 0.5, ROWS)
    log = pd.DataFrame(x, columns=list("abcd"))
    log["person_id"] = each % (ROWS // 2)
    log["treatment"], log["propensity"], log["reward"] = NAMES[action], chance[each, action], paid
    rows = []
    for estimator in ("dr", "ips", "snips"):
        model = make_pipeline(PolynomialFeatures(2), Ridge(1.0))
        policy = NAMES[best_guess(x)]
        found = policy_value(log, policy, estimator, model=model, bootstrap=400, seed=seed)
        inside = found.low <= target <= found.high
        size = found.effective_size
        rows.append((estimator, found.value / target - 1, inside, found.high - found.low, size))
    return rows


def main(out=None, runs=500):
    target = truth(np.random.default_rng(10**6))
    found = Parallel(n_jobs=2)(delayed(one)(seed, target) for seed in range(int(runs)))
    columns = ["estimator", "error", "covered", "width", "effective_size"]
    table = pd.DataFrame([row for run in found for row in run], columns=columns)
    table["size_of_error"] = table["error"].abs()
    read = table.groupby("estimator", sort=False).agg(
        runs=("error", "size"),
        bias=("error", "mean"),
        mean_error=("size_of_error", "mean"),
        coverage=("covered", "mean"),
        width=("width", "mean"),
        effective_size=("effective_size", "mean"),
    )
    print(f"truth {target:.3f}, {ROWS:,} rows a log\n{read.round(4).to_string()}")
    if out:
        read.round(4).to_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
