"""R3: a disk that refuses leaves the last good output untouched. Fast sizes."""

import shutil

import pytest

from .test_kills import none

SPOILT = ("damaged", "said done, did nothing", "other answers", "left over")


def test_a_full_disk_leaves_every_writers_last_output(proof):
    """Every writer, cut off at three file sizes; the new output or the old one."""
    counts = proof("disk.size_limits", sizes=3)

    assert counts["refused"] >= 9
    assert none(counts, *SPOILT)


def test_a_read_only_folder_is_told_and_nothing_is_touched(proof):
    """Every writer answers with exit code 5."""
    counts = proof("disk.read_only")

    assert counts["refused"] == counts["writes"] >= 9
    assert none(counts, *SPOILT)


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount command on this system")
def test_a_disk_that_runs_full_leaves_the_last_output(proof):
    """A tmpfs with room for the old version and little more."""
    counts = proof("disk.tiny_disk", rounds=1, kibibytes=96)
    if not counts:
        pytest.skip("this user may not mount a tmpfs; run as root to include it")

    assert counts["writes"] >= 5
    assert none(counts, *SPOILT)


def test_a_writer_in_place_is_caught(proof):
    """The negative control: what pandas and plain files do on a full disk."""
    assert proof("disk.size_limits", sizes=4, in_place=True)["damaged"]
