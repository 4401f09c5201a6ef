"""A disk that refuses: full, over its quota, read-only, a tiny one. R3."""

import os
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pandas as pd

from delinquency import features, storage, strategy, workflows
from delinquency.errors import DelinquencyError

from .kills import commit_text
from .world import ACCOUNTS, NEW, OLD, ended, fork, scoring_run, tree, workshop

NOBODY = 65534


def _table(name):
    """A table for each of two versions; the new one is the larger."""
    rows = {"old": 300, "new": 900}[name]
    return pd.DataFrame({"id": np.arange(rows), "x": np.random.default_rng(rows).random(rows)})


def _bundle(name):
    return storage.Bundle({"version": name}, {"x": _table(name)["x"].to_numpy()})


def _decide(where, out, name):
    accounts = pd.DataFrame({"account_id": np.arange(60), "days_past_due": 20.0, "balance": 50.0})
    scores = accounts[["account_id"]].assign(
        snapshot_date=pd.Timestamp(OLD if name == "old" else NEW),
        probability=0.1,
        points=550.0,
        band="B",
    )
    strategy.record_decisions(out, scores, accounts, as_of=OLD if name == "old" else NEW)


def _plan(where, out, name):
    """The same scores, at last with what is known of the accounts."""
    folder = where["months"].parent
    known = folder / "accounts.parquet" if name == "new" else None
    workflows.plan_files(
        folder / "scored", where["months"], as_of=NEW, out=out, accounts=known, new_version=True
    )


# What writes, and into which names: given the inputs, the folder, and which version.
WRITERS = {
    "parquet": lambda where, out, name: storage.write_table(_table(name), out / "t.parquet"),
    "csv": lambda where, out, name: storage.write_table(_table(name), out / "t.csv"),
    "bytes": lambda where, out, name: storage.write_bytes(
        out / "page.html", name.encode() * (2000 if name == "new" else 500)
    ),
    "bundle": lambda where, out, name: storage.save_bundle(_bundle(name), out),
    "features": lambda where, out, name: features.stream_features(
        where["months"],
        out / "features.parquet",
        NEW if name == "new" else OLD,
        windows=(3,) if name == "old" else (3, 6),
        rows_at_once=400,
    ),
    "run": lambda where, out, name: commit_text(out, name * 30),
    "scores": lambda where, out, name: scoring_run(where, out, NEW if name == "new" else OLD),
    "plan": _plan,
    "decisions": _decide,
}
# What others do, and we must not: the negative control.
IN_PLACE = {
    "parquet": lambda where, out, name: _in_place(
        lambda: _table(name).to_parquet(out / "t.parquet")
    ),
    "bytes": lambda where, out, name: _in_place(
        lambda: (out / "page.html").write_bytes(name.encode() * 2000)
    ),
}


def _in_place(write):
    try:
        write()
    except OSError:
        return 5
    return 0


def seen(out):
    """What a reader finds in a folder: files by name; of a bundle or a log, what they hold."""
    if list(out.glob("arrays-*.bin")):
        try:
            return storage.load_bundle(out).document
        except DelinquencyError:
            return "no bundle"
    if (out / "chain.json").exists():
        try:
            return strategy.read_decisions(out).to_json()
        except DelinquencyError:
            return "no log"
    return {name: content for name, content in tree(out).items() if not name.startswith(".")}


@contextmanager
def writers(chosen):
    """Inputs, and a folder for each writer in which its old version stands."""
    assert workflows.plan_files  # loads now what a child without rights could not load
    with workshop() as (folder, where):
        folder.chmod(0o755)
        scoring_run(where, folder / "scored")
        people = pd.DataFrame({"account_id": np.arange(1, ACCOUNTS + 1), "valid_phone": True})
        storage.write_table(people, folder / "accounts.parquet")
        good = {}
        for kind, write in chosen.items():
            good[kind] = folder / f"good-{kind}"
            good[kind].mkdir()
            code = ended(fork(lambda write=write, out=good[kind]: write(where, out, "old")))
            assert code == 0, (kind, code)
        yield folder, where, good


def _judge(counts, kind, code, before, out):
    """Whatever the disk refused: the old output is untouched, and the answer has the right code."""
    after = seen(out)
    counts["writes"] += 1
    counts["refused"] += code != 0
    if code != 0 and after != before:
        counts["damaged"] += 1
        counts[f"damaged: {kind}"] += 1
    if code == 0 and after == before:
        counts["said done, did nothing"] += 1
    counts["other answers"] += code not in (0, 5)
    litter = [path for path in out.glob(".*") if path.name not in (".runs", ".lock")]
    counts["left over"] += len(litter)


def _largest(out):
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    return max(sizes, default=1)


def size_limits(sizes, in_place=False):
    """Cut every writer off at so many file sizes, from one byte to more than it needs."""
    counts = Counter()
    chosen = IN_PLACE if in_place else WRITERS
    with writers(chosen) as (folder, where, good):
        for kind, write in chosen.items():
            trial = folder / "trial"
            shutil.copytree(good[kind], trial, symlinks=True)
            assert ended(fork(lambda w=write, out=trial: w(where, out, "new"))) == 0, kind
            most, before = _largest(trial) * 1.1, seen(good[kind])
            for size in np.linspace(1, most, sizes).astype(int):
                shutil.rmtree(trial)
                shutil.copytree(good[kind], trial, symlinks=True)
                pid = fork(lambda w=write, out=trial: w(where, out, "new"), file_size=int(size))
                _judge(counts, kind, ended(pid), before, trial)
            shutil.rmtree(trial)
    return dict(counts)


def read_only():
    """A folder in which nothing may be written; as root, by a child that is nobody."""
    counts = Counter()
    with writers(WRITERS) as (_, where, good):
        for kind, write in WRITERS.items():
            for path in [good[kind], *good[kind].rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o555 if path.is_dir() else 0o444)
            before, uid = seen(good[kind]), NOBODY if os.geteuid() == 0 else None
            pid = fork(lambda w=write, out=good[kind]: w(where, out, "new"), uid=uid)
            _judge(counts, kind, ended(pid), before, good[kind])
            for path in [good[kind], *good[kind].rglob("*")]:
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
    return dict(counts)


def tiny_disk(rounds, kibibytes=96):
    """A disk of its own that runs full while the new version is written; None where none can be made."""
    counts = Counter()
    with writers(WRITERS) as (folder, where, good):
        for kind, write in WRITERS.items():
            for number in range(rounds):
                disk = folder / "disk"
                disk.mkdir(exist_ok=True)
                room = max(_largest(good[kind]) // 1024 * 2 + 16, 24) + number * 8
                size = f"size={max(room, 4)}k" if rounds > 1 else f"size={kibibytes}k"
                mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)]
                if (
                    shutil.which("mount") is None
                    or subprocess.run(mount, capture_output=True).returncode
                ):
                    return None
                try:
                    out = disk / "out"
                    try:
                        shutil.copytree(good[kind], out, symlinks=True)
                    except shutil.Error:
                        continue  # not even the old version fits
                    before = seen(out)
                    pid = fork(lambda w=write, out=out: w(where, out, "new"))
                    _judge(counts, kind, ended(pid), before, out)
                finally:
                    subprocess.run(["umount", str(disk)], check=True)
    return dict(counts)
