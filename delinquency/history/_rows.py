"""Where one account's rows end and the next one's begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["against_previous", "changes", "starts_of"]


def against_previous(ids: pd.Series) -> np.ndarray:
    """Return 1, 0 or -1 where a row's id is above, the same as or below the id of the row before.

    The first row gets 0. Missing ids count as one id.
    """
    result = np.zeros(len(ids), dtype="int8")
    if pd.api.types.is_integer_dtype(ids.dtype) and not ids.isna().any():
        values = ids.to_numpy()
        result[1:] = (values[1:] > values[:-1]).astype("int8") - (values[1:] < values[:-1])
        return result
    try:
        # Arrow compares text many times faster than Python objects do
        text: Any = pa.array(ids, from_pandas=True)
        if isinstance(text, pa.ChunkedArray):
            text = text.combine_chunks()
        if text.null_count:
            raise pa.ArrowInvalid
        above = pc.greater(text[1:], text[:-1]).to_numpy(zero_copy_only=False)
        same = pc.equal(text[1:], text[:-1]).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        codes = pd.factorize(ids)[0]
        above, same = codes[1:] > codes[:-1], codes[1:] == codes[:-1]
    result[1:] = np.where(same, 0, np.where(above, 1, -1))
    return result


def changes(ids: pd.Series) -> np.ndarray:
    """Return 1 where a row's id differs from the row before, 0 elsewhere (and in the first row)."""
    return np.abs(against_previous(ids))


def starts_of(codes: np.ndarray) -> np.ndarray:
    """Return where each run of equal codes begins."""
    if not len(codes):
        return np.zeros(0, dtype="int64")
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
