"""A hash of what rows say, however they were cut into batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ContentHash"]


class ContentHash:
    """SHA-256 over the columns, values and missing cells of batches handed over one after the other.

    Examples
    --------
    >>> whole, cut = ContentHash(), ContentHash()
    >>> rows = pa.record_batch({"id": ["a", None, "bc"], "x": [1.0, 2.0, None]})
    >>> whole.add(rows)
    >>> cut.add(rows[:1]), cut.add(rows[1:])
    (None, None)
    >>> whole.hexdigest() == cut.hexdigest()
    True
    """

    def __init__(self) -> None:
        # one hash a column and kind of bytes: together they would depend on where a batch ends
        self._parts: dict[tuple[str, str], Any] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch in."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for kind, content in _bytes_of(column):
                self._parts.setdefault((name, kind), hashlib.sha256()).update(content)

    def hexdigest(self) -> str:
        """Return the hash of all that was taken in."""
        lines = (f"{key!r} {part.hexdigest()}\n" for key, part in self._parts.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def _bytes_of(column: Any) -> Iterator[tuple[str, bytes]]:
    """Return the bytes of a plain column by kind; a missing cell counts as an empty one and a flag."""
    yield f"{column.type} there", column.is_valid().to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        text = pc.fill_null(column.cast(pa.binary()), b"")  # pyright: ignore[reportAttributeAccessIssue]
        ends = np.frombuffer(text.buffers()[1], "<i4")[text.offset : text.offset + len(text) + 1]
        yield "lengths", np.diff(ends).tobytes()
        yield "text", (text.buffers()[2] or b"")[ends[0] : ends[-1]] if len(ends) else b""
        return
    if pa.types.is_temporal(column.type):
        column = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())
    empty = False if pa.types.is_boolean(column.type) else 0
    filled = pc.fill_null(column, pa.scalar(empty, column.type))  # pyright: ignore[reportAttributeAccessIssue]
    yield "values", filled.to_numpy(zero_copy_only=False).tobytes()
