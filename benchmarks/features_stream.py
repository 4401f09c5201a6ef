"""From Parquet to Parquet as whole processes: ours, a process that only reads, polars; and how memory grows.

    python benchmarks/features_stream.py --accounts 100000 1000000 --out benchmarks/results/...json

Each figure is one fresh process: wall seconds, CPU seconds, and the most memory it held (resident, MiB).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from features_panel import LAST, panel

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "ours": f"""
from delinquency.features import stream_features
stream_features(SOURCE, OUT, {LAST!r}, rows_at_once=500_000)
""",
    "twelve snapshots": f"""
import pandas as pd
from delinquency.features import stream_features
dates = pd.date_range(end={LAST!r}, periods=12, freq="ME")
stream_features(SOURCE, OUT, snapshots=dates, rows_at_once=250_000)
""",
    "only reads": """
import pyarrow.parquet as pq
file = pq.ParquetFile(SOURCE, buffer_size=1 << 20, pre_buffer=False)
for group in range(file.num_row_groups):
    rows = sum(len(batch) for batch in file.iter_batches(500_000, row_groups=[group]))
""",
    "polars": """
import sys; sys.path.insert(0, "benchmarks")
import polars as pl
from features_others import by_polars
by_polars(pl.scan_parquet(SOURCE), 24317).write_parquet(OUT, compression="uncompressed", statistics=False)
""",
}
TAIL = """
import json, resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}))
"""


def write_panel(path: Path, accounts: int) -> int:
    """Write the panel in row groups of a million rows, without holding it whole; return its rows."""
    writer, rows = None, 0
    for start in range(0, accounts, 62_500):
        part = panel(min(62_500, accounts - start), seed=start, first_id=start)
        table = pa.Table.from_pandas(part, preserve_index=False)
        writer = writer or pq.ParquetWriter(
            path, table.schema, compression="zstd", use_dictionary=["month", "credit_limit"]
        )
        writer.write_table(table)
        rows += len(table)
    if writer:
        writer.close()
    return rows


def run(name: str, source: Path, out: Path) -> dict[str, float]:
    """Run one program in a fresh process."""
    text = f"SOURCE, OUT = {str(source)!r}, {str(out)!r}\n" + PROGRAMS[name] + TAIL
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", text], check=True, capture_output=True, cwd=ROOT, env=environment
    )
    wall = time.perf_counter() - start
    used = json.loads(done.stdout.decode().splitlines()[-1])
    out.unlink(missing_ok=True)
    return {"wall": round(wall, 2), "cpu": round(used["cpu"], 2), "mib": round(used["mib"])}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--others-up-to", type=int, default=1_000_000)
    parser.add_argument("--out")
    options = parser.parse_args()
    result: dict = {"load_before": os.getloadavg(), "sizes": {}}
    with tempfile.TemporaryDirectory() as folder:
        for accounts in options.accounts:
            source, out = Path(folder) / "months.parquet", Path(folder) / "features.parquet"
            figures: dict = {"rows": write_panel(source, accounts)}
            figures["source_mib"] = round(source.stat().st_size / 2**20)
            for name in PROGRAMS:
                if name in ("ours", "only reads") or accounts <= options.others_up_to:
                    figures[name] = run(name, source, out)
            result["sizes"][str(accounts)] = figures
            print(accounts, json.dumps(figures), flush=True)
    sizes = {int(size): figures["ours"]["cpu"] for size, figures in result["sizes"].items()}
    small, large = min(sizes), max(sizes)
    if small < large:
        growth = math.log(sizes[large] / sizes[small]) / math.log(large / small)
        result["exponent_cpu"] = round(growth, 3)
    result["load_after"] = os.getloadavg()
    if options.out:
        Path(options.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
