"""A bundle in one file: any tool opens it, and only the one zip of its content is read back."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from delinquency.errors import EnvironmentFailure, IntegrityError
from delinquency.storage import Bundle, load_bundle, save_bundle
from delinquency.storage._zip import pack, unpack

from .test_bundle import ARRAYS

DOCUMENT = {"name": "逾期", "numbers": [1, 0.1]}


@pytest.fixture
def file(tmp_path):
    """A bundle as one file."""
    assert save_bundle(Bundle(DOCUMENT, ARRAYS), tmp_path / "b.zip") == ["b.zip"]
    return tmp_path / "b.zip"


def test_every_bit_comes_back_and_the_hash_is_that_of_the_folder(file, tmp_path):
    """The same manifest, wherever it lies."""
    save_bundle(Bundle(DOCUMENT, ARRAYS), tmp_path / "folder")
    bundle = load_bundle(file)

    assert bundle.document == DOCUMENT
    assert {name: array.tobytes() for name, array in bundle.arrays.items()} == {
        name: array.tobytes() for name, array in ARRAYS.items()
    }
    assert bundle.hash == load_bundle(tmp_path / "folder").hash


def test_another_tool_opens_it(file):
    """Python's own, which also checks each member's sum."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()

        assert archive.testzip() is None
        assert names[1] == "manifest.json"
        assert names[0].startswith("arrays-")
        assert archive.getinfo("manifest.json").date_time == (1980, 1, 1, 0, 0, 0)


def test_the_same_bundle_makes_the_same_bytes(file, tmp_path):
    """Whatever the day and the order of its arrays."""
    turned = Bundle(dict(reversed(DOCUMENT.items())), dict(reversed(ARRAYS.items())))
    save_bundle(turned, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == file.read_bytes()


def test_it_replaces_an_older_one_whole(file):
    """Through one rename."""
    save_bundle(Bundle({"new": True}, {}), file)

    assert load_bundle(file).document == {"new": True}
    assert len(list(file.parent.iterdir())) == 1


def test_a_name_that_is_a_folder_is_refused_in_one_line(tmp_path):
    """Nothing there is touched."""
    (tmp_path / "b.zip").mkdir()

    with pytest.raises(EnvironmentFailure, match="DLQ-501"):
        save_bundle(Bundle({}, {}), tmp_path / "b.zip")


def test_every_flipped_byte_and_every_cut_is_found(file):
    """Headers, names, sums, both members, every third byte; and what stands after the end."""
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for place in range(0, len(content), 3):
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        for damaged in (bytes(broken), content[:place]):
            file.write_bytes(damaged)
            with pytest.raises(IntegrityError, match="DLQ-602"):
                load_bundle(file)
    for damaged in (content + b"\0", b"\0" + content, content * 2):
        file.write_bytes(damaged)
        with pytest.raises(IntegrityError, match="DLQ-602"):
            load_bundle(file)


def repacked(file, change=lambda archive: None, compression=zipfile.ZIP_STORED):
    """The members as another tool packs them."""
    members = unpack(file.read_bytes())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        change(archive)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "compression"),
    [
        (lambda archive: None, zipfile.ZIP_STORED),
        (lambda archive: None, zipfile.ZIP_DEFLATED),
        (lambda archive: archive.writestr("../../evil", b"x"), zipfile.ZIP_STORED),
        (lambda archive: archive.writestr("/etc/evil", b"x"), zipfile.ZIP_STORED),
        (lambda archive: archive.writestr("manifest.json", b"{}"), zipfile.ZIP_STORED),
        (lambda archive: setattr(archive, "comment", b"hello"), zipfile.ZIP_STORED),
    ],
)
def test_a_zip_that_another_tool_made_is_refused(file, change, compression):
    """Compressed, with more members, with a path, with a name twice, with a comment."""
    file.write_bytes(repacked(file, change, compression))

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(file)
    assert [path.name for path in file.parent.iterdir()] == ["b.zip"]


def test_a_bomb_is_never_lit(file):
    """A gigabyte of zeros in a megabyte is refused without being made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(1 << 24))
    file.write_bytes(out.getvalue())

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(file)


def test_a_directory_that_points_at_itself_time_and_again_is_refused():
    """Sixty-five thousand entries, each of the whole file."""
    name, size = b"a", 1 << 20
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 788, 20, 0, 0, 0, 33, 0, size, size, 1, *[0] * 6)
    body = bytes(size) + (entry + name) * 65535
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(body) - size, size, 0)

    with pytest.raises(ValueError, match="not a zip of ours"):
        unpack(body + end)


def test_a_file_too_large_for_a_model_is_not_read(file):
    """Three gigabytes that take no room on the disk."""
    with file.open("r+b") as stream:
        os.truncate(stream.fileno(), 3 << 30)

    with pytest.raises(IntegrityError, match="DLQ-602"):
        load_bundle(file)


def test_members_of_any_bytes_come_back():
    """Empty ones too, and the signatures of a zip among the content."""
    members = {"a": b"", "b": b"PK\5\6" * 9, "c": bytes(range(256))}

    assert unpack(pack(members)) == members
    assert unpack(pack({})) == {}
