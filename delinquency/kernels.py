"""Compiled loops: one way to compile them, for every room.

A kernel is a plain Python loop over arrays. Compiled code is kept on the disk where there is a place for
it, so the next process does not compile; where neither the package's folder nor the user's cache can be
written, or the place is gone by the time of the first call, it is compiled in each process and one log
line says so. Where numba is missing, the same loops
run as they stand.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

__all__ = ["compiled", "element_wise", "in_blocks", "kept", "side_by_side"]

_LOG = logging.getLogger("delinquency")

try:
    import numba
except ImportError:  # pragma: no cover - numba is a dependency, but no platform owes us a wheel
    numba = None


def compiled(loop: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Return a loop compiled, without the interpreter's lock.

    Parameters
    ----------
    loop : callable
        What to compile.
    **options
        For numba, such as ``error_model``. Never ``parallel``: its threads end the process when two
        threads of ours call at once.

    Examples
    --------
    >>> @compiled
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> import numpy as np
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    if loop is None:
        return lambda loop: compiled(loop, **options)
    if numba is None:
        return loop
    try:
        kernel = numba.njit(nogil=True, cache=True, **options)(loop)
        _forgive(getattr(kernel, "_cache", None))
        return kernel
    except RuntimeError:  # numba finds no place for its cache
        _say_not_kept()
        return numba.njit(nogil=True, **options)(loop)


def in_blocks(work: Callable[[int], None], rows: int, size: int, threads: int = 1) -> None:
    """Call `work` with the first row of every block, on so many threads.

    Examples
    --------
    >>> seen = []
    >>> in_blocks(seen.append, rows=5, size=2)
    >>> seen
    [0, 2, 4]
    """
    starts = range(0, rows, size)
    left = iter(starts)  # who is free takes the next

    def some(worker: int) -> None:
        for first in left:
            work(first)

    side_by_side(some, min(threads, len(starts)))


def side_by_side(work: Callable[[int], None], workers: int) -> None:
    """Call `work` with 0, 1, ... at the same time; 0 here, the others on threads that are kept.

    To start a thread takes longer than a small block, and waits for the interpreter's lock. The work must
    not call this again: it would wait for itself.

    Examples
    --------
    >>> seen = []
    >>> side_by_side(seen.append, 2)
    >>> sorted(seen)
    [0, 1]
    """
    others = [_threads(os.getpid()).submit(work, worker) for worker in range(1, workers)]
    try:
        work(0)
    finally:
        wait(others)
    for other in others:
        other.result()


@functools.cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: a child that was forked has none of its parent's."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="delinquency")


def element_wise(rule: Callable[..., Any]) -> Any:
    """Return a rule for single numbers as a function of arrays.

    Examples
    --------
    >>> @element_wise
    ... def double(value):
    ...     return 2 * value
    >>> import numpy as np
    >>> double(np.array([1, 2]))
    array([2, 4])
    """
    if numba is None:  # pragma: no cover
        import numpy as np

        return np.vectorize(rule)
    try:
        function = numba.vectorize(cache=True)(rule)
        _forgive(getattr(getattr(function, "_dispatcher", None), "cache", None))
        return function
    except RuntimeError:  # as above
        _say_not_kept()
        return numba.vectorize(rule)


def kept() -> bool:
    """Return whether what is compiled now will be there for the next process.

    Examples
    --------
    >>> kept() in (True, False)
    True
    """
    try:
        for cache in _CACHES[-1:]:
            cache._impl.locator.ensure_cache_path()
    except OSError:
        _say_not_kept()
    return bool(_CACHES) and not _say_not_kept.cache_info().currsize


_CACHES: list[Any] = []


def _forgive(cache: Any) -> None:
    """Let a cache whose folder is gone keep nothing, instead of failing whoever calls the loop first.

    Numba looks for the folder when a loop is declared, and reads and writes it when the loop is called.
    """
    if cache is None:
        return

    def unless_gone(step: Callable[..., Any], *given: Any) -> Any:
        try:
            return step(*given)
        except OSError:
            _say_not_kept()
            cache.disable()
            return None

    for name in ("load_overload", "save_overload"):
        setattr(cache, name, functools.partial(unless_gone, getattr(cache, name)))
    _CACHES.append(cache)


@functools.cache  # dozens of loops, one line
def _say_not_kept() -> None:
    _LOG.warning(
        "compiled loops cannot be kept on this machine and are compiled in each process; "
        "fix: set NUMBA_CACHE_DIR to a folder that can be written"
    )
