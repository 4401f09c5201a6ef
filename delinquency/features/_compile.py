"""The way to compiled loops, and the way round it.

The kernels are plain Python loops. Where numba is missing or switched off (``NUMBA_DISABLE_JIT=1``) the
same loops run as they stand: far slower, the same bits. Compiled code is kept on the disk, so the next
process does not compile.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from delinquency import kernels

__all__ = ["compile_notice", "compiled"]

_LOG = logging.getLogger("delinquency")

try:
    import numba
    from numba.core import event
except ImportError:  # pragma: no cover - numba is a dependency, but no platform owes us a wheel
    numba = event = None


def compiled(loop: Any) -> Any:
    """Return the loop compiled, without the interpreter's lock, cached between processes."""
    # error_model="numpy": a division that the loop has guarded needs no second guard
    return kernels.compiled(loop, error_model="numpy")


@contextlib.contextmanager
def compile_notice() -> Iterator[None]:
    """Say once, before the wait, that loops are compiled, and whether they will be kept.

    Nothing is said when they come from the disk.
    """
    if numba is None or event is None:
        yield
        return
    said: list[bool] = []

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            if not said:
                said.append(True)
                once = "once on this machine" if kernels.kept() else "in each process"
                _LOG.warning("compiling the feature loops, %s: some seconds", once)

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
