"""How the fixture of format 1 was made, once. Do not run it again: its age is its use.

python tests/storage/data/make_format1.py, from the root of the checkout.
"""

import sys
from pathlib import Path

from delinquency.scoring import BandScheme, PointsScale, RiskModel, Scorer
from delinquency.storage import save_bundle

FOLDER = Path(__file__).parent / "format1"


def make() -> None:
    sys.path.insert(0, "tests")
    from scoring import conftest

    X, y = conftest.sample(900)
    settings = {"n_estimators": 10, "num_leaves": 5, "folds": 2, "n_jobs": 1}
    model = RiskModel(signs=conftest.SIGNS, **settings).fit(X, y)
    scale = PointsScale()
    bands = BandScheme.propose(scale.points(model.out_of_fold_), y, reference="format 1")
    about = {"windows": [3], "as_of": "2026-01-31"}
    catalogue = conftest.catalogue()
    scorer = Scorer.from_model(model, X, catalogue, scale=scale, bands=bands, about=about)
    save_bundle(scorer, FOLDER)
    rows = conftest.sample(60, seed=9)[0].reset_index(drop=True)
    scores = scorer.score(rows).scores
    columns = {name: scores[name] for name in ("probability", "points", "band")}
    rows.assign(log_odds=scorer.log_odds(rows), **columns).to_csv(
        FOLDER / "scores.csv", index=False
    )


if __name__ == "__main__":  # collecting the tests imports this file, and must not write
    make()
