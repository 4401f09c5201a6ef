"""The bundle of a scorer: the same bits back, or one line; damaged and hostile ones by the hundred."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import DelinquencyError, IntegrityError
from delinquency.scoring import PointsScale, Scorer, reasons
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


# --- the fuzz -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """The files of the old small bundle: the fuzz is about forms, not about size."""
    return {path.name: path.read_bytes() for path in FORMAT_1.iterdir() if path.suffix != ".csv"}


WILD = [
    None,
    True,
    -1,
    0,
    1,
    7,
    2**31,
    2**70,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
]
WILD += [[], {}, [[]], "{value.__class__}", "A" * 5000, "\ud800", "../../etc/passwd", [1] * 50]
BITS = [0, 1, -1, 2**31 - 1, -(2**31), 255]
FLOATS = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, 5e-324, -1e308]


def paths_of(value, path=()):
    """Every place in a JSON document."""
    yield path
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in inner:
        yield from paths_of(child, (*path, key))


def change_document(rng, manifest):
    """Replace, drop or double something anywhere in the manifest."""
    places = [path for path in paths_of(manifest) if path]
    *parents, last = places[rng.integers(len(places))]
    target = manifest
    for key in parents:
        target = target[key]
    kind = rng.integers(4)
    if kind == 0:
        del target[last]
    elif kind == 1 and isinstance(target, list):
        target.append(target[last])
    elif kind == 2 and isinstance(target[last], (int, float)):
        target[last] = target[last] * float(rng.choice([1.001, -1, 10]))
    else:
        target[last] = WILD[rng.integers(len(WILD))]


def change_arrays(rng, manifest, blob):
    """Write odd numbers where the trees, knots or golden rows are."""
    names = sorted(manifest["arrays"])
    place = manifest["arrays"][names[rng.integers(len(names))]]
    dtype, count = np.dtype(place["dtype"]), int(np.prod(place["shape"]))
    if not count:
        return blob
    array = np.frombuffer(blob, dtype, count, place["offset"]).copy()
    for _ in range(rng.integers(1, 4)):
        odd = rng.choice(FLOATS) if dtype.kind == "f" else int(rng.choice(BITS)) % 2**31
        with np.errstate(over="ignore"):
            array[rng.integers(count)] = np.asarray(odd).astype(dtype)
    end = place["offset"] + array.nbytes
    return blob[: place["offset"]] + array.tobytes() + blob[end:]


def change_bytes(rng, blob):
    """Flip, cut, double, swap or blank a piece."""
    a, b = sorted(rng.integers(0, len(blob) + 1, 2))
    kind = rng.integers(5)
    if kind == 0:
        broken = bytearray(blob)
        broken[a % len(blob)] ^= 1 << int(rng.integers(8))
        return bytes(broken)
    pieces = {
        1: blob[:a],
        2: blob[:b] + blob[a:],
        3: blob[b:] + blob[:b],
        4: blob[:a] + bytes(b - a) + blob[b:],
    }
    return pieces[int(kind)]


def sealed(manifest, blob):
    """Files whose hashes are all right, as someone hostile would make them."""
    manifest = {key: value for key, value in manifest.items() if key != "sha256"}
    digest = hashlib.sha256(blob).hexdigest()
    if "arrays_sha256" in manifest:
        manifest["arrays_sha256"] = digest

    def text(document):
        return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        )

    manifest["sha256"] = hashlib.sha256(text(manifest)).hexdigest()
    return {"manifest.json": text(manifest), f"arrays-{digest[:16]}.bin": blob}


def mutated(rng, content):
    """One mutation; returns the files and whether the hashes were put right again."""
    name = next(key for key in content if key.endswith(".bin"))
    manifest, blob = json.loads(content["manifest.json"]), content[name]
    kind = rng.integers(4)
    if kind == 0:  # bytes
        files = dict(content)
        which = sorted(files)[rng.integers(2)]
        files[which] = change_bytes(rng, files[which])
        return files, False
    if kind in (1, 2):
        for _ in range(rng.integers(1, 3)):
            change_document(rng, manifest)
    if kind in (2, 3):
        blob = change_arrays(rng, manifest, blob) if "arrays" in manifest and kind == 3 else blob
    if rng.random() < 0.2:
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        return {"manifest.json": text.encode("utf-8", "surrogatepass"), name: blob}, False
    return sealed(manifest, blob), True


FORBIDDEN = ("pickle.", "marshal.", "subprocess.", "os.system", "os.exec", "os.fork", "socket.")
WATCH = {"on": False, "seen": []}


def watch(event, _):
    if WATCH["on"] and event.startswith(FORBIDDEN):
        WATCH["seen"].append(event)


def fuzz(folder, content, rows, seeds, loader):
    """Return what went wrong: (seed, what) of every death, traceback and silent change."""
    put(folder, content)
    truth, own_hash = outputs(loader(folder), rows), load(folder).to_bundle().hash
    wrong, answers = [], {"refused": 0, "loaded": 0}
    for seed in seeds:
        files, is_sealed = mutated(np.random.default_rng(seed), content)
        if files == content:
            continue
        put(folder, files)
        try:
            scorer = loader(folder)
            said = outputs(scorer, rows)
        except IntegrityError as error:
            answers["refused"] += 1
            if len(str(error)) > 2000:
                wrong.append((seed, "an answer without end"))
            continue
        except DelinquencyError:
            answers["refused"] += 1  # a column that the rows do not have, a score without a band
            continue
        except Exception as error:
            wrong.append((seed, f"{type(error).__name__}: {str(error)[:100]}"))
            continue
        answers["loaded"] += 1
        # who can make hashes can make another model; then its hash, which every score carries, is another
        if not is_sealed and said != truth:
            wrong.append((seed, "another score, and not a word"))
        if is_sealed and said != truth and scorer.to_bundle().hash == own_hash:
            wrong.append((seed, "another score under the same hash"))
    return wrong, answers


def run(folder, content, rows, seeds, loader=load):
    if not WATCH["seen"] and not getattr(sys, "_delinquency_watch", False):
        sys.addaudithook(watch)
        sys._delinquency_watch = True
    fuzz(folder, content, rows, range(2), loader)  # compile before we watch
    WATCH.update(on=True, seen=[])
    try:
        return (*fuzz(folder, content, rows, seeds, loader), WATCH["seen"])
    finally:
        WATCH["on"] = False


@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # a hostile leaf of 1e308 may overflow, no more
@pytest.mark.parametrize("size", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_bundles_never_crash_run_code_or_change_a_score_unnoticed(
    small, rows, tmp_path, size
):
    """Bytes, documents and arrays, with and without hashes put right."""
    wrong, answers, seen = run(tmp_path, small, rows, range(size))

    assert wrong == []
    assert seen == []
    assert answers["refused"] > 0.7 * size
    assert answers["loaded"] > 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_fuzz_would_notice_a_loader_that_checks_nothing(small, rows, tmp_path):
    """The control: no hashes, no structure, no golden rows; it must be caught changing scores and failing."""

    put(tmp_path, small)
    sound = load(tmp_path)

    def careless(folder):
        manifest = json.loads((folder / "manifest.json").read_bytes())
        blob = next(folder.glob("arrays-*.bin")).read_bytes()
        place = manifest["arrays"]["trees.value"]
        value = np.frombuffer(blob, "f8", sound.trees.value.size, place["offset"]).copy()
        scale = PointsScale(**manifest["document"]["scale"])
        return replace(sound, trees=replace(sound.trees, value=value), scale=scale)

    wrong, _, _ = run(tmp_path, small, rows, range(120), careless)

    whats = [what for _, what in wrong]
    assert any("not a word" in what for what in whats)
    assert any("Error" in what for what in whats)
