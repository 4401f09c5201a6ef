"""What a file of retraining settings may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from delinquency import history, monitoring
from delinquency.errors import DelinquencyError
from delinquency.settings import MaybeNames, Model

__all__ = [
    "Gates",
    "LabelSettings",
    "LimitSettings",
    "MonitorSettings",
    "RetrainSettings",
    "Window",
]

Whole = Annotated[int, Field(ge=1, le=600)]
Limit = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Window(Model):
    """Which months are learnt from, and which judge: monthly snapshots, the newest that have matured.

    ``learn`` snapshots to learn from, ``judge`` later ones to compare on. Between them lies the label's
    window, so that nothing the candidate learnt from reaches into the months that judge it.
    """

    learn: Whole = 6
    judge: Annotated[int, Field(ge=1, le=24)] = 2


class LabelSettings(Model):
    """What counts as bad: a preset of `delinquency.history.LabelSpec` with changes, or its fields."""

    preset: str | None = None
    dpd: Whole | None = None
    within: Whole | None = None
    indeterminate: Whole | None = None
    min_dpd: Annotated[int, Field(ge=0)] | None = None
    max_dpd: Annotated[int, Field(ge=0)] | None = None
    min_months_on_book: Annotated[int, Field(ge=0)] | None = None

    def spec(self) -> history.LabelSpec:
        """Return the label."""
        named = ("dpd", "within", "indeterminate")
        who = ("min_dpd", "max_dpd", "min_months_on_book")
        given = {n: v for n in named if (v := getattr(self, n)) is not None}
        base = history.LabelSpec.preset(self.preset) if self.preset else history.LabelSpec()
        people = {n: v for n in who if (v := getattr(self, n)) is not None}
        about = history.Population(**{**base.population.__dict__, **people})
        return history.LabelSpec(**{**base.__dict__, **given, "population": about})

    @model_validator(mode="after")
    def _is_one(self) -> LabelSettings:
        try:
            self.spec()
        except DelinquencyError as error:
            raise ValueError(error.problems[0].what) from None
        return self


class Gates(Model):
    """What a candidate must pass. Judgements all; chance is ruled out where an interval can.

    ``max_auc_loss``: the AUC may fall by so much at most, at the low end of the interval.
    ``significance``: of a gain in AUC or log-loss, after Holm's correction; ``must_gain: false`` lets a
    candidate through that is no worse. ``max_log_odds``: miscalibration. ``max_score_psi``: shift of its
    own score since its training. ``max_impact_fall``: how far the least favoured group's ratio may fall
    below 0.8, or below the champion's. ``min_reason_overlap``: of the reasons given to the riskiest
    accounts by champion and candidate.
    """

    max_auc_loss: Share = 0.02
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    must_gain: bool = True
    max_log_odds: Annotated[float, Field(gt=0)] = 0.25
    max_score_psi: Annotated[float, Field(gt=0)] = 0.25
    max_impact_fall: Share = 0.05
    min_reason_overlap: Share = 0.0


class LimitSettings(Model):
    """Limits of monitoring; those left out are the defaults of `delinquency.monitoring.Limits`."""

    score_psi: Limit | None = None
    feature_psi: Limit | None = None
    feature_use: Share | None = None
    missing: Share | None = None
    log_odds: Limit | None = None
    auc_loss: Share | None = None
    early_ratio: Annotated[float, Field(gt=1)] | None = None
    in_a_row: Whole | None = None

    def limits(self) -> monitoring.Limits:
        """Return all limits."""
        return monitoring.Limits().changed(self.model_dump(exclude_none=True))


class RetrainSettings(Model):
    """A file of retraining settings; paths are seen from the folder of the file.

    ``segment`` names columns of ``accounts``, one or a list: the candidate keeps how the accounts of each
    segment were spread, for monitoring. ``limits`` are those of monitoring, which reads them from the same
    file.
    """

    format: Literal[1]
    months: str
    registry: str
    accounts: str | None = None
    segment: MaybeNames = ()
    as_of: str | None = None
    window: Window = Window()
    label: LabelSettings = LabelSettings()
    windows: Annotated[tuple[Whole, ...], Field(min_length=1, max_length=12)] = (3, 6, 12)
    bands: Annotated[int, Field(ge=2, le=26)] = 5
    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=20)] = (0,)
    gates: Gates = Gates()
    limits: LimitSettings = LimitSettings()


class MonitorSettings(RetrainSettings):
    """The same file as monitoring reads it: its limits, with or without what retraining needs."""

    months: str = ""
    registry: str = ""
