"""Reasons: true of the account, few, the same each time, and worth mending."""

import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.scoring import contributions, reasons

from .conftest import SIGNS, sample


@pytest.fixture(scope="module")
def told(scorer):
    X, _ = sample(2000, seed=11)
    X["dpd_max"] = X["dpd_max"].clip(upper=120)
    return X, reasons(scorer, X)


def test_a_reason_states_the_accounts_own_figure(scorer, told):
    """Read back from the text: it is the value, and on the worse side of the typical account."""
    X, table = told
    typical = {f.name: f.typical for f in scorer.features}
    texts = table.stack().dropna()
    assert len(texts) > 1000
    for (account, date, _), text in texts.items():
        name, _, value = text.removesuffix(".").split(" ", 1)[0], None, text.rstrip(".").split()[-1]
        own = X.loc[(account, date), name]
        assert float(value) == pytest.approx(own, abs=0.005)
        assert SIGNS[name] * (own - typical[name]) > 0


def test_there_are_at_most_four_and_one_a_family(told):
    """dpd_max and months_since are one family and speak once."""
    _, table = told

    assert list(table.columns) == ["reason_1", "reason_2", "reason_3", "reason_4"]
    names = table.apply(lambda column: column.str.split(" ").str[0])
    assert not (names.isin(["dpd_max", "months_since"]).sum(axis=1) > 1).any()
    assert "noise" not in set(names.stack())


def test_missing_reasons_stay_missing_and_come_last(told):
    """No customer is told "None"."""
    _, table = told
    there = table.notna().to_numpy()

    assert (there[:, :-1] >= there[:, 1:]).all()
    assert not table.isin(["None", "nan", "<NA>"]).any(axis=None)


def test_reasons_are_ordered_by_what_the_family_contributed(scorer, told):
    """The strongest first, worked out from the contributions."""
    X, table = told
    parts = pd.DataFrame(
        contributions(scorer.trees, scorer.matrix(X))[:, :-1], columns=scorer.names
    )
    family = {f.name: f.family for f in scorer.features}
    strength = parts.T.groupby(family).sum().T
    for row in range(0, 2000, 50):
        said = [family[text.split(" ")[0]] for text in table.iloc[row].dropna()]
        values = [strength.iloc[row][name] for name in said]
        assert values == sorted(values, reverse=True)
        assert min(values, default=1) > 0


def test_the_same_account_gets_the_same_reasons_in_any_batch(scorer, told):
    """Alone, reversed, with columns turned round."""
    X, table = told
    turned = X.iloc[::-1, ::-1]

    pd.testing.assert_frame_equal(reasons(scorer, turned).iloc[::-1], table)
    pd.testing.assert_frame_equal(reasons(scorer, X.iloc[[5]]), table.iloc[[5]])


def test_both_languages_say_the_same(scorer, told):
    """The same features in the same order."""
    X, table = told
    chinese = reasons(scorer, X, lang="zh")

    english = table.apply(lambda c: c.str.split(" ").str[0])
    assert chinese.apply(lambda c: c.str.split("为").str[0]).fillna("-").equals(english.fillna("-"))
    with pytest.raises(InputError, match="unknown language"):
        reasons(scorer, X, lang="fr")


def test_no_accounts_no_reasons(scorer, told):
    """An empty table of the same form, as when nobody is in the worst band."""
    X, table = told

    empty = reasons(scorer, X[:0])

    assert list(empty.columns) == list(table.columns)
    assert empty.dtypes.tolist() == table.dtypes.tolist()


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_mended_reason_never_lowers_the_points(scorer, told, share):
    """Move what a reason names towards the typical account, part of the way or all: points rise or stay."""
    X, table = told
    typical = {f.name: f.typical for f in scorer.features}
    before = scorer.score(X).scores["points"].to_numpy()
    cases = 0
    for column in table:
        names = table[column].str.split(" ").str[0]
        for name in sorted(set(names.dropna())):
            rows = (names == name).to_numpy()
            mended = X[rows].copy()
            mended[name] += share * (typical[name] - mended[name])
            after = scorer.score(mended).scores["points"].to_numpy()
            assert (after >= before[rows]).all()
            cases += rows.sum()

    assert cases > 1000
