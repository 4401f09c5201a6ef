"""From repayment histories to risk scores, and from scores to collection treatments.

The road, told once: ``dues + payments -> months -> snapshots -> features -> probability -> points ->
band -> treatment plan``. Each step is a room of this package; `delinquency.workflows` walks through
them all. Rooms are loaded when they are first used, so importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ROOMS = (
    "datasets",
    "engines",
    "errors",
    "evaluation",
    "features",
    "history",
    "monitoring",
    "portfolio",
    "recovery",
    "report",
    "schema",
    "scoring",
    "storage",
    "strategy",
    "workflows",
)
__all__ = [*_ROOMS, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from delinquency import (
        datasets,
        engines,
        errors,
        evaluation,
        features,
        history,
        monitoring,
        portfolio,
        recovery,
        report,
        schema,
        scoring,
        storage,
        strategy,
        workflows,
    )


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
