"""Killed, raced, read in between: the old run or the new one, nothing else. Fast sizes.

The full sizes are those of ``benchmarks/reliability.py``. Each proof must also catch a writer that is broken
on purpose.
"""

SPOILT = ("torn", "not resumed", "not the same bytes", "left over")


def none(counts, *names):
    """Whether nothing of this was counted, and something was tried."""
    return {name: counts.get(name, 0) for name in names} == dict.fromkeys(names, 0)


def test_a_kill_at_every_failpoint_leaves_the_old_run_or_the_new_and_resumes(proof):
    """R1, between any two steps of a write: the folder of a run with three files."""
    counts = proof("kills.every_failpoint", kind="text")

    assert counts["kills"] > 50
    assert none(counts, *SPOILT)


def test_a_kill_at_failpoints_of_scoring_resumes_to_the_same_bytes(proof):
    """R1, on the real job: every fourteenth of its failpoints, another one each release."""
    counts = proof("kills.every_failpoint", kind="scores", stride=14)

    assert counts["kills"] >= 4
    assert none(counts, *SPOILT)


def test_random_kills_lose_double_and_tear_nothing(proof):
    """R1, SIGKILL at any moment, often again during the resumption."""
    small = proof("kills.random_kills", times=25, kind="text")
    real = proof("kills.random_kills", times=6, kind="scores")

    assert small["kills"] == 25
    assert none(small, *SPOILT)
    assert none(real, *SPOILT)


def test_what_a_killed_run_left_is_believed_only_by_its_hash(proof):
    """R1, R7: a leftover part that was damaged meanwhile is made again."""
    assert proof("kills.damaged_leftovers", times=8)["not the same bytes"] == 0
    assert proof("kills.damaged_leftovers", times=8, broken="leftovers believed")[
        "not the same bytes"
    ]


def test_readers_see_one_version_at_a_time(proof):
    """R2: three files read while another process commits without end."""
    counts = proof("kills.torn_reads", commits=20, reads=1500)

    assert counts["reads"] == 1500
    assert counts["torn"] == 0


def test_of_four_processes_exactly_one_commits(proof):
    """R5: the others find the lock or the committed run."""
    counts = proof("kills.races", rounds=4)

    assert counts["rounds"] == 4
    assert none(counts, "not exactly one", "other answers", "not whole")


def test_files_shown_one_by_one_are_caught(proof):
    """The negative control of R1 and R2."""
    broken = "files shown one by one"

    assert proof("kills.every_failpoint", kind="text", stride=3, broken=broken)["torn"]
    assert proof("kills.torn_reads", commits=20, reads=10_000, broken=broken)["torn"]


def test_a_missing_lock_is_caught(proof):
    """The negative control of R5."""
    counts = proof("kills.races", rounds=4, broken="no lock")

    assert counts["not exactly one"] + counts["other answers"] + counts["not whole"]
