"""What other settings would have brought: the figures behind docs/models.md.

    python benchmarks/accuracy_settings.py --out benchmarks/results/accuracy_settings
    python benchmarks/accuracy_settings.py --only Scorecard --out ...   # rows already there are kept

Development folds only (seed 11, three folds), and a generated portfolio out of time. The seed that the record
is read from is never used here. Where optbinning is installed, a card on its bins is measured too. Writes
``.json`` and ``.md`` after every row, so a run that is cut short leaves what it has.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.util import find_spec
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
    if find_spec("optbinning"):
        cards["Scorecard, optbinning's bins"] = {"binning": "optbinning"}
    made = {
        name: RiskModel(**({"signs": signs, "n_jobs": 1} | more)) for name, more in risk.items()
    }
    return made | {name: Scorecard(signs=signs, **more) for name, more in cards.items()}


def as_markdown(found: dict[str, Any]) -> str:
    """Return the table for people."""
    lines = [
        "# Settings that were not taken, beside those that were",
        "",
        f"Made by `benchmarks/accuracy_settings.py`: the real sample on the development folds of seed {SEED} "
        f"({found['folds']} of three folds), and a generated portfolio of {found['accounts']:,} accounts out "
        "of time. The first RiskModel and the first Scorecard are the library's own settings.",
        "",
        "| settings | sample: AUC | log-loss | portfolio: AUC | seconds for the row |",
        "|---|---|---|---|---|",
    ]
    for name, f in found["settings"].items():
        figures = f"{f['sample_auc']:.4f} | {f['sample_log_loss']:.4f} | {f['portfolio_auc']:.4f}"
        lines.append(f"| {name} | {figures} | {f['seconds']:.0f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose name begins so")
    parser.add_argument("--folds", type=int, default=3, help="how many of the three folds")
    parser.add_argument("--accounts", type=int, default=12_000, help="of the generated portfolio")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sets, y = tables()
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=SEED)
    splits = list(folds.split(y, y))[: options.folds]
    (X, bad), (later, truth) = later_book(options.accounts)
    table = catalogue((*WINDOWS, 12))
    scale = {"seed": SEED, "folds": options.folds, "accounts": options.accounts}
    found: dict[str, Any] = {**scale, "settings": {}}
    path = options.out.with_suffix(".json")
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if {key: before.get(key) for key in scale} != scale:
            parser.error("what stands there was made at another scale")
        found = before
    for name, model in variants(dict(zip(table["name"], table["sign"], strict=True))).items():
        if not name.startswith(tuple(options.only)):
            continue
        start = time.perf_counter()
        sample = judge(model, sets["catalogue"], y, splits)
        p = model.fit(X, bad).predict_proba(later)[:, 1]
        found["settings"][name] = {
            "sample_auc": round(float(np.mean(sample["auc"])), 5),
            "sample_log_loss": round(float(np.mean(sample["log_loss"])), 5),
            "portfolio_auc": round(float(roc_auc_score(truth, p)), 5),
            "seconds": round(time.perf_counter() - start, 1),
        }
        print(name, found["settings"][name], flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        options.out.with_suffix(".md").write_text(as_markdown(found), encoding="utf-8")


if __name__ == "__main__":
    main()
