"""Batch scoring on files: the same scores from everywhere, in parts or whole, and a run that is a run."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from faults.world import NEW, OLD, book, make, scorer

from delinquency import scoring, storage, workflows
from delinquency.errors import (
    EnvironmentFailure,
    GateError,
    InputError,
    IntegrityError,
    LockError,
    Problem,
)
from delinquency.storage import read_manifest, read_table, write_table
from delinquency.workflows import _intake, score_files
from delinquency.workflows._intake import begun, memory_bytes

from .conftest import ROOT, hashes


@pytest.fixture
def where(tmp_path):
    """Months and bundle of the small book."""
    return make(tmp_path)


@pytest.fixture
def parts(monkeypatch):
    """Batches of 300 rows, so that the small book is a large one."""
    monkeypatch.setattr(_intake, "_MOST_ROWS", 300)


def plain(frame):
    """The table with one value for all that is missing: pandas 2.2 has several for texts."""
    return frame.astype(object).where(frame.notna(), None)


def scored(out):
    return read_table(out).drop(columns="bundle")


def run(where, out, **keywords):
    told = []
    shares = score_files(**{"as_of": NEW, **where, "out": out, "say": told.append, **keywords})
    return shares, told


def test_scores_are_those_of_the_function_on_tables(where, tmp_path):
    """The road on files is the road on tables, account by account."""
    shares, _ = run(where, tmp_path / "out")
    expected = workflows.score(book(), scorer(), as_of=NEW)

    pd.testing.assert_frame_equal(
        plain(read_table(tmp_path / "out")), plain(expected.scores), check_exact=True
    )
    assert shares["accounts"].sum() == 240
    assert shares["share"].sum() == pytest.approx(1)


def test_parts_hold_the_scores_of_the_whole(where, tmp_path, monkeypatch):
    """Six parts or one file: the same rows in the same order."""
    run(where, tmp_path / "whole")
    monkeypatch.setattr(_intake, "_MOST_ROWS", 300)
    run(where, tmp_path / "parts")

    assert (tmp_path / "whole" / "scores.parquet").is_file()
    assert len(list((tmp_path / "parts" / "scores.parquet").iterdir())) >= 5
    pd.testing.assert_frame_equal(scored(tmp_path / "whole"), scored(tmp_path / "parts"))
    assert read_table(tmp_path / "parts" / "refused.parquet").empty
    manifests = [read_manifest(tmp_path / name) for name in ("whole", "parts")]
    for fact in ("reconciliation", "control", "distribution"):
        assert manifests[0][fact] == manifests[1][fact]


def test_accounts_that_ended_are_not_scored_and_fail_no_gate(where, tmp_path, parts):
    """A third of the book was paid off months ago: named in refused.parquet, and nothing is wrong."""
    table = book().assign(status="open")
    over = table["account_id"] % 3 == 0
    ended = table[~over | (table["month"] < "2026-04-01")].copy()
    last = ended["month"] == ended.groupby("account_id")["month"].transform("max")
    ended.loc[last & (ended["account_id"] % 3 == 0), "status"] = "paid_off"
    write_table(ended, where["months"])

    run(where, tmp_path / "out")
    on_tables = workflows.score(ended, scorer(), as_of=NEW)

    gone = ended.loc[over, "account_id"].nunique()
    refused = read_table(tmp_path / "out" / "refused.parquet")
    assert refused["why"].tolist() == ["ended: paid_off"] * gone
    assert set(refused["account_id"]) == set(ended.loc[over, "account_id"])
    assert on_tables.reconciliation == {"read": 240, "scored": 240 - gone, "refused": gone}
    assert set(read_table(tmp_path / "out")["account_id"]) == set(on_tables.scores["account_id"])
    # nor do their stale rows count as features that went missing
    assert read_manifest(tmp_path / "out")["distribution"]["missing"]["dpd_max_3m"] == 0


def test_an_account_that_ends_after_the_date_is_scored():
    """What was not known on the day does not end it."""
    table = book().assign(status="open")
    later = table["month"] > pd.Timestamp(OLD)
    table.loc[later, "status"] = "closed"

    assert later.any()
    assert workflows.score(table, scorer(), as_of=OLD).reconciliation["refused"] == 0


@pytest.mark.parametrize("kind", ["folder", "partitioned", "csv", "csv.gz"])
def test_every_kind_of_file_gives_the_same_scores(where, tmp_path, parts, kind):
    """Streamed, so that neither the file nor its ids are read whole."""
    table, source = book(), tmp_path / "m"
    if kind == "folder":
        for number, start in enumerate(range(0, len(table), 206)):
            write_table(table.iloc[start : start + 206], source / f"part-{number}.parquet")
    elif kind == "partitioned":
        for bucket, rows in table.groupby(table["account_id"] % 3):
            write_table(rows, source / f"bucket={bucket}" / "part.parquet")
    else:
        source = tmp_path / f"m.{kind}"
        table.to_csv(source, index=False)
    run(where, tmp_path / "a")
    run({**where, "months": source}, tmp_path / "b")

    ours, theirs = (scored(tmp_path / name).sort_values("account_id") for name in "ab")
    pd.testing.assert_frame_equal(ours, theirs.reset_index(drop=True))


def test_text_ids_of_a_streamed_csv_keep_their_zeros(where, tmp_path, parts):
    """One id that is no plain integer makes all of them text, as for a small file."""
    table = book()
    table["account_id"] = table["account_id"].astype(str).str.zfill(5)
    table.to_csv(tmp_path / "m.csv", index=False)

    run({**where, "months": tmp_path / "m.csv"}, tmp_path / "out")

    assert scored(tmp_path / "out")["account_id"].iloc[0] == "00001"


def test_accounts_in_two_partitions_are_refused(where, tmp_path, parts):
    """Nobody is scored twice."""
    for bucket in (0, 1):
        write_table(book(80), tmp_path / "m" / f"bucket={bucket}" / "part.parquet")

    with pytest.raises(InputError, match="80 accounts stand in more than one partition"):
        run({**where, "months": tmp_path / "m"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_beside_partitions_are_refused(where, tmp_path, parts):
    """Their accounts would be scored by nobody, and the counts would still agree."""
    table, folder = book(), tmp_path / "m"
    first = table["account_id"] <= table["account_id"].median()
    write_table(table[first], folder / "bucket=0" / "part.parquet")
    write_table(table[~first], folder / "part.parquet")

    with pytest.raises(InputError, match="1 of 2 Parquet files stand beside the partitions"):
        run({**where, "months": folder}, tmp_path / "out")


def test_what_another_program_has_not_finished_is_no_part_of_a_table(where, tmp_path, parts):
    """Streamed as read whole: half-written parts and notes begin with an underscore or a dot."""
    folder = tmp_path / "m"
    write_table(book(), folder / "part-0.parquet")
    write_table(book(), folder / "_temporary" / "part-1.parquet")
    write_table(book(), folder / ".part-2.parquet")
    run({**where, "months": folder}, tmp_path / "out")

    assert len(scored(tmp_path / "out")) == book()["account_id"].nunique()


def test_parts_with_other_columns_are_refused_in_a_stream_too(where, tmp_path, parts):
    """The columns of the first part would stand for all, and the rest of a later one be dropped."""
    table, folder = book(), tmp_path / "m"
    first = table["account_id"] <= table["account_id"].median()
    write_table(table[first].drop(columns="balance"), folder / "part-0.parquet")
    write_table(table[~first], folder / "part-1.parquet")

    with pytest.raises(InputError, match="1 of 2 parts have other columns than the first"):
        run({**where, "months": folder}, tmp_path / "out")


def test_an_order_that_cannot_be_streamed_is_one_clear_line(where, tmp_path, parts):
    """Accounts that fall; a small file would be sorted."""
    write_table(book().sort_values("month"), where["months"])

    with pytest.raises(InputError, match="DLQ-112 months: accounts do not rise"):
        run(where, tmp_path / "out")


def test_a_run_again_does_nothing_and_another_needs_a_word(where, tmp_path):
    """The same inputs: exit code 0. Another day: refused, until it is said that it may replace."""
    out = tmp_path / "out"
    shares, _ = run(where, out)
    before = hashes(out)

    again, told = run(where, out)
    with pytest.raises(LockError, match=r"DLQ-402 .*score, as of 2026-06-30"):
        run(where, out, as_of=OLD)
    first = read_manifest(out)
    run(where, out, as_of=OLD, new_version=True)
    second = read_manifest(out)

    assert any("nothing to do" in line for line in told)
    pd.testing.assert_frame_equal(shares, again)
    assert second["as_of"] == OLD
    assert first["previous"] is None
    assert len(second["previous"]) == 64
    assert hashes(out) != before


def test_the_manifest_is_an_audit_trail(where, tmp_path):
    """Inputs by hash, control totals, gates, versions, every file."""
    run(where, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "run_manifest.json").read_text())
    table = book()

    assert manifest["inputs"]["months"]["sha256"] == storage.sha256_of(where["months"])
    assert manifest["control"]["rows"] == 1440
    cents = (table["balance"] * 100).round().astype(int)
    assert manifest["control"]["balance_hundredths"] == cents.sum()
    last = table["month"] == NEW
    assert manifest["control"]["balance_hundredths_last_month"] == cents[last].sum()
    assert (manifest["control"]["first_month"], manifest["control"]["last_month"]) == (
        "2026-01-31",
        NEW,
    )
    assert {gate["gate"] for gate in manifest["gates"]} >= {"reconciliation", "shift_training"}
    assert manifest["columns"][0] == "account_id: int64"
    assert set(manifest["outputs"]) == {"scores.parquet", "refused.parquet"}


def test_old_months_are_warned_of(where, tmp_path):
    """Two months after the last month, and some accounts behind the others."""
    table = book()
    write_table(table[(table["account_id"] > 7) | (table["month"] < "2026-05-01")], where["months"])
    _, told = run(where, tmp_path / "a")
    write_table(table, where["months"])
    _, late = run(where, tmp_path / "b", as_of="2026-08-31")

    assert "warning: 7 accounts have no row for the last month before the date" in told
    assert "warning: the last month is 2026-06-30, the run is as of 2026-08-31" in late
    assert read_manifest(tmp_path / "b")["warnings"]


def poisoned(where):
    """One account of twenty owes an infinite utilisation: no limit."""
    table = book()
    table.loc[table["account_id"] % 20 == 0, "credit_limit"] = np.nan
    write_table(table, where["months"])


def test_a_failed_gate_leaves_the_output_aside_and_the_old_run_in_place(where, tmp_path):
    """Exit code 3, a report, and nothing committed; the override goes into the manifest."""
    out = tmp_path / "out"
    run(where, out)
    before = hashes(out)
    poisoned(where)

    with pytest.raises(GateError, match=r"DLQ-303 .*12 of 240 accounts were refused") as caught:
        run(where, out, new_version=True)
    (aside,) = (out / "quarantine").iterdir()
    reports = (aside / "gates.txt").read_text(), json.loads((aside / "gates.json").read_text())
    assert caught.value.exit_code == 3
    assert hashes(out) == before
    assert "failed      refused" in reports[0]
    assert reports[1]["reconciliation"] == {"read": 240, "scored": 228, "refused": 12}

    why = {"refused": "new product without a limit; head of risk, 2 July"}
    run(where, out, new_version=True, override={**why, "missing_last": "the same"})
    gates = {gate["gate"]: gate for gate in read_manifest(out)["gates"]}
    assert gates["refused"]["state"] == "overridden"
    assert gates["refused"]["reason"] == why["refused"]
    assert len(read_table(out / "refused.parquet")) == 12
    assert not list((out / "quarantine").iterdir())


def test_the_first_run_of_a_folder_may_be_compared_with_another(where, tmp_path):
    """Yesterday's run stands elsewhere."""
    run(where, tmp_path / "yesterday", as_of=OLD)
    run(where, tmp_path / "today", last=tmp_path / "yesterday")

    states = {g["gate"]: g["state"] for g in read_manifest(tmp_path / "today")["gates"]}
    assert states["shift_last"] == states["missing_last"] == "passed"


def test_reasons_are_for_the_bands_that_are_asked_for(where, tmp_path):
    """The riskiest by default, others by name, none for an empty list."""
    run(where, tmp_path / "default")
    run(where, tmp_path / "two", reasons_for=["B", "C"])
    run(where, tmp_path / "none", reasons_for=[])

    def told(name):
        table = read_table(tmp_path / name)
        return set(table.loc[table["reason_1"].notna(), "band"])

    assert told("default") == {"C"}
    assert told("two") == {"B", "C"}
    assert told("none") == set()
    with pytest.raises(InputError, match="choose from A, B, C"):
        run(where, tmp_path / "x", reasons_for=["Z"])


@pytest.mark.parametrize("text", ["", "much", "100MiB", "-1GiB", "1 TiB"])
def test_memory_is_an_amount(text):
    """The libraries alone take some hundred mebibytes."""
    with pytest.raises(InputError, match="DLQ-103 memory"):
        memory_bytes(text)


def test_scoring_loads_nothing_that_learns_or_draws():
    """LightGBM, scikit-learn and matplotlib take seconds, every night, for nothing."""
    code = "import sys; from delinquency.workflows import score_files; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())

    assert "delinquency.workflows._score" in loaded
    assert not loaded & {"lightgbm", "sklearn", "matplotlib", "joblib"}


# --- verify and rescore ---------------------------------------------------------------------------


def rescored(out, **keywords):
    table = workflows.rescore(out, **keywords)
    return dict(zip(table["what"], table["state"], strict=True)), table


def test_a_run_scored_again_is_the_same_byte_for_byte(where, tmp_path, parts):
    """Data, model, configuration, versions and results."""
    run(where, tmp_path / "out")

    states, _ = rescored(tmp_path / "out")

    assert states == dict.fromkeys(
        ("data", "model", "configuration", "versions", "results"), "same"
    )


def test_rescore_says_what_differs(where, tmp_path, monkeypatch):
    """Another row of data; another model; another version; a score edited in the file."""
    out = tmp_path / "out"
    run(where, out)
    table = book()
    table.loc[5, "days_past_due"] = 60
    write_table(table, tmp_path / "other.parquet")
    risky = scorer().with_bands(scoring.BandScheme(("A", "B", "C"), (560.0, 500.0)))
    storage.save_bundle(risky, tmp_path / "other")

    data, told = rescored(out, months=tmp_path / "other.parquet")
    model, _ = rescored(out, bundle=tmp_path / "other")
    monkeypatch.setattr(storage._run, "versions", lambda: {**storage.versions(), "numpy": "1.0"})
    run(where, out.with_name("older"))
    monkeypatch.undo()
    versions, _ = rescored(out.with_name("older"))

    assert (data["data"], data["model"], data["results"]) == ("differs", "same", "differs")
    assert "1 of 240 accounts" in told["detail"].iloc[-1]
    assert (model["data"], model["model"], model["results"]) == ("same", "differs", "differs")
    assert versions == {
        **dict.fromkeys(("data", "model", "configuration", "results"), "same"),
        "versions": "differs",
    }


@pytest.mark.parametrize(
    ("name", "column"), [("scores", "reason_1"), ("scores", "snapshot_date"), ("refused", "why")]
)
def test_rescore_looks_at_every_column_of_every_table(where, tmp_path, name, column):
    """A reason or a refusal that was edited afterwards is a result too."""
    table = book()
    table.loc[table["account_id"] == 7, "status"] = "closed"
    write_table(table, where["months"])
    run(where, tmp_path / "out")
    path = storage.shown(tmp_path / "out") / f"{name}.parquet"
    rows = pd.read_parquet(path)
    place = rows[column].first_valid_index()
    rows.loc[place, column] = pd.Timestamp("2026-01-31") if column == "snapshot_date" else "edited"
    write_table(rows, path)

    states, told = rescored(tmp_path / "out")

    assert states["results"] == "differs"
    assert told["detail"].iloc[-1].startswith("1 of ")
    assert told["detail"].iloc[-1].endswith(f"accounts, in {column}")


def test_a_full_disk_is_no_verdict_on_a_run(where, tmp_path, monkeypatch):
    """Nothing was computed again, so nothing can be said to differ."""
    run(where, tmp_path / "out")

    def full(*_, **__):
        raise EnvironmentFailure(Problem("DLQ-501", "could not write"))

    monkeypatch.setattr("delinquency.workflows._audit.score_files", full)
    with pytest.raises(EnvironmentFailure):
        workflows.rescore(tmp_path / "out")


def test_rescore_says_when_an_input_is_gone(where, tmp_path):
    """Then nothing can be computed."""
    run(where, tmp_path / "out")
    where["months"].unlink()

    states, _ = rescored(tmp_path / "out")

    assert states == {"data": "gone", "model": "same", "results": "gone"}


def test_rescore_is_for_scoring_runs(tmp_path):
    """A folder of another job is answered with what it is."""
    with storage.open_run(tmp_path / "o", "plan", as_of=NEW, inputs={}) as other:
        other.write("plan.txt", b"x")
        other.commit()

    with pytest.raises(InputError, match=r"DLQ-120 .*a run of 'plan'"):
        workflows.rescore(tmp_path / "o")


def test_the_verbs_answer_with_exit_codes(where, tmp_path, capfd, monkeypatch):
    """0 for a sound run, 6 when a file was changed, and the same for rescore."""
    from delinquency import cli

    run(where, tmp_path / "out")

    def code(*arguments):
        monkeypatch.setattr(sys, "argv", ["delinquency", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0

    assert code("verify", tmp_path / "out") == 0
    assert code("rescore", tmp_path / "out") == 0
    path = storage.shown(tmp_path / "out") / "scores.parquet"
    table = pd.read_parquet(path)
    table.loc[3, "points"] += 1.0
    write_table(table, path)
    assert code("verify", tmp_path / "out") == 6
    assert code("rescore", tmp_path / "out") == 6
    assert "1 of 240 accounts, by up to 1 points" in capfd.readouterr().out


def test_an_input_that_changes_under_the_run_is_not_committed(where, tmp_path):
    """Somebody writes to the months while they are read."""
    out = tmp_path / "out"

    def meddle(line):
        write_table(book(seed=1), where["months"])

    with pytest.raises(IntegrityError, match="DLQ-604"):
        score_files(**where, as_of=NEW, out=out, say=meddle)
    assert not out.exists()


def test_the_first_batch_is_begun_before_it_is_asked_for():
    """What comes first is under way beside the caller; a mistake in it is told when it is asked for."""
    under_way = threading.Event()

    def batches():
        under_way.set()
        yield "first"
        raise InputError(Problem("DLQ-112", "accounts do not rise", "months"))

    begun_ones = begun(batches())
    assert under_way.wait(10)
    assert next(begun_ones) == "first"
    with pytest.raises(InputError, match="DLQ-112"):
        next(begun_ones)

    def broken():
        raise InputError(Problem("DLQ-112", "accounts do not rise", "months"))
        yield

    never_asked, asked = begun(broken()), begun(broken())
    with pytest.raises(InputError, match="DLQ-112"):
        next(asked)
    del never_asked
