"""The command line on files: the road, and one line with an exit code for whatever is wrong."""

import gzip
import json
import os
import re
import resource
import subprocess
import sys

import pandas as pd
import pytest

from delinquency.storage import load_bundle, read_table, save_bundle, write_table
from delinquency.strategy import Strategy

from .conftest import AS_OF, CANARY, ROOT, book, hashes, process

VERBS = ("demo", "check", "train", "score", "plan", "review", "report", "verify", "rules")


def test_the_help_names_every_verb(run):
    """What a person types first."""
    result = run("--help")

    assert result.code == 0
    assert all(verb in result.out for verb in VERBS)


def test_training_says_how_good_the_scorer_is_on_accounts_it_never_saw(files):
    """As JSON for machines; progress on stderr alone."""
    (figures,) = json.loads(files.trained.stdout)

    assert figures["auc"] > 0.6
    assert figures["n"] > 400
    assert CANARY not in files.trained.stdout + files.trained.stderr


def test_the_road_on_files(files, run, tmp_path):
    """Score, plan, report and verify, from the bundle of train."""
    where = ("--months", files.months, "--as-of", AS_OF)
    scored = run("score", *where, "--bundle", files.bundle, "--out", tmp_path / "s", "--json")
    scores = tmp_path / "s" / "scores.parquet"
    planned = run("plan", "--scores", scores, *where, "--out", tmp_path / "p")
    told = run("report", *where, "--bundle", files.bundle, "--out", tmp_path / "r.html")

    assert (scored.code, planned.code, told.code) == (0, 0, 0), scored.err + planned.err + told.err
    bands = json.loads(scored.out)
    assert sum(band["accounts"] for band in bands) == 2500
    plan = read_table(tmp_path / "p" / "plan.parquet")
    assert sorted(plan["account_id"]) == sorted(read_table(scores)["account_id"])
    assert (tmp_path / "r.html").read_text().lower().startswith("<!doctype html>")
    assert run("verify", tmp_path / "s").code == run("verify", tmp_path / "p").code == 0


def test_csv_and_parquet_give_the_same_scores(files, run, tmp_path):
    """Whichever way the export was made."""
    write_table(read_table(files.months), tmp_path / "months.csv")
    where = ("--bundle", files.bundle, "--as-of", AS_OF)
    run("score", "--months", files.months, *where, "--out", tmp_path / "a")
    run("score", "--months", tmp_path / "months.csv", *where, "--out", tmp_path / "b")

    names = ("scores.parquet", "refused.parquet")
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_nothing_after_the_date_reaches_a_score(files, run, tmp_path):
    """With the later months cut off, the same bytes."""
    table = read_table(files.months)
    write_table(table[table["month"] <= AS_OF], tmp_path / "months.parquet")
    where = ("--bundle", files.bundle, "--as-of", AS_OF)
    run("score", "--months", files.months, *where, "--out", tmp_path / "a")
    run("score", "--months", tmp_path / "months.parquet", *where, "--out", tmp_path / "b")

    assert (tmp_path / "a/scores.parquet").read_bytes() == (
        tmp_path / "b/scores.parquet"
    ).read_bytes()


@pytest.mark.parametrize("verb", ["train", "score", "plan", "report"])
def test_the_date_is_mandatory_where_time_matters(run, verb, tmp_path):
    """The clock is never read in its place."""
    others = {
        "train": (),
        "score": ("--bundle", "b"),
        "plan": ("--scores", "s"),
        "report": ("--bundle", "b"),
    }[verb]

    result = run(verb, "--months", "m", *others, "--out", tmp_path / "o")

    assert result.code == 2
    assert "Missing option '--as-of'" in result.err


@pytest.mark.parametrize("date", ["today", "now", "June", "2026-06", "2026-02-30", ""])
def test_a_date_that_is_no_date_is_refused(files, run, tmp_path, date):
    """One line, exit code 2, nothing written."""
    out = tmp_path / "o"

    result = run(
        "score", "--months", files.months, "--bundle", files.bundle, "--as-of", date, "--out", out
    )

    assert (result.code, result.lines) == (
        2,
        ["DLQ-103 as_of: expected a date. fix: write YYYY-MM-DD."],
    )
    assert not out.exists()


# --- strategy files -------------------------------------------------------------------------------


@pytest.fixture
def misspelt(tmp_path):
    """The default strategy with one key misspelt, and where."""
    text = (ROOT / "delinquency/strategy/data/default_strategy.yaml").read_text("utf-8")
    broken = text.replace("treatment:", "treatmnt:", 1)
    line = next(k for k, t in enumerate(broken.splitlines(), 1) if "treatmnt:" in t)
    column = broken.splitlines()[line - 1].index("treatmnt") + 1
    path = tmp_path / "strategy.yaml"
    path.write_text(broken, "utf-8")
    return path, f"{path.name}:{line}:{column}: "


@pytest.mark.parametrize("verb", ["rules", "demo", "plan", "report"])
def test_a_misspelt_key_is_answered_with_its_place_and_the_right_word(
    files, run, misspelt, tmp_path, verb
):
    """Editors jump there; nothing is written."""
    path, place = misspelt
    where = (
        "--months",
        files.months,
        "--as-of",
        AS_OF,
        "--strategy",
        path,
        "--out",
        tmp_path / "o",
    )
    arguments = {
        "rules": ("rules", "check", path),
        "demo": ("demo", "--strategy", path, "--out", tmp_path / "o"),
        "plan": ("plan", "--scores", files.months, *where),
        "report": ("report", "--bundle", files.bundle, *where),
    }[verb]

    result = run(*arguments)

    assert result.code == 2
    hits = [line for line in result.lines if "treatmnt" in line]
    assert place in hits[0]
    assert 'did you mean "treatment"?' in hits[0]
    assert not (tmp_path / "o").exists()


def test_a_sound_strategy_is_said_to_be_fine(run, tmp_path):
    """With its hash, the same that a plan names."""
    path = ROOT / "delinquency/strategy/data/default_strategy.yaml"

    result = run("rules", "check", path, "--json")

    assert result.code == 0
    assert json.loads(result.out)["hash"] == Strategy.default().hash
    assert run("rules", "check", path).out.count("\n") == 1
    assert "no_action" in run("rules", "show").out
    assert len(json.loads(run("rules", "treatments", "--json").out)) >= 22


# --- bad input ------------------------------------------------------------------------------------


def half(content):
    return content[: len(content) // 2]


def bad_files(folder):
    """Files of every kind of damage, and what the line must say."""
    table = book(40)
    text = table.to_csv(index=False)
    write_table(table, folder / "whole.parquet")
    parquet = (folder / "whole.parquet").read_bytes()
    lines = text.splitlines(keepends=True)
    cut = "".join(lines[:200]) + lines[200][: lines[200].index(",", 30)]

    def changed(**columns):
        return table.assign(**columns).to_csv(index=False)

    names = ["x"] * (len(table) - 1)
    today = ["today", *table["month"].dt.strftime("%Y-%m-%d")[1:]]
    other_names = lines[0].replace("days_past_due", "days_past_du").replace("amount_paid", "paid")
    return {
        "empty.csv": (b"", "the file is empty"),
        "empty.parquet": (b"", "the file is empty"),
        "header.csv": (lines[0], "no rows"),
        "half.csv": (cut, "cannot be read as CSV"),
        "half.csv.gz": (half(gzip.compress(text.encode())), "cannot be read as CSV"),
        "half.parquet": (half(parquet), "cannot be read as Parquet"),
        "foot.parquet": (parquet[-200:], "cannot be read as Parquet"),
        "twice.csv": (text + lines[-1], "2 of 481 rows repeat (account_id, month)"),
        "text.csv": (
            changed(days_past_due=f"{CANARY}-days"),
            "expected numbers, got text; 480 of 480",
        ),
        "onetext.csv": (
            changed(days_past_due=[f"{CANARY}-days", *[0] * (len(table) - 1)]),
            "1 of 480 values would not parse, first at row 0",
        ),
        "negative.csv": (changed(days_past_due=-918273), "values are negative in 480 of 480 rows"),
        "dates.csv": (changed(month=f"{CANARY}-month"), "expected dates, got other values in 480"),
        "clock.csv": (changed(month=today), "expected dates"),
        "noid.csv": (changed(account_id=["", *names]), "ids are missing in 1 of 480 rows"),
        "renamed.csv": (other_names + "".join(lines[1:]), "is missing"),
        "latin.csv": (
            text.replace(f"{CANARY}-note", f"{CANARY}é").encode("latin-1"),
            "is not UTF-8",
        ),
        "sheet.xlsx": (b"PK\x03\x04", "unknown kind of file"),
    }


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    cases = bad_files(folder)
    for name, (content, _) in cases.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    floats = book(40).assign(account_id=range(480))
    write_table(
        floats.assign(account_id=floats["account_id"].astype(float)), folder / "floats.parquet"
    )
    (folder / "nothing").mkdir()
    answers = {name: answer for name, (_, answer) in cases.items()}
    return folder, answers | {
        "floats.parquet": "ids are float64",
        "nothing": "the folder holds no Parquet file",
        "none.parquet": "no such file",
    }


NAMES = [
    *("empty.csv", "empty.parquet", "header.csv", "half.csv", "half.csv.gz", "half.parquet"),
    *("foot.parquet", "twice.csv", "text.csv", "onetext.csv", "negative.csv", "dates.csv"),
    *("clock.csv", "noid.csv", "renamed.csv", "latin.csv", "sheet.xlsx", "floats.parquet"),
    *("nothing", "none.parquet"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verb", ["score", "train", "report"])
def test_bad_input_gets_one_clear_line_and_leaves_nothing(
    files, damaged, run, tmp_path, name, verb
):
    """A code, a place, a count, a fix; no cell, no traceback; exit code 2."""
    folder, answers = damaged
    assert set(NAMES) == set(answers)
    out = tmp_path / "o"
    bundle = () if verb == "train" else ("--bundle", files.bundle)

    result = run(verb, "--months", folder / name, *bundle, "--as-of", AS_OF, "--out", out)

    assert result.code == 2
    assert len(result.lines) == 1, result.lines
    assert result.lines[0].startswith("DLQ-1")
    assert answers[name] in result.lines[0]
    assert not out.exists()


def test_several_problems_are_told_together_as_json_lines(run, tmp_path):
    """One object a problem, with the fields of the exception."""
    table = book(20).assign(days_past_due=-1, balance=float("inf"))
    write_table(table, tmp_path / "m.parquet")
    arguments = (
        "train",
        "--months",
        tmp_path / "m.parquet",
        "--as-of",
        AS_OF,
        "--out",
        tmp_path / "o",
    )

    result = run(*arguments, "--json")

    problems = [json.loads(line) for line in result.lines]
    assert [p["code"] for p in problems] == ["DLQ-106", "DLQ-105"]
    assert problems[0] | {"what": ""} == {
        "code": "DLQ-106",
        "what": "",
        "where": "months.days_past_due",
        "count": 240,
        "fix": "0 is current; days early are not DPD",
    }


def test_check_lists_what_is_wrong_and_odd(damaged, files, run):
    """Errors give exit code 2, a clean book 0; no cell in either."""
    folder, _ = damaged

    assert run("check", "--months", folder / "twice.csv").code == 2
    clean = run("check", "--months", files.months, "--json")
    assert clean.code == 0, clean.out
    json.loads(clean.out)


# --- the environment ------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_the_environments_fault(files, run, tmp_path):
    """A file stands where the folder should be: exit code 5."""
    (tmp_path / "o").write_text("x")
    where = ("--months", files.months, "--bundle", files.bundle, "--as-of", AS_OF)

    result = run("score", *where, "--out", tmp_path / "o")

    assert (result.code, len(result.lines)) == (5, 1)
    assert "DLQ-501" in result.lines[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_the_environments_fault(files, run, tmp_path):
    """Exit code 5 again."""
    tmp_path.chmod(0o500)
    where = ("--months", files.months, "--bundle", files.bundle, "--as-of", AS_OF)

    assert run("score", *where, "--out", tmp_path / "o").code == 5


@pytest.mark.parametrize("size", [2000, 30_000])
def test_a_full_disk_leaves_the_last_run_whole_or_is_found_by_verify(files, run, tmp_path, size):
    """No file is ever cut: each is the old one or the new one, whatever the disk holds."""
    where = ("--months", files.months, "--bundle", files.bundle, "--out", tmp_path / "o")
    assert run("score", *where, "--as-of", AS_OF).code == 0
    before = hashes(tmp_path / "o")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        result = run("score", *where, "--as-of", "2026-05-31", "--new-version")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert result.code == 5
    assert "DLQ-501" in result.lines[0]
    assert hashes(tmp_path / "o") == before


@pytest.mark.parametrize("name", ["manifest.json", "arrays"])
def test_a_damaged_bundle_is_an_integrity_failure(files, run, tmp_path, name):
    """Exit code 6, nothing scored."""
    broken = tmp_path / "bundle"
    broken.mkdir()
    for path in files.bundle.iterdir():
        content = bytearray(path.read_bytes())
        if path.name.startswith(name):
            content[len(content) // 2] ^= 1
        (broken / path.name).write_bytes(content)
    where = ("--months", files.months, "--as-of", AS_OF, "--out", tmp_path / "o")

    (tmp_path / "empty").mkdir()
    for folder in (broken, tmp_path / "empty"):
        result = run("score", *where, "--bundle", folder)
        assert (result.code, len(result.lines)) == (6, 1)
        assert "DLQ-602" in result.lines[0]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("windows", [None, [], "3", [3, "6"], [True], list(range(1, 5000))])
def test_a_bundle_that_does_not_say_its_windows_is_refused(files, run, tmp_path, windows):
    """A sound seal on a document that train did not write."""
    bundle = load_bundle(files.bundle)
    bundle.document["about"]["windows"] = windows
    save_bundle(bundle, tmp_path / "b")
    where = ("--months", files.months, "--as-of", AS_OF, "--out", tmp_path / "o")

    result = run("score", *where, "--bundle", tmp_path / "b")

    assert (result.code, len(result.lines)) == (6, 1)


def test_no_manifest_is_no_run(run, tmp_path):
    """verify on any other folder."""
    result = run("verify", tmp_path)

    assert (result.code, len(result.lines)) == (6, 1)


def test_a_process_answers_as_the_function_does(tmp_path):
    """The same line and exit code from a real process."""
    (tmp_path / "m.csv").write_bytes(b"")

    done = process("check", "--months", tmp_path / "m.csv")

    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "DLQ-109 m.csv: the file is empty. fix: an empty run is never committed.\n"
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    """As `head` does."""
    command = f"{sys.executable} -m delinquency rules treatments | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in done.stderr


# --- the package itself ---------------------------------------------------------------------------


def test_importing_the_package_is_quick_and_draws_nothing():
    """No matplotlib, no LightGBM, below 3 seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import delinquency"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert "delinquency" in done.stderr
    assert "matplotlib" not in done.stderr
    assert "lightgbm" not in done.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def sources(*folders):
    for folder in folders or ("",):
        for path in sorted((ROOT / "delinquency" / folder).rglob("*.py")):
            yield path, path.read_text("utf-8")


DANGEROUS = r"\b(pickle|cPickle|dill|cloudpickle|marshal|shelve)\b|joblib\.(load|dump)|(?<![\w.])(eval|exec)\("  # noqa: E501
CLOCK = (
    r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time|perf_counter)\b"
    r"|Timestamp\.(now|today|utcnow)"
)


def found(pattern, folders=()):
    return [
        f"{path.name}: {line.strip()}"
        for path, text in sources(*folders)
        for line in text.splitlines()
        if re.search(pattern, line.split("#")[0])
    ]


def test_nothing_unpickles_or_evaluates():
    """Only prose may name a pickle: to say that there is none."""
    code = [line for line in found(DANGEROUS) if not re.search(r"[Nn](o|ever a) pickle", line)]

    assert code == []
    assert re.search(DANGEROUS, "x = pickle.load(f)")
    assert re.search(DANGEROUS, "eval(text)")


def test_no_feature_strategy_or_history_reads_a_clock():
    """A static or a silent date scored people wrongly for weeks, elsewhere."""
    rooms = ("features", "strategy", "history", "scoring", "storage", "workflows", "evaluation")

    assert found(CLOCK, rooms) == []
    assert {line.split(":")[0] for line in found(CLOCK)} <= {"_options.py"}  # seconds of progress
    assert re.search(CLOCK, "pd.Timestamp.now()")


def test_the_table_of_scores_has_the_columns_that_are_promised(files, run, tmp_path):
    """Key, probability, points, band, four reasons, bundle."""
    where = ("--months", files.months, "--bundle", files.bundle, "--as-of", AS_OF)
    run("score", *where, "--out", tmp_path)

    scores = pd.read_parquet(tmp_path / "scores.parquet")
    reasons = [f"reason_{k}" for k in range(1, 5)]
    key = ["account_id", "snapshot_date", "probability", "points", "band"]
    assert list(scores.columns) == [*key, *reasons, "bundle"]
    assert set(scores["snapshot_date"].dt.strftime("%Y-%m-%d")) == {AS_OF}


# --- the first hour of somebody new ---------------------------------------------------------------


def test_the_report_says_in_words_what_bad_means(files, run, tmp_path):
    """In two languages, and not as the line of code that the bundle keeps."""
    where = ("--months", files.months, "--as-of", AS_OF)
    assert run("report", *where, "--bundle", files.bundle, "--out", tmp_path / "r.html").code == 0
    page = (tmp_path / "r.html").read_text("utf-8")

    assert "Bad means: 30 or more days past due at any time in the 3 months after" in page
    assert '<span lang="zh">坏户定义：快照后 3 个月内曾逾期 30 天及以上，或已核销' in page
    assert "LabelSpec" not in page


@pytest.mark.parametrize("labels", [None, {"label": "outside table"}])
def test_a_bundle_that_keeps_no_label_is_said_to_have_been_given_one(files, run, tmp_path, labels):
    """Outcomes from elsewhere have no rule that could be told."""
    bundle = load_bundle(files.bundle)
    bundle.document["about"].pop("outcome")
    bundle.document["about"].update(labels or {})
    save_bundle(bundle, tmp_path / "b")
    where = ("--months", files.months, "--as-of", AS_OF, "--bundle", tmp_path / "b")
    assert run("report", *where, "--out", tmp_path / "r.html").code == 0
    page = (tmp_path / "r.html").read_text("utf-8")

    assert "Bad means: an outcome that was given with the training data." in page
    assert "LabelSpec" not in page


def test_a_path_that_is_not_there_is_a_mistake_and_no_damage(files, run, tmp_path):
    """Exit code 2, for bundles and runs as for tables: nobody has to restore anything from a copy."""
    where = ("--months", files.months, "--as-of", AS_OF, "--out", tmp_path / "o")
    near = files.folder / "bundel"
    calls = [
        ("score", *where, "--bundle", near),
        ("report", *where, "--bundle", near),
        ("monitor", *where, "--bundle", near),
        ("score", *where, "--bundle", files.bundle, "--last", near),
        ("verify", near),
        ("verify", files.folder, "--decisions", near),
        ("rescore", near),
        ("champion", "show", near),
        ("champion", "verify", near),
        ("champion", "rollback", near, "--expected", "x", "--as-of", AS_OF, "--note", "x"),
        *[("champion", "promote", tmp_path / "models", "--bundle", near, "--expected", "none",
           "--as-of", AS_OF, "--note", "x")],
    ]  # fmt: skip
    for call in calls:
        done = run(*call)
        assert (done.code, len(done.lines)) == (2, 1), (call, done.err)
        assert done.lines[0].startswith("DLQ-109 bundel: no such file")
        assert 'did you mean "bundle"?' in done.lines[0]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
@pytest.mark.parametrize("name", ["months.csv", "months.csv.gz"])
def test_a_csv_parted_by_other_marks_is_named(files, run, tmp_path, mark, word, name):
    """Decimal commas too: no list of missing columns, and no damage."""
    text = f"account_id{mark}month{mark}days_past_due\nA{mark}2026-06-30{mark}0,5\n".encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    where = ("--bundle", files.bundle, "--as-of", AS_OF, "--out", tmp_path / "o")

    for call in (("check", "--months", path), ("score", "--months", path, *where)):
        done = run(*call)
        assert (done.code, len(done.lines)) == (2, 1)
        assert done.lines[0].startswith(
            f"DLQ-109 {name}: its columns are parted by {word}, not commas. fix: save it as CSV"
        )


@pytest.mark.parametrize("verb", ["score", "train", "plan", "report"])
def test_a_date_outside_the_months_is_told_which_there_are(files, run, tmp_path, verb):
    """A wrong year is the commonest slip of a first hour."""
    bundle = ("--bundle", files.bundle)
    scores = read_table(files.months).head(1)[["account_id"]]
    scores = scores.assign(snapshot_date="2023-06-30", probability=0.1, points=600.0, band="A")
    write_table(scores, tmp_path / "s.parquet")
    more = {"train": (), "plan": ("--scores", tmp_path / "s.parquet")}.get(verb, bundle)
    where = ("--months", files.months, "--as-of", "2023-06-30", "--out", tmp_path / "o")
    done = run(verb, *where, *more)

    assert (done.code, len(done.lines)) == (2, 1)
    assert "DLQ-100" in done.lines[0]
    assert "the months of the table run from 2025-10-31 to 2026-09-30" in done.lines[0]


def test_a_report_with_too_many_refused_advises_what_can_be_done(files, run, tmp_path):
    """There is no option of that name in `report`, and the way on is another verb."""
    table = read_table(files.months)
    table.loc[table["account_id"].str[-1] == "0", "credit_limit"] = 0.0
    table.loc[table["account_id"].str[-1] == "0", ["balance", "amount_due"]] = None
    write_table(table, tmp_path / "m.parquet")
    where = ("--months", tmp_path / "m.parquet", "--as-of", AS_OF, "--bundle", files.bundle)
    done = run("report", *where, "--out", tmp_path / "r.html")

    assert (done.code, len(done.lines)) == (3, 1), done.err
    assert "DLQ-303" in done.lines[0]
    assert "`delinquency score` lists who is refused and why" in done.lines[0]


def test_rescore_says_of_nothing_that_it_was_committed(files, run, tmp_path):
    """It computes in a temporary folder and leaves nothing."""
    where = ("--months", files.months, "--as-of", AS_OF, "--bundle", files.bundle)
    scored = run("score", *where, "--out", tmp_path / "s")
    again = run("rescore", tmp_path / "s")

    assert "committed" in scored.err
    assert again.code == 0
    assert "accounts" in again.err and "committed" not in again.err


@pytest.mark.parametrize("columns", [80, 60])
def test_the_list_of_rules_fits_the_terminal(run, monkeypatch, columns):
    """Every rule with its source is there, on lines that no terminal breaks."""
    monkeypatch.setenv("COLUMNS", str(columns))
    told = run("rules", "list")
    records = json.loads(run("rules", "list", "--json").out)

    assert told.code == 0
    assert max(map(len, told.out.splitlines())) <= columns
    words = " ".join(told.out.split())
    for rule in records:
        assert f"{rule['rule']}: {rule['acts']}" in words
        assert " ".join((rule["cite"] or "").split())[:40] in words
    few = run("rules", "list", "--unverified").out
    assert few.count("unverified") == sum(rule["unverified"] for rule in records)


def test_the_list_of_treatments_fits_the_terminal(run, monkeypatch):
    """Each with what it asks for and costs."""
    monkeypatch.setenv("COLUMNS", "80")
    told = run("rules", "treatments").out
    records = json.loads(run("rules", "treatments", "--json").out)

    assert max(map(len, told.splitlines())) <= 80
    words = " ".join(told.split())
    assert all(f"{row['treatment']}: {row['name']}" in words for row in records)
    assert all(row["text"] in words for row in records)
    assert "requires valid_phone, robocall_consent, in_window, under_cap" in words
