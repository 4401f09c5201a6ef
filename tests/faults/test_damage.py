"""R7: every damage to a file of ours is noticed. Fast sizes."""


def test_damaged_files_are_noticed(proof):
    """Flips, cuts, appended bytes, blank blocks, swaps, lost and strange files; no false alarm."""
    counts = proof("damage.damaged_files", times=150)

    assert counts["damaged"] == 150
    assert counts.get("not noticed", 0) == counts["false alarms"] == 0


def test_a_check_of_sizes_alone_is_caught(proof):
    """The negative control."""
    assert proof("damage.damaged_files", times=80, check="by_size")["not noticed"]
