"""R6, R25: nothing is decided twice, no cap is broken, no edit of the log goes unnoticed. Fast sizes."""

from .test_kills import none


def test_runs_again_and_kills_decide_nothing_twice_and_break_no_cap(proof):
    """Three calls a person in seven days, counted by hand; killed half of the time."""
    counts = proof("decisions.replays", times=24)

    assert counts["killed"] > 3
    assert counts["decisions"] > 100
    assert none(counts, "not resumed", "duplicate decisions", "cap breaches")


def test_a_log_that_forgets_is_caught(proof):
    """The negative control: without log and contacts everything is decided again and again."""
    counts = proof("decisions.replays", times=12, broken="no log")

    assert counts["duplicate decisions"]
    assert counts["cap breaches"]


def test_edits_by_who_knows_the_format_are_noticed(proof):
    """Cells, hashes, links: the head of the chain, kept elsewhere, shows them all."""
    counts = proof("decisions.edited", times=40)

    assert counts["edits"] == 40
    assert none(counts, "not noticed", "false alarms")


def test_a_forged_chain_is_sound_in_itself(proof):
    """The negative control: why the head is to be kept elsewhere."""
    assert proof("decisions.edited", times=40, alone=True)["not noticed"]
