"""What the proofs work on: a small book, a scorer made by hand, and children that may be killed."""

import os
import resource
import signal
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from delinquency import features, scoring, storage, workflows
from delinquency.errors import DelinquencyError
from delinquency.storage import _failpoint
from delinquency.workflows import _intake

OLD, NEW = "2026-05-31", "2026-06-30"
ACCOUNTS = 240
BATCH = 600  # rows: three parts, so that there is something to stop between
WINDOWS = (3,)
NOTHING_TO_DO = 10  # our own exit code of a child that found its run committed


def book(accounts=ACCOUNTS, seed=0):
    """Six months of each account, as pandas; some are late."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2026-01-31", periods=6, freq="ME").astype("datetime64[us]")
    n = accounts * len(months)
    return pd.DataFrame(
        {
            "account_id": np.repeat(np.arange(1, accounts + 1), len(months)),
            "month": np.tile(months, accounts),
            "days_past_due": np.where(rng.random(n) < 0.3, rng.integers(1, 90, n), 0),
            "amount_due": 100.0,
            "amount_paid": np.where(rng.random(n) < 0.3, 0.0, 100.0),
            "balance": np.round(rng.uniform(10, 900, n), 2),
            "credit_limit": 1000.0,
            "status": "open",
        }
    )


def scorer():
    """Three stumps by hand: late now, late before, owes much. No model has to be learnt."""
    names = ("dpd_last", "dpd_max_3m", "utilisation_last")
    known = features.catalogue(windows=WINDOWS).set_index("name")
    columns = tuple(
        scoring.Feature(
            name=name,
            family=known.loc[name, "family"],
            sign=1,
            reason_en=known.loc[name, "reason_en"],
            reason_zh=known.loc[name, "reason_zh"],
            may_miss=False,
            typical=0.0,
        )
        for name in names
    )
    trees = scoring.Trees(
        feature=np.array([0, 1, 2], "int32"),
        left=np.array([~0, ~2, ~4], "int32"),
        right=np.array([~1, ~3, ~5], "int32"),
        threshold=np.array([15.0, 40.0, 0.5]),
        missing=np.zeros(3, "uint8"),
        value=np.array([-1.0, 1.0, -0.5, 0.75, -0.25, 0.5]),
        node_cover=np.full(3, 100.0),
        leaf_cover=np.full(6, 50.0),
        root=np.array([0, 1, 2], "int32"),
        models=np.array([1], "int64"),
    )
    return scoring.Scorer(
        columns,
        trees,
        scoring.Calibration(np.array([0.0, 1.0]), np.array([-1.0, 0.0])),
        scoring.PointsScale(),
        scoring.BandScheme(names=("A", "B", "C"), floors=(540.0, 500.0)),
        {"windows": list(WINDOWS)},
        np.array([[0.0, 0.0, 0.1], [30.0, 50.0, 0.9]]),
    )


def make(folder):
    """Write the book and the bundle; return the arguments of a scoring run."""
    storage.write_table(book(), folder / "months.parquet")
    storage.save_bundle(scorer(), folder / "bundle")
    return {"months": folder / "months.parquet", "bundle": folder / "bundle"}


@contextmanager
def workshop():
    """A folder with book and bundle, and batches small enough to be stopped between."""
    before = _intake._MOST_ROWS
    _intake._MOST_ROWS = BATCH
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            yield folder, make(folder)
    finally:
        _intake._MOST_ROWS = before


def scoring_run(where, out, as_of=NEW):
    """Score; return how it ended, as a child's exit code."""
    told = []
    workflows.score_files(**where, as_of=as_of, out=out, new_version=True, say=told.append)
    return NOTHING_TO_DO if any("nothing to do" in line for line in told) else 0


def fork(work, *, die_at=None, file_size=None, uid=None, listener=None):
    """Start a child at some work; return its process id.

    It kills itself at the `die_at`-th failpoint it reaches, and may write no file beyond `file_size`.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        _failpoint.on_reaching(listener or _killer(die_at))
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        if uid is not None:
            os.setgid(uid)
            os.setuid(uid)
        result = work()
        code = result if type(result) is int else 0
    except DelinquencyError as error:
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _killer(die_at):
    if die_at is None:
        return None
    reached = [0]

    def listen(_):
        reached[0] += 1
        if reached[0] > die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return listen


def ended(pid):
    """Wait for a child; return its exit code, minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def failpoints(work):
    """Return the failpoints that some work reaches, in order, in a child of its own."""
    with tempfile.NamedTemporaryFile("r") as file:

        def listen(place):
            with Path(file.name).open("a") as log:
                log.write(place + "\n")

        code = ended(fork(work, listener=listen))
        assert code in (0, NOTHING_TO_DO), code
        return file.read().split("\n")[:-1]


def tree(out):
    """Every file that a run shows, with its bytes."""
    root = storage.shown(out)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
