"""What hmeasure, model-diagnostics, statsmodels, fairlearn and scikit-learn say of accounts.csv."""

from pathlib import Path

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_ratio,
    false_positive_rate,
    selection_rate,
)
from hmeasure import h_score
from model_diagnostics.scoring import SquaredError, decompose
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

here = Path(__file__).parent
d = pd.read_csv(here / "accounts.csv")
y, a, b = d["y"].to_numpy(), d["a"].to_numpy(), d["b"].to_numpy()
share = y.mean()
found = {
    # a negative severity ratio is this package's word for the Beta(1 + bads, 1 + goods) weight
    "h_measure": h_score(y, a, severity_ratio=-1.0),
    "h_measure_by_severity": h_score(y, a, severity_ratio=share / (1 - share)),
    "partial_gini": 2 * roc_auc_score(y[a <= 0.4], a[a <= 0.4]) - 1,
}
parts = decompose(y_obs=y, y_pred=a, scoring_function=SquaredError(), functional="mean")
parts = dict(zip(parts.columns, parts.row(0), strict=True))
found |= {k: parts[k] for k in ("miscalibration", "discrimination", "uncertainty", "score")}
flagged = a >= 0.3
rates = {"flagged": selection_rate, "false_alarms": false_positive_rate}
frame = MetricFrame(metrics=rates, y_true=y, y_pred=flagged, sensitive_features=d["group"]).by_group
for group, row in frame.iterrows():
    found[f"flagged_{group}"] = row["flagged"]
    found[f"false_alarms_{group}"] = row["false_alarms"]
    inside = (d["group"] == group).to_numpy()
    found[f"auc_{group}"] = roc_auc_score(y[inside], a[inside])
found["impact"] = demographic_parity_ratio(y, ~flagged, sensitive_features=d["group"])
low, high = proportion_confint(y.sum(), len(y), method="jeffreys")
found |= {"jeffreys_low": low, "jeffreys_high": high}
found |= {
    f"holm_{i}": p
    for i, p in enumerate(multipletests([0.01, 0.04, 0.03, 0.005, 0.2], method="holm")[1])
}
text = "".join(f"{k},{np.format_float_positional(v, unique=True)}\n" for k, v in found.items())
(here / "figures_python.csv").write_text("name,value\n" + text)
