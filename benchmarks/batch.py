"""Whole processes from Parquet to scores on disk: ours, its parts, polars and LightGBM, LightGBM alone.

    python benchmarks/batch.py --accounts 1000000 2000000 --out benchmarks/results/batch
    python benchmarks/batch.py --accounts 10000000 --others-up-to 1000000 --folder /large/disk

The input is made part by part, so a machine of any size can make it: 16 rows an account on average, up to 24
months. The model is 500 trees of 31 leaves on the hundred features of the core set, the same for all; a round
is one fresh process, and figures are medians of ``--rounds``. Writes ``.json`` and ``.md``.

The parts of the sum: reading alone; the feature loops alone, on rows that are in memory; the trees alone, on
a matrix that is in memory; writing the scores alone. Each is measured inside its process, without start-up.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from features_panel import LAST, panel
from features_stream import write_panel

ROOT = Path(__file__).parents[1]
TREES, LEAVES = 500, 31
LAST_MONTH = 2026 * 12 + 5  # of polars' arithmetic: June 2026

HEAD = """
import json, resource, sys, time
sys.path.insert(0, {benchmarks!r})
SOURCE, BUNDLE, MODEL, OUT = {source!r}, {bundle!r}, {model!r}, {out!r}
LAST, MONTH, MEMORY = {last!r}, {month}, {memory!r}
took = None
"""
TAIL = """
used = resource.getrusage(resource.RUSAGE_SELF)
# not ru_maxrss: a child is born with that of its parent
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
mib = int(peak.split()[1]) / 1024
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "mib": mib, "took": took}))
"""
OURS = """
from delinquency.workflows import score_files
score_files(SOURCE, BUNDLE, as_of=LAST, out=OUT, reasons_for={reasons}, memory=MEMORY)
"""
PROGRAMS = {
    "ours": OURS.format(reasons=[]),
    "ours, with reasons for the riskiest band": OURS.format(reasons=None),
    "polars features, Booster.predict": """
import lightgbm, polars as pl
from features_others import by_polars
table = by_polars(pl.scan_parquet(SOURCE), MONTH)
booster = lightgbm.Booster(model_file=MODEL)
p = booster.predict(table.select(booster.feature_name()).to_numpy(), num_threads=2)
table.select("account_id").with_columns(probability=p).write_parquet(OUT + ".parquet")
""",
    "bare read, Booster.predict": """
import lightgbm, numpy as np, pyarrow as pa, pyarrow.parquet as pq
file, accounts = pq.ParquetFile(SOURCE, buffer_size=1 << 20, pre_buffer=False), 0
for batch in file.iter_batches(500_000):
    ids = batch.column(0).to_numpy()
    accounts += int((ids[1:] != ids[:-1]).sum()) + 1
booster = lightgbm.Booster(model_file=MODEL)
rng, parts = np.random.default_rng(0), []
X = rng.normal(size=(min(accounts, 50_000), booster.num_feature()))
for start in range(0, accounts, len(X)):
    parts.append(booster.predict(X[: accounts - start], num_threads=2))
pq.write_table(pa.table({"probability": np.concatenate(parts)}), OUT + ".parquet")
""",
    "part: read": """
import pyarrow.parquet as pq
start = time.perf_counter()
file = pq.ParquetFile(SOURCE, buffer_size=1 << 20, pre_buffer=False)
names = ["account_id", "month", "days_past_due", "amount_due", "amount_paid", "balance", "credit_limit"]
for group in range(file.num_row_groups):
    for batch in file.iter_batches(500_000, row_groups=[group], columns=names):
        pass
took = time.perf_counter() - start
""",
    "part: features": """
import pyarrow.parquet as pq
from delinquency.features._compute import compute
from delinquency.features._plan import plan_features
from delinquency.schema import MONTHS, admit
file = pq.ParquetFile(SOURCE)
rows = next(file.iter_batches(500_000)).to_pandas()
table = admit(rows, MONTHS)
plan = plan_features(table.columns, LAST, None, (3, 6, 12, 24), None, None)
compute(table.iloc[:1000], plan)
times, all_rows = [], file.metadata.num_rows
for _ in range(5):
    start = time.perf_counter()
    compute(table, plan)
    times.append(time.perf_counter() - start)
took = sorted(times)[2] * all_rows / len(table)
""",
    "part: trees": """
import numpy as np, os
from delinquency.scoring import Scorer
from delinquency.storage import load_bundle
scorer = Scorer.from_bundle(load_bundle(BUNDLE))
X = np.random.default_rng(0).normal(size=(50_000, len(scorer.names)))
scorer.trees.raw(X[:1000])
times = []
for _ in range(5):
    start = time.perf_counter()
    scorer.scale.points(scorer.calibration.probability(scorer.trees.raw(X, os.cpu_count())))
    times.append(time.perf_counter() - start)
took = sorted(times)[2] * ACCOUNTS / len(X)
""",
    "part: write": """
import numpy as np, pyarrow as pa
from delinquency.storage import write_table
rng, done = np.random.default_rng(0), 0
n = min(30_000, ACCOUNTS)
part = pa.table({
    "account_id": np.arange(n), "snapshot_date": pa.array(np.full(n, np.datetime64(LAST, "us"))),
    "probability": rng.random(n), "points": rng.normal(600, 40, n),
    "band": pa.array(np.array(list("ABCDE"))[rng.integers(0, 5, n)]),
    "bundle": pa.array(["0" * 64] * n),
})
start = time.perf_counter()
while done < ACCOUNTS:
    write_table(part, f"{OUT}/part-{done:09d}.parquet")
    done += n
took = time.perf_counter() - start
""",
}
PARTS = [name for name in PROGRAMS if name.startswith("part: ")]


def make_model(folder: Path) -> None:
    """Train the model once: a bundle for us, a text for LightGBM, the same trees."""
    import lightgbm as lgb

    from delinquency import features, scoring, storage
    from delinquency.scoring._trees import from_boosters

    X = features.build_features(panel(30_000, seed=7), "2026-03-31")
    z = np.nan_to_num(X["dpd_mean_6m"].to_numpy()) / 20 + X["dpd_last"].to_numpy() / 40
    rng = np.random.default_rng(0)
    bad = (z + rng.logistic(size=len(z)) > 2.2).astype(int)
    parameters = {"objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.03, "verbosity": -1,
                  "feature_fraction": 0.5, "num_threads": 1}  # fmt: skip
    data = lgb.Dataset(X.to_numpy(), bad, feature_name=list(X.columns))
    booster = lgb.train(parameters, data, TREES)
    booster.save_model(folder / "model.txt")
    known = features.catalogue(windows=(3, 6, 12, 24)).set_index("name")
    columns = tuple(
        scoring.Feature(
            name=name,
            family=known.loc[name, "family"],
            sign=int(known.loc[name, "sign"]),
            reason_en=known.loc[name, "reason_en"],
            reason_zh=known.loc[name, "reason_zh"],
            may_miss=True,
            typical=float(np.nan_to_num(X[name].median())),
        )
        for name in X.columns
    )
    trees = from_boosters([booster])
    line = scoring.Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    scale = scoring.PointsScale()
    points = scale.points(line.probability(trees.raw(np.ascontiguousarray(X))))
    bands = scoring.BandScheme.propose(points, bad)
    about = {"windows": [3, 6, 12, 24]}
    golden = X.to_numpy()[:16]
    scorer = scoring.Scorer(columns, trees, line, scale, bands, about, golden)
    storage.save_bundle(scorer, folder / "bundle")


def run(name: str, folder: Path, accounts: int, memory: str) -> dict[str, float]:
    """Run one program in a fresh process; wall seconds, CPU seconds, most memory held, own figure."""
    out = folder / "out"
    places = {
        "benchmarks": str(ROOT / "benchmarks"),
        "source": str(folder / "months.parquet"),
        "bundle": str(folder / "bundle"),
        "model": str(folder / "model.txt"),
        "out": str(out),
    }
    head = HEAD.format(**places, last=LAST, month=LAST_MONTH, memory=memory)
    text = f"{head}ACCOUNTS = {accounts}\n{PROGRAMS[name]}{TAIL}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, cwd=folder, env=environment, check=False
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr.decode()}")
    subprocess.run(["rm", "-rf", out, f"{out}.parquet"], check=True)
    used = json.loads(done.stdout.decode().splitlines()[-1])
    return {"wall": wall, **used}


def median_of(name: str, folder: Path, accounts: int, rounds: int, memory: str) -> dict:
    """Return the median of each figure over the rounds."""
    found = [run(name, folder, accounts, memory) for _ in range(rounds)]
    figures = {}
    for key in ("wall", "cpu", "mib", "took"):
        values = [one[key] for one in found if one[key] is not None]
        if values:
            figures[key] = round(statistics.median(values), 2)
    return figures


def measure(folder: Path, accounts: int, options: argparse.Namespace) -> dict:
    """Return the figures of every program at one size."""
    rows = write_panel(folder / "months.parquet", accounts)
    figures: dict = {"rows": rows, "programs": {}}
    for name in PROGRAMS:
        other = "Booster" in name
        reasons = "reasons" in name
        most = options.others_up_to if other else options.reasons_up_to if reasons else accounts
        if accounts <= most:
            found = median_of(name, folder, accounts, options.rounds, options.memory)
            figures["programs"][name] = found
            print(f"{accounts:,} {name}: {found}", flush=True)
    programs = figures["programs"]
    parts = sum(programs[name]["took"] for name in PARTS)
    figures["sum of parts"] = round(parts, 2)
    figures["ours over the sum of its parts"] = round(programs["ours"]["wall"] / parts, 2)
    for name in programs:
        if "Booster" in name:
            figures[f"{name}, over ours"] = round(
                programs[name]["wall"] / programs["ours"]["wall"], 1
            )
    return figures


def cost(sizes: dict[str, dict]) -> dict:
    """Return seconds a further million accounts, and the exponent of the cost between two sizes."""
    points = sorted((int(n), one["programs"]["ours"]["wall"]) for n, one in sizes.items())
    if len(points) < 2:
        return {}
    (small, fast), (large, slow) = points[0], points[-1]
    cpu = [sizes[str(n)]["programs"]["ours"]["cpu"] for n in (small, large)]
    return {
        "seconds a further million": round((slow - fast) / (large - small) * 1e6, 2),
        "exponent of CPU": round(math.log(cpu[1] / cpu[0]) / math.log(large / small), 3),
    }


def table(result: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Batch scoring, whole processes",
        "",
        f"Made by `benchmarks/batch.py`; {result['machine']}; {result['model']}; memory parameter "
        f"{result['memory']}; load {result['load'][0]:.1f} before, {result['load'][1]:.1f} after.",
        "",
        "| accounts | program | seconds | CPU seconds | MiB |",
        "|---:|---|---:|---:|---:|",
    ]
    for accounts, figures in result["sizes"].items():
        for name, one in figures["programs"].items():
            wall = one.get("took", one["wall"])
            lines.append(
                f"| {int(accounts):,} | {name} | {wall} | {one['cpu']} | {one['mib']:.0f} |"
            )
    lines.append("")
    for accounts, figures in result["sizes"].items():
        said = {k: v for k, v in figures.items() if k not in ("programs", "rows")}
        told = "; ".join(f"{key} {value}" for key, value in said.items())
        lines.append(f"{int(accounts):,} accounts, {figures['rows']:,} rows: {told}.")
    lines += ["", *(f"{key}: {value}." for key, value in result["cost"].items()), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000_000, 2_000_000])
    parser.add_argument("--others-up-to", type=int, default=1_000_000)
    parser.add_argument("--reasons-up-to", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--folder", type=Path, help="where the input is made, for large sizes")
    parser.add_argument("--out", type=Path, help="where to write, without an ending")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        make_model(folder)
        for program in ("ours", *PARTS):  # compiled once, as on any machine after its first night
            write_panel(folder / "months.parquet", 20_000)
            run(program, folder, 20_000, options.memory)
        sizes = {str(n): measure(folder, n, options) for n in options.accounts}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    result = {
        "machine": machine,
        "model": f"100 features, {TREES} trees of {LEAVES} leaves",
        "memory": options.memory,
        "load": [before, os.getloadavg()[0]],
        "sizes": sizes,
        "cost": cost(sizes),
    }
    if options.out:
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        options.out.with_suffix(".md").write_text(table(result), "utf-8")
    print(json.dumps(result["cost"]))


if __name__ == "__main__":
    main()
