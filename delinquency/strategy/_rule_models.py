"""What a rule may say: hours, caps, waits, requirements, and examples that are run as tests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from delinquency.settings import Model, Name
from delinquency.strategy._clock import Schedule, minutes_of
from delinquency.strategy._conditions import Conditions

__all__ = ["PackFile", "Rule"]


def _as_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("expected a date, YYYY-MM-DD") from None


Day = Annotated[
    date, BeforeValidator(_as_date), WithJsonSchema({"type": "string", "format": "date"})
]


class Window(Model):
    """Hours of the local day, ``[from, to)``; an end before the start crosses midnight."""

    allow: tuple[Name, Name] | None = None
    deny: tuple[Name, Name] | None = None
    mon_fri: Literal["none"] | tuple[Name, Name] | None = None
    sat: Literal["none"] | tuple[Name, Name] | None = None
    sun: Literal["none"] | tuple[Name, Name] | None = None
    holiday: Literal["none"] | tuple[Name, Name] | None = None

    @model_validator(mode="after")
    def _readable(self) -> Window:
        self.schedule()
        return self

    def schedule(self) -> Schedule:
        """Return the hours of each weekday and of holidays, in minutes."""
        if (self.allow is None) == (self.deny is None) and self.mon_fri is None:
            raise ValueError("a window needs one of allow, deny, or mon_fri with sat and sun")
        if self.mon_fri is None:
            start, end = self.allow or (self.deny or ("", ""))[::-1]
            week: list[Any] = [(start, end)] * 7
        else:
            week = [self.mon_fri] * 5 + [self.sat, self.sun]
        days = [None if hours in (None, "none") else minutes_of(*hours) for hours in week]
        if self.holiday is None:
            return Schedule.of(days)
        closed = self.holiday == "none"
        return Schedule.of(days, "none" if closed else minutes_of(*self.holiday))


class Cap(Model):
    """How many contacts of a kind are permitted in a span of days, months included.

    ``counts``: ``attempts`` (all outbound), ``connected`` (all but what rang out or bounced),
    ``conversations`` (a person was spoken to), ``unanswered``. ``unit``: whose contacts are added
    up.
    """

    counts: Literal["attempts", "connected", "conversations", "unanswered"]
    max: Annotated[int, Field(ge=1, le=50)]
    days: Annotated[int, Field(ge=1, le=400)] | None = None
    months: Literal[1] | None = None
    unit: Literal["account", "person", "number"]
    inbound: bool = False
    exclude: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_span(self) -> Cap:
        if (self.days is None) == (self.months is None):
            raise ValueError("a cap needs either days or months")
        return self


class Wait(Model):
    """So many days after a date; without the date the wait has not begun, and so has not ended."""

    after: Name
    days: Annotated[int, Field(ge=0, le=4000)]
    optional: bool = False


class Limitation(Model):
    """A claim is time-barred so many years after a date."""

    after: Name
    years: Annotated[int, Field(ge=1, le=50)]
    regions: dict[Name, Annotated[int, Field(ge=1, le=50)]] = Field(default_factory=dict)


class Entry(Model):
    """A contact of an example."""

    at: Name
    channel: Name
    outcome: Name = "no_answer"
    inbound: bool = False
    account: int = 1


class Example(Model):
    """A case with its outcome: what the rule does with a treatment at a time."""

    treatment: Name
    outcome: Literal["passes", "blocks", "warns", "demands"]
    at: Name = "2026-11-23T12:00Z"
    zone: Annotated[str, Field(min_length=1, max_length=200)] = "UTC"
    account: dict[Name, Any] = Field(default_factory=dict)
    contacts: tuple[Entry, ...] = ()
    earliest: Name | None = None
    why: str = ""


class Rule(Model):
    """One rule of a pack.

    Where ``when`` holds and ``unless`` does not, it acts on its ``channels`` and ``treatments``: by
    its hours, its cap, a wait, what it requires, or, with none of these, by closing them.
    """

    id: Name
    kind: Name
    mode: Literal["executable", "information"]
    severity: Literal["block", "warn"] = "warn"
    evidence: Literal["primary", "secondary", "unchecked"]
    unverified: bool = False
    cite: str = ""
    note: str = ""
    served_by: str = ""
    effective_from: Day | None = None
    effective_to: Day | None = None
    channels: tuple[Name, ...] = ()
    treatments: tuple[Name, ...] = ()
    when: Conditions = Field(default_factory=dict)
    when_any: Conditions = Field(default_factory=dict)
    unless: Conditions = Field(default_factory=dict)
    window: Window | None = None
    cap: Cap | None = None
    wait: Wait | None = None
    limitation: Limitation | None = None
    opt_out: bool = False
    always: bool = False
    require: Conditions = Field(default_factory=dict)
    require_any: Conditions = Field(default_factory=dict)
    notices: tuple[Name, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether it removes or postpones; what is not verified only warns."""
        return self.severity == "block" and not self.unverified and self.evidence != "unchecked"

    @property
    def bans(self) -> bool:
        """Whether it acts by closing its scope outright."""
        acts = (self.window, self.cap, self.wait, self.limitation)
        other = self.opt_out or self.require or self.require_any or self.notices
        return not other and all(form is None for form in acts)

    @model_validator(mode="after")
    def _sound(self) -> Rule:
        if self.evidence == "unchecked" and not self.unverified:
            raise ValueError("a rule without a checked source must say unverified: true")
        if self.mode == "information":
            return self
        if not self.channels and not self.treatments:
            raise ValueError("an executable rule needs channels or treatments")
        if self.bans and not (self.when or self.when_any or self.always):
            raise ValueError("an executable rule needs a condition, or always: true")
        return self


class PackFile(Model):
    """A file of rules."""

    format: Literal[1]
    id: Name
    version: str = "1"
    title: str
    jurisdiction: Name
    actors: tuple[Name, ...] = ("any",)
    debtor: str = ""
    effective_from: Day | None = None
    effective_to: Day | None = None
    status: Literal[
        "in_force", "in_force_recommended", "in_force_self_regulatory", "guidance", "draft", "house"
    ]
    supersedes: str = ""
    rules: tuple[Rule, ...]
