"""Did it work? How well a score parts good from bad, and whether its probabilities are true.

`discrimination` says how well the score ranks, `calibration` whether a probability of 0.2 means one
in five, `by_band` what each band holds. `roc` and `gains` are the tables behind the usual figures.
Every function takes outcomes (1 is bad) and numbers that rise with risk, and refuses what it cannot
judge: missing or non-finite values, or a sample with bads or goods alone.
"""

from delinquency.evaluation._arms import compare_arms
from delinquency.evaluation._bands import by_band
from delinquency.evaluation._calibration import Calibration, calibration
from delinquency.evaluation._discrimination import Discrimination, discrimination, gains, roc
from delinquency.evaluation._draw import draw_bands, draw_calibration, draw_gains, draw_roc
from delinquency.evaluation._goal import Goal, GoalReview
from delinquency.evaluation._policy_value import PolicyValue, policy_value

__all__ = [
    "Calibration",
    "Discrimination",
    "Goal",
    "GoalReview",
    "PolicyValue",
    "by_band",
    "calibration",
    "compare_arms",
    "discrimination",
    "draw_bands",
    "draw_calibration",
    "draw_gains",
    "draw_roc",
    "gains",
    "policy_value",
    "roc",
]
