"""How much of what can be known the models find: a generated portfolio, out of time, beside its truth.

    python benchmarks/accuracy_bayes.py --accounts 12000 40000 --out benchmarks/results/accuracy_bayes

60+ days within 6 months. The models learn from three snapshots and are judged on a later one. Beside them
stand two scores that nobody can learn. The *truth* is the chance given everything, hidden condition and
latent risk included (`datasets.true_probability`): above anything learnable. The *filter* knows the rules of
the generator and the months that are seen, not what is hidden (`accuracy_filter.py`). The best that a
history allows lies between the two.

All are judged on the same accounts over many futures: an account counts as bad with its true chance, of
lives that no score here was made from. Share: (AUC of the model - 0.5) / (AUC of the truth, or filter,
- 0.5), its interval at 95% from drawing accounts again. Writes ``.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from accuracy import later_book
from accuracy_filter import drawn_states, minds_of
from sklearn.metrics import roc_auc_score

from delinquency.datasets import make_portfolio
from delinquency.datasets._portfolio import book_of
from delinquency.datasets._portfolio_again import hits
from delinquency.features import catalogue
from delinquency.scoring import RiskModel, Scorecard

SPAN, SEED, DPD, WITHIN = 36, 1, 60, 6  # those of `later_book`
KNOBS = {"end": "2026-06-30", "loans": 0.4, "strain": 1.0, "shock": 1.6}
TRUTH, FILTER = "the truth, hidden state known", "filter of the months seen"


def lives(accounts: int, month: int, places: np.ndarray, draws: range, codes: Any = None) -> Any:
    """Return the share of lives in which each account goes bad (accounts,)."""
    book, total = book_of(accounts, SPAN, SEED, *KNOBS.values()), np.zeros(len(places))
    for turn, draw in enumerate(draws):
        minds = None if codes is None else minds_of(codes[:, turn])
        total += hits(book, month, DPD, WITHIN, draw, minds)[places]
    return total / len(draws)


def soft_auc(score: np.ndarray, chance: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the AUC over all futures: each account is bad with its chance, good with the rest."""
    once = np.ones(len(score)) if weight is None else weight
    outcome = np.repeat([1, 0], len(score))
    weights = np.concatenate([once * chance, once * (1 - chance)])
    return float(roc_auc_score(outcome, np.tile(score, 2), sample_weight=weights))


def share(auc: float, best: float) -> float:
    return (auc - 0.5) / (best - 0.5)


def promised(score: np.ndarray, chance: np.ndarray) -> list[list[float]]:
    """Return mean score and mean chance of each tenth by rising score."""
    tenths = np.array_split(np.argsort(score, kind="stable"), 10)
    return [[round(float(part[rows].mean()), 4) for part in (score, chance)] for rows in tenths]


def scores_of(accounts: int) -> tuple[pd.DataFrame, pd.Series, int]:
    """Return the probabilities of each model on the later snapshot, outcomes, and rows learnt from."""
    (X, y), (later, outcome) = later_book(accounts)
    table = catalogue((3, 6, 12))
    signs = dict(zip(table["name"], table["sign"], strict=True))
    found = {
        name: model.fit(X, y).predict_proba(later)[:, 1]
        for name, model in {
            "LightGBM defaults": lgb.LGBMClassifier(verbosity=-1, num_threads=1),
            "Scorecard": Scorecard(signs=signs),
            "RiskModel": RiskModel(signs=signs, n_jobs=1),
        }.items()
    }
    return pd.DataFrame(found, index=later.index), outcome, len(X)


def measure(accounts: int, draws: int, filter_draws: int, again: int) -> dict[str, Any]:
    """Return the figures of one size of book."""
    scores, outcome, learnt = scores_of(accounts)
    book = book_of(accounts, SPAN, SEED, *KNOBS.values())
    at = scores.index.get_level_values("snapshot_date")[0]
    month = at.year * 12 + at.month - 1 - book.first
    places = scores.index.get_level_values("account_id").to_numpy() - 1
    months = make_portfolio(accounts, SPAN, seed=SEED).months
    codes = drawn_states(months, book, month, filter_draws, seed=0)
    halves = [
        lives(accounts, month, places, range(k * draws // 2, (k + 1) * draws // 2))
        for k in range(4)
    ]
    chance = (halves[2] + halves[3]) / 2  # judges; no score is made of these lives
    scores[TRUTH] = (halves[0] + halves[1]) / 2
    start, half = 2 * draws, filter_draws // 2
    filtered = [
        lives(accounts, month, places, range(start + first, start + first + half), codes[:, first:])
        for first in (0, half)
    ]
    scores[FILTER] = (filtered[0] + filtered[1]) / 2
    found: dict[str, Any] = {
        "learnt": learnt,
        "judged": len(scores),
        "rate": round(float(outcome.mean()), 4),
        # lives are counted, so a chance has noise that costs AUC; half of them says how much is left
        "auc_by_half_the_lives": {
            TRUTH: round(soft_auc(halves[0], chance), 4),
            FILTER: round(soft_auc(filtered[0], chance), 4),
        },
        "scores": {name: figures(scores[name], chance, outcome) for name in scores},
    }
    for name, line in shares(scores, chance, again).items():
        found["scores"][name] |= line
    return found


def figures(score: pd.Series, chance: np.ndarray, outcome: pd.Series) -> dict[str, Any]:
    p = score.to_numpy()
    return {
        "auc": round(soft_auc(p, chance), 4),
        "auc_of_what_came": round(float(roc_auc_score(outcome, p)), 4),
        "tenths": promised(p, chance),
    }


def shares(scores: pd.DataFrame, chance: np.ndarray, again: int) -> dict[str, dict[str, Any]]:
    """Return each score's share of the two best, with intervals."""
    rng, rows = np.random.default_rng(0), len(scores)
    weights = [None, *(rng.multinomial(rows, np.full(rows, 1 / rows)) for _ in range(again))]
    table = pd.DataFrame(
        [{name: soft_auc(scores[name].to_numpy(), chance, w) for name in scores} for w in weights]
    )
    found: dict[str, dict[str, Any]] = {}
    for name in scores:
        for key, best in (("share_of_the_truth", TRUTH), ("share_of_the_filter", FILTER)):
            each = share(table[name], table[best])
            low, high = np.quantile(each[1:], [0.025, 0.975])
            line = [round(float(value), 3) for value in (each[0], low, high)]
            found.setdefault(name, {})[key] = line
    return found


def as_markdown(result: dict[str, Any]) -> str:
    lines = [
        "# How much of what can be known is found",
        "",
        f"Made by `benchmarks/accuracy_bayes.py`; {result['machine']}. A generated portfolio, 60+ days in 6 "
        f"months; learnt on three snapshots, judged on a later one, over {result['draws']} futures of every "
        "account. The truth knows the hidden state of each account at the snapshot, so nothing that learns "
        "from histories can reach it. The filter knows the rules of the generator and the months table, but "
        "does not read what a card's balance says; the best that the months allow lies between the two. "
        "Intervals at 95%.",
        "",
    ]
    for accounts, found in result["books"].items():
        lines += [
            f"## {int(accounts):,} accounts: {found['learnt']:,} snapshots learnt from, "
            f"{found['judged']:,} judged",
            "",
            "| score | AUC over all futures | AUC of what came | share of the truth | share of the filter |",
            "|---|---|---|---|---|",
        ]
        for name, f in sorted(found["scores"].items(), key=lambda item: -item[1]["auc"]):
            cells = [_spoken(f[key]) for key in ("share_of_the_truth", "share_of_the_filter")]
            lines.append(
                f"| {name} | {f['auc']:.4f} | {f['auc_of_what_came']:.4f} | {cells[0]} | {cells[1]} |"
            )
        half = found["auc_by_half_the_lives"]
        lines += [
            "",
            f"With half the lives the truth reaches {half[TRUTH]:.4f} and the filter {half[FILTER]:.4f}: "
            "what counting lives still costs them.",
            "",
        ]
    return "\n".join(lines)


def _spoken(line: list[float]) -> str:
    value, low, high = line
    return f"{value:.1%}" if low == high else f"{value:.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--accounts", type=int, nargs="+", default=[12_000])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument(
        "--again", type=int, default=300, help="draws of accounts for the intervals"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    draws = {"draws": options.draws, "filter_draws": options.filter_draws}
    result: dict[str, Any] = {"machine": machine, **draws, "books": {}}
    for accounts in options.accounts:
        result["books"][str(accounts)] = measure(accounts, **draws, again=options.again)
        text = json.dumps(result, indent=1) + "\n"
        options.out.with_suffix(".json").write_text(text, encoding="utf-8")
        options.out.with_suffix(".md").write_text(as_markdown(result), encoding="utf-8")
    print(as_markdown(result))


if __name__ == "__main__":
    main()
