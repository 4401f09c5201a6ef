"""The proofs of `tests/faults` at their full sizes, each after the control that it must catch.

    python benchmarks/reliability.py --out benchmarks/results/reliability
    python benchmarks/reliability.py --only R1 R5 --scale 0.02     # a smoke run

Writes ``.json`` (every count) and ``.md`` (the table that the docs quote). Ends with 1 when a promise does
not hold or a control was not caught. What a part takes is printed; the long ones are R1, R3 and R20.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.faults.driver import Driver  # noqa: E402 - found from the repository's root

# promise, what is tried in words, proof, its sizes, the size that scales, what was tried, what must be zero
KILLED = ("torn", "not resumed", "not the same bytes", "left over")
DISK = ("damaged", "said done, did nothing", "other answers", "left over")
ONE_BY_ONE = {"broken": "files shown one by one"}
PROOFS = [
    ("R1", "kill at every failpoint of scoring, with and without a run before; resumed",
     "kills.every_failpoint", {"kind": "scores"}, None, "kills", KILLED),
    ("R1", "kill at every failpoint of a small run", "kills.every_failpoint", {"kind": "text"},
     None, "kills", KILLED),
    ("R1", "SIGKILL of scoring at random moments, resumed", "kills.random_kills",
     {"kind": "scores", "times": 1000}, "times", "kills", KILLED),
    ("R1", "SIGKILL of a small run at random moments, resumed", "kills.random_kills",
     {"kind": "text", "times": 1000}, "times", "kills", KILLED),
    ("R1", "leftovers of a killed run damaged before it is resumed", "kills.damaged_leftovers",
     {"times": 200}, "times", "damaged", ("not the same bytes",)),
    ("R2", "reads of three files while another process commits", "kills.torn_reads",
     {"commits": 1000, "reads": 100_000}, "reads", "reads", ("torn",)),
    ("R3", "writers cut off at 64 file sizes each", "disk.size_limits", {"sizes": 64}, "sizes",
     "writes", DISK),
    ("R3", "writers in a read-only folder", "disk.read_only", {}, None, "writes", DISK),
    ("R3", "writers on a small disk that runs full", "disk.tiny_disk", {"rounds": 8}, "rounds",
     "writes", DISK),
    ("R5", "rounds of four processes that start one job", "kills.races", {"rounds": 200}, "rounds",
     "rounds", ("not exactly one", "other answers", "not whole")),
    ("R6", "days decided again and again, killed half of the time", "decisions.replays",
     {"times": 1000}, "times", "replays", ("not resumed", "duplicate decisions", "cap breaches")),
    ("R7", "files of runs, bundles and decision logs damaged", "damage.damaged_files",
     {"times": 10_000}, "times", "damaged", ("not noticed", "false alarms")),
    ("R9", "damaged strategies, rule packs, retraining settings and goals", "texts.configurations",
     {"times": 10_000}, "times", "configurations", ("no clear answer",)),
    ("R10", "portfolios: whole, shuffled, in batches, one account at a time",
     "inputs.features_any_way", {"portfolios": 1000}, "portfolios", "portfolios", ("other bits",)),
    ("R11", "orders of columns; then each dropped, renamed, retyped", "inputs.permuted_columns",
     {"times": 1000}, "times", "permuted", ("other scores", "spoilt, not refused")),
    ("R12", "rows with NaN or infinity where none may be", "inputs.poisoned_rows",
     {"rows": 10_000}, "rows", "poisoned", ("scored all the same", "refused for nothing")),
    ("R15", "threads, chunk sizes, orders of rows", "inputs.same_whatever_way", {"times": 500},
     "times", "ways", ("other bits",)),
    ("R20", "spoilt files with a canary in every cell", "inputs.canaries", {"times": 12_000},
     "times", "errors", ("leaks",)),
    ("R21", "names full of mark-up and formulas, on the page and in a table for a spreadsheet",
     "texts.active_content", {"times": 300}, "times", "names",
     ("marked up by a name", "loads something", "cells a spreadsheet runs")),
    ("R22", "no rows, no column, nobody left, no check", "inputs.nothing_to_go_on", {}, None,
     "tried", ("committed",)),
    ("R25", "a decision log edited by who knows its format; its head is kept elsewhere",
     "decisions.edited", {"times": 1000}, "times", "edits", ("not noticed", "false alarms")),
]  # fmt: skip
# the control of each promise: proof, sizes, and where it must show
CONTROLS = {
    "R1": ("kills.every_failpoint", {"kind": "text", "stride": 3, **ONE_BY_ONE}, ("torn",)),
    "R2": ("kills.torn_reads", {"commits": 20, "reads": 1000, **ONE_BY_ONE}, ("torn",)),
    "R3": ("disk.size_limits", {"sizes": 6, "in_place": True}, ("damaged",)),
    "R5": ("kills.races", {"rounds": 6, "broken": "no lock"},
           ("not exactly one", "other answers", "not whole")),
    "R6": ("decisions.replays", {"times": 20, "broken": "no log"},
           ("duplicate decisions", "cap breaches")),
    "R7": ("damage.damaged_files", {"times": 100, "check": "by_size"}, ("not noticed",)),
    "R9": ("texts.configurations", {"times": 200, "trusting": True}, ("no clear answer",)),
    "R10": ("inputs.features_any_way", {"portfolios": 5, "cut_in_two": True}, ("other bits",)),
    "R11": ("inputs.permuted_columns", {"times": 3, "by_position": True}, ("other scores",)),
    "R12": ("inputs.poisoned_rows", {"rows": 100, "unguarded": True}, ("scored all the same",)),
    "R20": ("inputs.canaries", {"times": 10, "careless": True}, ("leaks",)),
    "R21": ("texts.active_content", {"times": 100, "careless": True},
            ("marked up by a name", "loads something", "cells a spreadsheet runs")),
    "R25": ("decisions.edited", {"times": 60, "alone": True}, ("not noticed",)),
}  # fmt: skip


def prove(driver: Driver, proof: tuple, scale: float) -> dict:
    """Run one proof at its size, and return what it tried and what it found."""
    promise, words, name, sizes, scaled, tried, zero = proof
    if scaled:
        sizes = {**sizes, scaled: max(int(sizes[scaled] * scale), 2)}
        if "commits" in sizes:
            sizes["commits"] = max(int(sizes["commits"] * scale), 10)
    start = time.perf_counter()
    counts = driver(name, **sizes)
    seconds = round(time.perf_counter() - start, 1)
    if counts is None:
        return {"promise": promise, "what": words, "state": "not possible here", "seconds": seconds}
    against = {name: counts.get(name, 0) for name in zero}
    holds = not any(against.values()) and counts.get(tried, 0) > 0
    return {
        "promise": promise,
        "what": words,
        "tried": counts.get(tried, 0),
        "against": against,
        "state": "holds" if holds else "broken",
        "seconds": seconds,
        "counts": counts,
    }


def control(driver: Driver, promise: str) -> dict | None:
    """Run the deliberately broken variant of a promise; it must be caught."""
    if promise not in CONTROLS:
        return None
    name, sizes, shows = CONTROLS[promise]
    counts = driver(name, **sizes)
    caught = sum(counts.get(one, 0) for one in shows)
    return {"promise": promise, "caught": caught, "state": "caught" if caught else "NOT CAUGHT"}


def memory(scale: float, driver: Driver) -> dict:
    """R23: how much a stream holds of one table and of one four times as long."""
    start = time.perf_counter()
    figures = driver("inputs.memory", accounts=max(int(200_000 * scale), 20_000), times=4)
    stream, whole = figures["growth of the stream"], figures["growth of the whole"]
    return {
        "promise": "R23",
        "what": "MiB more for four times the rows; read whole (the control) it grows by "
        f"{whole} MiB",
        "tried": 4,
        "against": {"growth of the stream in MiB": stream},
        "state": "holds" if stream < max(whole / 4, 30) else "broken",
        "seconds": round(time.perf_counter() - start, 1),
        "counts": figures,
    }


def table(result: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "# What was tried against the promises",
        "",
        f"Made by `benchmarks/reliability.py`, scale {result['scale']:g}; {result['machine']}; "
        f"load {result['load'][0]:.1f} before, {result['load'][1]:.1f} after.",
        "",
        "| promise | what was tried | times | found against it | seconds |",
        "|---|---|---:|---|---:|",
    ]
    for row in result["proofs"]:
        found = ", ".join(f"{n:,} {name}" for name, n in row.get("against", {}).items())
        found = found or row["state"]
        tried = f"{row.get('tried', 0):,}"
        lines.append(f"| {row['promise']} | {row['what']} | {tried} | {found} | {row['seconds']} |")
    caught = ", ".join(f"{row['promise']} {row['caught']}" for row in result["controls"])
    lines += ["", f"Broken on purpose, and caught so many times: {caught}.", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="promises, such as R1 R5")
    parser.add_argument("--scale", type=float, default=1.0, help="of the full sizes")
    parser.add_argument("--out", type=Path, help="where to write, without an ending")
    options = parser.parse_args()
    wanted = set(options.only or [*(proof[0] for proof in PROOFS), "R23"])
    before, driver = os.getloadavg()[0], Driver()
    controls, proofs = [], []
    for promise in sorted(wanted, key=lambda name: int(name[1:])):
        if (row := control(driver, promise)) is not None:
            controls.append(row)
            print(f"{promise:4} control: {row['state']}, {row['caught']} times", flush=True)
        rows = (prove(driver, proof, options.scale) for proof in PROOFS if proof[0] == promise)
        for row in [memory(options.scale, driver)] if promise == "R23" else rows:
            proofs.append(row)
            print(
                f"{promise:4} {row['state']}: {row['what']}, {row.get('tried', 0):,} times, "
                f"{row['seconds']} s {row.get('against', '')}",
                flush=True,
            )
    driver.close()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    result = {
        "machine": machine,
        "scale": options.scale,
        "load": [before, os.getloadavg()[0]],
        "controls": controls,
        "proofs": proofs,
    }
    if options.out:
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        options.out.with_suffix(".md").write_text(table(result), "utf-8")
    fine = all(row["state"] == "caught" for row in controls)
    return 0 if fine and all(row["state"] != "broken" for row in proofs) else 1


if __name__ == "__main__":
    sys.exit(main())
