"""A small search: the better setting wins on accounts and dates left out, in any number of processes."""

import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.history import AccountTimeSplit
from delinquency.scoring import RiskModel, Scorecard, search

from .conftest import SIGNS, sample


def test_the_better_setting_wins(data):
    """One leaf more than none against trees that can learn something."""
    model = RiskModel(signs=SIGNS, folds=2, n_estimators=30)
    found = search(model, *data, {"num_leaves": [2, 8], "learning_rate": [1e-6, 0.1]}, cv=2)

    assert found.best.get_params()["learning_rate"] == 0.1
    assert len(found.table) == 4
    assert found.table["log_loss"].is_monotonic_increasing
    assert not hasattr(found.best, "trees_")
    assert not hasattr(model, "trees_")


def test_processes_do_not_change_the_result(data):
    """One after the other, or two at a time."""
    space = {"max_bins": [2, 8]}
    one = search(Scorecard(signs=SIGNS), *data, space)
    two = search(Scorecard(signs=SIGNS), *data, space, jobs=2)

    pd.testing.assert_frame_equal(one.table, two.table)


class Noted(AccountTimeSplit):
    """Notes what it parted."""

    seen: list = []  # noqa: RUF012

    def split(self, X, y=None, groups=None):
        for train, test in super().split(X, y, groups):
            self.seen.append((X.index[train], X.index[test]))
            yield train, test


def test_a_splitter_of_time_judges_later_dates_and_other_accounts():
    """Whatever has `split` may part the rows."""
    X, y = sample(3000, snapshots=3)
    months = pd.DatetimeIndex(["2025-01-31", "2025-02-28", "2025-06-30"])
    ids = X.index.get_level_values(0)
    X.index = pd.MultiIndex.from_arrays(
        [ids, months[[k % 3 for k in range(3000)]]], names=X.index.names
    )
    search(Scorecard(signs=SIGNS), X, y, {"max_bins": [4]}, cv=Noted(2, gap=3))

    for train, test in Noted.seen:
        assert not set(train.get_level_values(0)) & set(test.get_level_values(0))
        assert train.get_level_values(1).max() < test.get_level_values(1).min()


@pytest.mark.parametrize("space", [{}, {"leaves": [3]}, {"max_bins": []}])
def test_a_space_that_is_none_is_refused(data, space):
    """A setting that the model does not have, or nothing to try."""
    with pytest.raises(InputError, match="DLQ-103 space"):
        search(Scorecard(), *data, space)


@pytest.mark.parametrize("cv", [1, 0, "three"])
def test_fewer_than_two_folds_are_refused(data, cv):
    """Nothing would be left to learn from."""
    with pytest.raises(InputError, match="DLQ-103 cv"):
        search(Scorecard(), *data, {"max_bins": [2]}, cv=cv)
