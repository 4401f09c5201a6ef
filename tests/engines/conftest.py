"""One small book with its persons, and a scorer trained on it, for all engines."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from delinquency import scoring, workflows
from delinquency.engines import ScoreJob

AS_OF = "2026-06-30"


def months_of(accounts=1200, seed=0):
    """Twelve months each, some of it after the day, some accounts only opened then."""
    rng = np.random.default_rng(seed)
    risk, late, frames = rng.normal(0, 1.2, accounts), np.zeros(accounts), []
    for month in pd.date_range("2025-10-31", periods=12, freq="ME"):
        worse = rng.random(accounts) < 1 / (1 + np.exp(2.0 - risk - (late > 0)))
        late = np.where(worse, late + 30, 0)
        frame = pd.DataFrame({"account_id": [f"A{k:05d}" for k in range(accounts)], "month": month})
        frame["days_past_due"] = late.astype(int)
        frame["amount_due"] = 100.0 + rng.integers(0, 900, accounts) / 7
        frame["amount_paid"] = np.where(worse, 0.0, frame["amount_due"])
        frame["balance"] = 4000.0 * (1 + np.clip(risk, -2, 2) / 4)
        frame["note"] = "not ours"
        frames.append(frame)
    months = pd.concat(frames, ignore_index=True)
    young = months["account_id"] >= f"A{accounts - 20:05d}"
    return months[~young | (months["month"] > AS_OF)].sample(frac=1, random_state=1)


def accounts_of(months, seed=0):
    """Three accounts in two persons; some have died, some opted out."""
    rng = np.random.default_rng(seed)
    ids = np.sort(months["account_id"].unique())
    return pd.DataFrame(
        {
            "account_id": ids,
            "person_id": [f"P{k * 2 // 3:05d}" for k in range(len(ids))],
            "deceased": rng.random(len(ids)) < 0.05,  # true of a person, and so of all accounts
            "opt_out_sms": rng.random(len(ids)) < 0.2,
        }
    )


@pytest.fixture(scope="session")
def book():
    """Months, accounts, the fitted road, and the job."""
    months = months_of()
    model = scoring.RiskModel(n_estimators=40, n_jobs=1)
    trained = workflows.train(months, as_of=AS_OF, windows=(3, 6), model=model)
    job = ScoreJob.of(trained.scorer, as_of=AS_OF)
    return SimpleNamespace(
        months=months, accounts=accounts_of(months), trained=trained, job=job, as_of=AS_OF
    )
