"""The bundle under fuzz: bytes, documents and arrays changed by the thousand, in a folder and in a zip.

No death, no traceback, no other score without another hash, nothing unpickled, started or called. Each
fuzz has a control: a loader that checks nothing must be caught.
"""

import hashlib
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from delinquency.errors import DelinquencyError, IntegrityError
from delinquency.monitoring import Cohort, keep_segments, segment_stability
from delinquency.scoring import PointsScale, Reference
from delinquency.storage import save_bundle
from delinquency.storage._zip import _END, _members, pack

from .conftest import sample
from .test_bundle import FORMAT_1, load, outputs, put


@pytest.fixture(scope="module")
def rows():
    return sample(300, seed=3)[0]


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


def put_one(path, files, rng=None):
    """Put the files into one; now and then the zip itself is damaged."""
    zipped = pack(files)
    if rng is not None and rng.random() < 0.3:
        zipped = change_bytes(rng, zipped)
    path.write_bytes(zipped)
    return zipped


def fuzz_zip(path, content, rows, seeds, loader):
    """As `fuzz`, with a single file."""
    whole = put_one(path, content)
    truth, own_hash = outputs(loader(path), rows), load(path).to_bundle().hash
    wrong, answers = [], {"refused": 0, "loaded": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        files, is_sealed = mutated(rng, content)
        if put_one(path, files, rng) != whole:
            judge(path, rows, seed, loader, (truth, own_hash, is_sealed), wrong, answers)
    return wrong, answers


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
        judge(folder, rows, seed, loader, (truth, own_hash, is_sealed), wrong, answers)
    return wrong, answers


def judge(path, rows, seed, loader, known, wrong, answers):
    """Load and score what was damaged; note what went wrong."""
    truth, own_hash, is_sealed = known
    try:
        scorer = loader(path)
        said = outputs(scorer, rows)
    except IntegrityError as error:
        answers["refused"] += 1
        if len(str(error)) > 2000:
            wrong.append((seed, "an answer without end"))
        return
    except DelinquencyError:
        answers["refused"] += 1  # a column that the rows do not have, a score without a band
        return
    except Exception as error:
        wrong.append((seed, f"{type(error).__name__}: {str(error)[:100]}"))
        return
    answers["loaded"] += 1
    # who can make hashes can make another model; then its hash, which every score carries, is another
    if not is_sealed and said != truth:
        wrong.append((seed, "another score, and not a word"))
    if is_sealed and said != truth and scorer.to_bundle().hash == own_hash:
        wrong.append((seed, "another score under the same hash"))


def run(folder, content, rows, seeds, loader=load, fuzz=fuzz):
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
@pytest.mark.parametrize("size", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_segments_never_crash_what_monitors_by_them(rows, tmp_path, size):
    """A bundle that keeps a reference and segments: what loads can be monitored by, or is refused."""
    content, monitored = parted_bundle(rows, tmp_path)
    wrong, answers, seen = run(tmp_path, content, rows, range(size), monitored)

    assert wrong == []
    assert seen == []
    assert answers["refused"] > 0.7 * size
    assert answers["loaded"] > 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_fuzz_of_segments_would_notice_that_they_are_not_checked(rows, tmp_path, monkeypatch):
    """The control: what the bundle says of segments is taken on trust."""
    content, monitored = parted_bundle(rows, tmp_path)
    monkeypatch.setattr("delinquency.scoring._reference.refuse_unsound", lambda book: None)
    wrong, _, _ = run(tmp_path, content, rows, range(400), monitored)

    assert wrong


def parted_bundle(rows, folder):
    """The files of a bundle that keeps segments, and a loader that monitors by them."""
    scorer = load(FORMAT_1)
    scores = scorer.score(rows).scores
    names = {k: ("prime", "优质")[k % 2] for k in rows.index.get_level_values("account_id")}
    kept = Reference.learn(rows, scores["points"], scores["band"], names=scorer.bands.names)
    then = Cohort(rows, scores)
    parted = keep_segments(replace(scorer, reference=kept), then, {"grade": names})
    save_bundle(parted, folder)
    content = {path.name: path.read_bytes() for path in folder.iterdir()}

    def monitored(path):
        found = load(path)
        for one in found.reference.segments if found.reference else ():
            now = Cohort(rows, found.score(rows).scores)
            table = segment_stability(found, now, one, names)
            shares = np.r_[table["missing_reference"], one.outcomes()["auc"]]
            assert not ((shares < 0) | (shares > 1) | np.isinf(shares)).any()
            assert not (table["psi"] < -1e-9).any()
            assert table["n_reference"].between(0, 2**53).all()
        return found

    return content, monitored


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("size", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_zips_never_crash_run_code_or_change_a_score_unnoticed(small, rows, tmp_path, size):
    """The same mutations in one file, and damage to the file itself."""
    before = {path.name for path in tmp_path.iterdir()}
    wrong, answers, seen = run(tmp_path / "b.zip", small, rows, range(size), fuzz=fuzz_zip)

    assert wrong == []
    assert seen == []
    assert answers["refused"] > 0.7 * size
    assert answers["loaded"] > 0
    # nothing was unpacked
    assert {path.name for path in tmp_path.iterdir()} == {*before, "b.zip"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_fuzz_of_zips_would_notice_a_loader_that_checks_nothing(small, rows, tmp_path):
    """The control: members by their directory alone, no sums, no hashes, no structure."""
    put(tmp_path, small)
    sound = load(tmp_path)

    def careless(path):
        file = path.read_bytes()
        *_, count, _, place, _ = _END.unpack(file[-_END.size :])
        members = dict(_members(file, count, place))
        manifest = json.loads(members["manifest.json"])
        blob = next(members[name] for name in members if name.startswith("arrays-"))
        place = manifest["arrays"]["trees.value"]
        value = np.frombuffer(blob, "f8", sound.trees.value.size, place["offset"]).copy()
        scale = PointsScale(**manifest["document"]["scale"])
        return replace(sound, trees=replace(sound.trees, value=value), scale=scale)

    wrong, _, _ = run(tmp_path / "b.zip", small, rows, range(200), careless, fuzz_zip)

    whats = [what for _, what in wrong]
    assert any("not a word" in what for what in whats)
    assert any("rror" in what for what in whats)


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
