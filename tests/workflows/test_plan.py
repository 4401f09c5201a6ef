"""A plan under rules: what they remove, what has to wait, and a log that decides nothing twice."""

import json

import pandas as pd
import pytest

from delinquency import strategy, workflows
from delinquency.errors import InputError
from delinquency.storage import read_manifest, read_table, write_table
from delinquency.workflows._plan import conduct

from .conftest import AS_OF, book

PACKS = ("--packs", "us.fdcpa_reg_f", "--packs", "us.tcpa")
AT = "2026-06-30T09:00Z"  # five in the morning in New York


@pytest.fixture
def small(tmp_path):
    """Months, scores, accounts and contacts of 60 accounts as files; bands by the turn."""
    months = book(60, seed=3)
    ids = sorted(set(months["account_id"]))
    scores = pd.DataFrame(
        {
            "account_id": ids,
            "snapshot_date": AS_OF,
            "probability": 0.2,
            "points": 550.0,
            "band": [*"ABCDE"] * 12,
        }
    )
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            "jurisdiction": "US-NY",
            "time_zone": "America/New_York",
            "dispute": [True, False, False] * 20,
        }
    )
    calls = pd.to_datetime([f"2026-06-{day}T15:00Z" for day in (24, 25, 26, 27, 28, 29)], utc=True)
    calls = calls.append(calls[-1:] + pd.Timedelta(hours=2))
    contacts = pd.DataFrame(
        [(name, at, "phone", "no_answer") for name in ids for at in calls],
        columns=["account_id", "at", "channel", "outcome"],
    )
    tables = {"months": months, "scores": scores, "accounts": accounts, "contacts": contacts}
    for name, table in tables.items():
        write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


def plan_of(small, run, *more, out="plan"):
    road = [f"--{name}={small / name}.parquet" for name in ("scores", "months", "accounts")]
    return run("plan", *road, "--as-of", AS_OF, "--out", small / out, *more)


def test_packs_close_hours_and_a_log_counts_calls(small, run):
    """Before eight nobody is called; seven calls in seven days, and the call waits too long."""
    log = ("--contacts", small / "contacts.parquet")

    bare, hours, full = (
        read_table(small / name / "plan.parquet")
        for name, more in {
            "a": (),
            "b": (*PACKS, "--at", AT),
            "c": (*PACKS, "--at", AT, *log),
        }.items()
        if plan_of(small, run, *more, out=name).code == 0
    )

    called = bare["treatment"] == "agent_call"
    assert called.any()
    assert (bare["postponed"] == "").all()
    assert set(hours.loc[called, "postponed"]) == {"us.f.window"}
    assert set(hours.loc[called, "earliest_at"].astype(str)) == {"2026-06-30 12:00:00+00:00"}
    still = full["treatment"] == "agent_call"
    assert still.any()
    assert full.loc[still, "postponed"].str.contains("us.f.call_cap").all()
    # seven of the calls lie on 24 to 29 June; the first of them leaves the seven days on 1 July
    assert set(full.loc[still, "earliest_at"].astype(str)) == {"2026-07-01 12:00:00+00:00"}
    assert (bare.loc[bare["rule"].str.startswith("hold"), "treatment"] == "care_and_hold").all()


def test_a_logged_plan_run_again_decides_nothing_twice(small, run):
    """The second run finds every row decided in the first, and says so in its manifest."""
    log = ("--log", small / "log")

    codes = [plan_of(small, run, *log, out=name).code for name in ("first", "again")]

    first, again = (read_table(small / n / "plan.parquet") for n in ("first", "again"))
    told = [
        json.loads((small / n / "run_manifest.json").read_text())["decisions"]
        for n in ("first", "again")
    ]
    assert codes == [0, 0]
    pd.testing.assert_frame_equal(first, again)
    assert set(first["run"]) == {"000001"}
    assert [(entry["run"], entry["new"]) for entry in told] == [("000001", 60), ("000002", 0)]
    assert strategy.verify_decisions(small / "log", head=told[1]["head"])["state"].eq("same").all()


def test_verify_takes_a_log_and_finds_an_edit(small, run):
    """Exit code 0 while nothing was touched, 6 when a byte was."""
    plan_of(small, run, "--log", small / "log")
    sound = run("verify", small / "log")
    file = small / "log" / "000001" / "accounts.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")

    assert (sound.code, run("verify", small / "log").code) == (0, 6)
    assert run("verify", small / "plan").code == 0


def test_a_plan_on_paper_is_proved_from_its_log(small, run):
    """The table that the command wrote, against the inputs that the log keeps."""
    plan_of(small, run, "--log", small / "log", *PACKS, "--at", AT)
    shown = read_table(small / "plan" / "plan.parquet")

    assert strategy.replay(shown, AS_OF, log=small / "log")["same"].all()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--packs", "us.tcpaa"), "DLQ-206"),
        (("--at", "2026-06-29T23:00Z"), "DLQ-187"),
        (("--at", "noon"), "DLQ-103"),
        (("--actors", "butcher"), "DLQ-206"),
    ],
)
def test_a_mistake_in_the_rules_is_one_line_and_writes_nothing(small, run, more, code):
    """Before anything is decided."""
    done = plan_of(small, run, *more, "--log", small / "log")

    assert (done.code, len(done.lines)) == (2, 1)
    assert code in done.lines[0]
    assert not (small / "plan").exists()
    assert not (small / "log").exists()


def test_a_house_policy_is_read_and_only_tightens(small, run):
    """A house that never calls on Tuesdays, the day of the plan."""
    week = 'mon_fri: ["09:00", "20:00"], sat: none, sun: none, holiday: none'
    house = small / "house.yaml"
    house.write_text(
        "format: 1\nid: own\ntitle: ours\njurisdiction: any\nstatus: house\nrules:\n"
        "  - {id: own.hours, kind: contact_window, mode: executable, severity: block,\n"
        f"     evidence: primary, channels: [phone], window: {{{week}}}}}\n"
    )

    done = plan_of(small, run, "--house-policy", house)
    plan = read_table(small / "plan" / "plan.parquet")

    assert done.code == 0, done.err
    called = plan["treatment"] == "agent_call"
    assert set(plan.loc[called, "postponed"]) == {"own.hours"}
    assert "own@1#" in plan["policy"][0]


def test_the_page_says_which_packs_act_and_what_was_not_tested(small):
    """A pack from elsewhere is named as without effect; without a log, caps are not tested."""
    accounts = read_table(small / "accounts.parquet")
    scores, months = (read_table(small / f"{n}.parquet") for n in ("scores", "months"))
    packs = ["us.fdcpa_reg_f", "ie.cpc"]
    plan = workflows.plan(scores, months, as_of=AS_OF, accounts=accounts, packs=packs)
    given = (plan, accounts, None, strategy.Strategy.default(), packs)

    table, said = conduct(*given)

    assert table.set_index("pack")["accounts"].to_dict() == {"ie.cpc": 0, "us.fdcpa_reg_f": 60}
    assert any("ie.cpc" in line and "us.f" not in line for line in said if "effect" in line)
    assert any("No contact log" in line for line in said)
    assert conduct(plan, accounts, None, strategy.Strategy.default())[1] == [
        "No rule pack was named, so no law, hours or limits of contact were tested."
    ]


def test_a_decision_before_the_day_it_rests_on_is_refused(small):
    """Its standing was not known then."""
    scores, months = (read_table(small / f"{n}.parquet") for n in ("scores", "months"))

    with pytest.raises(InputError, match="DLQ-187"):
        workflows.plan(scores, months, as_of=AS_OF, at="2026-06-29")


def test_scores_from_before_the_last_month_end_are_called_stale(small, run):
    """Both dates are named, on stderr and in the manifest, also when the run stands already."""
    road = [f"--{name}={small / name}.parquet" for name in ("scores", "months", "accounts")]
    same = run("plan", *road, "--as-of", "2026-07-30", "--out", small / "same")
    late = [run("plan", *road, "--as-of", "2026-07-31", "--out", small / "late") for _ in "12"]

    assert (same.code, late[0].code, late[1].code) == (0, 0, 0)
    assert "warning" not in same.err
    assert read_manifest(small / "same")["warnings"] == []
    line = "60 of 60 scores are stale: they are of 2026-06-30, the plan is as of 2026-07-31"
    assert all(f"warning: {line}" in done.err for done in late)
    assert read_manifest(small / "late")["warnings"][0].startswith(line)


def test_contact_times_without_a_zone_are_said_to_be_taken_as_utc(small, run):
    """A silent assumption would move calls across midnight."""
    contacts = read_table(small / "contacts.parquet")
    assert "zone" not in plan_of(small, run, "--contacts", small / "contacts.parquet").err
    contacts["at"] = contacts["at"].dt.tz_localize(None)
    write_table(contacts, small / "naive.parquet")
    done = plan_of(small, run, "--contacts", small / "naive.parquet", out="naive")

    said = "420 contact times have no zone and are taken as UTC"
    assert (done.code, f"warning: {said}" in done.err) == (0, True)
    pd.testing.assert_frame_equal(read_table(small / "naive"), read_table(small / "plan"))
    people = read_table(small / "accounts.parquet")
    chosen, made = strategy.Strategy.default(), read_table(small / "plan")
    told = conduct(made, people, contacts, chosen, ["us.tcpa"])[1]
    assert told[-1] == f"{said}."


@pytest.mark.parametrize(
    ("at", "count"),
    [
        (["2026-06-29T09:00Z", "2026-06-29 09:00:00+02", "2026-06-29T09:00:00.5-0400"], 0),
        (["2026-06-29T09:00", "2026-06-29", "2026-06-29 09:00:00.123"], 3),
        (pd.to_datetime(["2026-06-29"]), 1),
        (pd.to_datetime(["2026-06-29"], utc=True), 0),
        ([], 0),
    ],
)
def test_what_counts_as_a_time_with_its_zone(at, count):
    """Texts and instants; a date alone has no zone."""
    assert strategy.times_without_zone(pd.DataFrame({"at": at})) == count
