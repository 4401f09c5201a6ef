"""Proxies are found with the size of the noise, and noise is not taken for one."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from delinquency.errors import InputError
from delinquency.evaluation import proxies


@pytest.fixture(scope="module")
def book():
    """A limit that follows age, spending that follows sex, and a column that follows nothing."""
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"sex": rng.choice(["f", "m", "x"], 3000, p=[0.6, 0.395, 0.005])})
    people["age"] = rng.integers(18, 80, 3000)
    features = pd.DataFrame({"noise": rng.normal(size=3000)})
    features["spend"] = rng.normal(size=3000) + 0.5 * people["sex"].eq("m")
    features["limit"] = people["age"] * 100 + rng.normal(size=3000) * 1000
    features.loc[rng.random(3000) < 0.1, "spend"] = np.nan
    return features, people


@pytest.fixture(scope="module")
def table(book):
    return proxies(*book)


def value(table, group, feature):
    rows = table[table["group"].isna() if group is None else table["group"].eq(group)]
    return rows.set_index("feature").loc[feature, "value"]


def test_the_figures_are_those_of_independent_tools(book, table):
    """AUC by scikit-learn, missing lowest; the correlation of ranks by scipy."""
    features, people = book
    spend = features["spend"].fillna(-99)

    expected = roc_auc_score(people["sex"] == "m", spend)
    assert value(table, "m", "spend") == pytest.approx(expected)
    expected = spearmanr(features["limit"], people["age"])[0] ** 2
    assert value(table, None, "limit") == pytest.approx(expected)


def test_proxies_are_beyond_noise_and_the_rest_is_not(table):
    """Each attribute through its own feature, and all together at least as well."""
    told = table[table["beyond_noise"]]

    assert set(told.loc[told["attribute"] == "age", "feature"]) == {"limit", "all together"}
    assert set(told.loc[told["group"] == "f", "feature"]) == {"spend", "all together"}
    assert value(table, None, "all together") > 0.8 * value(table, None, "limit")


def test_a_group_too_small_to_judge_is_left_out(table):
    """Fifteen people would be noise, and could be pointed at."""
    assert set(table["group"].dropna()) == {"f", "m"}


def test_the_strongest_stands_first(table):
    """Whichever side of one half it lies on."""
    for _, rows in table[table["feature"] != "all together"].groupby(
        ["attribute", "group"], dropna=False
    ):
        middle = 0.5 if (rows["measure"] == "auc").all() else 0.0
        assert (rows["value"] - middle).abs().is_monotonic_decreasing


def test_noise_is_called_a_proxy_in_one_table_of_twenty():
    """200 tables of ten features that tell nothing: at most 5% with a false alarm, by a wide margin 20."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        features = pd.DataFrame(rng.normal(size=(300, 10))).add_prefix("f")
        people = pd.DataFrame({"age": rng.permutation(300)})
        alarms += proxies(features, people, together=False)["beyond_noise"].any()

    assert 1 <= alarms <= 20


def test_all_together_tells_nothing_where_there_is_nothing():
    """It is scored on people that it did not learn from, so forty features of noise stay noise."""
    rng = np.random.default_rng(2)
    features = pd.DataFrame(rng.normal(size=(600, 40))).add_prefix("f")
    people = pd.DataFrame({"sex": np.tile(["f", "m"], 300)})
    table = proxies(features, people)

    assert abs(value(table, "f", "all together") - 0.5) < 0.08


def test_a_missing_attribute_leaves_its_row_out(book):
    """Not a group of its own: nobody's attribute is guessed."""
    features, people = book
    gaps = people.assign(sex=people["sex"].where(np.arange(3000) >= 500))
    expected = roc_auc_score(people["sex"][500:] == "m", features["spend"][500:].fillna(-99))

    assert value(proxies(features, gaps), "m", "spend") == pytest.approx(expected)


def test_tables_that_do_not_fit_are_refused(book):
    """Another length, and text among the features."""
    features, people = book
    with pytest.raises(InputError, match="2,999 rows for 3,000 people"):
        proxies(features[1:], people)
    with pytest.raises(InputError, match="expected numbers in 1 columns"):
        proxies(features.assign(text="a"), people)


def test_no_attributes_no_rows(book):
    """An empty table of the same form."""
    features, people = book
    assert proxies(features, people[[]]).empty
    assert list(proxies(features, people[[]]).columns) == list(proxies(features, people).columns)
