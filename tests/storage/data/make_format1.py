"""How the fixture of format 1 was made, once. Do not run it again: its age is its use.

python tests/storage/data/make_format1.py, from the root of the checkout.
"""

import sys
from pathlib import Path

sys.path.insert(0, "tests")
from scoring import conftest

from delinquency.scoring import BandScheme, PointsScale, RiskModel, Scorer
from delinquency.storage import save_bundle

X, y = conftest.sample(900)
model = RiskModel(signs=conftest.SIGNS, n_estimators=10, num_leaves=5, folds=2, n_jobs=1).fit(X, y)
scale = PointsScale()
bands = BandScheme.propose(scale.points(model.out_of_fold_), y, reference="format 1")
about = {"windows": [3], "as_of": "2026-01-31"}
scorer = Scorer.from_model(model, X, conftest.catalogue(), scale=scale, bands=bands, about=about)
folder = Path(__file__).parent / "format1"
save_bundle(scorer, folder)
rows = conftest.sample(60, seed=9)[0].reset_index(drop=True)
scores = scorer.score(rows).scores
answers = rows.assign(
    log_odds=scorer.log_odds(rows), **{c: scores[c] for c in ("probability", "points", "band")}
)
answers.to_csv(folder / "scores.csv", index=False)
