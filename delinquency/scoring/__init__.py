"""How likely? Models, calibration, points, bands and reasons.

`RiskModel` learns the probability of bad; `PointsScale` turns it into points, which rise as risk falls;
`BandScheme` names ranges of points with frozen edges; `reasons` says why a score is what it is; a
`Scorer` holds all of them, is what a bundle keeps, and scores without LightGBM.
"""

from delinquency.scoring._bands import BandScheme
from delinquency.scoring._calibration import Calibration
from delinquency.scoring._contributions import contributions
from delinquency.scoring._model import RiskModel, importance
from delinquency.scoring._points import PointsScale, log_odds
from delinquency.scoring._reasons import reasons
from delinquency.scoring._reference import Histogram, Reference
from delinquency.scoring._scorecard import Scorecard
from delinquency.scoring._scorer import Feature, Scored, Scorer
from delinquency.scoring._trees import Trees

__all__ = [
    "BandScheme",
    "Calibration",
    "Feature",
    "Histogram",
    "PointsScale",
    "Reference",
    "RiskModel",
    "Scorecard",
    "Scored",
    "Scorer",
    "Trees",
    "contributions",
    "importance",
    "log_odds",
    "reasons",
]
