"""Runs from a database and into one: the same scores as from a file, stored whole, harmless to repeat."""

import json

import numpy as np
import pandas as pd
import pytest

from delinquency import storage, workflows
from delinquency.errors import InputError, IntegrityError, LockError, Problem
from delinquency.storage import read_manifest, read_table, write_table
from delinquency.workflows import _retrain_files

from .conftest import AS_OF

KEY = ["account_id", "snapshot_date"]


@pytest.fixture
def months(database, files):
    """The small book in a table of a database, where its address holds a password."""
    write_table(read_table(files.months), database.at("months"), key=["account_id", "month"])
    return database.at("months")


def test_scores_of_a_table_are_those_of_the_file(run, database, files, months, tmp_path):
    """From the command line: the same rows and bytes, and no login in anything that is kept or said."""
    here = ("--bundle", files.bundle, "--as-of", AS_OF)
    from_file = run("score", "--months", files.months, *here, "--out", tmp_path / "file")
    from_table = run("score", "--months", months, *here, "--out", tmp_path / "table", "--json")

    assert (from_file.code, from_table.code) == (0, 0), from_table.err
    pd.testing.assert_frame_equal(read_table(tmp_path / "table"), read_table(tmp_path / "file"))
    told = from_table.out + from_table.err
    kept = b"".join(path.read_bytes() for path in (tmp_path / "table").rglob("*") if path.is_file())
    for secret in (database.server.password, "tester"):
        assert secret not in told and secret.encode() not in kept
    origin = read_manifest(tmp_path / "table")["inputs"]["months"]["path"]
    assert (
        origin == f"postgresql://127.0.0.1:{database.server.port}/postgres#{database.schema}.months"
    )


def test_the_same_table_again_is_the_same_run(database, files, months, tmp_path):
    """An unchanged table is a finished job; a changed one is another job, which must be asked for."""
    keys = {"bundle": files.bundle, "as_of": AS_OF, "out": tmp_path / "run"}
    said = []
    workflows.score_files(months, **keys)
    workflows.score_files(months, **keys, say=said.append)
    database.sql("UPDATE {s}.months SET balance = balance + 1 WHERE month = '2026-06-30'")

    assert said == ["this run stands already, from the same inputs; nothing to do"]
    with pytest.raises(LockError, match="DLQ-402"):
        workflows.score_files(months, **keys)


def test_a_finished_run_is_stored_in_a_table(run, database, files, months, tmp_path):
    """Scores, then the plan made of them in the database; doing all of it again changes nothing."""
    here = ("--months", months, "--as-of", AS_OF)
    out = tmp_path / "run"

    def twice(*arguments):
        told = [run(*arguments), run(*arguments)]
        assert [one.code for one in told] == [0, 0], told[0].err
        return [one.err for one in told]

    for table, arguments in {
        "scores": ("score", *here, "--bundle", files.bundle, "--out", out),
        "plan": ("plan", *here, "--scores", database.at("scores"), "--out", tmp_path / "plan"),
    }.items():
        first, second = twice(*arguments, "--to", database.at(table))
        assert "2,500 rows stored" in first and "2,500 of them new" in first
        assert ", 0 of them new or changed" in second

    stored = read_table(database.at("scores"))
    pd.testing.assert_frame_equal(stored[list(read_table(out))], read_table(out), check_dtype=False)
    assert read_table(database.at("plan"))["treatment"].notna().all()


def test_what_is_not_a_sound_run_is_not_stored(database, files, tmp_path):
    """No run, a run that was changed, an address without a table: nothing reaches the database."""
    out = tmp_path / "run"
    with pytest.raises(IntegrityError, match="DLQ-601"):
        workflows.publish(out, database.at("scores"))
    workflows.score_files(files.months, files.bundle, as_of=AS_OF, out=out)
    with pytest.raises(InputError, match="names no table") as caught:
        workflows.publish(out, database.url)
    assert database.server.password not in str(caught.value)
    scores = (out / "scores.parquet").resolve()
    scores.write_bytes(scores.read_bytes() + b"x")

    with pytest.raises(IntegrityError, match="has changed"):
        workflows.publish(out, database.at("scores"))
    with pytest.raises(InputError, match="no such table"):
        read_table(database.at("scores"))


def test_a_run_in_parts_is_stored_whole(database, files, tmp_path):
    """What did not fit one batch is a folder of files, and still one table."""
    many = read_table(files.months)
    more = [many.assign(account_id=many["account_id"] + f"-{k}") for k in range(5)]
    big = pd.concat(more, ignore_index=True).sort_values(["account_id", "month"])
    write_table(big, tmp_path / "months.parquet")
    keys = {"as_of": AS_OF, "out": tmp_path / "run", "memory": "512MiB"}
    workflows.score_files(tmp_path / "months.parquet", files.bundle, **keys)

    assert len(list((tmp_path / "run" / "scores.parquet").glob("*.parquet"))) > 1
    done = workflows.publish(tmp_path / "run", database.at("scores"))

    assert done.rows == done.changed == 12_500 == len(read_table(database.at("scores")))


def test_monitoring_a_table_keeps_its_address_without_the_login(
    run, database, files, months, tmp_path
):
    """The same findings as from the file; and the hash in the manifest is that of rows, not of nothing."""
    here = ("--bundle", files.bundle, "--as-of", AS_OF, "--look-back", 1)
    from_file = run("monitor", "--months", files.months, *here, "--out", tmp_path / "file")
    from_table = run("monitor", "--months", months, *here, "--out", tmp_path / "table")

    assert (from_file.code, from_table.code) == (0, 0), from_table.err
    found = [(tmp_path / name / "monitor.json").read_bytes() for name in ("file", "table")]
    assert found[0] == found[1]
    entry = read_manifest(tmp_path / "table")["inputs"]["months"]
    assert entry["path"].startswith("postgresql://127.0.0.1") and entry["bytes"] > 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "table").rglob("*") if path.is_file())
    assert database.server.password.encode() not in kept


def test_retraining_takes_addresses_from_its_settings(
    database, files, months, tmp_path, monkeypatch
):
    """An address is not a path beside the settings, and its login stays out of the evidence."""
    settings = f"format: 1\nmonths: {months}\nregistry: models\n"
    (tmp_path / "retrain.yaml").write_text(settings, "utf-8")
    seen = []

    def stop(table, **_):
        seen.append(len(table))
        raise InputError(Problem("DLQ-114", "enough seen"))

    monkeypatch.setattr(_retrain_files, "retrain", stop)
    with pytest.raises(InputError, match="enough seen"):
        workflows.retrain_files(tmp_path / "retrain.yaml", out=tmp_path / "run", as_of=AS_OF)

    assert seen == [len(read_table(files.months))]


GOALS = """\
format: 1
goals:
  - goal: July
    metric: amount
    target: 400000000
    start: 2026-06-30
    end: 2026-09-30
    guardrails: {complaints: 3}
"""


def test_every_verb_on_months_says_the_same_of_a_table_as_of_the_file(
    run, database, files, months, tmp_path
):
    """Check, train, report, review: the same words or bytes from both, and no login in any of them."""
    (tmp_path / "goals.yaml").write_text(GOALS, "utf-8")
    # what comes from a database comes in the order of account and month, and so do row numbers
    rows = read_table(files.months).sort_values(["account_id", "month"], ignore_index=True)
    write_table(rows, tmp_path / "months.parquet")

    def told(verb, *rest, out=None):
        kept = []
        for name, place in (("file", tmp_path / "months.parquet"), ("table", months)):
            where = () if out is None else ("--out", tmp_path / f"{name}-{out}")
            done = run(verb, "--months", place, "--as-of", AS_OF, *rest, *where)
            assert done.code == 0, done.err
            assert database.server.password not in done.out + done.err
            kept.append(done.out if out is None else tmp_path / f"{name}-{out}")
        return kept

    words = told("check") + told("review", "--goals", tmp_path / "goals.yaml")
    assert words[0] == words[1] and words[2] == words[3]
    bundles = told("train", out="bundle")
    assert len({storage.load_bundle(bundle).hash for bundle in bundles}) == 1
    pages = told("report", "--bundle", files.bundle, out="page.html")
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert database.server.password.encode() not in pages[1].read_bytes()


@pytest.mark.parametrize(
    "verb", ["check", "train", "score", "plan", "report", "review", "monitor", "retrain"]
)
def test_a_login_that_fails_is_one_line_without_it(run, database, files, tmp_path, verb):
    """Whatever verb: exit code 5, and neither the password nor the user is told or kept."""
    wrong = database.at("months").replace(database.server.password, "zq7-wrong-secret")
    assert wrong != database.at("months")
    (tmp_path / "goals.yaml").write_text(GOALS, "utf-8")
    settings = tmp_path / "retrain.yaml"
    settings.write_text(f"format: 1\nmonths: {wrong}\nregistry: models\n", "utf-8")
    more = {
        "check": (),
        "train": ("--out", tmp_path / "out"),
        "plan": ("--scores", files.months, "--out", tmp_path / "out"),
        "review": ("--goals", tmp_path / "goals.yaml"),
        "retrain": (settings, "--out", tmp_path / "out"),
    }.get(verb, ("--bundle", files.bundle, "--out", tmp_path / "out"))
    table = () if verb == "retrain" else ("--months", wrong)
    done = run(verb, *more, *table, "--as-of", AS_OF)

    assert (done.code, len(done.lines)) == (5, 1), done.err
    assert "postgresql://127.0.0.1" in done.lines[0]
    assert "zq7-wrong" not in done.out + done.err
    assert not (tmp_path / "out").exists()


def test_accounts_labels_and_amounts_come_from_tables_too(run, database, files, months, tmp_path):
    """Whatever table a verb takes beside the months may stand in the database."""
    people = read_table(files.months)[["account_id"]].drop_duplicates(ignore_index=True)
    people["segment"] = np.where(people.index % 2, "north", "south")
    write_table(people, database.at("accounts"), key=["account_id"])
    labels = people[["account_id"]].assign(snapshot_date=AS_OF, bad=people.index % 7 < 1)
    labels = labels.astype({"bad": int, "snapshot_date": "datetime64[us]"})
    write_table(labels, database.at("labels"), key=KEY)
    write_table(people[["account_id"]].assign(extra=1.0), database.at("extra"), key=["account_id"])
    (tmp_path / "goals.yaml").write_text(GOALS, "utf-8")
    book = ("--months", months, "--as-of", AS_OF)
    known = ("--accounts", database.at("accounts"), "--labels", database.at("labels"))
    bundle = ("--bundle", files.bundle)

    done = [
        run("train", *book, *known[2:], "--out", tmp_path / "bundle", "--json"),
        run("monitor", *book, *bundle, *known, "--look-back", 1, "--out", tmp_path / "monitor"),
        run("report", *book, *bundle, *known, "--out", tmp_path / "page.html"),
        run("review", *book, "--goals", tmp_path / "goals.yaml", "--extra", database.at("extra")),
    ]

    assert [one.code for one in done] == [0, 0, 0, 0], [one.err for one in done]
    found = json.loads((tmp_path / "monitor" / "monitor.json").read_bytes())
    assert {row["segment"] for row in found["segments"]} == {"north", "south"}
    inputs = read_manifest(tmp_path / "monitor")["inputs"]
    assert inputs["labels"]["path"].endswith(f"#{database.schema}.labels")
