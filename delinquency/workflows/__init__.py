"""The road, told once: check, train, score, plan, review, and the demo that walks all of it.

Each function calls the rooms in order and passes their tables on. Dates come from the caller; the clock is
never read. Functions named ``..._files`` do the same from files to a folder with a manifest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from delinquency.workflows._audit import rescore, verify
    from delinquency.workflows._database import publish
    from delinquency.workflows._demo import Demo, demo
    from delinquency.workflows._files import plan_files, report_files
    from delinquency.workflows._gates import GateLimits
    from delinquency.workflows._plan import plan
    from delinquency.workflows._review import review, review_files, review_goals
    from delinquency.workflows._road import Scoring, Trained, check, score, train
    from delinquency.workflows._score import score_files

# A nightly batch needs neither what learns nor what draws, so each verb is loaded when it is called.
_HOMES = {
    "_audit": ("rescore", "verify"),
    "_database": ("publish",),
    "_demo": ("Demo", "demo"),
    "_files": ("plan_files", "report_files"),
    "_gates": ("GateLimits",),
    "_plan": ("plan",),
    "_review": ("review", "review_files", "review_goals"),
    "_road": ("Scoring", "Trained", "check", "score", "train"),
    "_score": ("score_files",),
}

__all__ = [
    "Demo",
    "GateLimits",
    "Scoring",
    "Trained",
    "check",
    "demo",
    "plan",
    "plan_files",
    "publish",
    "report_files",
    "rescore",
    "review",
    "review_files",
    "review_goals",
    "score",
    "score_files",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
