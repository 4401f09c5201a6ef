"""How long the figures on scores take: ``python benchmarks/evaluation_speed.py [accounts]``.

Made-up accounts with a five-band score, twelve months, and four rows an account; one run of each figure,
wall seconds, printed as CSV.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from delinquency import evaluation


def main(accounts: int = 1_000_000) -> None:
    """Time every figure once on so many rows."""
    rng = np.random.default_rng(0)
    p = rng.beta(1.2, 6, accounts)
    y = (rng.random(accounts) < p).astype(int)
    other = np.clip(p + rng.normal(0, 0.02, accounts), 0, 1)
    band = np.digitize(p, [0.05, 0.1, 0.2, 0.4])
    month = np.array([f"2025-{k:02d}" for k in range(1, 13)])[rng.integers(0, 12, accounts)]
    account = rng.integers(0, accounts // 4, accounts)
    figures = {
        "discrimination": lambda: evaluation.discrimination(y, p),
        "discrimination by account": lambda: evaluation.discrimination(y, p, account=account),
        "calibration": lambda: evaluation.calibration(y, p),
        "roc": lambda: evaluation.roc(y, p),
        "gains": lambda: evaluation.gains(y, p),
        "by_band": lambda: evaluation.by_band(y, p, band),
        "by_month": lambda: evaluation.by_month(y, p, month),
        "by_month_and_band": lambda: evaluation.by_month_and_band(y, p, band, month),
        "by_group": lambda: evaluation.by_group(y, p, band, favoured=p < 0.1),
        "compare_scores": lambda: evaluation.compare_scores(y, p, other),
    }
    print("figure,rows,seconds")
    for name, figure in figures.items():
        started = time.perf_counter()
        figure()
        print(f"{name},{accounts},{time.perf_counter() - started:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
