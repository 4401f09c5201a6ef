"""The decision log, run again and again, killed on the way, and edited by who knows its format. R6, R25."""

import json
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from delinquency import storage, strategy
from delinquency.errors import IntegrityError

from .world import ended, fork

# decided anew every day, so that the house policy's three calls in seven days are soon used up
DAILY = """\
format: 1
name: daily
role: champion
period: day
last_resort: no_action
stages: [{stage: late, dpd: [0, null]}]
bands: [B]
cells: [{stage: late, band: B, treatment: [agent_call, digital_reminder]}]
"""
MOST, DAYS = 3, 7  # of the house policy, said here again to count by
NOON_IN_UTC = pd.Timedelta(hours=4)  # of Taipei
FIRST = pd.Timestamp("2026-06-01")  # a Monday
ACCOUNTS = 40  # two of each person


def replays(times, seed=0, broken=None):
    """Decide day by day, often again, now and then of an earlier day, killed half of the time.

    Every call decided is made: it is in the contact log of the next run. `broken` forgets that, and
    keeps no log: the negative control.
    """
    chance, counts = random.Random(seed), Counter()
    strategy.assign(*_book(0), **_policy(0))  # children are born with the loops compiled
    while counts["replays"] < times:
        with tempfile.TemporaryDirectory() as folder:
            _weeks(Path(folder) / "log", times, chance, counts, broken)
    return dict(counts)


def _weeks(log, times, chance, counts, broken):
    """Work through five weeks, then count by hand what was decided."""
    decided = _decided(log)
    for day in range(35):
        for _ in range(chance.randint(1, 3)):
            if counts["replays"] >= times:
                break
            past = chance.randrange(day + 1) if chance.random() < 0.2 else day
            calls = None if broken else _calls(decided)
            if broken:
                shutil.rmtree(log, ignore_errors=True)
            die_at = chance.randrange(40) if chance.random() < 0.5 else None
            code = ended(fork(lambda d=past, c=calls: _decide(log, d, c), die_at=die_at))
            if code != 0:  # killed: a scheduler runs it again, before anybody makes a call
                counts["killed"] += 1
                code = ended(fork(lambda d=past, c=calls: _decide(log, d, c)))
            counts["replays"] += 1
            counts["not resumed"] += code != 0
            decided = pd.concat([decided, _decided(log)]) if broken else _decided(log)
    key = ["account_id", "treatment", "as_of"]
    counts["duplicate decisions"] += int(decided.duplicated(key).sum())
    counts["decisions"] += len(decided)
    counts["cap breaches"] += _breaches(decided)


def _decide(log, day, calls):
    strategy.record_decisions(log, *_book(day), calls, **_policy(day))


def _book(day):
    accounts = pd.DataFrame({"account_id": np.arange(ACCOUNTS), "days_past_due": 20 + day})
    accounts["person_id"] = [f"p{number // 2}" for number in range(ACCOUNTS)]
    accounts = accounts.assign(time_zone="Asia/Taipei", balance=500.0, valid_phone=True)
    scores = accounts[["account_id"]].assign(
        snapshot_date=FIRST, probability=0.2, points=550.0, band="B"
    )
    return scores, accounts


def _policy(day):
    return {
        "strategy": strategy.Strategy.from_text(DAILY, "daily.yaml"),
        "house_policy": strategy.RulePack.house_example(),
        "as_of": (FIRST + pd.Timedelta(days=day) + NOON_IN_UTC).tz_localize("UTC"),
    }


def _decided(log):
    if not (log / "chain.json").exists():
        return pd.DataFrame({"account_id": [], "treatment": [], "as_of": []})
    return strategy.read_decisions(log)


def _made(decided):
    """The calls that may be made at once; one that has to wait is decided again another day."""
    at = pd.to_datetime(decided["as_of"]).dt.tz_localize("UTC") + NOON_IN_UTC
    now = pd.to_datetime(decided["earliest_at"], utc=True) <= at
    return decided[now & (decided["treatment"] == "agent_call")].assign(at=at)


def _calls(decided):
    if decided.empty or (calls := _made(decided)).empty:
        return None  # a log without a row is refused: it may be a failed export
    return pd.DataFrame(
        {
            "account_id": calls["account_id"].astype("int64"),
            "person_id": [f"p{int(number) // 2}" for number in calls["account_id"]],
            "at": calls["at"],
            "channel": "phone",
            "outcome": "no_answer",
        }
    )


def _breaches(decided):
    """Count the calls that were one too many, person by person, in plain Python."""
    by_person, breaches = {}, 0
    calls = _made(decided.reset_index(drop=True)).sort_values("at")
    for account, at in zip(calls["account_id"], calls["at"], strict=True):
        earlier = by_person.setdefault(int(account) // 2, [])
        recent = [one for one in earlier if at - one < pd.Timedelta(days=DAYS)]
        breaches += len(recent) >= MOST
        earlier.append(at)
    return breaches


def edited(times, seed=0, alone=False):
    """Edit a log as somebody would who knows how it is made: cells, hashes, links.

    The head of the chain was noted elsewhere. `alone` checks the log without it, the negative control:
    a chain that was forged as a whole is sound in itself.
    """
    chance, counts = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory() as folder:
        log, copy = Path(folder) / "log", Path(folder) / "copy"
        for day in range(4):
            assert ended(fork(lambda d=day: _decide(log, d, None))) == 0
        head = strategy.chain_head(log)["head"]
        counts["false alarms"] += _noticed(log, head)
        for _ in range(times):
            shutil.copytree(log, copy)
            kind = chance.choice(EDITS)
            kind(copy, chance)
            counts["edits"] += 1
            if not _noticed(copy, None if alone else head):
                counts["not noticed"] += 1
                counts[f"not noticed: {kind.__name__}"] += 1
            shutil.rmtree(copy)
    return dict(counts)


def _noticed(log, head):
    try:
        return not (strategy.verify_decisions(log, head=head)["state"] == "same").all()
    except IntegrityError:
        return True


def _edit_plan(log, chance):
    """Change one treatment in one plan; return the run."""
    run = chance.choice(sorted(path.name for path in log.iterdir() if path.is_dir()))
    path = log / run / "plan.parquet"
    plan = pd.read_parquet(path)
    row = chance.randrange(len(plan))
    plan.loc[row, "treatment"] = "legal_action"
    plan.to_parquet(path)
    return run


def a_cell(log, chance):
    _edit_plan(log, chance)


def a_cell_and_its_hash(log, chance):
    run = _edit_plan(log, chance)
    entries = _entries(log)
    _rehash(log, next(entry for entry in entries if entry["run"] == run))
    _write(log, entries)


def a_cell_and_the_whole_chain(log, chance):
    run = _edit_plan(log, chance)
    entries = _entries(log)
    _rehash(log, next(entry for entry in entries if entry["run"] == run))
    _write(log, _linked(entries))


def a_run_left_out(log, chance):
    entries = _entries(log)
    gone = entries.pop(chance.randrange(len(entries)))
    shutil.rmtree(log / gone["run"])
    _write(log, _linked(entries))


def two_runs_changed_over(log, chance):
    entries = _entries(log)
    one, other = chance.sample(range(len(entries)), 2)
    entries[one], entries[other] = entries[other], entries[one]
    _write(log, _linked(entries))


def an_end_cut_off(log, chance):
    entries = _entries(log)
    _write(log, entries[: chance.randrange(len(entries))])


EDITS = (
    a_cell,
    a_cell_and_its_hash,
    a_cell_and_the_whole_chain,
    a_run_left_out,
    two_runs_changed_over,
    an_end_cut_off,
)


def _entries(log):
    return json.loads((log / "chain.json").read_text())["entries"]


def _rehash(log, entry):
    for name, file in entry["files"].items():
        path = log / entry["run"] / name
        file.update(bytes=path.stat().st_size, sha256=storage.sha256_of(path))


def _linked(entries):
    previous, chain = storage.START, []
    for entry in entries:
        chain.append(storage.link({"run": entry["run"], "files": entry["files"]}, previous))
        previous = chain[-1]["hash"]
    return chain


def _write(log, entries):
    document = {"format": 1, "entries": entries}
    (log / "chain.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
