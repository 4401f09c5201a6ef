"""R24 at full size: every failpoint of every change, and 1,000 kills among four racing processes.

    python benchmarks/reliability_champion.py

Writes ``benchmarks/results/reliability_champion.json``. Each part has its negative control: a registry with
a deliberate mistake, which must be caught.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORLD = ROOT / "tests" / "faults" / "champion_world.py"
RUNS = {
    "every failpoint": ("failpoints",),
    "1,000 kills": ("race", "--kills", "1000", "--seconds", "1200"),
    "control: log written in place": ("failpoints", "--only", "promote", "--broken", "in-place"),
    "control: pointer before bundle": (
        *("failpoints", "--only", "promote", "--broken", "pointer-first"),
    ),
    "control: no lock": ("race", "--kills", "100", "--broken", "no-lock"),
}


def run(arguments):
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, WORLD, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    caught = len(result["wrong"]) + result.get("lost", 0) + len(result.get("errors", []))
    result |= {"caught": caught, "seconds": round(time.perf_counter() - begin, 1)}
    return result | {"wrong": result["wrong"][:5]}


def main():
    results = {name: run(arguments) for name, arguments in RUNS.items()}
    for name, result in results.items():
        assert bool(result["caught"]) == name.startswith("control"), (name, result)
    document = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "load": os.getloadavg(),
        "results": results,
    }
    path = ROOT / "benchmarks" / "results" / "reliability_champion.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps({name: result["caught"] for name, result in results.items()}))


if __name__ == "__main__":
    main()
