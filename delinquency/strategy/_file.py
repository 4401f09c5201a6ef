"""What a strategy file may say: the models behind it, and the JSON schema for editors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from delinquency.settings import MaybeNames, Model, Name, Names
from delinquency.strategy._conditions import Conditions
from delinquency.strategy._rule_models import Rule
from delinquency.strategy._treatments import Treatment

__all__ = ["Band", "Cell", "Stage", "StrategyFile", "Trial", "json_schema"]


Rung = Annotated[str, Field(pattern="^[0-9]$")]
"""Keys of YAML are read as text."""


class Stage(Model):
    """A range of days past due: first and last day, both included; null is open-ended."""

    stage: Name
    dpd: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)] | None]

    @model_validator(mode="after")
    def _in_order(self) -> Stage:
        if self.dpd[1] is not None and self.dpd[0] > self.dpd[1]:
            raise ValueError("dpd: the first day is after the last")
        return self


class Band(Model):
    """A band of the score: a name, and its edges ``[from, to)`` unless the scores bring them."""

    band: Name
    points: tuple[float | None, float | None] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Band:
        low, high = self.points or (None, None)
        if low is not None and high is not None and low >= high:
            raise ValueError("points: the lower edge is not below the upper")
        return self


def _as_band(value: Any) -> Any:
    return {"band": value} if isinstance(value, str) else value


_BAND_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["band"],
            "properties": {
                "band": {"type": "string", "minLength": 1},
                "points": {
                    "type": "array",
                    "items": {"type": ["number", "null"]},
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
        },
    ]
}


class Trial(Model):
    """An experiment: persons are given to arms by a hash, and stay there.

    Parameters
    ----------
    name : str
        Another name parts the persons anew.
    arms : mapping of str to number
        Shares above 0 that add up to 1. Cells name the arms they are for.
    salt : str
        Kept secret where a person could gain by knowing the arm.
    hold_out : str, optional
        The arm whose accounts get the last resort and nothing else, so that all else can be
        measured against it. Holds, and notices that the law asks for, are never held out.
    """

    name: Name
    arms: Annotated[
        dict[Name, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, max_length=20)
    ]
    salt: str = ""
    hold_out: Name | None = None

    @model_validator(mode="after")
    def _sound(self) -> Trial:
        total = sum(self.arms.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"arms: the shares add up to {total:.6g}, not 1")
        if "outside" in self.arms:
            raise ValueError('arms: "outside" is the name of those who are not randomised')
        if self.hold_out is not None and self.hold_out not in self.arms:
            raise ValueError("hold_out: it must be one of the arms")
        if set(self.arms) == {self.hold_out}:
            raise ValueError("hold_out: another arm is needed beside it")
        return self


class Cell(Model):
    """What to do with accounts of a stage and band.

    Parameters
    ----------
    stage, band : str or sequence of str
        Where it stands; it holds for every pair.
    arm : str or sequence of str, optional
        Arms of the experiment that it is for; all of them by default.
    when : mapping
        Conditions on columns; all must hold.
    treatment : str or sequence of str
        In order of preference.
    weights : sequence of number, optional
        One a treatment: instead of the order, each account draws its first choice with these
        weights, by a stable hash; the propensity is logged. For champion and challenger.
    also : str or sequence of str
        What runs beside the chosen treatment, each if nothing removes it.
    rule : str
        Its id in plans; "stage/band" when not given.
    """

    rule: Name | None = None
    stage: Names
    band: Names
    arm: MaybeNames = ()
    when: Conditions = Field(default_factory=dict)
    treatment: Names
    also: MaybeNames = ()
    weights: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = ()

    @model_validator(mode="after")
    def _one_weight_each(self) -> Cell:
        if self.weights and len(self.weights) != len(self.treatment):
            raise ValueError("weights: one for each treatment is needed")
        return self


class StrategyFile(Model):
    """A strategy: stages by days past due, bands by score, and what to do in each cell.

    ``packs`` and ``actors`` name the shipped rule packs to obey and who acts; ``house`` adds rules
    of the house, which can only tighten. ``put_off_days`` is how long a contact may be put off by a
    rule before the next treatment is tried.

    ``experiment`` names arms with their shares; a cell may be for some arms only, and every row of
    a plan has its arm and the chance that the file gave its treatment.

    The pace from rung to rung reads the columns ``current_rung`` and ``days_at_rung``.
    ``dwell_days`` is how many days an account stays on a rung at least: until then a higher one is
    removed, and a lower one is always open. ``timeout_days`` is after how many days without an
    answer the cell's next higher treatment takes over: from then on those of the rung and below
    are removed, unless nothing higher is open; arrangements stay on offer. What was paid, promised
    or agreed, and hardship, de-escalate: they stop the timeout, and close everything from rung 5.
    """

    format: Literal[1]
    name: Name
    role: Literal["champion", "challenger"] = "champion"
    note: str = ""
    period: Literal["day", "week", "month"] = "month"
    last_resort: Name = "no_action"
    experiment: Trial | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=1000)]
    bands: Annotated[
        tuple[Annotated[Band, BeforeValidator(_as_band), WithJsonSchema(_BAND_SCHEMA)], ...],
        Field(min_length=1, max_length=100),
    ]
    packs: MaybeNames = ()
    actors: MaybeNames = ()
    house: tuple[Rule, ...] = ()
    put_off_days: Annotated[int, Field(ge=0, le=365)] = 7
    dwell_days: dict[Rung, Annotated[int, Field(ge=0, le=365)]] = Field(default_factory=dict)
    timeout_days: dict[Rung, Annotated[int, Field(ge=1, le=365)]] = Field(default_factory=dict)
    enable: MaybeNames = ()
    disable: MaybeNames = ()
    treatments: tuple[Treatment, ...] = ()
    cells: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=20000)]


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a strategy file, for editors that check while one types.

    Examples
    --------
    >>> sorted(json_schema()["required"])
    ['bands', 'cells', 'format', 'name', 'stages']
    """
    schema = StrategyFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
