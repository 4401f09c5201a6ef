"""The bundle's two files: back bit by bit, or refused."""

import hashlib
import json
import resource

import numpy as np
import pytest

from delinquency.errors import EnvironmentFailure, IntegrityError
from delinquency.storage import Bundle, load_bundle, save_bundle, to_json

ARRAYS = {
    "a": np.array([0.1, -0.0, 5e-324, 1.7e308]),
    "b": np.arange(6, dtype="int32").reshape(2, 3),
    "c": np.empty(0, dtype="uint8"),
    "d": np.array([2**63 + 1], dtype="uint64"),
}


@pytest.fixture
def folder(tmp_path):
    save_bundle(Bundle({"name": "逾期", "numbers": [1, 0.1]}, ARRAYS), tmp_path / "b")
    return tmp_path / "b"


def reseal(folder, manifest):
    """Write a manifest whose own hash is right, as someone hostile would."""
    manifest = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    manifest["sha256"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_bytes())


def arrays_file(folder):
    return next(folder.glob("arrays-*.bin"))


def test_every_bit_comes_back(folder):
    """Types, shapes, negative zero and the smallest double."""
    bundle = load_bundle(folder)

    assert bundle.document == {"name": "逾期", "numbers": [1, 0.1]}
    for name, array in ARRAYS.items():
        back = bundle.arrays[name]
        assert (back.dtype, back.shape, back.tobytes()) == (
            array.dtype,
            array.shape,
            array.tobytes(),
        )
        assert back.flags.aligned
        assert back.flags.writeable


def test_the_same_content_has_the_same_bytes_and_hash(folder, tmp_path):
    """In whatever order it was put in, on whatever byte order it was made."""
    turned = {name: ARRAYS[name] for name in reversed(ARRAYS)}
    turned["a"] = turned["a"].astype(">f8")
    bundle = Bundle({"numbers": [1, 0.1], "name": "逾期"}, turned)
    save_bundle(bundle, tmp_path / "again")

    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert bundle.hash == load_bundle(folder).hash
    assert bundle.hash == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_the_reseal_of_these_tests_is_accepted_when_nothing_changed(folder):
    """Else the tests below would all pass for the wrong reason."""
    reseal(folder, manifest_of(folder))

    load_bundle(folder)


def test_a_bundle_replaces_another_and_leaves_no_litter(folder):
    """Two files before, two after."""
    save_bundle(Bundle({"new": True}, {"a": np.ones(3)}), folder)

    assert len(list(folder.iterdir())) == 2
    assert load_bundle(folder).document == {"new": True}


def test_a_disk_that_fills_up_leaves_the_old_bundle(folder):
    """Whichever of the two files was being written."""
    before = load_bundle(folder).hash
    rng = np.random.default_rng(0)
    cases = [Bundle({"x": "y" * 5000}, {"a": np.ones(3)}), Bundle({}, {"a": rng.random(5000)})]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for bundle in cases:
        for size in (0, 100, 2000, 4000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                with pytest.raises(EnvironmentFailure, match="DLQ-501"):
                    save_bundle(bundle, folder)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert load_bundle(folder).hash == before


def test_every_flipped_byte_and_every_cut_is_found(folder):
    """Of both files, every third byte in turn."""
    rng = np.random.default_rng(0)
    for path in list(folder.iterdir()):
        content = path.read_bytes()
        for place in range(0, len(content), 3):
            broken = bytearray(content)
            broken[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(broken)
            with pytest.raises(IntegrityError, match="DLQ-602"):
                load_bundle(folder)
            path.write_bytes(content[:place])
            with pytest.raises(IntegrityError, match="DLQ-602"):
                load_bundle(folder)
        path.write_bytes(content + b"\n")
        with pytest.raises(IntegrityError, match="DLQ-602"):
            load_bundle(folder)
        path.write_bytes(content)
    load_bundle(folder)


def test_swapped_lost_and_foreign_files_are_found(folder, tmp_path):
    """Each half of a bundle belongs to the other."""
    other = tmp_path / "other"
    save_bundle(Bundle({}, {"a": np.ones(4)}), other)
    arrays = arrays_file(folder)
    arrays.write_bytes(arrays_file(other).read_bytes())
    with pytest.raises(IntegrityError, match="the arrays are not what the manifest says"):
        load_bundle(folder)
    arrays.unlink()
    with pytest.raises(IntegrityError, match="no bundle here: arrays-"):
        load_bundle(folder)
    with pytest.raises(IntegrityError, match=r"no bundle here: manifest\.json"):
        load_bundle(tmp_path / "nowhere")
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "spelling",
    [
        lambda text: text.replace('"format": 1', '"format": 2, "format": 1'),
        lambda text: text.replace('"format": 1', '"format": 1.0'),
        lambda text: text.replace('"format": 1', '"format": true'),
        lambda text: text.replace("0.1", "0.10"),
        lambda text: text.replace("0.1", "0.2"),
        lambda text: text.replace("\n ", "\n  ", 1),
        lambda text: "\ufeff" + text,
        lambda text: text + " ",
        lambda text: text.replace("逾期", "\\u903e\\u671f"),
    ],
)
def test_only_the_one_spelling_of_a_manifest_is_read(folder, spelling):
    """A repeated key or an edited digit is damage, not another model."""
    path = folder / "manifest.json"
    path.write_bytes(spelling(path.read_text("utf-8")).encode())

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


def test_a_newer_format_is_refused_by_its_number(folder):
    """Someone has to update, not to restore."""
    reseal(folder, {**manifest_of(folder), "format": 2})

    with pytest.raises(IntegrityError, match=r"format 2 is newer .* fix: update delinquency"):
        load_bundle(folder)


@pytest.mark.parametrize("number", [0, -1, 1.0, True, None, "1", [1], {"a": 1}, 10**400])
def test_a_format_that_is_no_number_of_ours_is_refused(folder, number):
    """Whatever stands there."""
    reseal(folder, {**manifest_of(folder), "format": number})

    with pytest.raises(IntegrityError, match="DLQ-602") as caught:
        load_bundle(folder)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "place",
    [
        {"dtype": "<f8", "shape": [2**62, 2**62], "offset": 0},
        {"dtype": "<f8", "shape": [10**30], "offset": 0},
        {"dtype": "<f8", "shape": [1], "offset": 10**30},
        {"dtype": "<f8", "shape": [0], "offset": -1},
        {"dtype": "<f8", "shape": [0, 10**30], "offset": 0},
        {"dtype": "<f8", "shape": [-1], "offset": 0},
        {"dtype": "<f8", "shape": [1.0], "offset": 0},
        {"dtype": "<f8", "shape": [True], "offset": 0},
        {"dtype": "<f8", "shape": "11", "offset": 0},
        {"dtype": "<f8", "shape": {"0": 1}, "offset": 0},
        {"dtype": "<f8", "shape": None, "offset": 0},
        {"dtype": "<f8", "shape": [1, 1, 1], "offset": 0},
        {"dtype": "<f8", "shape": [1000], "offset": 0},
        {"dtype": "|O", "shape": [1], "offset": 0},
        {"dtype": "<U4", "shape": [1], "offset": 0},
        {"dtype": ["<f8"], "shape": [1], "offset": 0},
        {"dtype": "<f8", "shape": [1]},
        [],
        None,
        "<f8",
    ],
)
def test_an_impossible_place_is_refused(folder, place):
    """Huge shapes, negative numbers, wrong types, objects: never an allocation, never a crash."""
    manifest = manifest_of(folder)
    manifest["arrays"]["a"] = place
    reseal(folder, manifest)

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


@pytest.mark.parametrize("key", ["format", "document", "arrays", "arrays_sha256"])
@pytest.mark.parametrize("value", [None, 7, [], "x", {"x": {}}, float("nan"), "\ud800"])
def test_a_key_of_another_type_or_none_is_refused(folder, key, value):
    """A document alone may be any object."""
    if key == "document" and isinstance(value, dict):
        pytest.skip("a document")
    reseal(folder, {**manifest_of(folder), key: value})

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


def test_a_manifest_cannot_name_a_file_elsewhere(folder):
    """The name of the arrays is made from a hash, not taken from the file."""
    secret = folder.parent / "secret.bin"
    secret.write_bytes(b"\0" * 64)
    reseal(folder, {**manifest_of(folder), "arrays_sha256": "../../../../secret"})

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 10_000, b"", b"null", b"\xff\xfe\x00"]
)
def test_hostile_json_is_refused(folder, text):
    """Deep nesting, endless numbers, other encodings."""
    (folder / "manifest.json").write_bytes(text)

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([object()]), np.array([1j]), np.array([True])]
)
def test_only_plain_numbers_go_into_a_bundle(tmp_path, array):
    """A mistake of ours, so it fails where it is made."""
    with pytest.raises(TypeError, match="no place in a bundle"):
        save_bundle(Bundle({}, {"a": array}), tmp_path / "b")

    assert not (tmp_path / "b").exists()


def test_the_manifest_is_the_one_spelling_of_itself(folder):
    """What `load_bundle` relies on."""
    assert to_json(manifest_of(folder)) == (folder / "manifest.json").read_bytes()
