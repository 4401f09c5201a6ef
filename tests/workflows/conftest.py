"""A small book on disk, one trained bundle, one demo: made once, shared by the tests."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from delinquency import cli
from delinquency.storage import shown, write_table

ROOT = Path(__file__).parents[2]
CANARY = "zq7-canary"
AS_OF = "2026-06-30"


def book(accounts=2500, seed=0):
    """Months October 2025 to September 2026; every id, text and amount is a canary."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2025-10-31", periods=12, freq="ME")
    risk = rng.normal(0, 1.2, accounts)
    frames, late = [], np.zeros(accounts)
    for month in months:
        worse = rng.random(accounts) < 1 / (1 + np.exp(2.6 - risk - (late > 0)))
        late = np.where(worse, late + 30, 0)
        frames.append(
            pd.DataFrame(
                {
                    "account_id": [f"{CANARY}-{k:05d}" for k in range(accounts)],
                    "month": month,
                    "days_past_due": late.astype(int),
                    "amount_due": 918273.25 + rng.integers(0, 9, accounts),
                    "amount_paid": np.where(worse, 0.0, 918273.25),
                    "balance": 4918273.25 * (1 + np.clip(risk, -2, 2) / 4),
                    "credit_limit": 9918273.25,
                    "status": "open",
                    "note": f"{CANARY}-note",
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def hashes(folder):
    """Every file that a run's folder shows, or any other folder holds, with its bytes."""
    root = shown(folder)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def run(monkeypatch, capfd):
    """Return a runner of the command line in this process: code, stdout, stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["delinquency", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        assert CANARY not in out + err
        assert "918273" not in out + err
        return SimpleNamespace(code=end.value.code or 0, out=out, err=err, lines=told(err))

    return call


def told(err):
    """The lines of stderr that are no progress."""
    return [line for line in err.splitlines() if line and not line.startswith("[")]


def process(*arguments, **keywords):
    """Run a real process of the command line."""
    return subprocess.run(
        [sys.executable, "-m", "delinquency", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        **keywords,
    )


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory):
    """One demo in a process of its own, in an empty folder."""
    place = tmp_path_factory.mktemp("demo")
    done = process("demo", cwd=place)
    return SimpleNamespace(done=done, folder=place / "delinquency-demo", place=place)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """The small book as Parquet, and a bundle trained on it by the command line."""
    folder = tmp_path_factory.mktemp("book")
    write_table(book(), folder / "months.parquet")
    done = process(
        *("train", "--months", folder / "months.parquet", "--as-of", AS_OF),
        *("--out", folder / "bundle", "--json"),
    )
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(
        folder=folder, months=folder / "months.parquet", bundle=folder / "bundle", trained=done
    )
