"""What a run of scores is asked to plan by: files, rules and an instant, told apart from the planning itself.

A run without a plan loads nothing of the strategy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.workflows._intake import memory_bytes

if TYPE_CHECKING:
    from delinquency.workflows._score_plan import Planner

__all__ = ["PlanAsked"]

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class PlanAsked:
    """The arguments of `score_files` that are for a plan."""

    strategy: Path_ | None
    accounts: Path_ | None
    contacts: Path_ | None
    packs: Sequence[str]
    house_policy: Path_ | None
    actors: Sequence[str]
    at: Any

    def __post_init__(self) -> None:
        rest = {**self.__dict__, "strategy": None}
        if self.strategy is None and any(value not in (None, (), []) for value in rest.values()):
            fix = "give the strategy as well, or none of what is for a plan"
            raise InputError(Problem("DLQ-189", "a plan needs a strategy", "strategy", fix=fix))

    @property
    def inputs(self) -> dict[str, Path_]:
        """What is read, by role."""
        tables = {"accounts": self.accounts, "contacts": self.contacts}
        written = {"strategy": self.strategy, "house_policy": self.house_policy}
        found = {role: path for role, path in tables.items() if path is not None}
        return found | {role: Path(path) for role, path in written.items() if path is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """What else decides the plan, as JSON; nothing where none is asked for."""
        if self.strategy is None:
            return {}
        at = None if self.at is None else str(self.at)
        return {"plan": {"packs": list(self.packs), "actors": list(self.actors), "at": at}}

    def planner(self, as_of: pd.Timestamp, memory: str | int) -> Planner | None:
        """Return what makes the plan, with its files read and checked; None where none is asked for."""
        if self.strategy is None:
            return None
        from delinquency import storage
        from delinquency.workflows._database import read_or_none
        from delinquency.workflows._plan import load_rules, load_strategy
        from delinquency.workflows._score_plan import Planner

        for path in self.inputs.values():
            storage.must_exist(path)
        return Planner(
            load_strategy(self.strategy),
            as_of,
            read_or_none(self.accounts),
            read_or_none(self.contacts),
            load_rules(self.packs, self.house_policy, self.actors, self.at),
            memory_bytes(memory),
        )
