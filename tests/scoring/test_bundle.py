"""The bundle of a scorer: the same bits back, or one line, and hostile ones by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import IntegrityError
from delinquency.scoring import Scorer, reasons
from delinquency.storage import Bundle, load_bundle, read_table, save_bundle

from .conftest import NAMES, sample

FORMAT_1 = Path(__file__).parents[1] / "storage" / "data" / "format1"


def load(folder):
    return Scorer.from_bundle(load_bundle(folder))


def outputs(scorer, X):
    """Everything that a scorer says, as bytes."""
    scores, refused = scorer.score(X)
    texts = [reasons(scorer, X[:40], lang=lang) for lang in ("en", "zh")]
    return b"".join(
        pd.util.hash_pandas_object(t).to_numpy().tobytes() for t in (scores, refused, *texts)
    )


@pytest.fixture(scope="module")
def rows():
    return sample(300, seed=3)[0]


@pytest.fixture(scope="module")
def content(scorer, tmp_path_factory):
    """The files of a small sound bundle, by name."""
    folder = tmp_path_factory.mktemp("bundle")
    save_bundle(scorer, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(folder, files):
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_a_scorer_comes_back_bit_by_bit(scorer, content, rows, tmp_path):
    """Scores, refusals and reasons, before and after."""
    put(tmp_path, content)

    back = load(tmp_path)

    assert outputs(back, rows) == outputs(scorer, rows)
    assert back.to_bundle().hash == scorer.to_bundle().hash
    assert back.features == scorer.features
    assert back.about == scorer.about


def test_a_scorer_comes_back_from_one_file(scorer, content, rows, tmp_path):
    """The same hash, the same scores; and the file can be copied as it is."""
    save_bundle(scorer, tmp_path / "scorer.zip")

    back = load(tmp_path / "scorer.zip")

    assert outputs(back, rows) == outputs(scorer, rows)
    assert back.to_bundle().hash == scorer.to_bundle().hash


def test_no_account_of_the_training_is_in_a_bundle(content, data):
    """Neither an id nor a row of features."""
    arrays = next(value for name, value in content.items() if name.endswith(".bin"))
    X = data[0].to_numpy(copy=True)

    assert not any(row.tobytes() in arrays for row in X[:300])


def test_format_1_still_loads_with_the_scores_it_had():
    """A bundle that was written once, and the scores of that day; never made anew."""
    expected = read_table(FORMAT_1 / "scores.csv")
    scorer = load(FORMAT_1)

    scores = scorer.score(expected[list(NAMES)]).scores

    raw = scorer.log_odds(expected[list(NAMES)])
    np.testing.assert_array_equal(raw, expected["log_odds"])
    np.testing.assert_allclose(scores["probability"], expected["probability"], rtol=1e-12)
    np.testing.assert_allclose(scores["points"], expected["points"], rtol=1e-12)
    assert scores["band"].tolist() == expected["band"].tolist()


def reformed(content, change):
    """A bundle with a changed document or arrays and hashes that are right again."""
    manifest = json.loads(content["manifest.json"])
    arrays = {
        name: np.frombuffer(
            next(value for key, value in content.items() if key.endswith(".bin")),
            place["dtype"],
            int(np.prod(place["shape"])),
            place["offset"],
        )
        .reshape(place["shape"])
        .copy()
        for name, place in manifest["arrays"].items()
    }
    document = manifest["document"]
    change(document, arrays)
    return Bundle(document, arrays)


def setter(*path, value):
    def change(document, arrays):
        target = document
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


HOSTILE_TEXTS = [
    "{value.__class__}",
    "{value.__class__.__mro__[1].__subclasses__}",
    "{value:999999999d}",
    "{value:999999999f}",
    "{value:0999999999.2f}",
    "{value!r}",
    "{value[0]}",
    "{0}",
    "{}",
    "{other}",
    "{value:{value}}",
    "{value:d}",
    "{{value}}",
    "{value",
    "value}",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
@pytest.mark.parametrize("key", ["reason_en", "reason_zh"])
def test_a_hostile_reason_text_is_refused(content, key, text):
    """No attribute, no index, no width: {value} in a harmless format and nothing else."""
    with pytest.raises(IntegrityError, match="DLQ-603"):
        Scorer.from_bundle(reformed(content, setter("features", 0, key, value=text)))


@pytest.mark.parametrize(
    "text", ["{value}", "{value:.0f}", "{value:,.2f}", "{value:+.1%}", "plain"]
)
def test_a_harmless_reason_text_can_be_said(content, rows, text):
    """What is let in must not fail when an account needs it."""
    scorer = Scorer.from_bundle(reformed(content, setter("features", 0, "reason_en", value=text)))

    assert len(reasons(scorer, rows)) == len(rows)


@pytest.mark.parametrize(
    "change",
    [
        setter("kind", value="other"),
        setter("features", value=[]),
        setter("features", 1, "name", value="dpd_max"),
        setter("features", 0, "sign", value=2),
        setter("features", 0, "sign", value="1"),
        setter("features", 0, "may_miss", value="yes"),
        setter("features", 0, "may_miss", value=1),
        setter("features", 0, "extra", value=1),
        setter("features", 0, "typical", value="30"),
        setter("scale", "pdo", value=0),
        setter("scale", "pdo", value=40.0),
        setter("scale", "pdo", value=1e308),
        setter("scale", "base", value=601.0),
        setter("scale", "odds", value=-50.0),
        setter("scale", "orientation", value="bad:good"),
        setter("bands", "floors", value=[1.0, 2.0, 3.0, 4.0]),
        setter("bands", "floors", value=[]),
        setter("bands", "names", value=["A", "A", "B", "C", "D"]),
        setter("bands", "names", value="ABCDE"),
        setter("about", value=[]),
        setter("method", value=None),
        lambda d, a: d["features"].pop(),
        lambda d, a: d["features"].append(d["features"][0]),
        lambda d, a: a.pop("golden.rows"),
        lambda d, a: a.pop("golden.points"),
        lambda d, a: a.pop("calibration.raw"),
        lambda d, a: a.update(
            {"golden.rows": a["golden.rows"][:0], "golden.log_odds": np.empty(0)}
        ),
        lambda d, a: a.update({"golden.rows": a["golden.rows"][:, :2]}),
        lambda d, a: a.update({"golden.rows": a["golden.rows"][0]}),
        lambda d, a: a.update({"golden.rows": np.ones((), "f8")}),
        lambda d, a: a.update({"golden.log_odds": a["golden.log_odds"] + 1e-12}),
        lambda d, a: a.update({"golden.log_odds": np.ones(())}),
        lambda d, a: a.update({"golden.points": a["golden.points"] * np.nan}),
        lambda d, a: a.update({"calibration.raw": a["calibration.raw"][::-1]}),
        lambda d, a: a.update({"calibration.raw": a["calibration.raw"].astype("i8")}),
        lambda d, a: a.update({"calibration.raw": np.ones(())}),
        lambda d, a: a.update({"calibration.calibrated": a["calibration.calibrated"] * 1.5}),
        lambda d, a: a.update({"trees.value": a["trees.value"] * 1.01}),
        lambda d, a: a.update({"trees.models": a["trees.models"] + 1}),
    ],
)
def test_a_document_that_is_not_a_scorers_is_refused(content, change):
    """Wrong types, other figures, golden rows that are gone or score differently."""
    with pytest.raises(IntegrityError, match="DLQ-603") as caught:
        Scorer.from_bundle(reformed(content, change))

    assert len(str(caught.value).splitlines()) == 1


def test_a_document_nested_without_end_is_refused(content):
    """Python's own limit of recursion answers as damage."""
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    bundle = reformed(content, setter("about", value={"x": 1}))
    bundle.document["about"]["x"] = deep

    with pytest.raises(IntegrityError):
        Scorer.from_bundle(bundle)
    while deep:  # taken apart by hand: freeing it at once would recurse as deep
        deep = deep.pop()
