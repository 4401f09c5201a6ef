"""The scorer: everything that turns features into scores."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.schema import STATUSES
from delinquency.scoring._bands import BandScheme
from delinquency.scoring._calibration import Calibration
from delinquency.scoring._expit import expit
from delinquency.scoring._points import PointsScale
from delinquency.scoring._reference import Reference
from delinquency.scoring._scorer_bundle import bundle_of, parts_of, prove
from delinquency.scoring._scorer_features import Feature, features_of
from delinquency.scoring._trees import Trees
from delinquency.storage import Bundle

if TYPE_CHECKING:
    from delinquency.scoring._model import RiskModel

__all__ = ["ENDED", "Feature", "Scored", "Scorer"]

ENDED = "ended"  # how a refusal begins with which nothing is wrong


class Scored(NamedTuple):
    """Scores, and the rows that were refused with the reason."""

    scores: pd.DataFrame
    refused: pd.DataFrame


@dataclass(frozen=True)
class Scorer:
    """Features in, probability, points and band out; no LightGBM needed.

    Parameters
    ----------
    features : tuple of Feature
        Columns in the order of the trees.
    trees : Trees
        The fitted trees.
    calibration : Calibration
        From raw to calibrated log-odds.
    scale : PointsScale
        From probability to points.
    bands : BandScheme
        From points to bands.
    about : dict
        Training facts for people and audits: dates, counts, figures, versions, feature windows.
    golden : ndarray (rows, features)
        Made-up rows whose scores the bundle proves itself by.
    reference : Reference or None
        How the reference accounts were spread, for monitoring; None in bundles that keep none.
    """

    features: tuple[Feature, ...]
    trees: Trees
    calibration: Calibration
    scale: PointsScale
    bands: BandScheme
    about: dict[str, Any] = field(default_factory=dict)
    golden: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    reference: Reference | None = None

    @classmethod
    def from_model(
        cls,
        model: RiskModel,
        X: pd.DataFrame,
        catalogue: pd.DataFrame,
        *,
        scale: PointsScale,
        bands: BandScheme,
        about: Mapping[str, Any] | None = None,
        unseen: pd.DataFrame | None = None,
    ) -> Scorer:
        """Return the scorer of a fitted model.

        Parameters
        ----------
        model : RiskModel
            Fitted.
        X : DataFrame (n, features)
            What it was fitted on: says where values may be missing and what is typical.
        catalogue : DataFrame
            One row a feature: ``name, family, sign, reason_en, reason_zh``.
        scale, bands
            How probabilities become points, and points bands.
        about : mapping, optional
            Training facts.
        unseen : DataFrame (m, features), optional
            Accounts that the model did not learn from, for the scores of the reference; X itself
            when not given, whose scores are a little too sure.
        """
        features = features_of(model, X, catalogue)
        golden = _golden(X, np.array([feature.may_miss for feature in features]))
        parts = (model.trees_, model.calibration_, scale, bands, dict(about or {}))
        bare = cls(features, *parts, golden=golden)
        # not the points out of fold: one model's scores are spread wider than the mean of all
        points = scale.points(expit(bare.log_odds(X if unseen is None else unseen)))
        reference = Reference.learn(
            X, points, bands.assign(points), names=bands.names, about=bands.reference
        )
        return replace(bare, reference=reference)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(feature.name for feature in self.features)

    def matrix(self, X: pd.DataFrame) -> np.ndarray:
        """Return the columns of the model, taken by name, as float64 (n, features).

        Raises
        ------
        InputError
            ``DLQ-102`` when columns are missing, ``DLQ-103`` when one is not a number.
        """
        lacking = [name for name in self.names if name not in X.columns]
        if lacking:
            raise InputError(_lacking(lacking, list(map(str, X.columns)), len(self.names)))
        # in their order already, as `build_features` gives them, columns need no copy
        chosen = X if tuple(X.columns) == self.names else X[list(self.names)]
        if chosen.shape[1] != len(self.names):
            twice = chosen.columns[chosen.columns.duplicated()].unique()
            what = f"{len(twice)} features stand twice, first {twice[0]!r}"
            raise InputError(Problem("DLQ-103", what, "features", len(twice), "rename or drop"))
        text = [n for n, d in chosen.dtypes.items() if not pd.api.types.is_numeric_dtype(d)]
        if text:
            what = f"expected numbers in {len(text)} columns, first {text[0]!r}"
            raise InputError(Problem("DLQ-103", what, "features", len(text)))
        return chosen.to_numpy(dtype="float64", na_value=np.nan)

    def log_odds(self, X: pd.DataFrame) -> np.ndarray:
        """Return calibrated log-odds of bad (n,), without looking at what should be refused."""
        return self.calibration.log_odds(self.trees.raw(self.matrix(X)))

    def score(self, X: pd.DataFrame, *, status: Any = None, threads: int = 1) -> Scored:
        """Score every row that can be scored; the others come back with the reason.

        Parameters
        ----------
        X : DataFrame (n, features)
            Indexed by (account_id, snapshot_date), the order of columns does not matter.
        status : array of str (n,), optional
            Last known status of each account: one that has ended can no longer fall behind, and is refused
            as ``"ended: paid_off"``. Without it everybody runs.
        threads : int
            Chunks of rows worked on at the same time; the result does not depend on it.

        Returns
        -------
        Scored
            ``scores`` with ``account_id, snapshot_date, probability, points, band`` and ``refused`` with
            ``account_id, snapshot_date, why``; together as many rows as X.
        """
        matrix, keys = self.matrix(X), X.index.to_frame(index=False)
        return self.score_matrix(matrix, keys, self.why_refused(matrix, status), threads=threads)

    def score_matrix(
        self, matrix: np.ndarray, keys: pd.DataFrame, why: np.ndarray, *, threads: int = 1
    ) -> Scored:
        """Score the rows of a matrix, as `score` does those of a table.

        Parameters
        ----------
        matrix : ndarray (n, features)
            Columns in the order of `names`, float64.
        keys : DataFrame (n, 2)
            ``account_id, snapshot_date`` of each row, on a fresh range index.
        why : ndarray of str (n,)
            What `why_refused` says of the matrix.
        threads : int
            As for `score`.
        """
        fine = why == ""
        everybody = bool(fine.all())  # the usual case needs no copy
        if not everybody:
            matrix = matrix[fine]
        refused = keys[~fine].reset_index(drop=True).assign(why=why[~fine])
        keys = keys if everybody else keys[fine].reset_index(drop=True)
        probability = self.calibration.probability(self.trees.raw(matrix, threads))
        points = self.scale.points(probability)
        scores = keys.assign(probability=probability, points=points, band=self.bands.assign(points))
        return Scored(scores, refused)

    def why_refused(
        self, matrix: np.ndarray, status: Any = None, whole: np.ndarray | None = None
    ) -> np.ndarray:
        """Return why each row of a matrix cannot be scored, ``""`` where it can.

        Parameters
        ----------
        matrix : ndarray (n, features)
            Columns in the order of `names`, float64.
        status : array of str (n,), optional
            As for `score`.
        whole : bool array (features,), optional
            Columns that surely hold no missing and no infinite value; they are not looked at.
        """
        why = np.full(len(matrix), "", dtype=object)
        with np.errstate(all="ignore"):  # a sum shows each missing and infinite value
            seen = np.isfinite(matrix.sum(axis=0)) if whole is None else whole
        for place in np.flatnonzero(~seen):
            column, feature = matrix[:, place], self.features[place]
            why[np.isinf(column)] = f"infinite: {feature.name}"
            if not feature.may_miss:
                why[np.isnan(column)] = f"missing: {feature.name}"
        if status is not None:
            place = pd.Index(STATUSES).get_indexer(pd.Index(np.asarray(status, dtype=object)))
            for code, ended in enumerate(STATUSES[1:], start=1):
                why[place == code] = f"{ENDED}: {ended}"
        return why

    def to_bundle(self) -> Bundle:
        """Return what a bundle keeps: a document, the trees, and golden rows with their log-odds."""
        return bundle_of(self)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Scorer:
        """Rebuild a scorer and prove on the golden rows that it scores as it did.

        Raises
        ------
        IntegrityError
            ``DLQ-603`` when the document, a tree or a knot is not sound, or a golden row scores
            differently. Nothing is used then.
        """
        parts, expected = parts_of(bundle)
        scorer = cls(*parts)
        prove(scorer, *expected)
        return scorer

    def with_bands(self, bands: BandScheme) -> Scorer:
        """Return the same scorer with other bands; its reference, counted by the old ones, is left out."""
        return replace(self, bands=bands, reference=None)


def _golden(X: pd.DataFrame, may_miss: np.ndarray) -> np.ndarray:
    """Return 16 rows of typical values, mixed so that none is the row of a customer."""
    levels = X.quantile(np.linspace(0.02, 0.98, 16)).to_numpy(dtype="float64")
    place = (np.arange(16)[:, None] + 7 * np.arange(X.shape[1])) % 16
    rows = np.take_along_axis(levels, place, axis=0)
    return np.where((place == 3) & may_miss, np.nan, rows)


def _lacking(lacking: list[str], have: list[str], total: int) -> Problem:
    named = ", ".join(f'"{name}"' for name in lacking[:5])
    near = difflib.get_close_matches(lacking[0], have, n=1)
    closest = f'; closest present: "{near[0]}"' if near else ""
    what = f"input lacks {len(lacking)} of {total} features this model needs: {named}{closest}"
    return Problem("DLQ-102", what, "", len(lacking), "add or rename")
