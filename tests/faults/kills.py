"""Killed, raced and read in between: R1, R2, R5."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter

from delinquency import storage
from delinquency.errors import DelinquencyError, LockError
from delinquency.storage import _journal, _open_run, _run
from delinquency.storage._failpoint import reached
from delinquency.storage._manifest import RUNS

from .world import NEW, NOTHING_TO_DO, OLD, ended, failpoints, fork, scoring_run, tree, workshop


class Job:
    """A job that can be run into a folder, as it was and as it is to be, and what it leaves."""

    def __init__(self, folder, run):
        self.folder, self.run, self.leaves = folder, run, {}
        for name in ("old", "new"):
            out = folder / f"reference-{name}"
            assert ended(fork(lambda out=out, name=name: run(out, name))) == 0
            self.leaves[name] = without_past(tree(out))

    def start(self, out, **keywords):
        """Start the new run in a child."""
        return fork(lambda: self.run(out, "new"), **keywords)

    def state(self, out):
        """Return what a reader sees: ``old``, ``new``, ``nothing`` or ``torn``."""
        seen = visible(out)
        if not seen:
            return "nothing"
        return next((name for name, files in self.leaves.items() if seen == files), "torn")

    def fresh(self, stands):
        """Return an empty folder, with the old run in it when something shall stand there."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        if stands:
            shutil.copytree(self.folder / "reference-old", out, symlinks=True)
        return out


def scores_job(folder, where):
    """The real one: scoring, of another day before."""
    days = {"old": OLD, "new": NEW}
    return Job(folder, lambda out, name: scoring_run(where, out, days[name]))


def text_job(folder, where):
    """A small one with the same bones, quick enough for every failpoint in the everyday suite."""
    return Job(folder, lambda out, name: 0 if commit_text(out, name) else NOTHING_TO_DO)


JOBS = {"scores": scores_job, "text": text_job}


def without_past(files):
    """Leave out what may differ: the manifest names the run that stood before."""
    return {name: content for name, content in files.items() if name != "run_manifest.json"}


def visible(out):
    """What a person finds under the names of the run, and nothing else."""
    if not (out / "run_manifest.json").exists():
        return {}
    found = {}
    for entry in storage.read_manifest(out)["outputs"]:
        path = out / entry
        found[entry] = path.read_bytes() if path.exists() else b""
    return found


def every_failpoint(kind="scores", stride=1, broken=None):
    """Kill once at every failpoint, with and without a run that stood there; then run again."""
    counts = Counter()
    with workshop() as (folder, where), mutant(broken):
        job = JOBS[kind](folder, where)
        for stands in (False, True):
            before = "old" if stands else "nothing"
            places = failpoints(lambda stands=stands: job.run(job.fresh(stands), "new"))
            for place in range(0, len(places), stride):
                out = job.fresh(stands)
                counts["kills"] += ended(job.start(out, die_at=place)) == -signal.SIGKILL
                counts["torn"] += job.state(out) not in (before, "new")
                counts["not resumed"] += ended(job.start(out)) not in (0, NOTHING_TO_DO)
                counts["not the same bytes"] += job.state(out) != "new"
                counts["left over"] += left_over(out)
    return dict(counts)


def left_over(out):
    """Return how many things a finished run should not have left."""
    runs = out / RUNS
    kept = list(runs.iterdir()) if runs.exists() else []
    versions = [path for path in kept if path.name not in (".lock", "current")]
    hidden = [path for path in out.rglob(".*") if path.is_file() and path.name != ".lock"]
    return max(len(versions) - 2, 0) + len(hidden)


def random_kills(times, kind="scores", seed=0, broken=None):
    """SIGKILL at random moments, often again during the resumption, then run to the end."""
    chance, counts = random.Random(seed), Counter()
    with workshop() as (folder, where), mutant(broken):
        job = JOBS[kind](folder, where)
        start = time.perf_counter()
        ended(job.start(folder / "timed"))
        whole = time.perf_counter() - start
        while counts["kills"] < times:
            stands = chance.random() < 0.5
            out, fine = job.fresh(stands), ("new", "old" if stands else "nothing")
            while chance.random() < 0.8 and counts["kills"] < times:
                pid = job.start(out)
                time.sleep(chance.uniform(0, whole * 1.1))
                os.kill(pid, signal.SIGKILL)
                if ended(pid) != -signal.SIGKILL:
                    counts["too late"] += 1
                    break
                counts["kills"] += 1
                counts["torn"] += job.state(out) not in fine
            counts["not resumed"] += ended(job.start(out)) not in (0, NOTHING_TO_DO)
            counts["not the same bytes"] += job.state(out) != "new"
            counts["left over"] += left_over(out)
    return dict(counts)


def damaged_leftovers(times, seed=0, broken=None):
    """Damage what a killed run left: the next run believes nothing that it has not hashed."""
    chance, counts = random.Random(seed), Counter()
    with workshop() as (folder, where), mutant(broken):
        job = text_job(folder, where)
        places = len(failpoints(lambda: job.run(folder / "counted", "new")))
        while counts["damaged"] < times:
            out = job.fresh(False)
            ended(job.start(out, die_at=chance.randrange(8, places - 3)))
            left = sorted((out / RUNS).rglob("*.txt"))
            if not left:
                continue
            victim = chance.choice(left)
            content = bytearray(victim.read_bytes())
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            victim.write_bytes(content)
            counts["damaged"] += 1
            ended(job.start(out))
            counts["not the same bytes"] += job.state(out) != "new"
    return dict(counts)


FILES = ("a.txt", "b.txt", "c.txt")


def commit_text(out, text):
    """Commit a run of three files that say the same; return the manifest it committed, or None."""
    with storage.open_run(
        out, "text", as_of=NEW, inputs={}, settings={"text": text}, new_version=True
    ) as run:
        if run.committed:
            return None
        for name in FILES:
            run.write(name, text.encode() * 50)
        return run.commit()


def torn_reads(commits, reads, broken=None):
    """One process commits without end, another reads: all files of one version, every time."""
    counts = Counter()
    with workshop() as (folder, _), mutant(broken):
        out = folder / "out"
        assert ended(fork(lambda: commit_text(out, "0"))) == 0
        writer = fork(lambda: _commit_many(out, commits))
        while counts["reads"] < reads:
            counts["reads"] += 1
            counts["torn"] += not _one_version(out)
            if os.waitpid(writer, os.WNOHANG)[0]:
                writer = fork(lambda: _commit_many(out, commits))
                counts["commits"] += commits
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    return dict(counts)


def _commit_many(out, commits):
    for number in range(commits):
        commit_text(out, str(number % 7))


def _one_version(out):
    """Read as a reader does: ask once what is shown, then open everything there."""
    for _ in range(50):
        root = storage.shown(out)
        try:
            contents = {(root / name).read_bytes() for name in FILES}
            manifest = storage.read_manifest(root)
        except (FileNotFoundError, DelinquencyError):
            if storage.shown(out) == root:
                return False
            continue  # two versions came in between: ask again
        text = contents.pop()
        return not contents and manifest["settings"]["text"].encode() * 50 == text
    return False


def races(rounds, broken=None):
    """Four processes start one job at once: exactly one commits, the others are told why not."""
    counts = Counter()
    with workshop() as (folder, where), mutant(broken):
        for number in range(rounds):
            out, gate = folder / f"race-{number}", folder / f"gate-{number}"
            pids = [
                fork(lambda out=out, gate=gate: _when_open(gate, lambda: scoring_run(where, out)))
                for _ in range(4)
            ]
            gate.write_text("go")
            codes = Counter(ended(pid) for pid in pids)
            counts["rounds"] += 1
            counts["not exactly one"] += codes[0] != 1
            counts["other answers"] += (
                4 - codes[0] - codes[LockError.exit_code] - codes[NOTHING_TO_DO]
            )
            counts["not whole"] += not whole(out)
    return dict(counts)


def whole(out):
    """Whether a run stands, every byte as its manifest says."""
    try:
        return set(storage.verify(out)["state"]) == {"same"}
    except DelinquencyError:
        return False


def _when_open(gate, work):
    while not gate.exists():
        time.sleep(0.0005)
    return work()


# --- deliberately broken variants, each of which must be caught -----------------------------------


class mutant:  # noqa: N801 - reads as a statement
    """Break one thing on purpose while the block runs."""

    def __init__(self, name):
        self.change = MUTANTS[name] if name else None

    def __enter__(self):
        if self.change:
            where, name, broken = self.change
            self.before = getattr(where, name)
            setattr(where, name, broken)

    def __exit__(self, *_):
        if self.change:
            setattr(self.change[0], self.change[1], self.before)


def _one_by_one(run, version, names):
    """Show a version by copying its files, one after another."""
    for name in sorted(names, key=lambda name: name == "run_manifest.json"):
        target = run / name
        if target.is_dir():
            shutil.rmtree(target)
        reached("run.copied")
        time.sleep(0.005)  # as long as a large file takes
        if (version / name).is_dir():
            shutil.copytree(version / name, target)
        else:
            shutil.copy(version / name, target)
        reached("run.copied")


def _no_lock(root):
    root.mkdir(parents=True, exist_ok=True)
    return contextlib.nullcontext()


def _trusting(folder, files):
    """Believe the journal without a look at the files."""
    return True


MUTANTS = {
    "files shown one by one": (_run, "switch", _one_by_one),
    "no lock": (_open_run, "locked", _no_lock),
    "leftovers believed": (_journal, "_there", _trusting),
}
