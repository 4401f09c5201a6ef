"""What to do? Treatments, rules, the strategy table, and a plan that explains itself.

Nothing here is legal advice: the shipped rule packs are drafts that no lawyer has reviewed.
"""

from delinquency.strategy._allocate import Allocation, allocate
from delinquency.strategy._assign import assign
from delinquency.strategy._at_work import packs_at_work
from delinquency.strategy._chain import chain_head, verify_decisions
from delinquency.strategy._contacts import times_without_zone
from delinquency.strategy._decide import Decisions, decide
from delinquency.strategy._decisions import last_plan, read_decisions, record_decisions
from delinquency.strategy._early import early_warning
from delinquency.strategy._eligible import eligible
from delinquency.strategy._experiment import Experiment, SampleRatio, power, sample_size
from delinquency.strategy._explain import explain, in_words, need_in_words, until_in_words
from delinquency.strategy._export import DIALLER_COLUMNS, export_dialler, export_plan
from delinquency.strategy._facts import instant_of
from delinquency.strategy._file import json_schema
from delinquency.strategy._replay import replay
from delinquency.strategy._response import PredictedResponse, UpliftResponse
from delinquency.strategy._review import check_strategy, show_strategy
from delinquency.strategy._rule_models import Rule
from delinquency.strategy._rules import RulePack, list_rules
from delinquency.strategy._sequence import SequencePlan, plan_sequence
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import Treatment, catalogue, treatments
from delinquency.strategy._value import rates_response, treatment_values
from delinquency.strategy._words import rule_in_words

__all__ = [
    "DIALLER_COLUMNS",
    "Allocation",
    "Decisions",
    "Experiment",
    "PredictedResponse",
    "Rule",
    "RulePack",
    "SampleRatio",
    "SequencePlan",
    "Strategy",
    "Treatment",
    "UpliftResponse",
    "allocate",
    "assign",
    "catalogue",
    "chain_head",
    "check_strategy",
    "decide",
    "early_warning",
    "eligible",
    "explain",
    "export_dialler",
    "export_plan",
    "in_words",
    "instant_of",
    "json_schema",
    "last_plan",
    "list_rules",
    "need_in_words",
    "packs_at_work",
    "plan_sequence",
    "power",
    "rates_response",
    "read_decisions",
    "record_decisions",
    "replay",
    "rule_in_words",
    "sample_size",
    "show_strategy",
    "times_without_zone",
    "treatment_values",
    "treatments",
    "until_in_words",
    "verify_decisions",
]
