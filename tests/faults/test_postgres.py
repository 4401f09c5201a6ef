"""A database output is all or nothing, and re-running is harmless: fast sizes of the proof.

The full size, 250 terminated sessions, is `benchmarks/reliability_postgres.py`.
"""

import pytest

from .postgres_proof import (
    World,
    end_after,
    end_at_random,
    end_before,
    end_while_sending,
)


@pytest.fixture
def world(database):
    return World(database.server, database.schema, again_every=7)


def test_a_session_ended_at_any_step_leaves_all_or_nothing(world):
    """Before each statement, and after the commit; the full proof also looks after each."""
    steps = 0
    while end_before(world, steps):
        steps += 1
    end_after(world, steps - 1)

    assert steps > 15
    assert not +world.faults
    assert world.outcomes == {"stopped, nothing stored": steps, "done, all stored": 2}


def test_the_first_write_is_all_or_nothing_too(world):
    """Where there was no table there is none afterwards, however far the making of it came."""
    for step in range(4, 18):
        end_before(world, step)
        world.server.sql(f"DROP TABLE {world.schema}.scores, {world.schema}.plan")
        world.version = 0

    assert not +world.faults
    assert world.outcomes["stopped, nothing stored"] == 14


def test_a_session_ended_while_rows_are_sent_leaves_all_or_nothing(world):
    """The stream breaks between two batches."""
    for batch in range(4):
        end_while_sending(world, batch)

    assert not +world.faults
    assert world.outcomes["stopped, nothing stored"] == 4


def test_a_session_ended_at_a_random_moment_leaves_all_or_nothing(world):
    """In the middle of a statement, too: a few thousand rows take long enough to be hit."""
    world.accounts = 3000

    end_at_random(world, 12, seed=1)

    assert not +world.faults
    assert world.outcomes["stopped, nothing stored"] >= 1


def test_the_proof_would_notice_a_writer_without_a_transaction(world):
    """Negative control: the same writer, committing after every statement, leaves scores without a plan."""
    step = 0
    while end_after(world, step, commit_each=True):
        step += 1

    assert world.faults["partial"] > 3
