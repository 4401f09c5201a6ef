"""Reasons: true of the account, few, the same each time, and worth mending."""

import pandas as pd
import pytest
from scipy.special import expit

from delinquency import features
from delinquency.datasets import load_credit_card
from delinquency.errors import InputError
from delinquency.features import build_features
from delinquency.scoring import (
    BandScheme,
    PointsScale,
    RiskModel,
    Scorer,
    _reasons,
    contributions,
    reasons,
)

from .conftest import SIGNS, catalogue, sample


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


def points_of(scorer, X):
    return scorer.scale.points(expit(scorer.log_odds(X)))


def mended(scorer, X, told, names_of, share=1.0):
    """Points before and after moving what a reason names towards the typical account, case by case."""
    typical = {f.name: f.typical for f in scorer.features}
    before = points_of(scorer, X)
    for column in told:
        names = told[column].map(names_of, na_action="ignore")
        for name in sorted(set(names.dropna())):
            rows = names.eq(name).fillna(False).to_numpy(dtype=bool)
            moved = X[rows].copy()
            moved[name] += share * (typical[name] - moved[name])
            yield before[rows], points_of(scorer, moved)


def test_a_mended_reason_raises_the_points(scorer, told):
    """Every single one, with the typical value in place of the account's own."""
    X, table = told
    cases = list(mended(scorer, X, table, lambda text: text.split(" ")[0]))

    assert all((after > before).all() for before, after in cases)
    assert sum(len(before) for before, _ in cases) > 1000


def test_a_reason_mended_part_of_the_way_never_lowers_the_points(scorer, told):
    """The signs see to it."""
    X, table = told
    cases = mended(scorer, X, table, lambda text: text.split(" ")[0], share=0.25)

    assert all((after >= before).all() for before, after in cases)


def test_without_scoring_again_some_mended_reasons_would_change_nothing(scorer, told, monkeypatch):
    """The control: what only stands on the worse side is not always worth mending."""
    X, _ = told

    def believes(scorer, matrix, parts, threads):
        return (parts > 0) & _reasons._worse(scorer.features, matrix)

    monkeypatch.setattr(_reasons, "_helps", believes)
    cases = mended(scorer, X, reasons(scorer, X), lambda text: text.split(" ")[0])

    assert any((after <= before).any() for before, after in cases)


@pytest.mark.slow
def test_a_mended_reason_raises_the_points_in_ten_thousand_cases():
    """Of the real sample, with the core hundred and their own texts."""
    sample = load_credit_card()
    X = build_features(sample.months, "2005-09-30", windows=(3, 6))
    y = sample.labels.set_index("account_id")["bad"].astype(int)
    y = y.loc[X.index.get_level_values("account_id")].to_numpy()
    table = features.catalogue((3, 6)).set_index("name", drop=False).loc[X.columns]
    model = RiskModel(signs=table["sign"].to_dict(), n_estimators=150).fit(X, y)
    bands = BandScheme(names=("A", "B"), floors=(500.0,))
    plain = table.assign(reason_en=table["name"] + " {value}", reason_zh="{value}")
    scorer = Scorer.from_model(model, X, plain, scale=PointsScale(), bands=bands)
    rows = X.sample(14_000, random_state=0)
    cases = list(mended(scorer, rows, reasons(scorer, rows), lambda text: text.split(" ")[0]))

    assert all((after > before).all() for before, after in cases)
    assert sum(len(before) for before, _ in cases) > 10_000


def test_what_was_learnt_against_its_sign_is_no_reason(data):
    """Where a model was not held to the signs, what mending would not help is left unsaid."""
    free = RiskModel(n_estimators=60).fit(*data)
    bands = BandScheme(names=("A", "B"), floors=(500.0,))
    scorer = Scorer.from_model(free, data[0], catalogue(), scale=PointsScale(), bands=bands)
    X = data[0][:500]
    cases = list(mended(scorer, X, reasons(scorer, X), lambda text: text.split(" ")[0]))

    assert all((after > before).all() for before, after in cases)
