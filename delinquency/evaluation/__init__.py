"""Did it work? How well a score parts good from bad, and whether its probabilities are true.

`discrimination` says how well the score ranks, `calibration` whether a probability of 0.2 means one
in five. `by_band`, `by_segment`, `by_month` and `by_month_and_band` say it for parts of the book,
`grade_test` whether each grade kept its promise, `audit`, `by_group` and `impact_ratios` whether a decision
falls harder on some people, `proxies` which features stand in for what the model must not know.
`compare_scores` and `compare_folds` tell a better score from a lucky one.

Every function takes outcomes (1 is bad) and numbers that rise with risk, and refuses what it cannot
judge: missing or non-finite values, or a sample with bads or goods alone. Tables come first: `roc`,
`gains` and the tables above are drawn by the ``draw_`` functions on an ``ax``, or by the displays
in the manner of scikit-learn.
"""

from delinquency.evaluation._arms import compare_arms
from delinquency.evaluation._audit import audit
from delinquency.evaluation._bands import by_band, by_month_and_band, grade_test
from delinquency.evaluation._calibration import TRUTH_FIGURES, Calibration, calibration
from delinquency.evaluation._compare import (
    Comparison,
    compare_folds,
    compare_losses,
    compare_scores,
)
from delinquency.evaluation._discrimination import (
    RANK_FIGURES,
    Discrimination,
    discrimination,
    gains,
    roc,
)
from delinquency.evaluation._displays import (
    BandDisplay,
    CalibrationDisplay,
    GainsDisplay,
    MonthDisplay,
    RocDisplay,
)
from delinquency.evaluation._draw import (
    draw_bands,
    draw_calibration,
    draw_gains,
    draw_months,
    draw_roc,
)
from delinquency.evaluation._fairness import by_group, impact_ratios
from delinquency.evaluation._goal import Goal
from delinquency.evaluation._goal_file import GoalEntry, read_goals
from delinquency.evaluation._goal_review import GoalReview
from delinquency.evaluation._intervals import holm
from delinquency.evaluation._policy_value import PolicyValue, policy_value
from delinquency.evaluation._proxies import proxies
from delinquency.evaluation._segments import by_month, by_segment

__all__ = [
    "RANK_FIGURES",
    "TRUTH_FIGURES",
    "BandDisplay",
    "Calibration",
    "CalibrationDisplay",
    "Comparison",
    "Discrimination",
    "GainsDisplay",
    "Goal",
    "GoalEntry",
    "GoalReview",
    "MonthDisplay",
    "PolicyValue",
    "RocDisplay",
    "audit",
    "by_band",
    "by_group",
    "by_month",
    "by_month_and_band",
    "by_segment",
    "calibration",
    "compare_arms",
    "compare_folds",
    "compare_losses",
    "compare_scores",
    "discrimination",
    "draw_bands",
    "draw_calibration",
    "draw_gains",
    "draw_months",
    "draw_roc",
    "gains",
    "grade_test",
    "holm",
    "impact_ratios",
    "policy_value",
    "proxies",
    "read_goals",
    "roc",
]
