"""Scores, reasons and plan in one run: the plan is what `plan` would make of the finished scores."""

import json
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from faults.world import NEW, book, ended, failpoints, fork, make, scorer, tree

from delinquency import storage, strategy, workflows
from delinquency.errors import InputError, IntegrityError
from delinquency.storage import read_manifest, read_table, write_table
from delinquency.strategy import RulePack, Strategy
from delinquency.workflows import _intake, plan_files, score_files

PACKS = ("us.fdcpa_reg_f", "us.tcpa")
AT = "2026-06-30T16:00Z"
TRIAL = """
experiment:
  name: calls
  arms: {champion: 0.6, challenger: 0.4}
  salt: s
"""


@pytest.fixture
def where(tmp_path):
    """Months, bundle, strategy, accounts and contacts of the small book."""
    given = make(tmp_path)
    (tmp_path / "strategy.yaml").write_text(Strategy.default_text(), encoding="utf-8")
    rng = np.random.default_rng(3)
    ids = np.arange(1, 241)
    accounts = pd.DataFrame(
        {
            "account_id": ids,
            # neighbours, and accounts half a book apart
            "person_id": np.where(ids % 3 == 0, ids % 10, 1000 + ids // 2),
            "jurisdiction": "US-NY",
            "time_zone": "America/New_York",
            "dispute": rng.random(240) < 0.1,
            "deceased": rng.random(240) < 0.02,
        }
    )
    times = pd.Timestamp("2026-06-30T15:00Z") - pd.to_timedelta(rng.integers(1, 300, 300), "h")
    contacts = pd.DataFrame(
        {
            "account_id": rng.integers(1, 300, 300),
            "at": times,
            "channel": rng.choice(["phone", "sms"], 300),
            "outcome": rng.choice(["no_answer", "right_party", "promise"], 300),
        }
    )
    for name, table in {"accounts": accounts, "contacts": contacts}.items():
        write_table(table, tmp_path / f"{name}.parquet")
    return {**given, "strategy": tmp_path / "strategy.yaml"}


@pytest.fixture
def facts(where, tmp_path):
    """What a plan is made of beside the scores."""
    files = {name: tmp_path / f"{name}.parquet" for name in ("accounts", "contacts")}
    house = resources.files("delinquency.strategy") / "data" / "house_policy.yaml"
    return {**files, "packs": PACKS, "house_policy": house, "at": AT}


@pytest.fixture
def parts(monkeypatch):
    """Batches of 300 rows: five parts."""
    monkeypatch.setattr(_intake, "_MOST_ROWS", 300)


def planned(where, out, **keywords):
    """The plan that `plan_files` makes of the scores of a run."""
    plan_files(
        out,
        where["months"],
        as_of=NEW,
        out=out.parent / "plan",
        strategy=where["strategy"],
        new_version=True,
        **keywords,
    )
    return out.parent / "plan"


def test_a_small_run_holds_the_plan_byte_for_byte(where, facts, tmp_path):
    """One file of scores, one of the plan: the very file that the other verb writes."""
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")
    expected = planned(where, tmp_path / "run", **facts)

    ours = (tmp_path / "run" / "plan.parquet").read_bytes()
    assert ours == (expected / "plan.parquet").read_bytes()
    plan = read_table(tmp_path / "run" / "plan.parquet")
    assert plan["treatment"].nunique() >= 3
    assert (plan["removed"] != "").any() and (plan["postponed"] != "").any()


def test_contact_times_without_a_zone_are_told_and_written_down(where, facts, tmp_path):
    """As `plan` does: they are taken as UTC, and hours and caps depend on that."""
    contacts = read_table(facts["contacts"])
    write_table(contacts.assign(at=contacts["at"].dt.tz_localize(None)), facts["contacts"])
    said = []
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run", say=said.append)

    line = "300 contact times have no zone and are taken as UTC"
    assert f"warning: {line}" in said
    assert read_manifest(tmp_path / "run")["warnings"] == [line]


@pytest.mark.parametrize("given", ["nothing", "facts", "trial"])
def test_a_run_in_parts_holds_the_plan_of_the_whole(where, facts, tmp_path, parts, given):
    """Also where persons share caps, facts and arms of an experiment across the parts."""
    more = {} if given == "nothing" else facts
    if given == "trial":
        where["strategy"].write_text(Strategy.default_text() + TRIAL, encoding="utf-8")
    score_files(**where, **more, as_of=NEW, out=tmp_path / "run")
    expected = read_table(planned(where, tmp_path / "run", **more))

    assert len(list((tmp_path / "run" / "plan.parquet").iterdir())) >= 5
    pd.testing.assert_frame_equal(read_table(tmp_path / "run" / "plan.parquet"), expected)
    if given != "nothing":
        assert expected["rule"].str.endswith("shared_cap").any()
    if given == "trial":
        assert set(expected["arm"]) >= {"champion", "challenger"}


def test_parts_alone_would_break_the_caps_of_a_person(where, facts, tmp_path, parts, monkeypatch):
    """The control: without the accounts that lie elsewhere, the plan is another one."""
    from delinquency.workflows import _score_plan

    monkeypatch.setattr(_score_plan.Planner, "_apart", lambda self, parts: None)
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")
    expected = read_table(planned(where, tmp_path / "run", **facts))

    assert not read_table(tmp_path / "run" / "plan.parquet").equals(expected)


def test_the_manifest_answers_for_the_plan(where, facts, tmp_path, parts):
    """Its inputs, its rows, its policy; what was left for it meanwhile is gone."""
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")
    manifest = read_manifest(storage.shown(tmp_path / "run"))

    assert set(manifest["inputs"]) == {"months", "bundle", *facts, "strategy"} - {"packs", "at"}
    counts = manifest["reconciliation"]
    assert counts["planned"] == counts["scored"] == manifest["plan"]["rows"] == 240
    assert sum(manifest["plan"]["treatments"].values()) == 240
    assert manifest["settings"]["plan"] == {"packs": list(PACKS), "actors": [], "at": AT}
    plan = read_table(tmp_path / "run" / "plan.parquet")
    assert manifest["plan"]["policy"] == plan["policy"].iloc[0]
    assert (storage.verify(tmp_path / "run")["state"] == "same").all()
    assert not list(storage.shown(tmp_path / "run").glob(".*"))
    assert read_table(tmp_path / "run").columns[2] == "probability"  # the scores are the main table


def test_a_killed_run_resumes_to_the_same_scores_and_plan(where, facts, tmp_path, parts):
    """Killed at six places, early and late: the same files as without."""

    def go(out):
        return score_files(**where, **facts, as_of=NEW, out=out)

    go(tmp_path / "calm")
    places = failpoints(lambda: go(tmp_path / "counted"))
    assert len(places) > 40
    for stop in range(len(places) // 12, len(places), len(places) // 6):
        out = tmp_path / f"killed-{stop}"
        assert ended(fork(lambda out=out: go(out), die_at=stop)) == -9
        go(out)

        assert tree(out) == tree(tmp_path / "calm")


def test_a_run_with_a_plan_can_be_scored_again(where, facts, tmp_path, parts):
    """`rescore` makes the plan again too, and names the input of it that is another one."""
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")

    found = workflows.rescore(tmp_path / "run").set_index("what")["state"]
    assert found.to_dict() == dict.fromkeys(found.index, "same")
    assert {"strategy", "accounts", "contacts"} <= set(found.index)
    table = read_table(tmp_path / "accounts.parquet").assign(dispute=True)
    write_table(table, tmp_path / "accounts.parquet")
    found = workflows.rescore(tmp_path / "run").set_index("what")["state"]
    assert (found["accounts"], found["data"], found["results"]) == ("differs", "same", "differs")


@pytest.mark.parametrize("given", ["packs", "at", "accounts"])
def test_what_is_for_a_plan_needs_a_strategy(where, facts, tmp_path, given):
    """One line, before anything is read or written."""
    del where["strategy"]

    with pytest.raises(InputError, match="DLQ-189"):
        score_files(**where, as_of=NEW, out=tmp_path / "run", **{given: facts[given]})
    with pytest.raises(InputError, match="DLQ-189"):
        workflows.score(book(), scorer(), as_of=NEW, at=AT)
    assert not (tmp_path / "run").exists()


def test_persons_scattered_beyond_the_memory_are_one_clear_line(
    where, facts, tmp_path, parts, monkeypatch
):
    """Nothing is shown, and what to do is said."""
    from delinquency.workflows import _score_plan

    monkeypatch.setattr(_score_plan, "_ROW", 2**30)
    with pytest.raises(InputError, match=r"DLQ-189 accounts\.person_id: .* fix: number"):
        score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_scores_and_plan_of_tables_come_from_one_call(where, facts, tmp_path):
    """The function on tables plans with the same words."""
    tables = {name: read_table(facts[name]) for name in ("accounts", "contacts")}
    rules = {
        **tables,
        "packs": PACKS,
        "at": AT,
        "house_policy": RulePack.load(facts["house_policy"]),
    }
    done = workflows.score(book(), scorer(), as_of=NEW, strategy=Strategy.default(), **rules)
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")

    expected = read_table(tmp_path / "run" / "plan.parquet")
    assert done.plan is not None
    pd.testing.assert_frame_equal(done.plan, expected, check_dtype=False)
    assert done.reconciliation["planned"] == 240


def test_the_command_writes_the_plan_too(where, facts, tmp_path, capfd, monkeypatch):
    """`score --strategy` in one go; `--plan-to` without a strategy is refused at once."""
    from delinquency import cli

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["delinquency", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0

    here = ("score", "--months", where["months"], "--bundle", where["bundle"], "--as-of", NEW)
    rules = ("--strategy", where["strategy"], "--accounts", facts["accounts"], "--packs", PACKS[0])
    assert command(*here, *rules, "--at", AT, "--out", tmp_path / "run", "--json") == 0
    assert json.loads(capfd.readouterr().out)[0]["band"] == "A"
    assert len(read_table(tmp_path / "run" / "plan.parquet")) == 240
    assert command(*here, "--plan-to", "postgresql://h/d#t", "--out", tmp_path / "no") == 2
    assert "DLQ-189" in capfd.readouterr().err
    assert not (tmp_path / "no").exists()


def test_both_tables_are_stored_in_a_database(where, facts, tmp_path, parts, database):
    """Facts from a database, scores and plan back into it; a run without a plan has none to store."""
    for name in ("accounts", "contacts"):
        table = read_table(facts[name]).reset_index(names="row")
        write_table(table, database.at(name), key=["row"])
    there = {name: database.at(name) for name in ("accounts", "contacts")}
    score_files(**where, **{**facts, **there}, as_of=NEW, out=tmp_path / "run")
    workflows.publish(tmp_path / "run", database.at("scores"))
    workflows.publish(tmp_path / "run", database.at("plan"), table="plan.parquet")

    stored = read_table(database.at("plan")).sort_values("account_id", ignore_index=True)
    ours = read_table(tmp_path / "run" / "plan.parquet")
    assert stored["decision_id"].tolist() == ours["decision_id"].tolist()
    assert ours.equals(read_table(planned(where, tmp_path / "run", **facts)))
    assert len(read_table(database.at("scores"))) == 240
    del where["strategy"]
    score_files(**where, as_of=NEW, out=tmp_path / "bare")
    with pytest.raises(IntegrityError, match="no such table"):
        workflows.publish(tmp_path / "bare", database.at("plan"), table="plan.parquet")


def test_every_decision_can_be_told_apart(where, facts, tmp_path, parts):
    """One row and one decision an account, whatever the parts."""
    score_files(**where, **facts, as_of=NEW, out=tmp_path / "run")
    plan = read_table(tmp_path / "run" / "plan.parquet")

    assert plan["account_id"].is_unique and plan["decision_id"].is_unique
    assert set(plan["treatment"]) <= set(strategy.treatments()["treatment"])
