"""The reference by segment: comes back from the bundle bit by bit, and damage is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from delinquency.errors import InputError, IntegrityError
from delinquency.monitoring import Cohort, keep_segments
from delinquency.scoring import Scorer
from delinquency.storage import Bundle, load_bundle, save_bundle

PREFIX = "reference.segments.0."


@pytest.fixture(scope="module")
def kept(scorer, data):
    """The scorer with three products, one of Chinese name, and two regions."""
    X, y = data
    ids = X.index.get_level_values("account_id")
    then = Cohort(X, scorer.score(X).scores)
    product = dict(zip(ids, np.array(["车贷", "card", "mortgage"])[ids % 3], strict=True))
    region = dict(zip(ids, np.array(["north", "south"])[ids % 2], strict=True))
    labels = y.rename("bad").reset_index()
    return keep_segments(scorer, then, {"product": product, "region": region}, labels)


def test_segments_come_back_from_the_bundle(kept, tmp_path):
    """Name by name and count by count, from a folder and from a zip file; the hash is the same."""
    for place in (tmp_path / "folder", tmp_path / "one.zip"):
        save_bundle(kept, place)
        back = Scorer.from_bundle(load_bundle(place))

        assert back.to_bundle().hash == kept.to_bundle().hash
        assert [(one.column, one.names) for one in back.reference.segments] == [
            ("product", ("card", "mortgage", "车贷")),
            ("region", ("north", "south")),
        ]
        for one, other in zip(back.reference.segments, kept.reference.segments, strict=True):
            for name, array in other.arrays().items():
                assert one.arrays()[name].tobytes() == array.tobytes()


def test_a_bundle_without_segments_keeps_the_bytes_that_it_always_had(scorer, kept):
    """No key and no array says that there are none."""
    plain = scorer.to_bundle()

    assert "segments" not in plain.document
    assert not [name for name in plain.arrays if name.startswith("reference.segments")]
    bare = replace(kept, reference=replace(kept.reference, segments=()))
    assert bare.to_bundle().hash == plain.hash != kept.to_bundle().hash


def test_other_bands_drop_the_segments_too(kept):
    """Their counts were made with the old edges."""
    assert kept.with_bands(kept.bands).reference is None


def test_segments_change_no_score(kept, scorer, data):
    """They are for monitoring alone."""
    assert kept.score(data[0]).scores.equals(scorer.score(data[0]).scores)


def _array(name, change):
    def apply(document, arrays):
        arrays[PREFIX + name] = change(arrays[PREFIX + name].copy())

    return apply


def _put(place, value):
    def change(array):
        array[place] = value
        return array

    return change


def _names(change):
    def apply(document, arrays):
        document["segments"][0] |= change

    return apply


def _forget(document, arrays):
    del arrays[PREFIX + "counts"]


def _no_reference(document, arrays):
    del document["reference"]


def _a_second_time(document, arrays):
    document["segments"][1]["column"] = "product"


def _too_many(document, arrays):
    document["segments"] *= 6
    for k in range(12):
        document["segments"][k] = {**document["segments"][k], "column": f"c{k}"}
        for name in ("counts", "bands", "accounts", "ranks"):
            arrays[f"reference.segments.{k}.{name}"] = arrays[f"reference.segments.{k % 2}.{name}"]


DAMAGE = {
    "no counts": _forget,
    "no reference": _no_reference,
    "a column twice": _a_second_time,
    "too many columns": _too_many,
    "a name twice": _names({"names": ["card", "card", "车贷"]}),
    "a name too few": _names({"names": ["card", "车贷"]}),
    "no names": _names({"names": []}),
    "a number for a name": _names({"names": ["card", 1, "车贷"]}),
    "an empty name": _names({"names": ["card", " ", "车贷"]}),
    "a name that moves the cursor": _names({"names": ["card", "\x1b[2J", "车贷"]}),
    "a name that turns the line": _names({"names": ["card", "a\u202eb", "车贷"]}),
    "a name as long as a letter": _names({"names": ["card", "x" * 101, "车贷"]}),
    "a column of two lines": _names({"column": "a\nb"}),
    "an unknown key": _names({"path": "/"}),
    "counts below zero": _array("counts", _put((0, 0), -1)),
    "counts above the book": _array("counts", lambda a: a * 1000),
    "counts beyond a double": _array("counts", _put((0, 0), 1 << 53)),
    "counts of two features that disagree": _array("counts", _put((0, 0), 0)),
    "counts of parts of accounts": _array("counts", lambda a: a.astype("float64")),
    "counts cut": _array("counts", lambda a: a[:, 1:]),
    "counts in a row": _array("counts", lambda a: a.ravel()),
    "a segment counted twice": _array("counts", lambda a: a[[0, 0, 0]]),
    "bands of other accounts": _array("bands", lambda a: a // 2),
    "a band too many": _array("bands", lambda a: np.c_[a, a[:, 0]]),
    "more accounts than rows": _array("accounts", lambda a: a + 1),
    "rows of nobody": _array("accounts", lambda a: a * 0),
    "an AUC above one": _array("ranks", _put((0, 4), 1.5)),
    "an AUC outside its interval": _array("ranks", _put((0, 2), 0.0)),
    "an AUC without its interval": _array("ranks", _put((0, 3), np.nan)),
    "an AUC that is infinite": _array("ranks", _put((0, slice(2, 5)), np.inf)),
    "more bads than accounts": _array("ranks", _put((0, 1), 10**6)),
    "bads below zero": _array("ranks", _put((0, 1), -1.0)),
    "rows unknown": _array("ranks", _put((0, 0), np.nan)),
    "rows that are endless": _array("ranks", _put((0, 0), np.inf)),
    "ranks that are counts": _array("ranks", lambda a: np.zeros(a.shape, dtype="int64")),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_segments_that_cannot_be_are_refused(kind, kept):
    """Nothing of the scorer is used then; undamaged, the same road loads."""
    bundle = kept.to_bundle()
    document, arrays = json.loads(json.dumps(bundle.document)), dict(bundle.arrays)
    assert Scorer.from_bundle(Bundle(document, arrays)).reference.segments
    DAMAGE[kind](document, arrays)

    with pytest.raises(IntegrityError, match="DLQ-603"):
        Scorer.from_bundle(Bundle(document, arrays))


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 101, "\x07"])
def test_a_name_that_no_page_can_show_is_refused_when_it_is_to_be_kept(name, kept, scorer, data):
    """And is not repeated in the message."""
    X = data[0]
    names = dict.fromkeys(X.index.get_level_values("account_id"), name)

    with pytest.raises(InputError, match="DLQ-103 segments: 1 names of segments") as refused:
        keep_segments(scorer, Cohort(X, scorer.score(X).scores), {"product": names})
    assert len(name) < 2 or name not in str(refused.value)


def test_accounts_of_another_sample_are_refused(scorer, data):
    """Their counts would not be parts of those of the book."""
    X = data[0] * 2
    then = Cohort(X, scorer.score(X).scores)
    names = dict.fromkeys(X.index.get_level_values("account_id"), "all")

    with pytest.raises(InputError, match="DLQ-103 segments: the counts are not those"):
        keep_segments(scorer, then, {"product": names})
