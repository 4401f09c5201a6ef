"""What a bundle keeps of a scorer, and the proof on the golden rows that nothing was lost.

A document of plain values, checked by pydantic, and arrays: trees, knots, golden rows with their scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from delinquency.errors import InputError, IntegrityError, Problem
from delinquency.scoring._bands import BandScheme
from delinquency.scoring._calibration import Calibration
from delinquency.scoring._expit import expit
from delinquency.scoring._points import PointsScale
from delinquency.scoring._reference import Reference, reference_of
from delinquency.scoring._scorer_features import Feature, Strict
from delinquency.scoring._trees import Trees
from delinquency.storage import Bundle, to_json

if TYPE_CHECKING:
    from delinquency.scoring._scorer import Scorer

__all__ = ["bundle_of", "parts_of", "prove"]


class _Scale(Strict):
    base: float
    odds: float
    pdo: float
    orientation: str


class _Bands(Strict):
    names: tuple[str, ...]
    floors: tuple[float, ...]
    reference: str
    expected: tuple[float, ...]
    counts: tuple[int, ...]
    date: str = ""


class _Document(Strict):
    kind: Literal["delinquency.scorer"]
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    method: str
    scale: _Scale
    bands: _Bands
    about: dict[str, Any]
    reference: str | None = None


def bundle_of(scorer: Scorer) -> Bundle:
    """Return what a bundle keeps: a document, the trees, and golden rows with their log-odds."""
    document = _Document(
        kind="delinquency.scorer",
        features=scorer.features,
        method=scorer.calibration.method,
        scale=_Scale(**scorer.scale.__dict__),
        bands=_Bands(**scorer.bands.__dict__),
        about=scorer.about,
        reference=None if scorer.reference is None else scorer.reference.about,
    )
    expected = scorer.calibration.log_odds(scorer.trees.raw(scorer.golden))
    arrays = {
        **scorer.trees.arrays(),
        "calibration.raw": scorer.calibration.raw,
        "calibration.calibrated": scorer.calibration.calibrated,
        "golden.rows": scorer.golden,
        "golden.log_odds": expected,
        "golden.points": scorer.scale.points(expit(expected)),
        **({} if scorer.reference is None else scorer.reference.arrays()),
    }
    said = document.model_dump(mode="json")
    if not scorer.bands.date:
        del said["bands"]["date"]  # a bundle from before it was kept hashes as it did
    if scorer.reference is None:
        del said["reference"]  # a bundle without one keeps the bytes that it always had
    return Bundle(said, arrays)


def parts_of(bundle: Bundle) -> tuple[tuple[Any, ...], tuple[np.ndarray, np.ndarray]]:
    """Return what a scorer is made of, in its order, and what its golden rows should score.

    Raises
    ------
    IntegrityError
        ``DLQ-603`` when the document, a tree or a knot is not sound.
    """
    try:
        document = _Document.model_validate_json(to_json(bundle.document))
        arrays = bundle.arrays
        parts = (
            document.features,
            Trees.from_arrays(arrays, len(document.features)),
            Calibration(
                arrays["calibration.raw"], arrays["calibration.calibrated"], document.method
            ),
            PointsScale(**document.scale.model_dump()),
            BandScheme(**document.bands.model_dump()),
            document.about,
            arrays["golden.rows"],
            _reference(document, arrays),
        )
        expected = (arrays["golden.log_odds"], arrays["golden.points"])
    except IntegrityError:
        raise
    except (ValidationError, InputError, KeyError, ValueError, RecursionError) as error:
        raise _unsound("the document is not that of a scorer") from error
    if len({feature.name for feature in document.features}) != len(document.features):
        raise _unsound("a feature stands twice")
    return parts, expected


def prove(scorer: Scorer, log_odds: np.ndarray, points: np.ndarray) -> None:
    """Raise `IntegrityError` unless the golden rows score as they did when the bundle was made."""
    rows = scorer.golden
    shapes = [rows.shape[-1:], log_odds.shape, points.shape]
    if rows.ndim != 2 or not len(rows) or shapes != [(len(scorer.names),)] + 2 * [rows.shape[:1]]:
        raise _unsound("the golden rows have another shape")
    actual = scorer.calibration.log_odds(scorer.trees.raw(rows))
    with np.errstate(over="ignore", invalid="ignore"):
        # exp and log may differ in the last digit from one machine to the next
        close = np.isclose(scorer.scale.points(expit(actual)), points, rtol=1e-9, atol=1e-6)
    if not (np.array_equal(actual, log_odds) and close.all()):
        raise _unsound("the golden rows score differently")


def _reference(document: _Document, arrays: Mapping[str, np.ndarray]) -> Reference | None:
    if document.reference is None:
        return None
    names = [feature.name for feature in document.features]
    return reference_of(arrays, names, document.bands.names, document.reference)


def _unsound(what: str) -> IntegrityError:
    fix = "restore the bundle, or train again"
    return IntegrityError(Problem("DLQ-603", what, "bundle", fix=fix))
