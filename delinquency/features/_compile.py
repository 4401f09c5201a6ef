"""The way to compiled loops, and the way round it.

The kernels are plain Python loops. Where numba is missing or switched off (``NUMBA_DISABLE_JIT=1``) the
same loops run as they stand: far slower, the same bits.
"""

from __future__ import annotations

from typing import Any

__all__ = ["compiled"]

try:
    import numba
except ImportError:  # pragma: no cover - numba is a dependency, but no platform owes us a wheel
    numba = None


def compiled(loop: Any) -> Any:
    """Return the loop compiled, without the interpreter's lock, cached between processes."""
    if numba is None:
        return loop
    # error_model="numpy": a division that the loop has guarded needs no second guard
    return numba.njit(nogil=True, cache=True, error_model="numpy")(loop)
