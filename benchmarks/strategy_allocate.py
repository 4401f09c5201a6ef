"""Time `strategy.allocate` beside the linear programme of HiGHS; write a table.

Run as ``python benchmarks/strategy_allocate.py [OUT.csv]``. Seconds are given twice: on the wall, and of
the processor (all threads), which says more on a machine that others use. The first call, which may
compile, is not counted.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import coo_array

from delinquency.strategy import allocate

TREATMENTS, CAPACITIES = 8, 4
SIZES = ((1_000, False), (5_000, False), (100_000, True), (1_000_000, False), (1_000_000, True))


def made_up(n, each, seed=0):
    """Return values, needs and capacities; with `each`, needs differ by account."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 50, (n, TREATMENTS)) * rng.random((n, 1)) * 2
    values[:, 1:][rng.random((n, TREATMENTS - 1)) < 0.2] = -np.inf
    values[:, 0] = 0
    shape = (n, TREATMENTS) if each else TREATMENTS
    needs = {}
    for k in range(CAPACITIES):
        need = rng.random(shape) * (rng.random(TREATMENTS) < 0.6)
        need[..., 0] = 0
        needs[f"capacity_{k}"] = need
    return values, needs, dict.fromkeys(needs, 0.05 * n)


def highs(values, needs, capacities):
    """Return the value of the linear programme."""
    n, a = values.shape
    place = np.arange(n * a)
    rows = np.array([np.broadcast_to(needs[name], (n, a)).ravel() for name in capacities])
    answer = linprog(
        -np.where(np.isfinite(values), values, 0).ravel(),
        A_ub=coo_array(rows).tocsr(),
        b_ub=list(capacities.values()),
        A_eq=coo_array((np.ones(n * a), (place // a, place))).tocsr(),
        b_eq=np.ones(n),
        bounds=np.column_stack([np.zeros(n * a), np.isfinite(values).ravel()]),
        method="highs",
    )
    return -answer.fun


def timed(call, *arguments):
    wall, processor = time.perf_counter(), time.process_time()
    answer = call(*arguments)
    return answer, time.perf_counter() - wall, time.process_time() - processor


def main(out=None):
    allocate(*made_up(70_000, True))
    allocate(*made_up(70_000, False))
    rows = []
    for n, each in SIZES:
        asked = made_up(n, each)
        answer, wall, processor = timed(allocate, *asked)
        most = max(answer.used[name] / asked[2][name] for name in asked[2])
        row = {"accounts": n, "needs": "each" if each else "common", "gap": answer.gap}
        row |= {"fullest": most, "wall_s": wall, "processor_s": processor}
        if n <= 5_000:
            top, wall, _ = timed(highs, *asked)
            row |= {"highs_wall_s": wall, "below_highs": 1 - answer.value / top}
        rows.append(row)
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    if out:
        pd.DataFrame(rows).to_csv(out, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:2])
