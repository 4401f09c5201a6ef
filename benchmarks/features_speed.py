"""How fast the core hundred is, beside polars, DuckDB SQL, vectorised pandas and a C kernel.

    python benchmarks/features_speed.py --accounts 1000000 --out benchmarks/results/features_speed.json

One run, one machine, the same panel, the same hundred features in every variant (checked). Wall and CPU
seconds of each: on a machine that others use, CPU seconds are the fairer of the two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from features_others import ByC, by_pandas, by_polars
from features_panel import LAST, panel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from features import sql  # the DuckDB text of the proofs

from delinquency.features import _compute, build_features, feature_batches
from delinquency.features._kernels import core_features
from delinquency.schema import MONTHS, admit, month_number
from delinquency.storage import write_table

WINDOWS = np.array([3, 6, 12, 24])
BLOCK = 1024  # cuts whose features fit the second-level cache


def machine() -> dict:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {"numpy": np.__version__, "pandas": pd.__version__, "polars": pl.__version__},
    }


def timed(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Return the smallest wall and CPU seconds of so many runs."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"wall": round(min(walls), 4), "cpu": round(min(cpus), 4)}


def blocks(cuts, rows, loop, outs) -> None:
    """Run a loop over all cuts, as many threads as output blocks, each block used again and again."""

    def share(number: int) -> None:
        for start in range(number * BLOCK, len(cuts.begins), BLOCK * len(outs)):
            some = _compute.Cuts(*(column[start : start + BLOCK] for column in cuts))
            loop(some, rows, WINDOWS, outs[number], 0)

    if len(outs) == 1:
        share(0)
        return
    with ThreadPoolExecutor(len(outs)) as pool:
        list(pool.map(share, range(len(outs))))


def prepared(months: pd.DataFrame, dates: list[pd.Timestamp]):
    """Return rows and cuts as the kernels see them."""
    columns = {"days_past_due", "amount_due", "amount_paid", "balance", "credit_limit"}
    rows = _compute._rows(months, dates, columns)
    return rows, _compute._cuts(months, rows, dates, 24)


def kernels(months: pd.DataFrame, repeats: int) -> dict:
    """Time the compiled loops and the C loops on prepared arrays; the bits must be the same."""
    rows, cuts = prepared(months, [pd.Timestamp(LAST)])
    by_c = ByC()
    some = _compute.Cuts(*(column[:BLOCK] for column in cuts))
    ours, theirs = (np.empty((len(some.begins), 100)) for _ in range(2))
    core_features(some, rows, WINDOWS, ours, 0)
    by_c(some, rows, WINDOWS, theirs)
    same = bool(
        (ours.view("int64") == theirs.view("int64")).all() or np.array_equal(ours, theirs, True)
    )
    result: dict = {"c_same_values": same}
    for threads in (1, 2):
        outs = [np.empty((BLOCK, 100)) for _ in range(threads)]
        # turn about, so that a busy moment of the machine meets both
        runs = [partial(blocks, cuts, rows, loop, outs) for loop in (core_features, by_c)]
        pairs = [[timed(run, 1) for run in runs] for _ in range(repeats)]
        for place, name in enumerate(("numba", "c")):
            best = {k: min(pair[place][k] for pair in pairs) for k in ("wall", "cpu")}
            result[f"{name}_{threads}_threads"] = best
    return result


def snapshots(months: pd.DataFrame, repeats: int) -> dict:
    """Time one snapshot against twelve: as a walk over a file, as one call, and as a loop of calls.

    The walk reads Parquet, checks, computes, and uses its memory again, as batch scoring does. A call makes
    a new table of twelve times the rows, which costs more than computing it.
    """
    dates = list(pd.date_range(end=LAST, periods=12, freq="ME"))
    file = Path(tempfile.mkdtemp()) / "months.parquet"
    write_table(months, file)

    def walk(some: list[pd.Timestamp]) -> None:
        for _ in feature_batches(file, snapshots=some, reuse=1):
            pass

    def call(some: list[pd.Timestamp]) -> None:
        build_features(months, snapshots=some)

    def loop() -> None:
        for date in dates:
            call([date])

    result = {
        "walk_one": timed(lambda: walk(dates[-1:]), repeats),
        "walk_twelve": timed(lambda: walk(dates), repeats),
        "call_one": timed(lambda: call(dates[-1:]), repeats),
        "call_twelve": timed(lambda: call(dates), repeats),
        "loop_of_twelve_calls": timed(loop, 1),
    }
    for kind in ("walk", "call"):
        one, twelve = result[f"{kind}_one"], result[f"{kind}_twelve"]
        result[f"{kind}_ratio_cpu"] = round(twelve["cpu"] / one["cpu"], 2)
    return result


def others(months: pd.DataFrame, ours: pd.DataFrame, slow: bool) -> dict:
    """Time the same features elsewhere, after checking on some accounts that they are the same."""
    now = int(month_number([pd.Timestamp(LAST)])[0])
    frame = pl.from_pandas(months)
    few = months[months["account_id"] < 2000]

    def agrees(table: pd.DataFrame) -> bool:
        wanted = ours.iloc[: len(table)].to_numpy()
        names = list(ours.columns)
        return bool(np.allclose(table[names].to_numpy(), wanted, 1e-9, 1e-9, equal_nan=True))

    def duck(table: pd.DataFrame) -> pd.DataFrame:
        lacking = dict.fromkeys(("known_at", "opened"), pd.NaT)
        lacking |= dict.fromkeys(("status", "written_off", "recovered"), np.nan)
        return sql.features(table.assign(**lacking), [LAST], (3, 6, 12, 24), whole=False)

    result: dict = {
        "polars_agrees": agrees(by_polars(pl.from_pandas(few).lazy(), now).to_pandas()),
        "pandas_agrees": agrees(by_pandas(few, now)),
        "duckdb_agrees": agrees(duck(few)),
        "polars": timed(lambda: by_polars(frame.lazy(), now), 2),
        "polars_streaming": timed(lambda: by_polars(frame.lazy(), now, True), 1),
    }
    if slow:
        result["duckdb"] = timed(lambda: duck(months), 1)
        result["pandas"] = timed(lambda: by_pandas(months, now), 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--snapshot-accounts", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--slow", action="store_true", help="DuckDB and pandas too")
    parser.add_argument("--out")
    options = parser.parse_args()
    result: dict = {"machine": machine(), "accounts": options.accounts}
    months = admit(panel(options.accounts), MONTHS)
    result["rows"] = len(months)
    build_features(panel(100), LAST)  # compiled code from the disk
    result["kernel"] = kernels(months, options.repeats)
    result["build_features"] = timed(lambda: build_features(months, LAST), 3)
    print(json.dumps(result, indent=1), flush=True)
    ours = build_features(months[months["account_id"] < 2000], LAST)
    result["others"] = others(months, ours, options.slow)
    print(json.dumps(result["others"], indent=1), flush=True)
    few = months[months["account_id"] < options.snapshot_accounts].reset_index(drop=True)
    result["snapshots"] = {"accounts": options.snapshot_accounts, **snapshots(few, 3)}
    result["machine"]["load_after"] = [round(value, 2) for value in os.getloadavg()]
    ours_cpu = result["kernel"]["numba_2_threads"]["cpu"]
    result["times_ours_cpu"] = {
        name: round(value["cpu"] / ours_cpu, 1)
        for name, value in result["others"].items()
        if isinstance(value, dict)
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
