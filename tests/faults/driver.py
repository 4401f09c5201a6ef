"""A process that does the proofs: it has imported everything, started no thread, and forks.

Forking from pytest would carry along whatever threads other tests have left behind. A line of JSON asks, a
line of JSON answers.
"""

import json
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Driver:
    """Start the process, and ask it."""

    def __init__(self):
        self.process = None

    def __call__(self, proof, **sizes):
        """Run a proof, such as ``kills.races``; return its counts."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.driver"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        self.process.stdin.write(json.dumps([proof, sizes]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{proof} ended the process"
        counts = json.loads(answer)
        assert "failed" not in counts, counts
        return counts

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


def main():
    from tests.faults import damage, decisions, disk, inputs, kills, texts

    warnings.simplefilter(
        "ignore"
    )  # Python 3.12 warns of every fork beside threads; ours have ended
    rooms = {
        room.__name__.rpartition(".")[2]: room
        for room in (damage, decisions, disk, inputs, kills, texts)
    }
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        proof, sizes = json.loads(line)
        room, _, name = proof.partition(".")
        if name == "damaged_files" and "check" in sizes:
            sizes["check"] = getattr(damage, sizes["check"])
        try:
            counts = getattr(rooms[room], name)(**sizes)
        except Exception as error:
            counts = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(counts) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
