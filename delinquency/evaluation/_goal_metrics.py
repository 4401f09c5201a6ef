"""What a goal can be a goal of, and what follows from the choice."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["METRICS", "Metric", "MetricName"]

MetricName = Literal["amount", "rate", "cure", "roll", "cost_to_collect"]


class Metric(NamedTuple):
    """What follows from a goal's metric."""

    money: bool  # money alone rewards pressure, so it needs a guardrail of conduct
    rises: bool  # more is better
    adds_up: bool  # day by day, so a part is expected by now; other figures stand as they are read


METRICS: dict[str, Metric] = {
    "amount": Metric(money=True, rises=True, adds_up=True),
    "rate": Metric(money=True, rises=True, adds_up=True),
    "cure": Metric(money=False, rises=True, adds_up=True),
    "roll": Metric(money=False, rises=False, adds_up=False),
    "cost_to_collect": Metric(money=True, rises=False, adds_up=False),
}
