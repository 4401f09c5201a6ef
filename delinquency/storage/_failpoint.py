"""The places where a test may end us: between any two steps of a write."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["on_reaching", "reached"]

_listener: Callable[[str], None] | None = None


def reached(place: str) -> None:
    """Say that a step is done; nobody listens outside of tests."""
    if _listener is not None:
        _listener(place)


def on_reaching(listener: Callable[[str], None] | None) -> None:
    """Let a test listen, or no one."""
    global _listener
    _listener = listener
