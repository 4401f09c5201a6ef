"""Conditions on columns: what a cell may ask of an account."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from delinquency.errors import InputError, Problem
from delinquency.settings import Model, Name

__all__ = ["Conditions", "Test", "holds_for"]

_COMPARISONS = ("at_least", "more_than", "at_most", "less_than")


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError("expected text, a number, true or false")


Scalar = Annotated[Any, AfterValidator(_scalar)]


class Test(Model):
    """What one column must be; all that is given must hold, and a missing value never does."""

    __test__ = False  # not a test case, whatever its name makes pytest believe

    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    less_than: float | None = None
    equals: Scalar = None
    one_of: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Test:
        if not self.model_fields_set:
            raise ValueError("a condition says nothing; write for example {at_least: 100}")
        low, high = self.bounds()
        strict = self.more_than == low or self.less_than == high
        if low > high or (low == high and strict):
            raise ValueError("a condition can never hold: its lower end is above its upper end")
        return self

    def bounds(self) -> tuple[float, float]:
        """Return the lowest and highest number that can pass."""
        lows = [limit for limit in (self.at_least, self.more_than) if limit is not None]
        highs = [limit for limit in (self.at_most, self.less_than) if limit is not None]
        return max(lows, default=-np.inf), min(highs, default=np.inf)

    def __str__(self) -> str:
        words = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}
        said = [f"{words[n]} {getattr(self, n):g}" for n in words if getattr(self, n) is not None]
        if self.equals is not None:
            said.append(f"is {str(self.equals).lower()}")
        if self.one_of is not None:
            said.append("in " + ", ".join(map(str, self.one_of)))
        return " and ".join(said)


def _as_test(value: Any) -> Any:
    return {"equals": value} if isinstance(value, (bool, int, float, str)) else value


_SHORT = {"type": ["boolean", "number", "string"]}
_LONG = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        **{name: {"type": "number"} for name in _COMPARISONS},
        "equals": _SHORT,
        "one_of": {"type": "array", "items": _SHORT, "minItems": 1},
    },
}
Conditions = dict[
    Name, Annotated[Test, BeforeValidator(_as_test), WithJsonSchema({"anyOf": [_SHORT, _LONG]})]
]
"""Column to test; a plain value means "equals"."""


def holds_for(when: dict[str, Test], facts: pd.DataFrame) -> np.ndarray:
    """Return for which rows all conditions hold; a column that is absent makes them false.

    Examples
    --------
    >>> facts = pd.DataFrame({"balance": [10.0, 90.0, float("nan")]})
    >>> holds_for({"balance": Test(at_least=50)}, facts)
    array([False,  True, False])
    >>> holds_for({"tenure": Test(at_least=1)}, facts)
    array([False, False, False])
    """
    result = np.ones(len(facts), dtype=bool)
    for column, test in when.items():
        result &= _passes(facts[column], test) if column in facts else False
    return result


def _passes(values: pd.Series, test: Test) -> np.ndarray:
    result = values.notna().to_numpy(dtype=bool, copy=True)
    if any(getattr(test, name) is not None for name in _COMPARISONS):
        numbers = _numbers(values)
        with np.errstate(invalid="ignore"):
            if test.at_least is not None:
                result &= numbers >= test.at_least
            if test.more_than is not None:
                result &= numbers > test.more_than
            if test.at_most is not None:
                result &= numbers <= test.at_most
            if test.less_than is not None:
                result &= numbers < test.less_than
    if test.equals is not None:
        result &= _among(values, (test.equals,))
    if test.one_of is not None:
        result &= _among(values, test.one_of)
    return result


def _numbers(values: pd.Series) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        fix = "export the column as a number, or compare with equals or one_of"
        what = "a condition compares this column with a number, but it is not numeric"
        raise InputError(Problem("DLQ-103", what, f"accounts.{values.name}", len(values), fix))
    return values.to_numpy(dtype="float64", na_value=np.nan)


def _among(values: pd.Series, wanted: tuple[Any, ...]) -> np.ndarray:
    # true and 1 are the same number to Python, but a flag and a count are not the same fact
    flags = pd.api.types.is_bool_dtype(values.dtype)
    same = [entry for entry in wanted if isinstance(entry, bool) == flags or values.dtype == object]
    return values.isin(same).to_numpy(dtype=bool)
