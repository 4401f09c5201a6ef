"""What happened? Ledgers to months, checks, snapshots and labels.

The leak wall stands here: `take_snapshots` is the only function of the house that parts months at a
date. Features are given the observed side, labels the performed side, and nobody else cuts.
"""

from delinquency.history._checks import check_months
from delinquency.history._conventions import material_days, months_delinquent
from delinquency.history._label_spec import LabelSpec, Population
from delinquency.history._label_words import label_in_words
from delinquency.history._labels import label
from delinquency.history._labels_from import label_first_payment, label_from, worst_of
from delinquency.history._ledger import Settlement, days_past_due, months_from_ledger
from delinquency.history._snapshots import Snapshots, positions, take_snapshots
from delinquency.history._split import AccountSplit, AccountTimeSplit, split_accounts
from delinquency.history._wide import from_wide

__all__ = [
    "AccountSplit",
    "AccountTimeSplit",
    "LabelSpec",
    "Population",
    "Settlement",
    "Snapshots",
    "check_months",
    "days_past_due",
    "from_wide",
    "label",
    "label_first_payment",
    "label_from",
    "label_in_words",
    "material_days",
    "months_delinquent",
    "months_from_ledger",
    "positions",
    "split_accounts",
    "take_snapshots",
    "worst_of",
]
