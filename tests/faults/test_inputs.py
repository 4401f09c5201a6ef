"""R10, R11, R12, R15, R20, R22, R23: odd input is refused or counted, and never told. Fast sizes."""

import pandas as pd
import pytest

from delinquency.errors import GateError, InputError
from delinquency.workflows import score_files
from delinquency.workflows._gates import failed

from .test_kills import none
from .world import NEW, book, make, scorer


def test_features_are_the_same_whatever_way_they_are_computed(proof):
    """R10: whole, shuffled, in batches, one account at a time; a batch that cuts an account is caught."""
    counts = proof("inputs.features_any_way", portfolios=6)

    assert counts["ways"] == 18
    assert none(counts, "other bits")
    assert proof("inputs.features_any_way", portfolios=3, cut_in_two=True)["other bits"]


def test_nothing_to_go_on_is_never_a_run(proof):
    """R22: no rows, no column of the model, nobody left, no check."""
    counts = proof("inputs.nothing_to_go_on")

    assert (counts["tried"], counts["committed"]) == (6, 0)
    assert counts["refused without a check"] == 1


def test_columns_are_matched_by_name(proof):
    """R11: shuffled months and features score the same; dropped, renamed, retyped are refused."""
    counts = proof("inputs.permuted_columns", times=15)

    assert counts["spoilt"] == 9
    assert none(counts, "other scores", "spoilt, not refused")
    assert proof("inputs.permuted_columns", times=3, by_position=True)["other scores"]


def test_no_poisoned_row_is_scored_silently(proof):
    """R12: NaN and infinity where training had none."""
    counts = proof("inputs.poisoned_rows", rows=600)

    assert none(counts, "scored all the same", "refused for nothing")
    assert proof("inputs.poisoned_rows", rows=100, unguarded=True)["scored all the same"]


def test_threads_chunks_and_order_change_no_bit(proof):
    """R15."""
    counts = proof("inputs.same_whatever_way", times=10)

    assert counts["ways"] == 20
    assert counts["other bits"] == 0


def test_no_cell_is_told(proof):
    """R20: a canary in every cell, files spoilt in every way."""
    counts = proof("inputs.canaries", times=40)

    assert counts["errors"] > 20
    assert counts["leaks"] == 0
    assert proof("inputs.canaries", times=5, careless=True)["leaks"]


def test_memory_does_not_grow_with_the_table(proof):
    """R23: three times the rows through the same batches; read whole, it grows."""
    counts = proof("inputs.memory", accounts=20_000, times=3)

    assert counts["growth of the stream"] < counts["growth of the whole"]
    assert counts["growth of the stream"] < 40


def test_zero_rows_are_a_failure(tmp_path):
    """R22: months of which none is known at the date."""
    where = make(tmp_path)

    with pytest.raises(InputError, match="DLQ-100"):
        score_files(**where, as_of="2020-01-31", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_accounts_not_known_yet_are_no_part_of_the_run(proof, tmp_path):
    """A whole batch may hold nobody: at the end of January only the first hundred have a month."""
    where = make(tmp_path)
    table = book()
    table[(table["account_id"] <= 100) | (table["month"] > "2026-01-31")].to_parquet(
        where["months"]
    )
    shares = score_files(**where, as_of="2026-01-31", out=tmp_path / "out")

    assert shares["accounts"].sum() == 100


def test_zero_features_are_a_failure():
    """R22: a table without any column of the model."""
    with pytest.raises(InputError, match="DLQ-102"):
        scorer().score(pd.DataFrame({"x": [1.0]}))


def test_zero_checks_are_a_failure():
    """R22: a run that nothing judged is not committed."""
    with pytest.raises(GateError, match="DLQ-307"):
        failed([], "out")


def test_unknown_levels_are_counted_and_stop_the_run(tmp_path):
    """R12: a status nobody knows in one row of a hundred."""
    where = make(tmp_path)
    table = book()
    table.loc[::100, "status"] = "opne"
    table.to_parquet(where["months"])

    with pytest.raises(GateError, match=r"levels failed: 15 of 1,440 rows"):
        score_files(**where, as_of=NEW, out=tmp_path / "out")
