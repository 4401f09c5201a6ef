"""The strategy: a table from stage and band to treatment, under review as a file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any

import pandas as pd

from delinquency.errors import InputError
from delinquency.settings import place_of, validate
from delinquency.storage import Document, parse_yaml, read_yaml
from delinquency.strategy._check import effective_catalogue, stated_problems
from delinquency.strategy._experiment import Experiment
from delinquency.strategy._file import Cell, StrategyFile
from delinquency.strategy._rule_models import PackFile
from delinquency.strategy._rules import RulePack
from delinquency.strategy._treatments import Treatment, catalogue

__all__ = ["Strategy"]


@dataclass(frozen=True, repr=False)
class Strategy:
    """A collection strategy, read from a file and frozen.

    Made by `Strategy.load` or `Strategy.default`. Its file is YAML 1.2; the default is shipped at
    ``delinquency/strategy/data/default_strategy.yaml`` and meant to be copied and edited.

    Attributes
    ----------
    file : StrategyFile
        What the file says.
    treatments : mapping of str to Treatment
        The treatments it works with, shipped and its own.
    hash : str
        SHA-256 of the content with everything it rests on; comments and layout do not count.

    Examples
    --------
    >>> strategy = Strategy.default()
    >>> strategy
    Strategy('default', 7 stages, 5 bands, 34 cells)
    >>> strategy.table().loc["1-7", "D"]
    'digital_reminder, else ai_voice_call'
    """

    file: StrategyFile
    treatments: Mapping[str, Treatment] = field(repr=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Strategy:
        """Read and check a strategy file.

        Raises
        ------
        InputError
            Everything that is wrong, each with ``file:line:column``: ``DLQ-201`` unreadable,
            ``DLQ-202`` unknown key, ``DLQ-203`` repeated key, ``DLQ-204`` missing key, ``DLQ-205``
            wrong value, ``DLQ-206`` unknown name, ``DLQ-207`` stages or bands with gaps or
            overlaps, ``DLQ-208`` cells missing or unreachable, ``DLQ-209`` a treatment that can
            never be chosen, or a rule loosened.
        """
        return cls._from(read_yaml(path))

    @classmethod
    def from_text(cls, text: str, name: str = "strategy.yaml") -> Strategy:
        r"""Read and check the text of a strategy; `name` is how messages call it.

        Examples
        --------
        >>> Strategy.from_text("format: 1\nname: x\nstages: []\ncells: []\nbands: [A]")
        Traceback (most recent call last):
            ...
        delinquency.errors.InputError: strategy.yaml:3:9: DLQ-205 "stages": the list is empty...
        """
        return cls._from(parse_yaml(text, name))

    @classmethod
    def default(cls) -> Strategy:
        """Return the shipped champion: defaults by judgement, to be challenged."""
        return _default()

    @classmethod
    def default_text(cls) -> str:
        """Return the file of the default strategy, to copy and edit, or to send elsewhere."""
        return _default_file().read_text("utf-8")

    @classmethod
    def _from(cls, document: Document) -> Strategy:
        file, problems = validate(StrategyFile, document, document.data)
        problems = [*document.problems, *problems, *stated_problems(document, catalogue())]
        if file is None or problems:
            raise InputError(*sorted(problems, key=lambda problem: place_of(problem.where)))
        return cls(file, effective_catalogue(document.data, catalogue()))

    def __repr__(self) -> str:
        file = self.file
        sizes = f"{len(file.stages)} stages, {len(file.bands)} bands, {len(file.cells)} cells"
        return f"Strategy({file.name!r}, {sizes})"

    @property
    def name(self) -> str:
        """Name of the strategy."""
        return self.file.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, treatments included."""
        content: dict[str, Any] = {
            "file": self.file.model_dump(mode="json"),
            "treatments": {n: t.model_dump(mode="json") for n, t in self.treatments.items()},
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def packs(self) -> list[RulePack]:
        """Return the rule packs that the file names, and its own rules of the house as one more."""
        named = [RulePack.load(name) for name in self.file.packs]
        if not self.file.house:
            return named
        content = {
            "format": 1,
            "id": f"house:{self.name}",
            "title": "Rules of the house",
            "jurisdiction": "any",
            "status": "house",
            "rules": self.file.house,
        }
        return [*named, RulePack(PackFile.model_construct(**content))]

    @cached_property
    def experiment(self) -> Experiment | None:
        """The experiment of the file, or None; arms in order of name, however the file lists them.

        The order decides who is on which arm, so it must not hang on how a file was written.
        """
        trial = self.file.experiment
        if trial is None:
            return None
        return Experiment(trial.name, dict(sorted(trial.arms.items())), trial.salt)

    def rules(self) -> list[tuple[str, str, str, Cell]]:
        """Return ``(stage, band, rule id, cell)`` of every pair, in the order of trying."""
        found: list[tuple[str, str, str, Cell]] = []
        count: dict[tuple[str, str], int] = {}
        for cell in self.file.cells:
            for stage in cell.stage:
                for band in cell.band:
                    nth = count[stage, band] = count.get((stage, band), 0) + 1
                    own = f"{stage}/{band}" + (f"#{nth}" if nth > 1 else "")
                    found.append((stage, band, cell.rule or own, cell))
        return found

    def table(self) -> pd.DataFrame:
        """Return the strategy as people read it: stages down, bands across, treatments in words.

        Examples
        --------
        >>> Strategy.default().table().loc["pre_due"].tolist()[:3]
        ['no_action', 'no_action', 'pre_due_reminder']
        """
        stages = [stage.stage for stage in self.file.stages]
        bands = [band.band for band in self.file.bands]
        said: dict[tuple[str, str], list[str]] = {(s, b): [] for s in stages for b in bands}
        for stage, band, _, cell in self.rules():
            said[stage, band].append(_in_words(cell))
        rows = [["; otherwise ".join(said[s, b]) for b in bands] for s in stages]
        return pd.DataFrame(
            rows, index=pd.Index(stages, name="stage"), columns=pd.Index(bands, name="band")
        )


def _in_words(cell: Cell) -> str:
    text = ", else ".join(cell.treatment)
    if cell.weights:
        drawn = zip(cell.treatment, cell.weights, strict=True)
        text = "drawn from " + ", ".join(f"{name} ({weight:g})" for name, weight in drawn)
    if cell.also:
        text += f" (also {', '.join(cell.also)})"
    if cell.arm:
        text = f"arm {', '.join(cell.arm)}: {text}"
    if cell.when:
        asked = " and ".join(f"{column} {test}" for column, test in cell.when.items())
        text = f"if {asked}: {text}"
    return text


@cache
def _default() -> Strategy:
    return Strategy.from_text(Strategy.default_text(), _default_file().name)


def _default_file() -> Any:
    return resources.files("delinquency.strategy").joinpath("data/default_strategy.yaml")
