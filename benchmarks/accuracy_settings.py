"""What other settings would have brought: the figures behind docs/models.md.

    python benchmarks/accuracy_settings.py --out benchmarks/results/accuracy_settings.json

Development folds only (seed 11, three folds), and a generated portfolio out of time. The seed that the record
is read from is never used here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import WINDOWS, judge, later_book, tables
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

from delinquency.features import catalogue
from delinquency.scoring import RiskModel, Scorecard

SEED = 11


def variants(signs: dict[str, int]) -> dict[str, Any]:
    """Return the settings that are compared."""
    risk: dict[str, dict[str, Any]] = {
        "RiskModel": {},
        "RiskModel, max_bin 31": {"max_bin": 31},
        "RiskModel, max_bin 255": {"max_bin": 255},
        "RiskModel, learning rate 0.025": {"learning_rate": 0.025, "n_estimators": 600},
        "RiskModel, 24 leaves of 200 rows": {"num_leaves": 24, "min_child_samples": 200},
        "RiskModel, signs off": {"signs": None},
        "RiskModel, two seeds": {"seeds": 2},
    }
    cards: dict[str, dict[str, Any]] = {
        "Scorecard": {},
        "Scorecard, one weight each (woe)": {"weights": "woe"},
        "Scorecard, ridge 10": {"ridge": 10.0},
        "Scorecard, ridge 100": {"ridge": 100.0},
        "Scorecard, 8 bins of 3%": {"max_bins": 8, "min_share": 0.03},
    }
    made = {name: RiskModel(**({"signs": signs} | more)) for name, more in risk.items()}
    return made | {name: Scorecard(signs=signs, **more) for name, more in cards.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    sets, y = tables()
    splits = list(RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=SEED).split(y, y))
    (X, bad), (later, truth) = later_book(12_000)
    table = catalogue((*WINDOWS, 12))
    found: dict[str, Any] = {"seed": SEED, "settings": {}}
    for name, model in variants(dict(zip(table["name"], table["sign"], strict=True))).items():
        sample = judge(model, sets["catalogue"], y, splits)
        p = model.fit(X, bad).predict_proba(later)[:, 1]
        found["settings"][name] = {
            "sample_auc": round(float(np.mean(sample["auc"])), 5),
            "sample_log_loss": round(float(np.mean(sample["log_loss"])), 5),
            "portfolio_auc": round(float(roc_auc_score(truth, p)), 5),
        }
        print(name, found["settings"][name], flush=True)
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
