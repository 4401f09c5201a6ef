"""Monitoring on files: reasons when a shock comes, none before, and a page that says so."""

import json
import re

import pytest

from delinquency import datasets, storage, workflows
from delinquency.errors import InputError, IntegrityError
from delinquency.monitoring import Limits
from delinquency.scoring import Scorer
from delinquency.storage import Registry, verify
from delinquency.workflows import _monitor_files

SHOCK = "2025-03-31"  # three fifths of three years on


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A book with a shock, and a scorer trained before it, on disk."""
    folder = tmp_path_factory.mktemp("monitor")
    book = datasets.make_portfolio(4000, 36, seed=3, shock=3.0, end="2026-06-30")
    storage.write_table(book.months, folder / "months.parquet")
    storage.write_table(book.accounts, folder / "accounts.parquet")
    trained = workflows.train(
        book.months[book.months["month"] <= SHOCK], as_of="2024-12-31", windows=(3, 6)
    )
    storage.save_bundle(trained.scorer, folder / "bundle")
    return folder, book, trained.scorer


def test_before_the_shock_there_is_no_reason_and_after_it_there_is(world):
    """With default limits; the calibration says since when."""
    _, book, scorer = world

    before = workflows.monitor(book.months, scorer, as_of="2025-03-31")
    after = workflows.monitor(book.months, scorer, as_of="2025-10-31")
    assert before.reasons == []
    reason = next(r for r in after.reasons if r.code == "calibration")
    assert reason.since in ("2025-02-28", "2025-03-31", "2025-04-30")
    assert reason.figure > 0.3


def test_nothing_after_the_date_is_read(world):
    """With the later months cut off, the same answer."""
    _, book, scorer = world
    cut = book.months[book.months["month"] <= "2025-06-30"]

    whole = workflows.monitor(book.months, scorer, as_of="2025-06-30", look_back=4)
    alone = workflows.monitor(cut, scorer, as_of="2025-06-30", look_back=4)
    assert storage.to_json(whole.as_dict()) == storage.to_json(alone.as_dict())


def test_only_months_after_training_are_judged(world):
    """The scorer knows the outcomes of its own snapshot."""
    _, book, scorer = world
    found = workflows.monitor(book.months, scorer, as_of="2025-05-31", look_back=24)

    days = sorted(found.stability["snapshot_date"].dt.strftime("%Y-%m").unique())
    assert days == ["2025-01", "2025-02", "2025-03", "2025-04", "2025-05"]
    assert found.outcomes["month"].dt.strftime("%Y-%m").tolist() == ["2025-01", "2025-02"]
    assert found.early["age"].tolist() == [2, 1]


def test_accounts_outside_the_label_do_not_count(world):
    """Closed and written-off accounts are still in the months, and would look like a shift."""
    _, book, scorer = world
    found = workflows.monitor(book.months, scorer, as_of="2025-03-31", look_back=1)

    rows = book.months[book.months["month"] == "2025-03-31"]
    still_open = int(rows["status"].eq("open").sum())
    assert found.stability["n"].max() == still_open


def test_the_verb_writes_page_json_and_manifest(world, run, tmp_path):
    """Exit code 0; with --fail-on-reasons 3; the run verifies."""
    folder, _, _ = world
    where = ("--months", folder / "months.parquet", "--bundle", folder / "bundle")
    date = ("--as-of", "2025-10-31", "--accounts", folder / "accounts.parquet", "--look-back", 6)
    fine = run("monitor", *where, *date, "--out", tmp_path / "a", "--json")
    failed = run("monitor", *where, *date, "--out", tmp_path / "b", "--fail-on-reasons")

    assert (fine.code, failed.code) == (0, 3)
    codes = [reason["code"] for reason in json.loads(fine.out)["retrain_reasons"]]
    assert "calibration" in codes
    document = json.loads((tmp_path / "a" / "monitor.json").read_bytes())
    assert [reason["code"] for reason in document["retrain_reasons"]] == codes
    assert {row["segment"] for row in document["segments"]} == {"prime", "near_prime", "thin_file"}
    assert set(verify(tmp_path / "a")["state"]) == {"same"}
    for name in ("monitor.html", "monitor.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_page_loads_nothing_runs_nothing_and_escapes_names(world):
    """A segment named like markup stays text; no id of an account stands on the page."""
    folder, book, _ = world
    names = {"prime": "<img src=x onerror=alert(1)>"}
    accounts = book.accounts.assign(segment=book.accounts["segment"].replace(names))
    storage.write_table(accounts, folder / "odd.parquet")
    workflows.monitor_files(
        folder / "months.parquet", folder / "bundle", as_of="2025-06-30", out=folder / "odd",
        accounts=folder / "odd.parquet", look_back=5,
    )  # fmt: skip
    page = (folder / "odd" / "monitor.html").read_text("utf-8")

    assert "<img" not in page
    assert "&lt;img" in page
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r'(src|href)="(?!#)', page)


def test_a_registry_stands_for_its_champion(world, tmp_path):
    """A scheduler names one folder for ever."""
    folder, _, scorer = world
    registry = Registry(tmp_path / "models")
    name = registry.add(scorer)
    registry.promote(name, expected=None, as_of="2025-01-31")
    found = workflows.monitor_files(
        folder / "months.parquet", registry.folder, as_of="2025-02-28", out=tmp_path / "run"
    )

    document = json.loads((tmp_path / "run" / "monitor.json").read_bytes())
    assert document["bundle"] == name
    assert found.stability is not None


def test_what_a_bundle_does_not_keep_is_said_and_the_rest_is_judged(world):
    """No reference, no AUC at training, no label: three notes, no failure."""
    _, book, scorer = world
    kept = {k: v for k, v in scorer.about.items() if k not in ("holdout", "outcome")}
    bare = Scorer(**{**scorer.__dict__, "about": kept, "reference": None})
    found = workflows.monitor(book.months, bare, as_of="2025-04-30", look_back=2)

    assert len(found.notes) == 3
    assert "no reference" in found.notes[0]
    assert (found.stability, found.outcomes, found.early, found.reasons) == (None, None, None, [])


def test_what_cannot_be_judged_by_is_refused(world):
    """A segment that is not there, a window of nothing, a bundle that says no label of ours."""
    _, book, scorer = world
    where = {"as_of": "2025-04-30", "look_back": 1}

    with pytest.raises(InputError, match="DLQ-102"):
        workflows.monitor(book.months, scorer, **where, accounts=book.accounts, segment="segmnt")
    with pytest.raises(InputError, match="DLQ-217"):
        workflows.monitor(book.months, scorer, as_of="2025-04-30", look_back=0)
    odd = Scorer(**{**scorer.__dict__, "about": {**scorer.about, "outcome": {"dpd": "x"}}})
    with pytest.raises(IntegrityError, match="DLQ-603"):
        workflows.monitor(book.months, odd, **where)


def test_limits_decide(world):
    """What is no reason at a wide limit is one at a narrow one."""
    _, book, scorer = world
    narrow = Limits(score_psi=0.0001, log_odds=0.01)
    found = workflows.monitor(book.months, scorer, as_of="2025-10-31", look_back=3, limits=narrow)

    assert "score_shift" in [reason.code for reason in found.reasons]


def test_what_was_written_to_while_it_was_read_is_not_vouched_for(world, tmp_path, monkeypatch):
    """The manifest would name the hash of months that nobody monitored."""
    folder, book, _ = world
    storage.write_table(book.months, tmp_path / "months.parquet")
    sound = _monitor_files.monitor

    def slow(months, *rest, **keywords):
        storage.write_table(months.assign(balance=1.0), tmp_path / "months.parquet")
        return sound(months, *rest, **keywords)

    monkeypatch.setattr(_monitor_files, "monitor", slow)
    with pytest.raises(IntegrityError, match="DLQ-604"):
        workflows.monitor_files(
            tmp_path / "months.parquet", folder / "bundle", as_of="2025-01-31",
            out=tmp_path / "run", look_back=1,
        )  # fmt: skip

    assert not (tmp_path / "run").exists()


def test_every_segment_is_judged_by_itself(world, tmp_path):
    """After the shock: who is surely off is named, who is too small is said to be, on page and in JSON."""
    folder, _, _ = world
    found = workflows.monitor_files(
        folder / "months.parquet", folder / "bundle", as_of="2025-10-31", out=tmp_path / "run",
        accounts=folder / "accounts.parquet",
    )  # fmt: skip
    page = (tmp_path / "run" / "monitor.html").read_text("utf-8")
    document = json.loads((tmp_path / "run" / "monitor.json").read_bytes())

    told = {(row["segment"], row["question"]): row for row in document["segment_verdicts"]}
    assert len(told) == 3 * 4
    assert told["thin_file", "calibration"]["state"] == "beyond"
    assert told["prime", "calibration"]["state"] == "within"
    assert told["thin_file", "score_shift"]["state"] == "too small"
    assert told["thin_file", "score_shift"]["noise"] > 2 * told["prime", "score_shift"]["noise"]
    accused = {r.evidence["segment"] for r in found.reasons if r.code.startswith("segment")}
    assert accused == {"near_prime", "thin_file"}
    assert {row["segment"] for row in document["segment_drift"]} == {
        "prime",
        "near_prime",
        "thin_file",
    }
    assert {row["kind"] for row in document["segment_stability"]} == {"score", "band", "feature"}
    assert "2 of 3 segments lie surely beyond a limit; 3 of 3 are too small for some" in page
    assert "too small to judge" in page
    assert any("too small" in note and "thin_file" in note for note in found.notes)


def test_before_the_shock_no_segment_is_accused(world):
    """The negative control of the last test."""
    _, book, scorer = world
    found = workflows.monitor(book.months, scorer, as_of="2025-03-31", accounts=book.accounts)

    assert "beyond" not in set(found.segment_verdicts["state"])
    assert found.reasons == []


def test_segments_without_their_accounts_of_training_are_judged_by_outcomes_alone(world):
    """Months that begin after training, or another split, are said; a wrong shift is not shown."""
    _, book, scorer = world
    late = book.months[book.months["month"] > "2025-01-31"]
    where = {"as_of": "2025-10-31", "accounts": book.accounts, "look_back": 6}
    cut = workflows.monitor(late, scorer, **where)
    other = Scorer(**{**scorer.__dict__, "about": {**scorer.about, "split": {"salt": "other"}}})
    split = workflows.monitor(book.months, other, **where)

    for found in (cut, split):
        assert found.segment_stability is None
        assert set(found.segment_verdicts["question"]) == {"calibration"}
    assert any("do not hold the accounts of 2024-12-31" in note for note in cut.notes)
    assert any("which accounts it learnt from" in note for note in split.notes)


def test_a_segment_without_accounts_is_refused(world, run, tmp_path):
    """One line, before anything is read, instead of a page that says nothing of it."""
    done = run(
        *("monitor", "--months", "nowhere.parquet", "--bundle", "nowhere", "--as-of", SHOCK),
        *("--segment", "product", "--out", tmp_path / "run"),
    )

    assert (done.code, len(done.lines)) == (2, 1)
    assert done.lines[0].startswith("DLQ-204 segment: a segment is named, but no accounts")
    assert "--accounts" in done.lines[0]
    assert not (tmp_path / "run").exists()


SETTINGS = """\
format: 1
months: months.parquet
registry: models
limits:
  score_psi: 0.2
  log_odds: 0.9
"""


def test_limits_come_from_the_file_and_the_command_line_and_are_written_down(world, run, tmp_path):
    """One file with retraining; what the command line says goes before it; the rest is the default."""
    folder, _, _ = world
    (tmp_path / "retrain.yaml").write_text(SETTINGS, "utf-8")
    where = ("--months", folder / "months.parquet", "--bundle", folder / "bundle", "--look-back", 6)
    date = ("--as-of", "2025-10-31", "--settings", tmp_path / "retrain.yaml", "--json")
    wide = run("monitor", *where, *date, "--out", tmp_path / "wide")
    lines = ("--limit", "log_odds=0.25", "--limit", "in_a_row=2")
    narrow = run("monitor", *where, *date, *lines, "--out", tmp_path / "narrow")

    assert (wide.code, narrow.code) == (0, 0), wide.err + narrow.err
    codes = [{r["code"] for r in json.loads(d.out)["retrain_reasons"]} for d in (wide, narrow)]
    assert "calibration" not in codes[0] and "calibration" in codes[1]
    limits = {**Limits().__dict__, "score_psi": 0.2, "log_odds": 0.25, "in_a_row": 2}
    document = json.loads((tmp_path / "narrow" / "monitor.json").read_bytes())
    manifest = storage.read_manifest(tmp_path / "narrow")
    assert document["limits"] == manifest["limits"] == limits
    assert manifest["inputs"]["settings"]["path"].endswith("retrain.yaml")
    page = (tmp_path / "narrow" / "monitor.html").read_text("utf-8")
    assert "score_psi 0.2, feature_psi 0.25" in page


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("score_psi:", "scor_psi:", r'm.yaml:5:3: DLQ-202 unknown key .*mean "score_psi"'),
        ("0.2", "-0.2", r"m.yaml:5:14: DLQ-205 .*score_psi.*greater than or equal to 0"),
        ("0.9", ".nan", r"m.yaml:6:13: DLQ-205"),
        ("log_odds: 0.9", "early_ratio: 1", r"m.yaml:6:16: DLQ-205 .*early_ratio.*greater than 1"),
    ],
)
def test_a_mistake_in_a_limit_of_the_file_is_told_with_its_place(run, tmp_path, was, now, told):
    """Before a table is looked for."""
    (tmp_path / "m.yaml").write_text(SETTINGS.replace(was, now), "utf-8")
    done = run(
        *("monitor", "--months", "nowhere.parquet", "--bundle", "nowhere", "--as-of", SHOCK),
        *("--settings", tmp_path / "m.yaml", "--out", tmp_path / "run"),
    )

    assert (done.code, len(done.lines)) == (2, 1)
    assert re.search(told, done.lines[0])


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("scor_psi=0.2", r'DLQ-202 .*scor_psi.*did you mean "score_psi"'),
        ("zzz=1", r"DLQ-202 .*known limits: score_psi, feature_psi"),
        ("score_psi=nan", r"DLQ-205 limits.score_psi: expected a finite number"),
        ("in_a_row=1.5", r"DLQ-205 limits.in_a_row: expected a whole number"),
        ("score_psi", r"DLQ-205 --limit: a limit is NAME=NUMBER.*write --limit score_psi=0.2"),
    ],
)
def test_a_limit_that_is_none_is_refused(run, tmp_path, limit, told):
    """A typo would otherwise leave the default in force, unseen."""
    done = run(
        *("monitor", "--months", "nowhere.parquet", "--bundle", "nowhere", "--as-of", SHOCK),
        *("--limit", limit, "--out", tmp_path / "run"),
    )

    assert (done.code, len(done.lines)) == (2, 1)
    assert re.search(told, done.lines[0])
