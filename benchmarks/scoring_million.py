"""A million snapshots of two hundred features, to learn from and to score, beside bare LightGBM.

    python benchmarks/scoring_million.py --out benchmarks/results/scoring_million

`RiskModel` with the library's own settings (five folds, calibration, the proof of the signs) beside one
``lightgbm.train`` of the same parameters, threads and number of trees on the same matrix; then probabilities
of every row from both. A figure is one fresh process: wall seconds of the call, CPU seconds of the process,
and the most memory that it held (resident). The process that only loads the matrix says what of the memory
is the matrix itself. Writes ``.json`` and ``.md``.

The matrix is made up part by part from a seed: correlated factors behind two hundred columns of amounts,
counts and shares, a tenth of the values missing, four snapshots an account, an outcome that depends on the
factors in bends and products, and on chance.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
FACTORS, SNAPSHOTS, PART = 12, 4, 50_000

HEAD = """
import json, resource, sys, time
import numpy as np
sys.path.insert(0, {benchmarks!r})
from scoring_million import framed, kept, restored, signs_of
FOLDER, THREADS = {folder!r}, {threads}
names, X, y = framed(FOLDER)
signs = signs_of(names)
import lightgbm as lgb
from delinquency.scoring import RiskModel
said = {{}}
before = time.perf_counter()
"""
TAIL = """
took = time.perf_counter() - before
if "keep" in globals():
    keep()
used = resource.getrusage(resource.RUSAGE_SELF)
# not ru_maxrss: a child is born with that of its parent
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
mib = int(peak.split()[1]) / 1024
cpu = used.ru_utime + used.ru_stime
print(json.dumps({"seconds": round(took, 2), "cpu": round(cpu, 2), "mib": round(mib), **said}))
"""
PROGRAMS = {
    "load the matrix": "",
    "fit, RiskModel": """
model = RiskModel(signs=signs, n_jobs=THREADS).fit(X, y)
said = {"trees": int(model.n_trees_), "models": int(model.trees_.models[0]),
        "grown": int(model.n_estimators), "calibration": model.calibration_.method}
keep = lambda: kept(FOLDER, model)
""",
    "fit, one lightgbm.train": """
model = RiskModel(signs=signs, n_jobs=THREADS)
settings = model._parameters([signs.get(name, 0) for name in names])
data = lgb.Dataset(X.to_numpy(), y, params=settings)
booster = lgb.train(settings, data, num_boost_round=model.n_estimators)
keep = lambda: booster.save_model(FOLDER + "/bare.txt")
""",
    "predict, RiskModel": """
model = restored(FOLDER, names)
model.predict_proba(X.iloc[:256])  # loads the compiled loops
before = time.perf_counter()
p = model.predict_proba(X)[:, 1]
said = {"trees": len(model.trees_.root)}
keep = lambda: np.save(FOLDER + "/ours.npy", p)
""",
    "predict, one Booster": """
booster = lgb.Booster(model_file=FOLDER + "/bare.txt")
booster.predict(X.iloc[:256].to_numpy())
before = time.perf_counter()
p = booster.predict(X.to_numpy(), num_threads=THREADS)
said = {"trees": booster.num_trees()}
""",
}


def write_matrix(folder: Path, rows: int, features: int, seed: int) -> None:
    """Write ``X.npy`` and ``y.npy``, never holding more than a part."""
    rng = np.random.default_rng(seed)
    loads = rng.normal(size=(FACTORS, features)) * (rng.random((FACTORS, features)) < 0.3)
    noise = rng.uniform(0.3, 1.5, features)
    X = np.lib.format.open_memmap(
        folder / "X.npy", mode="w+", dtype="float64", shape=(rows, features)
    )
    y = np.empty(rows, dtype="int8")
    for start in range(0, rows, PART):
        stop = min(start + PART, rows)
        X[start:stop], y[start:stop] = _part(loads, noise, stop - start, [seed, start])
    X.flush()
    np.save(folder / "y.npy", y)


def _part(
    loads: np.ndarray, noise: np.ndarray, rows: int, seed: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = loads.shape[1]
    person = rng.normal(size=(-(-rows // SNAPSHOTS), FACTORS)).repeat(SNAPSHOTS, axis=0)[:rows]
    factors = 0.8 * person + 0.6 * rng.normal(size=(rows, FACTORS))
    X = factors @ loads + noise * rng.normal(size=(rows, features))
    kind = np.arange(features) % 4
    X[:, kind == 1] = np.round(np.exp(0.8 * X[:, kind == 1] + 4.0), 2)  # amounts
    X[:, kind == 2] = np.floor(np.maximum(X[:, kind == 2], 0.0) * 2)  # counts
    X[:, kind == 3] = np.clip(0.5 + 0.3 * X[:, kind == 3], 0.0, 1.0)  # shares
    X[rng.random(X.shape) < np.where(np.arange(features) % 5 == 0, 0.4, 0.025)] = np.nan
    bent = np.maximum(factors[:, 1], 0.0) + 0.7 * factors[:, 2] * (factors[:, 3] > 0)
    z = -3.6 + 0.8 * factors[:, 0] + 0.9 * bent + 0.4 * factors[:, 4] - 0.3 * factors[:, 5]
    return X, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype("int8")


def framed(folder: str) -> tuple[list[str], object, np.ndarray]:
    """Return names, a frame around the matrix as `build_features` makes one, and outcomes."""
    import pandas as pd

    values, y = np.load(f"{folder}/X.npy"), np.load(f"{folder}/y.npy")
    names = [f"f{k}" for k in range(values.shape[1])]
    dates = pd.date_range("2025-03-31", periods=SNAPSHOTS, freq="QE").as_unit("us")
    place = np.arange(len(values))
    index = pd.MultiIndex(
        levels=[np.arange(1, place[-1] // SNAPSHOTS + 2), dates],
        codes=[place // SNAPSHOTS, place % SNAPSHOTS],
        names=["account_id", "snapshot_date"],
    )
    return names, pd.DataFrame(values, index, names, copy=False), y


def signs_of(names: list[str]) -> dict[str, int]:
    """Return signs for a third of the columns: those that move with the first factor, where none bends."""
    rng = np.random.default_rng(0)
    loads = rng.normal(size=(FACTORS, len(names))) * (rng.random((FACTORS, len(names))) < 0.3)
    pulls = loads[0] * 0.8 + loads[4] * 0.4
    return {name: int(np.sign(p)) for name, p in zip(names, pulls, strict=True) if abs(p) > 0.2}


def kept(folder: str, model: object) -> None:
    """Leave the arrays of a fitted model for the process that predicts."""
    line = model.calibration_  # type: ignore[attr-defined]
    arrays = model.trees_.arrays()  # type: ignore[attr-defined]
    np.savez(f"{folder}/model.npz", raw=line.raw, calibrated=line.calibrated, **arrays)


def restored(folder: str, names: list[str]) -> object:
    """Return the model of `kept`."""
    from delinquency.scoring import Calibration, RiskModel
    from delinquency.scoring._trees import Trees

    model = RiskModel()
    with np.load(f"{folder}/model.npz") as arrays:
        trees = Trees.from_arrays(dict(arrays), len(names))
        model.trees_, line = trees, Calibration(arrays["raw"], arrays["calibrated"])
    model.calibration_, model.classes_ = line, np.array([0, 1])
    model.feature_names_in_, model.n_features_in_ = np.array(names, dtype=object), len(names)
    return model


def run(program: str, folder: Path, threads: int) -> dict[str, float]:
    """Run one program in a fresh process and return what it says of itself."""
    head = HEAD.format(benchmarks=str(Path(__file__).parent), folder=str(folder), threads=threads)
    # threads that wait and spin slow each other down tenfold on cores that are shared
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-c", head + program + TAIL],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env=environment,
    )
    return json.loads(done.stdout.decode().splitlines()[-1])


def measure(rows: int, features: int, threads: int, seed: int) -> dict:
    """Return the figures of every program."""
    load, found = os.getloadavg()[0], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_matrix(folder, rows, features, seed)
        for program, text in PROGRAMS.items():
            found[program] = run(text, folder, threads)
            print(program, json.dumps(found[program]), flush=True)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "rows": rows,
        "features": features,
        "threads": threads,
        "matrix_mib": round(rows * features * 8 / 2**20),
        "programs": found,
    }


def as_markdown(result: dict) -> str:
    """Return the table for people."""
    rows, features = result["rows"], result["features"]
    programs, before = result["programs"], result["programs"]["load the matrix"]["mib"]
    lines = [
        f"# {rows:,} snapshots of {features} features",
        "",
        f"Made by `benchmarks/scoring_million.py`; {result['machine']}; {result['threads']} threads "
        f"that do not spin (`OMP_WAIT_POLICY=PASSIVE`); load {result['load'][0]} before, "
        f"{result['load'][1]} after. The matrix of float64 is {result['matrix_mib']:,} MiB; a process "
        f"that only loads it holds {before:,} MiB.",
        "",
        "| process | seconds of the call | CPU seconds of the process | peak MiB | beyond loading, MiB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, f in programs.items():
        beyond = "" if f["mib"] == before else f"{f['mib'] - before:,}"
        lines.append(f"| {name} | {f['seconds']} | {f['cpu']} | {f['mib']:,} | {beyond} |")
    ours, bare = programs["fit, RiskModel"], programs["fit, one lightgbm.train"]
    asked, one = programs["predict, RiskModel"], programs["predict, one Booster"]
    lines += [
        "",
        f"RiskModel grows {ours['models']} models of {ours['grown']} trees, each on "
        f"{ours['models'] - 1} of {ours['models']} accounts, keeps {ours['trees']} of each, and learns its "
        f"calibration ({ours['calibration']}) on the accounts left out; it takes "
        f"{ours['seconds'] / bare['seconds']:.1f} times the one `lightgbm.train` of {ours['grown']} trees. "
        f"It predicts with {asked['trees']:,} trees in {asked['seconds'] / one['seconds']:.2f} of the "
        f"time in which the Booster predicts with its {one['trees']}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    result = measure(options.rows, options.features, options.threads, options.seed)
    result["whole_run_seconds"] = round(time.perf_counter() - start)
    print(as_markdown(result))
    if options.out:
        text = json.dumps(result, indent=1) + "\n"
        options.out.with_suffix(".json").write_text(text, encoding="utf-8")
        options.out.with_suffix(".md").write_text(as_markdown(result), encoding="utf-8")


if __name__ == "__main__":
    main()
