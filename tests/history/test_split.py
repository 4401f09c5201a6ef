import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.history import split_accounts


def test_an_account_keeps_its_part_whoever_stands_beside_it():
    """The part of an account depends on its id and the salt alone."""
    alone = split_accounts(range(100))
    among = split_accounts(range(1_000))

    assert alone.tolist() == among.tolist()[:100]
    assert split_accounts(range(100), salt="other").tolist() != alone.tolist()


def test_index_and_repeated_ids_are_kept():
    """All snapshots of one account fall into one part."""
    ids = pd.Series(["x", "y", "x"], index=[5, 6, 7])
    part = split_accounts(ids)

    assert part.index.tolist() == [5, 6, 7]
    assert part[5] == part[7]


def test_a_share_of_nothing_gets_nobody():
    """Shares of 0 and 1 are exact."""
    part = split_accounts(range(2_000), {"none": 0.0, "all": 1.0})

    assert set(part) == {"all"}


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    """A part of the accounts would belong nowhere."""
    with pytest.raises(InputError, match="DLQ-212"):
        split_accounts([1], shares)
