"""The treatments: what can be done, as data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from delinquency.errors import InputError
from delinquency.settings import Model, Name, validate
from delinquency.storage import parse_yaml

__all__ = ["Treatment", "catalogue", "treatments"]

EVIDENCE_RUNG = 5
"""From this rung up nothing is done without evidence that every precondition holds."""

ARRANGEMENT = "arrangement"
CARE = "care_and_hold"


class Words(Model):
    """One text in the languages of the house."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]


class Treatment(Model):
    """One thing that can be done with an account.

    Parameters
    ----------
    treatment : str
        Its name, as cells and plans use it.
    name, text : mapping with ``en`` and ``zh``
        What people call it; what an agent reads.
    rung : int
        Order of intensity, 0 to 9. From 5 up, evidence is needed for every precondition, and that
        an earlier contact was tried and an arrangement offered.
    mutex : {"contact", "arrangement", "legal_track", "owner", "none"}
        At most one treatment of a group for an account and period; ``none`` runs beside the others.
    dpd : (int, int)
        First and last day past due, both included.
    capacity : str
        The unit of work that it uses up.
    channels : sequence of str
        In order of preference; empty when the customer is not contacted.
    requires : sequence of str
        Preconditions, each a yes/no column of the accounts table.
    costs : sequence of str
        What drives its cost.
    parameters : mapping of str to number
        Limits such as ``max_tenor_months``.
    enabled : bool
        Whether a strategy may use it.
    overrides_all : bool
        Whether a hold leads to it.

    Examples
    --------
    >>> call = catalogue()["agent_call"]
    >>> call.rung, call.channels, call.dpd
    (3, ('phone',), (3, 180))
    """

    treatment: Name
    name: Words
    rung: Annotated[int, Field(ge=0, le=9)]
    source: tuple[str, ...] = ()
    mutex: Literal["contact", "arrangement", "legal_track", "owner", "none"]
    dpd: tuple[int, int]
    capacity: Name
    channels: tuple[Name, ...] = ()
    requires: tuple[Name, ...] = ()
    costs: tuple[Name, ...] = ()
    parameters: dict[Name, float] = Field(default_factory=dict)
    enabled: bool = True
    overrides_all: bool = False
    text: Words

    @model_validator(mode="after")
    def _dpd_in_order(self) -> Treatment:
        if self.dpd[0] > self.dpd[1]:
            raise ValueError("dpd: the first day is after the last")
        return self


class TreatmentFile(Model):
    """The file of treatments."""

    treatments: tuple[Treatment, ...]


@cache
def _shipped() -> dict[str, Treatment]:
    text = (
        resources.files("delinquency.strategy").joinpath("data/treatments.yaml").read_text("utf-8")
    )
    document = parse_yaml(text, "treatments.yaml")
    file, problems = validate(TreatmentFile, document, document.data)
    if file is None or document.problems:
        raise InputError(*document.problems, *problems)
    return {entry.treatment: entry for entry in file.treatments}


def catalogue() -> Mapping[str, Treatment]:
    """Return the shipped treatments by name, in order of the file.

    Examples
    --------
    >>> len(catalogue()), catalogue()["partner_notice"].enabled
    (22, False)
    """
    return dict(_shipped())


def treatments(lang: Literal["en", "zh"] = "en") -> pd.DataFrame:
    """Return the shipped treatments as a table for people.

    Returns
    -------
    DataFrame
        One row a treatment: ``treatment, name, rung, mutex, dpd_from, dpd_to, capacity, channels,
        requires, costs, enabled, source, text``; lists are joined by ``", "``.

    Examples
    --------
    >>> treatments().loc[0, ["treatment", "name"]].tolist()
    ['no_action', 'Watch']
    >>> treatments("zh").loc[0, "name"]
    '观察/自愈'
    """

    def row(entry: Treatment) -> dict[str, Any]:
        return {
            "treatment": entry.treatment,
            "name": getattr(entry.name, lang),
            "rung": entry.rung,
            "mutex": entry.mutex,
            "dpd_from": entry.dpd[0],
            "dpd_to": entry.dpd[1],
            "capacity": entry.capacity,
            "channels": ", ".join(entry.channels),
            "requires": ", ".join(entry.requires),
            "costs": ", ".join(entry.costs),
            "enabled": entry.enabled,
            "source": ", ".join(entry.source),
            "text": getattr(entry.text, lang),
        }

    return pd.DataFrame([row(entry) for entry in _shipped().values()])
