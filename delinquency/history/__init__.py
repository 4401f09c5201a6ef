"""What happened? Ledgers to months, checks, snapshots and labels.

The leak wall stands here: `take_snapshots` is the only function of the house that parts months at a
date. Features are given the observed side, labels the performed side, and nobody else cuts.
"""

from delinquency.history._checks import check_months
from delinquency.history._labels import LabelSpec, Population, label, label_from
from delinquency.history._ledger import (
    Settlement,
    days_past_due,
    material_days,
    months_delinquent,
    months_from_ledger,
)
from delinquency.history._snapshots import Snapshots, positions, take_snapshots
from delinquency.history._split import split_accounts

__all__ = [
    "LabelSpec",
    "Population",
    "Settlement",
    "Snapshots",
    "check_months",
    "days_past_due",
    "label",
    "label_from",
    "material_days",
    "months_delinquent",
    "months_from_ledger",
    "positions",
    "split_accounts",
    "take_snapshots",
]
