"""The run manifest: a run is what it says, and every change is found."""

import hashlib
import json

import numpy as np
import pytest

from delinquency.errors import IntegrityError
from delinquency.storage import describe, read_manifest, to_json, verify, versions, write_manifest

NAME = "run_manifest.json"


@pytest.fixture
def run(tmp_path):
    """Return a folder with a run of two files."""
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    write_manifest(tmp_path, {"job": "test", "as_of": "2026-06-30"}, ["b.bin", "a.txt"])
    return tmp_path


def states(folder):
    return dict(verify(folder)[["file", "state"]].itertuples(index=False))


def test_a_manifest_names_every_file_with_its_size_and_hash(run):
    """Worked out beside it with hashlib."""
    outputs = read_manifest(run)["outputs"]

    assert outputs["a.txt"] == {"bytes": 3, "sha256": hashlib.sha256(b"one").hexdigest()}
    assert states(run) == {"a.txt": "same", "b.bin": "same"}


def test_the_same_run_gives_the_same_manifest(run):
    """Nothing in it depends on the time or on the order of the files."""
    before = (run / NAME).read_bytes()

    write_manifest(run, {"as_of": "2026-06-30", "job": "test"}, ["a.txt", "b.bin"])

    assert (run / NAME).read_bytes() == before


def test_a_file_that_is_not_there_cannot_be_promised(tmp_path):
    """A manifest never says more than is true."""
    with pytest.raises(FileNotFoundError):
        write_manifest(tmp_path, {}, ["none.txt"])

    assert list(tmp_path.iterdir()) == []


def test_a_changed_and_a_lost_file_are_found(run):
    """One flipped bit is a change."""
    content = bytearray((run / "b.bin").read_bytes())
    content[100] ^= 1
    (run / "b.bin").write_bytes(content)
    (run / "a.txt").unlink()

    assert states(run) == {"a.txt": "missing", "b.bin": "changed"}


def test_every_edit_of_the_manifest_is_found(run):
    """Each byte in turn, and each length."""
    content = (run / NAME).read_bytes()
    rng = np.random.default_rng(0)
    for place in range(len(content)):
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        (run / NAME).write_bytes(broken)
        with pytest.raises(IntegrityError, match="DLQ-601"):
            read_manifest(run)
    for end in range(0, len(content) - 1, 7):
        (run / NAME).write_bytes(content[:end])
        with pytest.raises(IntegrityError, match="DLQ-601"):
            read_manifest(run)
    for more in (b" ", b"\n", b"\0"):
        (run / NAME).write_bytes(content + more)
        with pytest.raises(IntegrityError, match="DLQ-601"):
            read_manifest(run)


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"{}",
            b"1",
            b'{"run_id": 1}',
            b"\xff\xfe",
            b"[" * 100_000,
            b"1" * 5000,
        ),
        *(
            b'{"run_id": "x", "outputs": []}',
            b'{"run_id": NaN}',
            b'{"a": "\\ud800", "run_id": "x"}',
        ),
    ],
)
def test_what_is_no_manifest_is_refused(run, text):
    """Whatever its type, depth or size."""
    (run / NAME).write_bytes(text)

    with pytest.raises(IntegrityError, match="DLQ-601"):
        read_manifest(run)


@pytest.mark.parametrize("outputs", [[], {"a": 1}, {"a": {"bytes": 1}}, None, {"a": None}])
def test_a_sealed_manifest_must_still_have_the_right_form(run, outputs):
    """A hash says that nobody changed it by chance, not that it makes sense."""
    document = {"outputs": outputs}
    seal = hashlib.sha256(to_json(document)).hexdigest()[:16]
    (run / NAME).write_bytes(to_json({**document, "run_id": seal}))

    with pytest.raises(IntegrityError, match="DLQ-601"):
        read_manifest(run)


def test_no_manifest_is_no_run(tmp_path):
    """The manifest is written last, so a run that was killed has none."""
    with pytest.raises(IntegrityError, match="no run manifest") as caught:
        verify(tmp_path)

    assert caught.value.exit_code == 6


def test_json_has_one_spelling():
    """Sorted keys, no NaN, people's own letters."""
    assert to_json({"b": 1, "a": "逾期"}) == '{\n "a": "逾期",\n "b": 1\n}\n'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"x": float("nan")})


def test_an_input_is_described_by_its_content(tmp_path):
    """A folder by the names and hashes of its files, so a new part shows."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "1").write_bytes(b"ab")
    first = describe(tmp_path / "p")
    (tmp_path / "p" / "2").write_bytes(b"c")
    second = describe(tmp_path / "p")

    assert (first["bytes"], second["bytes"]) == (2, 3)
    assert first["sha256"] != second["sha256"]
    expected = hashlib.sha256(b"ab").hexdigest()
    assert describe(tmp_path / "p" / "1")["sha256"] == expected


def test_the_versions_name_what_decides_a_result():
    """Python and the numeric libraries, as text."""
    assert {"python", "numpy", "lightgbm", "delinquency"} <= versions().keys()
    assert json.dumps(versions())
