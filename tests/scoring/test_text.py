"""LightGBM's text: the same bits there and back, and damage refused in one line."""

import lightgbm as lgb
import numpy as np
import pytest

from delinquency.errors import InputError, IntegrityError
from delinquency.scoring import from_lightgbm, to_lightgbm
from delinquency.scoring._trees import from_boosters

from .conftest import NAMES, booster, plain
from .test_trees import odd_matrix

KINDS = [
    {},
    {"num_leaves": 2},
    {"num_leaves": 63, "min_child_samples": 1},
    {"monotone_constraints": [1, 1, -1, -1, 0]},
    {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.4},
    {"boost_from_average": False, "learning_rate": 1.0},
    {"use_missing": False},
    {"extra_trees": True},
]


@pytest.mark.parametrize("parameters", KINDS, ids=str)
def test_lightgbm_reads_our_text_and_gives_the_same_bits(parameters):
    """Raw scores of rows with missing values and odd ones, and the contributions."""
    X, y = plain(800)
    trees = from_boosters([booster(X, y, **parameters)])
    rows = odd_matrix(X, np.random.default_rng(0))

    theirs = lgb.Booster(model_str=to_lightgbm(trees, NAMES))

    np.testing.assert_array_equal(theirs.predict(rows, raw_score=True), trees.raw(rows))
    assert theirs.feature_name() == list(NAMES)
    contributions = theirs.predict(rows[:5], pred_contrib=True)
    np.testing.assert_allclose(contributions.sum(axis=1), trees.raw(rows[:5]), atol=1e-9)


@pytest.mark.parametrize("parameters", KINDS, ids=str)
def test_we_read_the_text_of_lightgbm_and_give_the_same_bits(parameters):
    """Without its reader."""
    X, y = plain(800)
    learnt = booster(X, y, **parameters)
    rows = odd_matrix(X, np.random.default_rng(1))

    trees, names = from_lightgbm(learnt.model_to_string())

    np.testing.assert_array_equal(trees.raw(rows), learnt.predict(rows, raw_score=True))
    assert names == tuple(f"Column_{k}" for k in range(5))


def test_a_mean_of_models_is_exported_as_one(model, data):
    """Each leaf is divided by the number of models."""
    X = data[0].to_numpy()
    theirs = lgb.Booster(model_str=to_lightgbm(model.trees_, NAMES))

    np.testing.assert_allclose(
        theirs.predict(X, raw_score=True), model.trees_.raw(X), rtol=0, atol=1e-12
    )


def test_our_text_comes_back_the_same():
    """Written, read, written: the same text."""
    X, y = plain(400)
    text = to_lightgbm(from_boosters([booster(X, y)]), NAMES)

    trees, names = from_lightgbm(text)

    assert to_lightgbm(trees, names) == text


def test_trees_that_never_split_come_back():
    """A level alone."""
    X, y = np.zeros((50, 2)), np.r_[np.ones(10), np.zeros(40)]
    learnt = booster(X, y)

    trees, _ = from_lightgbm(learnt.model_to_string())
    again, _ = from_lightgbm(to_lightgbm(trees, ("a", "b")))

    np.testing.assert_array_equal(again.raw(X), learnt.predict(X, raw_score=True))


@pytest.mark.parametrize("names", [NAMES[:2], (*NAMES[:4], "a b"), (*NAMES[:4], "dpd_max")])
def test_names_that_the_text_cannot_say_are_refused(names):
    """Too few, with a space, twice."""
    X, y = plain(400)
    with pytest.raises(InputError, match="DLQ-10"):
        to_lightgbm(from_boosters([booster(X, y)]), names)


def models_of_another_kind():
    """Texts that LightGBM writes and our trees cannot say."""
    X, y = plain(400)
    full = np.nan_to_num(X)
    category = lgb.Dataset(np.c_[X[:, 0] % 7, X[:, 3] % 5], y, categorical_feature=[0])
    settings = {"objective": "binary", "verbosity": -1, "min_data_per_group": 1, "cat_smooth": 0}
    return {
        "linear": booster(full, y, linear_tree=True),
        "zero": booster(X, y, zero_as_missing=True),
        "classes": booster(X, y + (X[:, 0] > 0), objective="multiclass", num_class=3),
        "forest": booster(X, y, boosting="rf", bagging_freq=1, bagging_fraction=0.5),
        "regression": booster(X, y, objective="regression"),
        "sigmoid": booster(X, y, sigmoid=2.0),
        "category": lgb.train(settings, category, 5),
    }


def test_models_of_another_kind_are_refused():
    """In one line, none read as something else."""
    for kind, learnt in models_of_another_kind().items():
        with pytest.raises(IntegrityError, match="DLQ-606") as caught:
            from_lightgbm(learnt.model_to_string())
        assert len(str(caught.value).splitlines()) == 1, kind


HOSTILE = [
    "",
    "nan",
    "inf",
    "-1",
    "0",
    "1e999",
    "9" * 30,
    "1_0",
    "٣",
    "0x1f",
    "1 1",
    "=",
    "\n",
    "\0",
    "Tree=0",
]


def mutated(rng, text):
    """Flip, cut, double or swap a piece; or put something odd for one of its words."""
    kind = rng.integers(4)
    if kind < 2:
        words = text.replace("=", " = ").split(" ") if kind else text.split(" ")
        words[rng.integers(len(words))] = str(rng.choice(HOSTILE))
        return " ".join(words).replace(" = ", "=")
    a, b = sorted(rng.integers(0, len(text) + 1, 2))
    if kind == 2:
        return text[:a] + chr(int(rng.integers(256))) + text[a + 1 :]
    return [text[:a], text[:b] + text[a:], text[b:] + text[:b], text[:a] + text[b:]][
        rng.integers(4)
    ]


def fuzz(read, text, X, seeds):
    """Return how often a mutation was refused, and what else than an answer in one line came."""
    refused, wrong = 0, []
    for seed in seeds:
        changed = mutated(np.random.default_rng(seed), text)
        try:
            trees, _ = read(changed)
            with np.errstate(over="ignore"):
                trees.raw(X)
        except IntegrityError as error:
            refused += 1
            if len(str(error)) > 500 or "\n" in str(error):
                wrong.append((seed, "an answer without end"))
        except Exception as error:
            wrong.append((seed, type(error).__name__))
    return refused, wrong


@pytest.mark.parametrize("size", [600, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_texts_are_refused_or_are_trees(size):
    """No traceback, no crash. A text has no hash, so another number may be another model."""
    X, y = plain(300)
    learnt = booster(X, y, 3, num_leaves=5)
    refused, wrong = fuzz(from_lightgbm, learnt.model_to_string(), X, range(size))

    assert wrong == []
    assert refused > size / 4


def test_the_fuzz_would_notice_a_reader_that_believes_the_text():
    """The control: the same lines without their checks."""
    X, y = plain(300)
    text = booster(X, y, 3, num_leaves=5).model_to_string()

    def careless(changed):
        lines = dict(line.split("=") for line in changed.split("\n") if "=" in line)
        [int(child) for child in lines["left_child"].split()]
        return from_lightgbm(text)

    assert fuzz(careless, text, X, range(200))[1]
