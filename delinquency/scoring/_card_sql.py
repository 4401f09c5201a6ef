"""The card as a query of standard SQL."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["card_query"]


def card_query(
    table: str,
    base: int,
    names: Sequence[str],
    edges: Sequence[np.ndarray],
    points: Sequence[np.ndarray],
) -> str:
    """Return the query that adds ``points`` to a table; NULL is missing."""
    terms = [_case(*of) for of in zip(names, edges, points, strict=True)]
    total = "\n  + ".join([str(base), *terms])
    return f"SELECT *,\n  {total} AS points\nFROM {_identifier(table)}"


def _case(name: str, edges: np.ndarray, points: np.ndarray) -> str:
    column = _identifier(name)
    whens = [f"WHEN {column} IS NULL THEN {points[-1]}"]
    whens += [
        f"WHEN {column} <= {float(e)!r} THEN {p}" for e, p in zip(edges, points, strict=False)
    ]
    return f"CASE {' '.join(whens)} ELSE {points[-2]} END"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
