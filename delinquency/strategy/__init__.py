"""What to do? Treatments, the strategy table, and a plan that explains itself."""

from delinquency.strategy._allocate import Allocation, allocate
from delinquency.strategy._assign import assign
from delinquency.strategy._experiment import Experiment, SampleRatio, power, sample_size
from delinquency.strategy._explain import explain, in_words
from delinquency.strategy._file import json_schema
from delinquency.strategy._sequence import SequencePlan, plan_sequence
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import Treatment, catalogue, treatments
from delinquency.strategy._value import (
    PredictedResponse,
    UpliftResponse,
    rates_response,
    treatment_values,
)

__all__ = [
    "Allocation",
    "Experiment",
    "PredictedResponse",
    "SampleRatio",
    "SequencePlan",
    "Strategy",
    "Treatment",
    "UpliftResponse",
    "allocate",
    "assign",
    "catalogue",
    "explain",
    "in_words",
    "json_schema",
    "plan_sequence",
    "power",
    "rates_response",
    "sample_size",
    "treatment_values",
    "treatments",
]
