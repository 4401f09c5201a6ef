"""A database output is all or nothing: sessions are terminated at every step, and at random moments.

One write moves two tables, scores and their plan, from one version to the next in one transaction. When
its session is ended, both tables must stand at the old version or both at the new one; the answer must be
one clear line; the same write again must reach the new version, and once more must change nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency.errors import EnvironmentFailure
from delinquency.storage import _postgres, transaction

KEY = ["account_id", "snapshot_date"]
FAULTS = ("partial", "duplicates", "unclear", "left behind", "not harmless again")


class Interrupted:
    """The driver with a hook at each of its steps."""

    def __init__(self, before: Callable[[int], None], after: Callable[[int], None]) -> None:
        self.step = 0
        self.commit_each = False  # the negative control: no transaction around the steps
        self._before, self._after = before, after
        self._real = _postgres._driver()
        self.Error = self._real.Error

    def connect(self, *given, **named):
        self.connection = self._real.connect(*given, **named)
        return _Watched(self.connection, self, ("commit",))

    def do(self, act, *given, **named):
        self._before(self.step)
        result = act(*given, **named)
        if self.commit_each and str(given[:1])[2:].startswith(("INSERT", "CREATE")):
            self.connection.commit()
        self._after(self.step)
        self.step += 1
        return result


class _Watched:
    """A connection or cursor whose named methods are steps."""

    def __init__(self, real, driver: Interrupted, steps: tuple[str, ...]) -> None:
        self._real, self._driver, self._steps = real, driver, steps

    def cursor(self):
        return _Watched(self._real.cursor(), self._driver, ("execute", "adbc_ingest"))

    def __getattr__(self, name):
        attribute = getattr(self._real, name)
        if name not in self._steps:
            return attribute
        return lambda *given, **named: self._driver.do(attribute, *given, **named)


@contextmanager
def interrupted(before=lambda _: None, after=lambda _: None) -> Iterator[Interrupted]:
    """Put the hooks into the library for a while."""
    driver, real = Interrupted(before, after), _postgres._driver
    _postgres._driver = lambda: driver
    try:
        yield driver
    finally:
        _postgres._driver = real


@dataclass
class World:
    """Two tables of one schema, and how often each kind of fault was seen."""

    server: object
    schema: str
    accounts: int = 50
    version: int = 0
    again_every: int = 1  # how often a finished write is made once more
    faults: Counter = field(default_factory=Counter)
    outcomes: Counter = field(default_factory=Counter)
    answers: list[str] = field(default_factory=list)  # those that were not clear

    def at(self, name: str) -> str:
        return f"{self.server.url}#{self.schema}.{name}"

    def rows(self, version: int, column: str) -> pd.DataFrame:
        """A third of the rows stay the same from version to version, and each brings a new account."""
        ids = [f"A{k:06}" for k in range(self.accounts + version)]
        change = np.where(np.arange(len(ids)) % 3 == 0, 0, version)
        date = np.datetime64("2026-06-30", "us")
        return pd.DataFrame({"account_id": ids, "snapshot_date": date, column: change})

    def batches(self, version: int, column: str, hook=lambda _: None) -> Iterator[pa.Table]:
        table = pa.Table.from_pandas(self.rows(version, column), preserve_index=False)
        size = -(-len(table) // 4)
        for number, start in enumerate(range(0, len(table), size)):
            hook(number)
            yield table.slice(start, size)

    def write(self, version: int, hook=lambda _: None) -> int:
        """Bring both tables to a version, and return how many rows changed."""
        with transaction(self.at("scores")) as whole:
            scores = whole.upsert(self.batches(version, "points", hook), self.at("scores"), key=KEY)
            plan = whole.upsert(self.batches(version, "effort"), self.at("plan"), key=KEY)
        return scores.changed + plan.changed

    def stands(self, version: int) -> bool:
        """Say whether both tables hold exactly the rows of a version; 0 is before there were any."""
        return all(
            self._holds(name, column, version)
            for name, column in (("scores", "points"), ("plan", "effort"))
        )

    def _holds(self, name: str, column: str, version: int) -> bool:
        there = self.server.sql("SELECT to_regclass($1) IS NOT NULL", f"{self.schema}.{name}")
        if not there[0][0] or not version:
            return there[0][0] == bool(version)
        found = self.server.sql(
            f"SELECT account_id, {column} FROM {self.schema}.{name} ORDER BY account_id"
        )
        expected = self.rows(version, column)
        return found == list(zip(expected["account_id"], expected[column], strict=True))

    def try_once(self, act: Callable[[int], int]) -> None:
        """Let a write be interrupted, look at what it left, and run it again."""
        old, new = self.version, self.version + 1
        try:
            act(new)
            answer = "done"
        except EnvironmentFailure as error:
            told = str(error)
            secret = self.server.password in told
            if error.code != "DLQ-504" or len(told.splitlines()) != 1 or secret:
                self.faults["unclear"] += 1
                self.answers.append(str(error))
            answer = "stopped"
        self._look(old, new, answer)
        changed = self.write(new)
        self.faults["not harmless again"] += not self.stands(new)
        if new % self.again_every == 0:
            self.faults["not harmless again"] += self.write(new) != 0
        self.outcomes[f"{answer}, {'nothing' if changed else 'all'} stored"] += 1
        self.version = new

    def _look(self, old: int, new: int, answer: str) -> None:
        whole = self.stands(new) or (answer == "stopped" and self.stands(old))
        self.faults["partial"] += not whole
        for name in ("scores", "plan"):
            there = self.server.sql("SELECT to_regclass($1) IS NOT NULL", f"{self.schema}.{name}")
            if there[0][0]:
                twice = (
                    f"SELECT 1 FROM {self.schema}.{name} GROUP BY account_id HAVING count(*) > 1"
                )
                self.faults["duplicates"] += bool(self.server.sql(twice))
        left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'delinquency_stage%'"
        self.faults["left behind"] += self.server.sql(left)[0][0] > 0


def end_before(world: World, step: int, *, commit_each: bool = False) -> bool:
    """End the session before a step; return whether the write came that far."""
    return _at_step(world, step, "before", commit_each)


def end_after(world: World, step: int, *, commit_each: bool = False) -> bool:
    """End the session after a step; return whether the write came that far."""
    return _at_step(world, step, "after", commit_each)


def _at_step(world: World, step: int, when: str, commit_each: bool) -> bool:
    ended = []

    def hook(number: int) -> None:
        if number == step:
            ended.append(world.server.end_sessions())

    def act(version: int) -> int:
        with interrupted(**{when: hook}) as driver:
            driver.commit_each = commit_each
            return world.write(version)

    world.try_once(act)
    return bool(ended)


def end_while_sending(world: World, batch: int) -> None:
    """End the session while rows are on their way."""

    def hook(number: int) -> None:
        if number == batch:
            world.server.end_sessions()

    world.try_once(lambda version: world.write(version, hook))


def end_at_random(world: World, rounds: int, seed: int) -> None:
    """End the session at moments spread over the time that an undisturbed write takes."""
    chance = random.Random(seed)
    started = time.perf_counter()
    world.try_once(world.write)
    usual = (time.perf_counter() - started) / 2  # looking at the tables takes its share
    for _ in range(rounds):
        wait = chance.uniform(0.0, usual)
        ender = threading.Timer(wait, world.server.end_sessions)
        started = time.perf_counter()

        def act(version: int, ender: threading.Timer = ender) -> int:
            ender.start()
            try:
                return world.write(version)
            finally:
                ender.cancel()
                ender.join()

        world.try_once(act)
