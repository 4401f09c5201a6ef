"""How likely? Models, calibration, points, bands and reasons.

`RiskModel` learns the probability of bad; `PointsScale` turns it into points, which rise as risk falls;
`BandScheme` names ranges of points with frozen edges; `reasons` says why a score is what it is; a
`Scorer` holds all of them, is what a bundle keeps, and scores without LightGBM.
"""

import importlib
from typing import TYPE_CHECKING, Any

from delinquency.scoring._bands import BandScheme
from delinquency.scoring._calibration import Calibration
from delinquency.scoring._contributions import contributions
from delinquency.scoring._points import PointsScale, log_odds
from delinquency.scoring._reasons import reasons
from delinquency.scoring._reference import Histogram, Reference
from delinquency.scoring._reference_segments import Segmentation
from delinquency.scoring._scorer import ENDED, Feature, Scored, Scorer
from delinquency.scoring._text import from_lightgbm, to_lightgbm
from delinquency.scoring._trees import Trees
from delinquency.scoring._windows import windows_of

if TYPE_CHECKING:
    from delinquency.scoring._horizons import HorizonModel, nest_probabilities
    from delinquency.scoring._model import RiskModel, importance
    from delinquency.scoring._scorecard import Scorecard
    from delinquency.scoring._search import Search, search

__all__ = [
    "ENDED",
    "BandScheme",
    "Calibration",
    "Feature",
    "Histogram",
    "HorizonModel",
    "PointsScale",
    "Reference",
    "RiskModel",
    "Scorecard",
    "Scored",
    "Scorer",
    "Search",
    "Segmentation",
    "Trees",
    "contributions",
    "from_lightgbm",
    "importance",
    "log_odds",
    "nest_probabilities",
    "reasons",
    "search",
    "to_lightgbm",
    "windows_of",
]


# What learns needs LightGBM and scikit-learn, two seconds of start-up; what scores needs neither.
_LEARNERS = {
    "HorizonModel": "_horizons",
    "RiskModel": "_model",
    "Scorecard": "_scorecard",
    "Search": "_search",
    "importance": "_model",
    "nest_probabilities": "_horizons",
    "search": "_search",
}


def __getattr__(name: str) -> Any:
    if name in _LEARNERS:
        return getattr(importlib.import_module(f"{__name__}.{_LEARNERS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
