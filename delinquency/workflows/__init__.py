"""The road, told once: check, train, score, plan, review, monitor, retrain; the demo walks all of it.

Each function calls the rooms in order and passes their tables on. Dates come from the caller; the clock is
never read. Functions named ``..._files`` do the same from files to a folder with a manifest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from delinquency.workflows._audit import rescore, verify
    from delinquency.workflows._database import publish
    from delinquency.workflows._demo import Demo, demo
    from delinquency.workflows._gates import GateLimits
    from delinquency.workflows._monitor import Monitored, monitor
    from delinquency.workflows._monitor_files import monitor_files
    from delinquency.workflows._plan import plan
    from delinquency.workflows._plan_files import plan_files
    from delinquency.workflows._report_files import report_files
    from delinquency.workflows._retrain import Retrained, retrain
    from delinquency.workflows._retrain_files import (
        RetrainRun,
        promote_files,
        retrain_files,
        roll_back_files,
    )
    from delinquency.workflows._retrain_gates import Gate
    from delinquency.workflows._retrain_settings import (
        Gates,
        LabelSettings,
        LimitSettings,
        MonitorSettings,
        RetrainSettings,
        Window,
    )
    from delinquency.workflows._review import review, review_files, review_goals
    from delinquency.workflows._road import Scoring, Trained, check, score, train
    from delinquency.workflows._road_files import check_files, train_files
    from delinquency.workflows._score import score_files

# A nightly batch needs neither what learns nor what draws, so each verb is loaded when it is called.
_HOMES = {
    "_audit": ("rescore", "verify"),
    "_database": ("publish",),
    "_demo": ("Demo", "demo"),
    "_gates": ("GateLimits",),
    "_monitor": ("Monitored", "monitor"),
    "_monitor_files": ("monitor_files",),
    "_plan": ("plan",),
    "_plan_files": ("plan_files",),
    "_report_files": ("report_files",),
    "_retrain": ("Retrained", "retrain"),
    "_retrain_files": ("RetrainRun", "promote_files", "retrain_files", "roll_back_files"),
    "_retrain_gates": ("Gate",),
    "_retrain_settings": (
        *("Gates", "LabelSettings", "LimitSettings", "MonitorSettings"),
        *("RetrainSettings", "Window"),
    ),
    "_review": ("review", "review_files", "review_goals"),
    "_road": ("Scoring", "Trained", "check", "score", "train"),
    "_road_files": ("check_files", "train_files"),
    "_score": ("score_files",),
}

__all__ = [
    "Demo",
    "Gate",
    "GateLimits",
    "Gates",
    "LabelSettings",
    "LimitSettings",
    "MonitorSettings",
    "Monitored",
    "RetrainRun",
    "RetrainSettings",
    "Retrained",
    "Scoring",
    "Trained",
    "Window",
    "check",
    "check_files",
    "demo",
    "monitor",
    "monitor_files",
    "plan",
    "plan_files",
    "promote_files",
    "publish",
    "report_files",
    "rescore",
    "retrain",
    "retrain_files",
    "review",
    "review_files",
    "review_goals",
    "roll_back_files",
    "score",
    "score_files",
    "train",
    "train_files",
    "verify",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
