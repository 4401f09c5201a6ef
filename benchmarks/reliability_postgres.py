"""Terminated database sessions at full size: all or nothing, and re-running is harmless.

    python benchmarks/reliability_postgres.py --out benchmarks/results/reliability_postgres.json

Starts a PostgreSQL server of its own (Debian's package), ends the session before and after every statement of
a write to two tables, between the batches on their way, and at random moments, until 250 are reached. The
negative control, the same writer committing after every statement, must be caught.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.postgres_proof import (  # noqa: E402 - the tests stand beside us, not above
    FAULTS,
    World,
    end_after,
    end_at_random,
    end_before,
    end_while_sending,
)
from postgres_server import running  # noqa: E402


def new_world(server, name: str, **settings) -> World:
    server.sql(f"CREATE SCHEMA {name}")
    return World(server, name, **settings)


def at_every_step(world: World, **settings) -> None:
    for end in (end_before, end_after):
        for step in itertools.count():
            if not end(world, step, **settings):
                break


def prove(server, sessions: int) -> dict:
    """Return how many sessions were ended, how the writes stood after it, and the faults."""
    steps, large = new_world(server, "steps"), new_world(server, "large", accounts=20_000)
    at_every_step(steps)
    for batch in range(4):
        end_while_sending(steps, batch)
    while ended(steps) + ended(large) < sessions:
        end_at_random(large, 10, seed=large.version)
    outcomes, faults = steps.outcomes + large.outcomes, steps.faults + large.faults
    return {
        "sessions ended": ended(steps) + ended(large),
        "outcomes": dict(sorted(outcomes.items())),
        "faults": {name: faults[name] for name in FAULTS},
    }


def ended(world: World) -> int:
    return sum(n for outcome, n in world.outcomes.items() if outcome.startswith("stopped"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=250)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with running("fsync=off") as server:
        control = new_world(server, "control")
        at_every_step(control, commit_each=True)
        if not control.faults["partial"]:
            sys.exit("the proof is blind: it did not notice a writer without a transaction")
        result = prove(server, arguments.sessions)
        result["negative control, partial writes noticed"] = control.faults["partial"]
        result["server"] = server.sql("SELECT current_setting('server_version')")[0][0]
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    if any(result["faults"].values()):
        sys.exit("faults were seen")


if __name__ == "__main__":
    main()
