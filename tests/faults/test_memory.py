"""A ceiling on memory: the run is there whole, or nobody sees it and the next one goes on."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from delinquency import cli
from delinquency.storage import read_table, verify

from .world import NEW, OLD, make

ROOT = __file__.rsplit("/tests/", 1)[0]
GIB = 1 << 30


def score(where, out, as_of, ceiling=None):
    """Run the command in a process that may map so much and no more."""

    def limit():
        if ceiling is not None:
            resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))

    arguments = ["--months", where["months"], "--bundle", where["bundle"], "--as-of", as_of]
    return subprocess.run(
        [sys.executable, "-m", "delinquency", "score", *arguments, "--out", out, "--new-version"],
        env={**os.environ, "PYTHONPATH": ROOT, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is kept by Linux alone")
def test_a_ceiling_leaves_the_last_good_run_and_one_clear_line(tmp_path):
    """Libraries below us may end the process; what stood before stands, and the next run is right."""
    where, out = make(tmp_path), tmp_path / "out"
    assert score(where, out, OLD).returncode == 0
    before = read_table(out)
    codes = []

    for ceiling in (0.5, 0.8, 0.9, 1.0):
        done = score(where, out, NEW, int(ceiling * GIB))
        codes.append(done.returncode)
        assert (verify(out)["state"] == "same").all()
        if done.returncode == 0:
            break
        assert read_table(out).equals(before)
        assert done.returncode != 2  # no file is called damaged for want of memory
        if done.returncode == 5:
            assert done.stderr.strip().splitlines()[-1].startswith("DLQ-503")

    assert codes[0] != 0  # else no ceiling was felt, and nothing was proved
    assert score(where, out, NEW).returncode == 0
    assert (read_table(out)["snapshot_date"].astype("str") == NEW).all()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), 5),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 5),
        (RuntimeError("can't start new thread"), 5),
        (OSError(errno.ENOSPC, "No space left on device"), 5),
        (RuntimeError("something else"), 70),
    ],
)
def test_want_of_memory_is_told_as_such(error, code, capsys):
    """Whatever a library below us calls it."""
    assert cli._failed(error) == code
    told = capsys.readouterr().err
    assert ("DLQ-503" in told) == (code == 5 and "space" not in str(error))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is kept by Linux alone")
def test_where_hardly_any_memory_is_left_no_file_is_called_damaged():
    """Libraries that run out of memory say that a file is; with memory left they are believed."""
    code = """
import resource
from delinquency.errors import unless_memory
error = OSError("Couldn't deserialize thrift")
unless_memory(error)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (16 << 20),) * 2)
try:
    unless_memory(error)
except MemoryError:
    print("memory")
"""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert told.stdout == "memory\n"
