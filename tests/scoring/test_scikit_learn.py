"""The estimators are drop-in scikit-learn: its own common checks, with reasons for what cannot hold."""

import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from delinquency.scoring import RiskModel, Scorecard

_ROWS_COUNT = (
    "a row of weight 2 is one account, not two: folds, bins and least sizes count accounts, so doubling a "
    "weight is not the same as doubling a row"
)
_WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
EXPECTED = {RiskModel: {_WEIGHTS: _ROWS_COUNT}}
if parse_version(sklearn.__version__) < parse_version("1.7"):
    # the first row decides which classes become one, and the check shuffles one of its two samples
    EXPECTED[Scorecard] = {_WEIGHTS: "scikit-learn 1.6 gives the two samples different classes"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [RiskModel(n_estimators=20, min_child_samples=5, n_jobs=1), Scorecard(min_bads=2)],
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator), {}),
)
def test_common_check_of_scikit_learn(estimator, check):
    """One of scikit-learn's checks."""
    check(estimator)
