"""Many yes/no columns as few texts: equal rows are worded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

__all__ = ["patterns", "worded"]


def patterns(masks: Sequence[np.ndarray], n: int) -> tuple[np.ndarray, list[list[int]]]:
    """Return a code for each row and, for each code, which masks are true in it.

    Examples
    --------
    >>> code, words = patterns([np.array([True, False, True]), np.array([True, True, True])], 3)
    >>> code.tolist(), words
    ([0, 1, 0], [[0, 1], [1]])
    """
    code = np.zeros(n, dtype=np.int64)
    words: list[list[int]] = [[]]
    for position, mask in enumerate(masks):
        code, distinct = pd.factorize(code * 2 + mask)
        words = [
            [*words[number // 2], position] if number % 2 else words[number // 2]
            for number in distinct.tolist()
        ]
    return code, words


def worded(
    masks: Sequence[np.ndarray], n: int, say: Callable[[list[int]], str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a code for each row and the text of each code."""
    code, words = patterns(masks, n)
    return code, np.array([say(word) for word in words], dtype=object)
