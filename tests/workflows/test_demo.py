"""The first command of the README: what it leaves, what it says, and the same bytes again."""

import json

import pandas as pd
import pytest

from delinquency import datasets, workflows
from delinquency.schema import audit_only
from delinquency.scoring import Scorer
from delinquency.storage import load_bundle, verify

from .conftest import hashes


def test_the_demo_ends_well_and_leaves_its_files(demo_run):
    """Progress on stderr, a short table and the next commands on stdout."""
    done = demo_run.done

    assert done.returncode == 0, done.stderr
    names = {path.name for path in demo_run.folder.iterdir() if not path.name.startswith(".")}
    assert names == {"scores.parquet", "plan.parquet", "report.html", "bundle", "run_manifest.json"}
    assert all(line.startswith("[") for line in done.stderr.splitlines())
    for word in ("30,000", "22.12%", "AUC", "Gini", "KS", "Calibration", "band", "agent_call"):
        assert word in done.stdout
    assert "python -m delinquency verify delinquency-demo" in done.stdout


def test_the_demo_again_leaves_the_same_bytes(demo_run, tmp_path):
    """In another process and another folder."""
    workflows.demo(tmp_path / "again")

    assert hashes(tmp_path / "again") == hashes(demo_run.folder)


def test_the_files_of_the_demo_are_what_its_manifest_says(demo_run):
    """Each by its hash; and 30,000 accounts = scored + refused."""
    table = verify(demo_run.folder)
    manifest = json.loads((demo_run.folder / "run_manifest.json").read_text())
    counts = manifest["reconciliation"]

    assert set(table["state"]) == {"same"}
    assert len(table) == 5
    assert counts["read"] == 30_000 == counts["scored"] + counts["refused"]
    assert manifest["as_of"] == "2005-09-30"
    assert manifest["sample"] == datasets.SAMPLE_SHA256


def test_the_plan_covers_every_scored_account_once(demo_run):
    """One row an account, each with its rule."""
    plan = pd.read_parquet(demo_run.folder / "plan.parquet")
    scores = pd.read_parquet(demo_run.folder / "scores.parquet")

    assert plan["account_id"].is_unique
    assert set(plan["account_id"]) == set(scores["account_id"])
    assert len(plan) == 30_000
    assert plan[["treatment", "rule", "band", "stage"]].notna().all(axis=None)


def test_the_score_ranks_accounts_it_never_saw(demo_run):
    """AUC printed for the hold-out, at least 0.780."""
    line = next(line for line in demo_run.done.stdout.splitlines() if line.startswith("AUC"))

    assert float(line.split()[1]) >= 0.780


def test_no_audit_column_is_among_the_features(demo_run):
    """Sex, education, marriage and age stay in accounts."""
    names = Scorer.from_bundle(load_bundle(demo_run.folder / "bundle")).names
    audit = audit_only(datasets.load_credit_card().accounts.columns)

    assert {"SEX", "EDUCATION", "MARRIAGE", "AGE"} <= {name.upper() for name in audit}
    assert audit_only(names) == []
    assert not set(names) & set(audit)


def test_the_scores_carry_the_bundle_that_made_them(demo_run):
    """And only the riskiest accounts have reasons."""
    scores = pd.read_parquet(demo_run.folder / "scores.parquet")
    bundle = load_bundle(demo_run.folder / "bundle")

    assert set(scores["bundle"]) == {bundle.hash}
    assert (scores["reason_1"].notna() <= (scores["band"] == "E")).all()
    assert scores.loc[scores["band"] == "E", "reason_1"].notna().mean() > 0.9


@pytest.mark.parametrize("lost", ["scores.parquet", "bundle/manifest.json"])
def test_verify_finds_a_changed_file(demo_run, tmp_path, run, lost):
    """Exit code 6, the file named."""
    for name, content in hashes(demo_run.folder).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content + b" " * (name == lost))

    result = run("verify", tmp_path)

    assert result.code == 6
    assert any(lost in line and "changed" in line for line in result.out.splitlines())
    assert run("verify", demo_run.folder).code == 0


def test_the_page_says_what_the_rules_did_and_that_they_are_an_example(demo_run):
    """The house example postpones calls until nine in Taipei, and no law of Taiwan is claimed."""
    page = (demo_run.folder / "report.html").read_text("utf-8")
    plan = pd.read_parquet(demo_run.folder / "plan.parquet")

    called = plan["channel"] == "phone"
    assert set(plan.loc[called, "postponed"]) == {"house.hours"}
    assert set(plan.loc[called, "earliest_at"].astype(str)) == {"2005-09-30 01:00:00+00:00"}
    for words in (
        "house.example",
        "from 2005-09-30 01:00 UTC",
        "limits on the number of contacts were not tested",
        "What the law of Taiwan asks: no pack for it is shipped",
        "once there is evidence of it",
        "only once that notice has been given",
    ):
        assert words in page
