"""Monitoring by segment from what the bundle keeps: the figures of counting again, without counting."""

import json

import pandas as pd
import pytest

from delinquency import datasets, storage, workflows
from delinquency.errors import InputError
from delinquency.scoring import Scorer
from delinquency.storage import verify

TRAINED, JUDGED = "2024-12-31", "2025-04-30"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A book on disk, and the same scorer trained with its segments and without."""
    folder = tmp_path_factory.mktemp("kept")
    book = datasets.make_portfolio(2500, 30, seed=3, shock=3.0, end="2025-12-31")
    accounts = book.accounts.assign(
        产品=book.accounts["segment"].replace({"prime": "优质", "near_prime": "次优"}),
        odd=[f"p{k}" for k in range(len(book.accounts))],
    )
    storage.write_table(book.months, folder / "months.parquet")
    storage.write_table(accounts, folder / "accounts.parquet")
    given = {"as_of": TRAINED, "windows": (3, 6)}
    kept = workflows.train(
        book.months, accounts=accounts, segment=["segment", "产品"], **given
    ).scorer
    bare = workflows.train(book.months, **given).scorer
    return folder, book.months, accounts, kept, bare


def judged(world, scorer, months=None, accounts=None, **keywords):
    """The last month and its segments, as a scorer and some months tell them."""
    _, known, people, _, _ = world
    return workflows.monitor(
        known if months is None else months, scorer, as_of=JUDGED, look_back=5,
        accounts=people if accounts is None else accounts, **keywords,
    )  # fmt: skip


@pytest.mark.parametrize("column", ["segment", "产品"])
def test_what_is_kept_tells_what_counting_again_tells(world, column):
    """Every index, interval and floor, and every verdict; only then is it said to be counted again."""
    *_, kept, bare = world
    stored = judged(world, kept, segment=column)
    again = judged(world, bare, segment=column)

    for name in ("segment_stability", "segment_drift", "segment_verdicts", "segments"):
        pd.testing.assert_frame_equal(getattr(stored, name), getattr(again, name))
    assert set(stored.segment_verdicts["question"]) == {
        *("score_shift", "feature_shift", "calibration", "rank_order")
    }
    hint = f'What the bundle keeps of segments by "{column}": nothing'
    assert [hint in note for note in again.notes].count(True) == 1
    assert not any("What the bundle keeps" in note for note in stored.notes)


def test_months_of_training_are_not_needed(world):
    """Months that begin after training: every question is still judged, of as many accounts."""
    _, months, _, kept, bare = world
    late = months[months["month"] > TRAINED]

    stored, again = judged(world, kept, late), judged(world, bare, late)
    assert set(stored.segment_verdicts["question"]) > {"score_shift", "rank_order"}
    whole = judged(world, kept).segment_stability
    assert stored.segment_stability["n_reference"].equals(whole["n_reference"])
    assert again.segment_stability is None  # the negative control
    assert any("do not hold the accounts of 2024-12-31" in note for note in again.notes)


def test_nothing_of_training_is_computed_when_it_is_kept(world, monkeypatch):
    """The features of the training month are built for the scorer that keeps no segments alone."""
    *_, kept, bare = world
    built, sound = [], workflows._monitor_segments.features.build_features
    monkeypatch.setattr(
        workflows._monitor_segments.features, "build_features",
        lambda *given, **named: built.append(named["snapshots"]) or sound(*given, **named),
    )  # fmt: skip

    judged(world, kept)
    assert [pd.Timestamp(TRAINED) in days for days in built] == [False]
    built.clear()
    judged(world, bare)
    assert [pd.Timestamp(TRAINED) in days for days in built] == [False, True]


def test_segments_that_training_did_not_see_are_named_in_one_line(world):
    """Half of the prime accounts moved to two new products since."""
    _, _, accounts, kept, _ = world
    prime, ids = accounts["segment"] == "prime", accounts["account_id"]
    moved = accounts["segment"].mask(prime & (ids % 2 == 0), "gold")
    moved = moved.mask(prime & (ids % 4 == 0), "black")
    found = judged(world, kept, accounts=accounts.assign(segment=moved))

    notes = [note for note in found.notes if "a handful" in note]
    assert len(notes) == 1
    assert notes[0].endswith(": black, gold.")
    rows = found.segment_stability.set_index("segment")
    assert rows.loc[["black", "gold"], "psi"].isna().all()
    assert rows.loc["prime", "psi"].notna().all()
    states = found.segment_verdicts.query("segment == 'gold' and question == 'score_shift'")
    assert states["state"].tolist() == ["too small"]


def test_segments_leave_the_scores_as_they_are(world):
    """They are counted after the model has learnt; all that differs in the bundle is they."""
    *_, kept, bare = world
    one, other = kept.to_bundle(), bare.to_bundle()

    assert {k: v for k, v in one.document.items() if k != "segments"} == other.document
    assert {name for name in one.arrays if name not in other.arrays} == {
        f"reference.segments.{k}.{part}"
        for k in (0, 1)
        for part in ("counts", "bands", "accounts", "ranks")
    }
    assert all(one.arrays[name].tobytes() == part.tobytes() for name, part in other.arrays.items())


def test_the_verbs_keep_segments_and_judge_by_them(world, run, tmp_path):
    """train --accounts --segment, then monitor --segment; a wrong column, people or no accounts: one line."""
    folder, *_ = world
    train = ("train", "--months", folder / "months.parquet", "--as-of", TRAINED)
    people = ("--accounts", folder / "accounts.parquet")
    done = run(*train, *people, "--segment", "产品", "--out", tmp_path / "bundle")
    assert done.code == 0, done.err
    scorer = Scorer.from_bundle(storage.load_bundle(tmp_path / "bundle"))
    assert [one.column for one in scorer.reference.segments] == ["产品"]

    watch = ("monitor", "--months", folder / "months.parquet", "--bundle", tmp_path / "bundle")
    date = ("--as-of", JUDGED, *people, "--look-back", 5, "--json")
    stored = run(*watch, *date, "--segment", "产品", "--out", tmp_path / "kept")
    again = run(*watch, *date, "--out", tmp_path / "again")
    assert (stored.code, again.code) == (0, 0), stored.err + again.err
    hint = 'What the bundle keeps of segments by "segment": nothing'
    assert any(hint in note for note in json.loads(again.out)["notes"])
    assert "What the bundle keeps" not in stored.out
    document = json.loads((tmp_path / "kept" / "monitor.json").read_bytes())
    assert {row["segment"] for row in document["segment_verdicts"]} == {"优质", "次优", "thin_file"}
    assert set(verify(tmp_path / "kept")["state"]) == {"same"}

    for asked, told in (
        ((*people, "--segment", "produkt"), 'DLQ-102 accounts: column "produkt" is missing'),
        ((*people, "--segment", "odd"), "DLQ-103 segments: 2,500 segments; 100 are the most"),
        (("--segment", "产品"), "DLQ-204 segment: a segment is named, but no accounts"),
    ):
        refused = run(*train, *asked, "--out", tmp_path / "none")
        assert (refused.code, len(refused.lines)) == (2, 1)
        assert refused.lines[0].startswith(told)
        assert not (tmp_path / "none").exists()


def test_segments_that_cannot_be_found_are_refused_before_anything_is_learnt(world):
    """All that are missing in one answer."""
    _, months, accounts, _, _ = world
    told = []
    with pytest.raises(InputError) as refused:
        workflows.train(
            months, as_of=TRAINED, accounts=accounts, segment=["a", "b"], say=told.append
        )
    assert [problem.code for problem in refused.value.problems] == ["DLQ-102", "DLQ-102"]
    assert told == []
    with pytest.raises(InputError, match="DLQ-103 segments: 2,500 segments"):
        workflows.train(
            months, as_of=TRAINED, windows=(3,), accounts=accounts, segment="odd", say=told.append
        )
    assert told == ["features"]
