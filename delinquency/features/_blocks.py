"""Every block of features, the core first, and every entry they make."""

from __future__ import annotations

from collections.abc import Sequence

from delinquency.features import _contrast, _line, _quartiles, _recency, _status, _windowed
from delinquency.features._core_once import ONCE
from delinquency.features._core_windowed import WINDOWED
from delinquency.features._feature import Feature
from delinquency.features._kernels import core_features
from delinquency.features._person import PERSON
from delinquency.features._rows import Block

__all__ = ["BLOCKS", "CORE", "entries", "whole"]

CORE = Block(core_features, WINDOWED, ONCE)
BLOCKS: tuple[Block, ...] = (
    CORE,
    _windowed.BLOCK,
    _quartiles.BLOCK,
    _recency.BLOCK,
    _contrast.BLOCK,
    _line.BLOCK,
    _status.BLOCK,
)


def entries(windows: tuple[int, ...], blocks: Sequence[Block] = BLOCKS) -> tuple[Feature, ...]:
    """Return the entries of the blocks in the order of their columns."""
    return tuple(feature for block in blocks for feature in block.entries(windows))


def whole(windows: tuple[int, ...]) -> tuple[Feature, ...]:
    """Return every entry: what the loops write, then the views across a person's accounts."""
    return (*entries(windows), *PERSON)
