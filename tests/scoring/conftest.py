"""Small samples, boosters and scorers to try the scoring room on."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from delinquency.scoring import BandScheme, PointsScale, RiskModel, Scorer

NAMES = ("dpd_max", "utilisation", "paid_to_due", "months_since", "noise")
SIGNS = {"dpd_max": 1, "utilisation": 1, "paid_to_due": -1, "months_since": -1}
FAMILIES = ("arrears", "use", "payments", "arrears", "other")


def sample(n=3000, seed=0, snapshots=1):
    """Features and outcome of `n` rows; dpd_max and noise are never missing, the others are."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "dpd_max": rng.poisson(0.4, n) * 30.0,
            "utilisation": rng.random(n) * 1.2,
            "paid_to_due": rng.random(n),
            "months_since": rng.integers(0, 24, n).astype(float),
            "noise": rng.normal(size=n),
        }
    )
    log_odds = X["dpd_max"] / 30 + 1.5 * X["utilisation"] - 2 * X["paid_to_due"] - 1.5
    bad = (rng.random(n) < 1 / (1 + np.exp(-log_odds.to_numpy()))).astype(int)
    for name in ("utilisation", "paid_to_due", "months_since"):
        X.loc[rng.random(n) < 0.15, name] = np.nan
    ids = np.arange(n) // snapshots
    dates = pd.to_datetime("2026-01-31") + pd.to_timedelta(np.arange(n) % snapshots, "D")
    X.index = pd.MultiIndex.from_arrays([ids, dates], names=["account_id", "snapshot_date"])
    return X, pd.Series(bad, index=X.index)


def booster(X, y, rounds=30, **parameters):
    """A LightGBM booster of our kind."""
    plain = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True}
    data = lgb.Dataset(np.asarray(X, dtype=float), np.asarray(y), params={"verbosity": -1})
    return lgb.train({**plain, **parameters}, data, num_boost_round=rounds)


def catalogue():
    return pd.DataFrame(
        {
            "name": NAMES,
            "family": FAMILIES,
            "sign": [SIGNS.get(name, 0) for name in NAMES],
            "reason_en": [f"{name} stands at {{value:.2f}}." for name in NAMES],
            "reason_zh": [f"{name}为{{value:.2f}}。" for name in NAMES],
        }
    )


@pytest.fixture(scope="session")
def data():
    return sample()


@pytest.fixture(scope="session")
def model(data):
    return RiskModel(signs=SIGNS, n_estimators=60, n_jobs=1).fit(*data)


@pytest.fixture(scope="session")
def scorer(model, data):
    scale = PointsScale()
    bands = BandScheme.propose(scale.points(model.out_of_fold_), data[1], reference="test")
    about = {"windows": [3], "as_of": "2026-01-31"}
    return Scorer.from_model(model, data[0], catalogue(), scale=scale, bands=bands, about=about)


def plain(n=800, seed=0):
    """The sample as two writable arrays."""
    X, y = sample(n, seed)
    return X.to_numpy(copy=True), y.to_numpy(dtype=float, copy=True)
