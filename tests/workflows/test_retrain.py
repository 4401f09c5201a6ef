"""Retraining: what it learns from, what judges, what decides, and what it leaves behind."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency import datasets, evaluation, storage, workflows
from delinquency.errors import InputError, LockError
from delinquency.evaluation import Comparison
from delinquency.scoring import Scorer
from delinquency.settings import read_settings
from delinquency.storage import Registry, verify
from delinquency.workflows import Gates, LabelSettings, RetrainSettings, Window
from delinquency.workflows._retrain_compare import fairness
from delinquency.workflows._retrain_gates import decide

SETTINGS = """\
format: 1
months: months.parquet
accounts: accounts.parquet
registry: models
window: {learn: 3, judge: 2}
label: {dpd: 30, within: 3}
windows: [3, 6]
seeds: [0]
"""
BEFORE, AFTER = "2025-03-31", "2026-04-30"  # the shock runs from April to September 2025


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A book with a shock; retrained before it and well after it, both with --promote."""
    folder = tmp_path_factory.mktemp("retrain")
    book = datasets.make_portfolio(5000, 36, seed=3, shock=3.0, end="2026-06-30")
    people = book.accounts.assign(sex=np.where(book.accounts["account_id"] % 3 == 0, "f", "m"))
    storage.write_table(book.months, folder / "months.parquet")
    storage.write_table(people, folder / "accounts.parquet")
    (folder / "retrain.yaml").write_text(SETTINGS, "utf-8")
    runs = [
        workflows.retrain_files(
            folder / "retrain.yaml", out=folder / day, as_of=day, promote=day == BEFORE
        )
        for day in (BEFORE, AFTER)
    ]
    return folder, book, runs


def test_the_first_candidate_becomes_champion_when_it_is_sound(world):
    """There is nothing to compare with; the log tells the evidence."""
    folder, _, (first, _) = world
    registry = Registry(folder / "models")

    assert first.champion == ""
    assert first.change.bundle == registry.champion == first.candidate
    assert "no champion yet" in first.result.notes[0]
    evidence = first.change.evidence
    assert evidence["run"] == storage.read_manifest(folder / BEFORE)["run_id"]
    assert Scorer.from_bundle(registry.load()).about["as_of"] == first.result.facts["learn"][-1]


def test_nothing_the_candidate_learns_reaches_into_the_months_that_judge(world):
    """Labels of three months: the last learnt snapshot lies three months before the first judge."""
    _, _, runs = world
    facts = runs[1].result.facts

    assert facts["judge"] == ["2025-12-31", "2026-01-31"]
    assert facts["learn"] == ["2025-07-31", "2025-08-31", "2025-09-30"]


def test_the_judges_are_accounts_that_no_model_learnt_from(world):
    """By the one split that training uses; every figure is worked out again from the rows."""
    _, _, runs = world
    result = runs[1].result
    rows = result.rows

    assert set(workflows._road.split_of(rows["account_id"])) == {"test"}
    assert rows["snapshot_date"].nunique() == 2
    again = evaluation.compare_scores(
        rows["bad"], rows["candidate"], rows["champion"], account=rows["account_id"]
    )
    assert result.sentences["auc against champion"] == str(again)
    figures = result.figures.set_index("model")
    assert figures.loc["champion", "n"] == len(rows) == figures.loc["scorecard", "n"]
    direct = evaluation.calibration(rows["bad"], rows["champion"], simulations=200)
    assert figures.loc["champion", "intercept"] == pytest.approx(direct.intercept)


def test_nothing_known_later_is_read(world):
    """With the later months cut off, the same candidate to the bit, and the same decision."""
    _, book, runs = world
    settings = RetrainSettings(
        format=1, months="", registry="", window=Window(learn=3, judge=2), windows=(3, 6)
    )
    cut = book.months[book.months["month"] <= BEFORE]

    alone = workflows.retrain(cut, as_of=BEFORE, settings=settings)
    assert alone.candidate.scorer.to_bundle().hash == runs[0].candidate
    assert alone.decision == runs[0].result.decision


def test_the_evidence_is_whole(world):
    """Page, JSON, candidate, judging rows, manifest; every byte verifies."""
    folder, _, runs = world
    files = verify(folder / AFTER)
    document = json.loads((folder / AFTER / "retrain.json").read_bytes())

    assert set(files["state"]) == {"same"}
    assert storage.load_bundle(folder / AFTER / "bundle").hash == runs[1].candidate
    assert document["champion"] == runs[0].candidate
    assert [gate["name"] for gate in document["gates"]] == [
        "rank order", "gain", "calibration", "stability", "fairness", "reasons",
    ]  # fmt: skip
    page = (folder / AFTER / "retrain.html").read_text("utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_candidate_is_promoted_if_and_only_if_every_gate_is_passed(world):
    """And without --promote nothing is changed."""
    folder, _, runs = world

    for run in runs:
        assert (run.result.decision == "promote") == all(g.passed for g in run.result.gates)
    assert runs[1].change is None
    assert len(Registry(folder / "models").changes()) == 1


def test_the_verbs_tell_a_scheduler_by_their_exit_codes(world, run, tmp_path):
    """0 kept or promoted, 3 when it had to be better, 4 for another champion, 2 for a mistake."""
    folder, _, runs = world
    strict = SETTINGS + "gates: {max_auc_loss: 0.0, significance: 0.000001}\n"
    (folder / "strict.yaml").write_text(strict, "utf-8")
    where = ("retrain", folder / "strict.yaml", "--as-of", AFTER)
    kept = run(*where, "--out", tmp_path / "a", "--promote", "--require-better", "--json")
    said = json.loads(kept.out)

    assert kept.code == 3
    assert (said["decision"], said["promoted"]) == ("keep", False)
    assert "rank order" in said["failed"]
    models, name = folder / "models", runs[0].candidate
    (change,) = json.loads(run("champion", "show", models, "--json").out)
    assert change["bundle"] == name
    by_hand = ("champion", "promote", models, "--bundle", folder / AFTER / "bundle")
    date = ("--as-of", AFTER, "--note", "judged by a person")
    assert run(*by_hand, "--expected", "none", *date).code == 4
    assert run(*by_hand, "--expected", name, *date).code == 0
    back = ("champion", "rollback", models, "--expected", runs[1].candidate, *date)
    assert run(*back).code == 0
    assert run(*back).code == 4
    assert Registry(models).champion == name
    assert run("champion", "verify", models).code == 0
    assert run("retrain", folder / "retrain.yaml", "--out", tmp_path / "b").code == 2


def test_a_champion_changed_meanwhile_is_not_overwritten(world, tmp_path, monkeypatch):
    """Compare and swap: the evidence stays, the pointer too."""
    folder, _, runs = world
    for name in ("months.parquet", "accounts.parquet", "retrain.yaml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    other = tmp_path / "models"

    def slow(*_, **__):
        registry = Registry(other)
        bundle = storage.load_bundle(folder / AFTER / "bundle")
        registry.promote(registry.add(bundle), expected=None, as_of=BEFORE)
        return replace(runs[0].result, decision="promote")

    monkeypatch.setattr(workflows._retrain_files, "retrain", slow)
    with pytest.raises(LockError, match="DLQ-411"):
        workflows.retrain_files(
            tmp_path / "retrain.yaml", out=tmp_path / "run", as_of=BEFORE, promote=True
        )
    assert Registry(other).champion == runs[1].candidate
    assert set(verify(tmp_path / "run")["state"]) == {"same"}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("windw: {learn: 3}", '9:1: DLQ-202 unknown key "windw".*did you mean "window"'),
        ("gates: {max_auc_los: 0.1}", '9:9: DLQ-202 unknown key "max_auc_los".*"max_auc_loss"'),
        ("bands: 1", "9:8: DLQ-205"),
        ('segment: ""', "9:10: DLQ-205"),
        ("segment: [grade, 7]", "9:18: DLQ-205"),
        ("bands: 2\nbands: 3", "10:1: DLQ-203"),
        ("as_of: 2026-06-30\naccounts: x", "10:1: DLQ-203"),
    ],
)
def test_mistakes_in_the_settings_are_named_with_line_and_column(line, answer, tmp_path):
    """Before a table is read."""
    path = tmp_path / "retrain.yaml"
    path.write_text(SETTINGS + line + "\n", "utf-8")

    with pytest.raises(InputError, match=answer):
        workflows.retrain_files(path, out=tmp_path / "run", as_of=BEFORE)
    assert not (tmp_path / "run").exists()


def test_the_settings_on_the_page_for_operators_are_read(tmp_path):
    """And every key of the gates stands there with its default."""
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text("utf-8")
    path = tmp_path / "retrain.yaml"
    path.write_text(re.search(r"```yaml\n(.*?)```", page, re.S)[1], "utf-8")
    settings = read_settings(RetrainSettings, path)

    assert settings.gates == Gates()
    assert all(f"{name}:" in page for name in Gates.model_fields)


def test_a_candidate_keeps_its_segments_over_several_snapshots():
    """Monitoring then says what it says when it counts the months of training again; the scores stay."""
    book = datasets.make_portfolio(1500, 20, seed=2, end="2026-06-30")
    plain = RetrainSettings(
        format=1, months="", registry="", window=Window(learn=3, judge=1), windows=(3,)
    )
    asked = plain.model_copy(update={"segment": ("segment",)})
    given = {"as_of": "2026-03-31", "accounts": book.accounts}
    kept, bare = (
        workflows.retrain(book.months, settings=each, **given).candidate.scorer
        for each in (asked, plain)
    )

    assert bare.reference.segments == ()
    (parted,) = kept.reference.segments
    assert (parted.counts.sum(axis=1) > 2 * len(kept.features) * parted.accounts[:, 0]).all()
    stored, again = (
        workflows.monitor(
            book.months, each, as_of="2026-06-30", look_back=4, accounts=book.accounts
        )
        for each in (kept, bare)
    )
    for name in ("segment_stability", "segment_verdicts"):
        pd.testing.assert_frame_equal(getattr(stored, name), getattr(again, name))
    with pytest.raises(InputError, match="DLQ-204 segment"):
        workflows.retrain(book.months, settings=asked, as_of="2026-03-31")


def test_a_label_that_makes_no_sense_is_a_mistake_of_the_file(tmp_path):
    """Told in the words of the label."""
    path = tmp_path / "retrain.yaml"
    path.write_text(SETTINGS.replace("within: 3", "within: 3, indeterminate: 40"), "utf-8")

    with pytest.raises(InputError, match=r"6:8: DLQ-205.*indeterminate"):
        workflows.retrain_files(path, out=tmp_path / "run", as_of=BEFORE)


def test_too_few_matured_months_are_refused():
    """Ten months cannot carry a label of four, twice, and two to judge."""
    book = datasets.make_portfolio(200, 8, seed=0)
    settings = RetrainSettings(format=1, months="", registry="", label=LabelSettings(within=4))

    with pytest.raises(InputError, match=r"DLQ-114.*8 months are known"):
        workflows.retrain(book.months, as_of="2026-06-30", settings=settings)


# --- the gates, by hand --------------------------------------------------------------------------


def compared(auc=(0.01, 0.002, 0.018, 0.01), loss=(-0.01, -0.02, -0.001, 0.03)):
    def one(difference, low, high, p, first, test):
        second = first - difference
        return Comparison(first, second, difference, low, high, 0.0, p, 1000, test)

    return {
        "auc against champion": one(*auc, 0.85, "DeLong"),
        "log-loss against champion": one(*loss, 0.2, "paired loss"),
    }


FIGURES = pd.DataFrame(
    {
        "model": ["candidate", "champion"],
        "bads": 100,
        "expected": [98.0, 70.0],
        "auc": 0.85,
        "auc_low": 0.82,
        "intercept": [0.02, 0.4],
        "intercept_low": [-0.1, 0.3],
        "intercept_high": [0.12, 0.5],
    }
)
SHIFT = {"psi": 0.02, "low": 0.01, "high": 0.03, "noise_95": 0.01}
NOBODY = pd.DataFrame(columns=["attribute", "model", "group", "n", "impact_ratio"])


def verdicts(limits=None, figures=FIGURES, pair=None, shift=SHIFT, fairness=NOBODY, overlap=0.4):
    gates = decide(limits or Gates(), figures, pair or compared(), shift, fairness, overlap)
    return {gate.name: gate.passed for gate in gates}


def test_a_better_candidate_passes_every_gate():
    """Better by 0.01 in AUC, p 0.01, which Holm doubles to 0.02."""
    assert all(verdicts().values())


def test_a_gain_must_survive_the_correction():
    """Two tests at 0.03 and 0.04: Holm makes both 0.06."""
    weak = compared(auc=(0.01, 0.0, 0.02, 0.03), loss=(-0.01, -0.02, 0.0, 0.04))

    assert not verdicts(pair=weak)["gain"]
    assert "gain" not in verdicts(Gates(must_gain=False), pair=weak)
    worse = compared(auc=(-0.03, -0.04, -0.02, 0.001), loss=(0.02, 0.01, 0.03, 0.001))
    assert (verdicts(pair=worse)["gain"], verdicts(pair=worse)["rank order"]) == (False, False)


def test_a_candidate_may_rank_a_little_worse_but_surely_no_more_than_allowed():
    """The low end of the interval decides: -0.021 is beyond -0.02, -0.019 is not."""
    for low, passed in ((-0.021, False), (-0.019, True)):
        pair = compared(auc=(0.0, low, 0.02, 0.9))
        assert verdicts(pair=pair)["rank order"] == passed


def test_probabilities_surely_off_fail_unless_nearer_than_the_champions():
    """0.5 off, surely: fails against a champion that is 0.4 off, passes against one 0.9 off."""
    off = FIGURES.assign(intercept=[0.5, 0.4], intercept_low=[0.4, 0.3], intercept_high=[0.6, 0.5])
    assert not verdicts(figures=off)["calibration"]
    assert verdicts(figures=off.assign(intercept=[0.5, 0.9]))["calibration"]
    assert verdicts(figures=off.assign(intercept_low=-0.1))["calibration"]


def test_a_score_that_has_moved_since_its_own_training_fails():
    """Surely beyond the limit."""
    moved = {"psi": 0.4, "low": 0.3, "high": 0.5, "noise_95": 0.01}

    assert not verdicts(shift=moved)["stability"]
    assert verdicts(shift={**moved, "low": 0.2})["stability"]


@pytest.mark.parametrize(
    ("candidate", "champion", "passed"),
    [
        (0.9, 0.95, True),
        (0.76, 0.9, True),
        (0.74, 0.9, False),
        (0.6, 0.62, True),
        (0.5, 0.62, False),
    ],
)
def test_fairness_is_held_against_four_fifths_or_the_champion(candidate, champion, passed):
    """It may fall 0.05 below 0.8, or below a champion that is already lower."""
    table = pd.DataFrame(
        {
            "attribute": "sex",
            "model": ["candidate", "champion"],
            "group": "f",
            "n": 500,
            "impact_ratio": [candidate, champion],
        }
    )
    assert verdicts(fairness=table)["fairness"] == passed


def test_reasons_can_be_asked_to_stay_alike():
    """A letter that says something else every month helps nobody."""
    assert verdicts(overlap=0.1)["reasons"]
    assert not verdicts(Gates(min_reason_overlap=0.2), overlap=0.1)["reasons"]
    assert "reasons" not in verdicts(overlap=None)


def test_the_first_candidate_has_only_to_rank_better_than_a_coin():
    """Surely: the low end of its interval lies above one half."""
    alone = FIGURES[:1]
    first = {"figures": alone, "pair": {"auc against scorecard": None}, "overlap": None}

    assert verdicts(**first)["rank order"]
    assert not verdicts(**{**first, "figures": alone.assign(auc_low=0.49)})["rank order"]


def judged(people, band="C", champion="low"):
    """Fairness of a hundred accounts in one band of each model, as the gate sees it."""
    rows = pd.DataFrame({"account_id": range(100), "bad": [0, 1] * 50, "candidate": 0.2})
    rows = rows.assign(band=band, champion=0.2, champion_band=champion)
    last = {"candidate": "E", "champion": "high"}
    return fairness(rows, people.assign(account_id=range(100)), last)


def test_the_riskiest_band_is_the_last_of_the_scorer_whatever_it_is_called():
    """Not the last in the alphabet of those that occur: there "low" would be worse than "high"."""
    table = judged(pd.DataFrame({"sex": ["f", "m"] * 50})).set_index("model")

    assert table.loc["candidate", "impact_ratio"] == 1.0  # all in C, and all of them spared
    assert table.loc["champion", "impact_ratio"] == 1.0


def test_a_candidate_that_spares_nobody_fails_and_small_groups_are_not_judged():
    """There is no ratio in either case; the one is no pass, the other no verdict."""
    nobody = judged(pd.DataFrame({"sex": ["f", "m"] * 50}), band="E")
    small = judged(pd.DataFrame({"sex": [f"{k}" for k in range(100)]}))

    assert verdicts(fairness=nobody)["fairness"] is False
    assert small.empty


def test_people_with_ids_of_another_type_are_refused():
    """One line, where a merge would end in a traceback."""
    people = pd.DataFrame({"account_id": [str(k) for k in range(100)], "sex": ["f", "m"] * 50})
    rows = pd.DataFrame({"account_id": range(100), "bad": [0, 1] * 50, "candidate": 0.2})

    with pytest.raises(InputError, match="DLQ-115 months, accounts"):
        fairness(rows.assign(band="A"), people, {"candidate": "E"})
