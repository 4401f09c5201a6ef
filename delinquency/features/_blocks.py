"""Every block of features, the core first."""

from __future__ import annotations

from delinquency.features import _contrast, _line, _quartiles, _recency, _status, _windowed
from delinquency.features._core import ONCE, WINDOWED
from delinquency.features._kernels import core_features
from delinquency.features._rows import Block

__all__ = ["BLOCKS", "CORE"]

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
