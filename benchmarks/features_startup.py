"""How long the first call takes: on a machine that never compiled the loops, and in the next process.

python benchmarks/features_startup.py --out benchmarks/results/features_startup.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = """
import json, sys, time
start = time.process_time()
import delinquency.features as features
sys.path.insert(0, "benchmarks")
from features_panel import LAST, panel
loaded = time.process_time()
spec = features.FeatureSpec() if WHOLE else None
months = panel(100)
called = time.process_time()
features.build_features(months, LAST, spec=spec)
print(json.dumps({"import": loaded - start, "first_call": time.process_time() - called}))
"""


def run(whole: bool, cache: str) -> dict[str, float]:
    """Return CPU seconds of the import and of the first call in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": cache}
    text = PROGRAM.replace("WHOLE", str(whole))
    done = subprocess.run(
        [sys.executable, "-c", text], check=True, capture_output=True, cwd=ROOT, env=environment
    )
    return {key: round(value, 2) for key, value in json.loads(done.stdout).items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out")
    options = parser.parse_args()
    result = {"unit": "CPU seconds", "load": os.getloadavg()}
    for name, whole in (("core", False), ("whole catalogue", True)):
        with tempfile.TemporaryDirectory() as cache:
            result[name] = {"first ever": run(whole, cache), "next process": run(whole, cache)}
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
