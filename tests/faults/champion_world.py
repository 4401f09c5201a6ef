"""A world for R24: processes that promote, roll back and are killed, and somebody who looks all the time.

Run by itself it forks from a warm parent that has only imported: ``python champion_world.py failpoints``
kills a change at every line it passes; ``python champion_world.py race KILLS SECONDS`` lets four processes
race while one kills them. Each prints one JSON object. ``--broken NAME`` is a negative control: a registry
with a deliberate mistake, which must be caught.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from delinquency.errors import DelinquencyError, LockError
from delinquency.storage import Bundle, Registry, _registry

WATCHED = (
    "_registry.py",
    "_changes.py",
    "_chain.py",
    "_commit.py",
    "_bundle.py",
    "_content.py",
    "_world.py",
)
BUNDLES = [Bundle({"number": k}, {"a": np.arange(k + 3, dtype="float64")}) for k in range(6)]


# --- negative controls ---------------------------------------------------------------------------


def break_in_place():
    """Write the log where it stands: a reader may see half of it."""

    def careless(path, content):
        with Path(path).open("wb", buffering=0) as file:
            for start in range(0, len(content), 8):
                file.write(content[start : start + 8])

    _registry.write_bytes = careless


def break_pointer_first():
    """Name the champion before its bundle is there."""

    def promote(self, name, **keywords):
        bundle = next(b for b in BUNDLES if b.hash == name)
        self.load = lambda _=None: bundle
        change = sound(self, name, **keywords)
        del self.load
        add(self, bundle)
        return change

    sound, add = Registry.promote, Registry.add
    Registry.promote, Registry.add = promote, lambda self, bundle: bundle.hash


def break_lock():
    """Change without the lock: of two at a time one is lost."""
    from contextlib import contextmanager

    @contextmanager
    def nobody(root, *, wait=False):
        yield
        time.sleep(0)

    _registry.locked = nobody


BROKEN = {"in-place": break_in_place, "pointer-first": break_pointer_first, "no-lock": break_lock}


# --- what must hold at any moment ----------------------------------------------------------------


def look(root):
    """Return what is wrong with the champion as anybody sees it now; empty when it is sound."""
    registry = Registry(root)
    try:
        name = registry.champion
        if name is not None and registry.load(name).hash != name:
            return "another bundle than the champion was loaded"
    except DelinquencyError as error:
        return error.code
    return ""


# --- every line is a failpoint -------------------------------------------------------------------


def killed_at(line, change):
    """Run a change in a child that dies at the given line it passes; return whether it died."""
    child = os.fork()
    if child == 0:
        passed = 0

        def at_line(frame, event, _):
            nonlocal passed
            if event == "line":
                passed += 1
                if passed == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return at_line

        def at_call(frame, event, _):
            return at_line if frame.f_code.co_filename.endswith(WATCHED) else None

        sys.settrace(at_call)
        try:
            change()
            sys.settrace(None)
            os._exit(0)
        except BaseException:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        raise RuntimeError("the change failed without being killed")
    return os.WIFSIGNALED(status)


def first(root):
    Registry(root).promote(Registry(root).add(BUNDLES[0]), expected=None, as_of="2026-01-31")


def second(root):
    registry = Registry(root)
    name = registry.add(BUNDLES[1])
    registry.promote(name, expected=BUNDLES[0].hash, as_of="2026-02-28")


def back(root):
    Registry(root).roll_back(expected=BUNDLES[1].hash, as_of="2026-03-31")


# what stood before, what is done, and the champions that may be seen when it was interrupted
CHANGES = {
    "first": ((), first, (None, BUNDLES[0].hash)),
    "promote": ((first,), second, (BUNDLES[0].hash, BUNDLES[1].hash)),
    "roll back": ((first, second), back, (BUNDLES[1].hash, BUNDLES[0].hash)),
}


def failpoints(step, only=None):
    """Kill every change at every `step`-th line; say what was found wrong afterwards."""
    points, wrong, finished = 0, [], 0
    with tempfile.TemporaryDirectory() as place:
        for kind, (before, change, allowed) in CHANGES.items():
            if only not in (None, kind):
                continue
            stood = Path(place) / f"{kind}-before"
            stood.mkdir()
            for earlier in before:
                earlier(stood)
            line = 1
            while True:
                root = Path(place) / "now"
                shutil.rmtree(root, ignore_errors=True)
                shutil.copytree(stood, root)
                died = killed_at(line, lambda r=root, c=change: c(r))
                if not died:
                    break
                points += 1
                wrong += check_after(root, kind, line, change, allowed)
                line += step
            finished += 1
    return {"failpoints": points, "changes": finished, "wrong": wrong}


def check_after(root, kind, line, change, allowed):
    """Look, then do the change again: both must end well."""
    found = look(root)
    if found:
        return [f"{kind} killed at line {line}: {found}"]
    if Registry(root).champion not in allowed:
        return [f"{kind} killed at line {line}: another champion"]
    if Registry(root).champion != allowed[1]:
        change(root)
    if Registry(root).champion != allowed[1] or look(root):
        return [f"{kind} killed at line {line}: could not be done again"]
    return []


# --- a race --------------------------------------------------------------------------------------


def worker(root, seed, pipe):
    """Change the champion at random for ever, and say each change that returned."""
    rng = random.Random(seed)
    registry = Registry(root)
    while True:
        now = registry.champion
        try:
            if now is not None and rng.random() < 0.4:
                change = registry.roll_back(expected=now, as_of="2026-06-30")
            else:
                name = registry.add(rng.choice([b for b in BUNDLES if b.hash != now]))
                change = registry.promote(name, expected=now, as_of="2026-06-30")
        except LockError:
            continue
        os.write(pipe, f"{change.number} {change.hash}\n".encode())


def start(root, seed, pipe):
    child = os.fork()
    if child == 0:
        try:
            worker(root, seed, pipe)
        except BaseException as error:
            os.write(pipe, f"error {type(error).__name__} {error}\n".encode()[:400])
        os._exit(1)
    return child


def race(kills, seconds, processes=4, seed=0):
    """Let processes change the champion, kill one after another, and look in between."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        told, looks, wrong, done = b"", 0, [], 0
        running = [start(root, rng.random(), writing) for _ in range(processes)]
        deadline = time.monotonic() + seconds
        while done < kills and time.monotonic() < deadline:
            stop = time.monotonic() + rng.random() * 0.02
            while time.monotonic() < stop:
                looks += 1
                wrong += [found] if (found := look(root)) else []
            told += drained(reading)
            victim = rng.randrange(processes)
            os.kill(running[victim], signal.SIGKILL)
            os.waitpid(running[victim], 0)
            done += 1
            running[victim] = start(root, rng.random(), writing)
        for child in running:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        told += drained(reading)
        return judged(root, told, wrong) | {"kills": done, "looks": looks}


def drained(pipe):
    parts = []
    while True:
        try:
            part = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return b"".join(parts)
        parts.append(part)


def judged(root, told, wrong):
    """Hold what processes said against the log: nothing that returned may be lost.

    Two processes may return the same change: promoting the champion again changes nothing.
    """
    said = [line.split() for line in told.decode().splitlines()]
    errors = [" ".join(line) for line in said if line[:1] == ["error"]]
    changes = {(int(line[0]), line[1]) for line in said if len(line) == 2}
    final = look(root)
    log = (
        {} if final else dict(Registry(root).changes()[["number", "hash"]].itertuples(index=False))
    )
    lost = sum(log.get(number) != hash_ for number, hash_ in changes)
    states = set() if final else set(Registry(root).verify()["state"])
    return {
        "changes_returned": len(changes),
        "changes_in_log": len(log),
        "lost": lost,
        "wrong": sorted(set(wrong)) + ([f"at the end: {final}"] if final else []),
        "errors": sorted(set(errors))[:5],
        "states": sorted(states),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["failpoints", "race"])
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=CHANGES)
    parser.add_argument("--broken", choices=BROKEN)
    options = parser.parse_args()
    if options.broken:
        BROKEN[options.broken]()
    if options.what == "failpoints":
        result = failpoints(options.step, options.only)
    else:
        result = race(options.kills, options.seconds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
