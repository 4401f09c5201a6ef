"""The road, told once: check, train, score, plan, review, monitor, retrain; the demo walks all of it.

Each function calls the rooms in order and passes their tables on. Dates come from the caller; the clock is
never read. Functions named ``..._files`` do the same from files to a folder with a manifest.
"""

from delinquency.workflows._demo import Demo, demo
from delinquency.workflows._files import plan_files, report_files, score_files, verify
from delinquency.workflows._monitor import Monitored, monitor, monitor_files
from delinquency.workflows._plan import plan
from delinquency.workflows._retrain import Retrained, retrain
from delinquency.workflows._retrain_files import (
    RetrainRun,
    promote_files,
    retrain_files,
    roll_back_files,
)
from delinquency.workflows._retrain_gates import Gate
from delinquency.workflows._retrain_settings import Gates, LabelSettings, RetrainSettings, Window
from delinquency.workflows._road import Scoring, Trained, check, review, score, train

__all__ = [
    "Demo",
    "Gate",
    "Gates",
    "LabelSettings",
    "Monitored",
    "RetrainRun",
    "RetrainSettings",
    "Retrained",
    "Scoring",
    "Trained",
    "Window",
    "check",
    "demo",
    "monitor",
    "monitor_files",
    "plan",
    "plan_files",
    "promote_files",
    "report_files",
    "retrain",
    "retrain_files",
    "review",
    "roll_back_files",
    "score",
    "score_files",
    "train",
    "verify",
]
