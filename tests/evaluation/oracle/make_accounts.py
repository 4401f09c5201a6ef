"""Write accounts.csv: made up, with ties, two scores of unequal worth, groups, repeats."""

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20261123)
n = 500
odds = rng.normal(-1.2, 1.3, n)
y = rng.random(n) < 1 / (1 + np.exp(-odds))
a = 1 / (1 + np.exp(-(0.8 * odds + rng.normal(0, 0.6, n) - 0.2)))
b = 1 / (1 + np.exp(-(0.8 * odds + rng.normal(0, 1.3, n) + 0.1)))
table = pd.DataFrame(
    {
        "y": y.astype(int),
        "a": a.round(2).clip(0.01, 0.99),
        "b": b.round(2).clip(0.01, 0.99),
        "group": rng.choice(["north", "south", "west"], n, p=[0.5, 0.35, 0.15]),
        "account": rng.integers(0, 180, n),
    }
)
table.to_csv(Path(__file__).parent / "accounts.csv", index=False)
