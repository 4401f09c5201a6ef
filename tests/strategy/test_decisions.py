"""The decision log: decided once, provable later, and no edit goes unnoticed."""

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency import storage
from delinquency.errors import InputError, IntegrityError, LockError
from delinquency.strategy import (
    Strategy,
    chain_head,
    last_plan,
    read_decisions,
    record_decisions,
    replay,
    verify_decisions,
)

PACKS = ["us.fdcpa_reg_f", "us.tcpa"]


@pytest.fixture
def tables(book):
    scores, accounts = book((0, "E"), (5, "B"), (20, "C"), (75, "D"), (20, "C"))
    accounts = accounts.assign(
        person_id=["p1", "p1", "p2", "p3", "p4"],
        time_zone="America/New_York",
        dispute=[False, False, False, False, True],
        valid_phone=pd.array([True, None, True, True, True], dtype="boolean"),
    )
    contacts = pd.DataFrame(
        {
            "account_id": [3, 3, 4, 4],
            "at": pd.to_datetime(
                ["2026-06-20", "2026-06-29", "2026-06-28", "2026-09-01"], utc=True
            ),
            "channel": ["phone", "phone", "phone", "phone"],
            "outcome": ["no_answer", "right_party", "promise", "cease"],
        }
    )
    return scores, accounts, contacts


def record(folder, tables, day="2026-07-01T15:00Z", **keywords):
    return record_decisions(folder, *tables, as_of=day, packs=PACKS, **keywords)


def test_a_run_again_decides_nothing_twice(tables, tmp_path):
    """The same day again, the next day, and the next month."""
    log = tmp_path / "log"

    days = ("2026-07-01", "2026-07-01", "2026-07-02", "2026-08-01")
    counts = [len(record(log, tables, f"{day}T15:00Z")) for day in days]

    decided = read_decisions(log)
    assert counts[0] == 5
    assert counts[1] == counts[2] == 0
    assert counts[3] == 5
    assert not decided.duplicated(["account_id", "treatment", "period"]).any()


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(1, 28), st.integers(0, 60)), min_size=2, max_size=4))
def test_whatever_is_run_again_a_treatment_is_decided_once(tmp_path_factory, days):
    """Days in any order, accounts that age: one decision an account, treatment and period."""
    log = tmp_path_factory.mktemp("log")
    for day, older in days:
        scores = pd.DataFrame(
            {
                "account_id": [1, 2],
                "snapshot_date": "2026-06-30",
                "probability": 0.1,
                "points": 600.0,
                "band": ["C", "E"],
            }
        )
        accounts = pd.DataFrame({"account_id": [1, 2], "days_past_due": [older, older + 5]})
        record_decisions(log, scores, accounts, as_of=f"2026-07-{day:02d}")

    assert not read_decisions(log).duplicated(["account_id", "treatment", "period"]).any()


def test_a_past_decision_is_proved_from_its_inputs(tables, tmp_path):
    """Every column comes out the same, whatever has been learnt since."""
    record(tmp_path, tables)
    later = tables[1].assign(days_past_due=400)
    record(tmp_path, (tables[0], later, tables[2]), "2026-08-01T15:00Z")

    proof = replay(tmp_path, "2026-07-01")

    assert len(proof) == 5
    assert proof["same"].all()
    assert (proof["treatment"] == proof["replayed"]).all()
    with pytest.raises(InputError, match="DLQ-126"):
        replay(tmp_path, "2026-07-02")


def test_a_plan_that_is_shown_is_proved_against_the_log(tables, tmp_path):
    """An edited row, and one that the inputs never led to, are found."""
    shown = record(tmp_path, tables)
    shown.loc[1, "rule"] = "8-30/A"
    shown.loc[2, "decision_id"] = "0" * 64

    proof = replay(shown, "2026-07-01", log=tmp_path)

    assert proof["same"].tolist() == [True, False, False, True, True]
    assert proof["run"].isna().tolist() == [False, False, True, False, False]
    with pytest.raises(InputError, match="DLQ-188"):
        replay(shown, "2026-07-01")
    with pytest.raises(InputError, match="DLQ-126"):
        replay(shown.assign(as_of=pd.Timestamp("2026-07-02")), "2026-07-01", log=tmp_path)


def test_a_plan_is_proved_however_it_was_kept(tables, tmp_path):
    """Through CSV dates are text and empty texts missing; polars and days work too, nonsense does not."""
    shown = record(tmp_path / "log", tables)
    shown.to_csv(tmp_path / "plan.csv", index=False)
    ours, theirs = pd.read_csv(tmp_path / "plan.csv"), storage.read_table(tmp_path / "plan.csv")
    days = shown.assign(as_of=datetime.date(2026, 7, 1))

    for plan in (ours, theirs, days, pl.from_pandas(shown), shown.assign(as_of="2026-07-01")):
        assert replay(plan, "2026-07-01", log=tmp_path / "log")["same"].all()
    edited = ours.assign(also="extension")
    assert not replay(edited, "2026-07-01", log=tmp_path / "log")["same"].any()
    with pytest.raises(InputError, match="DLQ-126 plan"):
        replay(ours.assign(as_of="2026-07-02"), "2026-07-01", log=tmp_path / "log")
    with pytest.raises(InputError, match=r"DLQ-103 plan\.as_of"):
        replay(ours.assign(as_of="1 July"), "2026-07-01", log=tmp_path / "log")


def test_the_last_plan_names_the_run_that_decided_each_row(tables, tmp_path):
    """Made again it is the same plan, and every row is of the first run."""
    first = record(tmp_path, tables)
    record(tmp_path, tables, "2026-07-02T15:00Z")

    plan = last_plan(tmp_path)

    assert plan["run"].tolist() == ["000001"] * 5
    assert plan["treatment"].tolist() == first["treatment"].tolist()
    assert chain_head(tmp_path)["run"] == "000002"
    with pytest.raises(IntegrityError, match="DLQ-602"):
        last_plan(tmp_path / "absent")


def test_the_log_keeps_no_contact_that_was_not_known(tables, tmp_path):
    """A later contact is neither needed nor kept."""
    record(tmp_path, tables)

    kept = pd.read_parquet(tmp_path / "000001" / "contacts.parquet")

    assert len(kept) == 3


def test_every_edit_is_found(tables, tmp_path):
    """Any byte of any file, a file removed or added, a run cut from the chain."""
    record(tmp_path / "log", tables)
    record(tmp_path / "log", tables, "2026-08-01T15:00Z")
    head = json.loads((tmp_path / "log" / "chain.json").read_text())["entries"][-1]["hash"]
    files = [p for p in (tmp_path / "log").rglob("*") if p.is_file() and p.name != ".lock"]
    assert (verify_decisions(tmp_path / "log", head=head)["state"] == "same").all()
    assert len(files) == 11

    for path in files:
        for position in (0, path.stat().st_size // 2, path.stat().st_size - 2):
            copy = tmp_path / "copy"
            shutil.copytree(tmp_path / "log", copy)
            target = copy / path.relative_to(tmp_path / "log")
            content = bytearray(target.read_bytes())
            content[position] ^= 1
            target.write_bytes(bytes(content))
            assert _noticed(copy, head), (path, position)
            shutil.rmtree(copy)


def _noticed(folder, head):
    try:
        return not (verify_decisions(folder, head=head)["state"] == "same").all()
    except IntegrityError:
        return True


def test_a_file_removed_or_added_and_a_run_cut_off_are_found(tables, tmp_path):
    """Removal and addition are edits too; the end of the log is proved by the head."""
    record(tmp_path, tables)
    chain = (tmp_path / "chain.json").read_bytes()
    record(tmp_path, tables, "2026-08-01T15:00Z")
    head = json.loads((tmp_path / "chain.json").read_text())["entries"][-1]["hash"]

    (tmp_path / "000001" / "note.txt").write_text("x")
    assert "unknown" in set(verify_decisions(tmp_path)["state"])
    (tmp_path / "000001" / "note.txt").unlink()

    (tmp_path / "chain.json").write_bytes(chain)
    assert (verify_decisions(tmp_path)["state"] == "same").all()
    assert not (verify_decisions(tmp_path, head=head)["state"] == "same").all()

    (tmp_path / "000001" / "scores.parquet").unlink()
    assert "missing" in set(verify_decisions(tmp_path)["state"])


def test_nothing_is_added_to_a_damaged_log(tables, tmp_path):
    """A log that was edited stays as it is until somebody restores it."""
    record(tmp_path, tables)
    (tmp_path / "000001" / "policy.json").write_text("{}")

    for action in (
        lambda: record(tmp_path, tables, "2026-08-01T15:00Z"),
        lambda: replay(tmp_path, "2026-07-01"),
        lambda: read_decisions(tmp_path),
    ):
        with pytest.raises(IntegrityError, match="DLQ-602"):
            action()


def test_a_space_is_an_edit(tables, tmp_path):
    """The chain has one spelling."""
    record(tmp_path, tables)
    chain = tmp_path / "chain.json"
    chain.write_bytes(chain.read_bytes() + b" ")

    with pytest.raises(IntegrityError, match="DLQ-602"):
        read_decisions(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"entries": 3}', '{"entries": [{}]}', '{"entries": [{"run": "../x"}]}']
)
def test_a_chain_that_is_none_is_an_integrity_error(tmp_path, text):
    """Never a traceback."""
    (tmp_path / "chain.json").write_text(text)

    with pytest.raises(IntegrityError):
        read_decisions(tmp_path)


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("writes", range(6))
def test_a_killed_run_leaves_the_log_whole_and_is_run_again(tables, tmp_path, monkeypatch, writes):
    """Killed before each of its writes: in the log wholly or not at all, once after the re-run."""
    left = iter([True] * writes + [False])

    def dying(write):
        def writer(*arguments):
            if not next(left):
                raise Killed
            write(*arguments)

        return writer

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_table", dying(storage.write_table))
        patch.setattr(storage, "write_bytes", dying(storage.write_bytes))
        with pytest.raises(Killed):
            record(tmp_path, tables)
    assert not (tmp_path / "chain.json").exists()

    assert len(record(tmp_path, tables)) == 5
    assert (verify_decisions(tmp_path)["state"] == "same").all()


def test_what_a_killed_run_left_is_no_part_of_the_next(tables, tmp_path):
    """A file cut short, and contacts of a call that the next one is made without."""
    left = tmp_path / "000001"
    left.mkdir()
    (left / ".plan.parquet.x1").write_bytes(b"PAR1")
    (left / "contacts.parquet").write_bytes(b"PAR1")
    (tmp_path / ".chain.json.x1").write_bytes(b"{")

    record(tmp_path, (*tables[:2], None))

    assert (verify_decisions(tmp_path)["state"] == "same").all()
    assert not (left / "contacts.parquet").exists()
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".lock"]


KILL = """
import os, sys
import pandas as pd
from delinquency import storage
from delinquency.strategy import record_decisions

write = storage.write_table
def dying(table, path):
    write(table, path)
    if "accounts" in str(path) and sys.argv[2] == "die":
        os.kill(os.getpid(), 9)
storage.write_table = dying
scores = pd.DataFrame({"account_id": [1], "snapshot_date": "2026-06-30", "probability": 0.1})
scores = scores.assign(points=600.0, band="C")
accounts = pd.DataFrame({"account_id": [1], "days_past_due": [20]})
record_decisions(sys.argv[1], scores, accounts, as_of="2026-07-01")
"""


def test_a_process_that_is_really_killed_frees_the_log(tmp_path):
    """The lock dies with the process, and the next run decides once."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", KILL, str(tmp_path)]
    killed = subprocess.run([*command, "die"], env=environment, check=False)
    again = subprocess.run([*command, "live"], env=environment, check=False, capture_output=True)

    assert killed.returncode == -9
    assert again.returncode == 0, again.stderr
    assert read_decisions(tmp_path)["account_id"].tolist() == [1]


def test_two_writers_never_write_at_once(tables, tmp_path):
    """The second is told to wait."""
    fcntl = pytest.importorskip("fcntl")
    record(tmp_path, tables)
    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LockError, match="DLQ-401"):
            record(tmp_path, tables, "2026-08-01T15:00Z")


def test_a_run_takes_nothing_from_one_that_was_killed(tables, tmp_path, monkeypatch):
    """Killed with a contact log, run again without: the contacts are none of the new run's inputs."""
    log = tmp_path / "log"
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("delinquency.strategy._decisions.add_run", raises_interrupt)
        record(log, tables)
    assert (log / "000001" / "contacts.parquet").exists()  # what the killed run left
    record(log, (*tables[:2], None))

    assert not (log / "000001" / "contacts.parquet").exists()
    assert replay(log, "2026-07-01")["same"].all()


def raises_interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("first", "then"), [("month", "week"), ("week", "month"), ("day", "week")])
def test_a_strategy_of_another_period_does_not_decide_the_same_again(tables, tmp_path, first, then):
    """The name of the period changes, the week and the month in which it was decided do not."""
    strategy = Strategy.default()
    scores, accounts, _ = tables
    for period, count in ((first, len(scores)), (then, 0), (then, 0)):
        file = strategy.file.model_copy(update={"period": period})
        by = Strategy(file, strategy.treatments)
        done = record_decisions(tmp_path, scores, accounts, strategy=by, as_of="2026-07-01")
        assert len(done) == count
    assert set(last_plan(tmp_path)["run"]) == {"000001"}


def test_a_plan_of_the_second_run_of_a_day_is_proved_by_that_run(tables, tmp_path):
    """The same decisions from other scores: each of the two plans is what one of the runs led to."""
    scores, accounts, _ = tables
    plans = []
    for band in ("B", "C"):
        moved = scores.assign(band=scores["band"].replace("B", band))
        record_decisions(tmp_path, moved, accounts, as_of="2026-07-01")
        plans.append(last_plan(tmp_path).drop(columns="run"))
    changed = plans[0]["band"] != plans[1]["band"]
    assert changed.any()
    assert (plans[0]["decision_id"] == plans[1]["decision_id"])[changed].all()
    for plan in plans:
        assert replay(plan, "2026-07-01", log=tmp_path)["same"].all()
    forged = plans[1].assign(stage="forged")
    assert not replay(forged, "2026-07-01", log=tmp_path)["same"].any()


@pytest.mark.parametrize("column", ["account_id", "as_of", "treatment", "decision_id"])
def test_a_plan_that_does_not_say_what_was_decided_is_refused(tables, tmp_path, column):
    """One line with the column's name."""
    plan = record(tmp_path, tables)
    with pytest.raises(InputError, match=f'DLQ-102 plan: column "{column}" is missing'):
        replay(plan.drop(columns=column), "2026-07-01", log=tmp_path)
