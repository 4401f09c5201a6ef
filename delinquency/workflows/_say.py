"""How a workflow tells of its progress."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Say", "quiet"]

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Say nothing of the progress."""
