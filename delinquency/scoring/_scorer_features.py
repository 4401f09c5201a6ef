"""What a scorer knows of its columns: where each may be missing, what it means, what is typical."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from delinquency.errors import InputError, Problem
from delinquency.scoring._trees import AS_ZERO

if TYPE_CHECKING:
    from delinquency.scoring._model import RiskModel

__all__ = ["Feature", "Strict", "features_of"]

# The only hole a reason text may have, with a harmless format: a bundle must not be able to smuggle in
# attribute access or a width of a billion.
_HOLE = re.compile(r"\{value(:\+?,?(\.\d)?[f%]?)?\}")


class Strict(BaseModel):
    """What comes out of a bundle: nothing unknown, nothing cast, nothing infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class Feature(Strict):
    """What a scorer knows of one of its columns.

    Parameters
    ----------
    name, family : str
        As in the catalogue.
    sign : {-1, 0, 1}
        Direction of its effect on risk, where the domain fixes one.
    reason_en, reason_zh : str
        What to say when it raised the risk; ``{value}`` is the account's own figure.
    may_miss : bool
        Whether a value was ever missing in training. Where not, a missing value is refused: LightGBM would
        have read it as 0.
    typical : float or None
        Median of the reference population.
    """

    name: str
    family: str
    sign: Literal[-1, 0, 1]
    reason_en: str
    reason_zh: str
    may_miss: bool
    typical: float | None = None

    @field_validator("reason_en", "reason_zh")
    @classmethod
    def _only_the_value(cls, text: str) -> str:
        if "{" in _HOLE.sub("", text) or "}" in _HOLE.sub("", text):
            raise ValueError("a reason may hold {value} and nothing else in braces")
        return text


def features_of(model: RiskModel, X: pd.DataFrame, catalogue: pd.DataFrame) -> tuple[Feature, ...]:
    """Return the columns of a fitted model, with what its sample and the catalogue say of them.

    Raises
    ------
    InputError
        ``DLQ-102`` for features that stand in no catalogue.
    """
    known = catalogue.set_index("name")[["family", "sign", "reason_en", "reason_zh"]]
    missing, typical = X.isna().any(), X.median()
    unknown = [name for name in X.columns if name not in known.index]
    if unknown:
        what = f"{len(unknown)} features stand in no catalogue, first {unknown[0]!r}"
        fix = "give each its family, sign and reason texts"
        raise InputError(Problem("DLQ-102", what, "catalogue", len(unknown), fix))
    as_zero = set(model.trees_.feature[model.trees_.missing == AS_ZERO].tolist())
    return tuple(
        Feature(
            name=name,
            **_texts_of(known, name),
            may_miss=bool(missing[name]) and place not in as_zero,
            typical=None if np.isnan(typical[name]) else float(typical[name]),
        )
        for place, name in enumerate(X.columns)
    )


def _texts_of(known: pd.DataFrame, name: str) -> dict[str, Any]:
    row: Any = known.loc[name]
    return {"sign": int(row["sign"])} | {
        key: str(row[key]) for key in ("family", "reason_en", "reason_zh")
    }
