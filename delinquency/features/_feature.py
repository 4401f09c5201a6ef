"""One feature as data: what it is called, what it needs, what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Feature"]


@dataclass(frozen=True)
class Feature:
    """A catalogue entry.

    Parameters
    ----------
    name : str
        The column; a windowed entry holds the stem, to which `over` adds ``_{months}m``.
    family : str
        What a `FeatureSpec` may choose.
    topic : str
        What the feature speaks of. Reasons that share a topic tell one story.
    inputs : tuple of str
        Columns of the months table that it cannot do without.
    unit : str
        ``days``, ``months``, ``share``, ``ratio``, ``money``, ...
    missing : str
        When the value is missing.
    sign : int
        1 when a larger value can only mean more risk, -1 when it can only mean less, 0 otherwise.
    reason_en, reason_zh : str
        One fact about the customer, with ``{value}`` for their own figure.
    definition : str
        One line; the oracle in the tests is written from it.
    window : int or None
        Months looked back upon.
    """

    name: str
    family: str
    topic: str
    inputs: tuple[str, ...]
    unit: str
    missing: str
    reason_en: str
    reason_zh: str
    definition: str
    sign: int = 0
    window: int | None = None

    def over(self, months: int) -> Feature:
        """Return the entry for one window."""
        return replace(
            self,
            name=f"{self.name}_{months}m",
            window=months,
            reason_en=self.reason_en.replace("{months}", str(months)),
            reason_zh=self.reason_zh.replace("{months}", str(months)),
            definition=f"{self.definition}; rows of the last {months} months",
        )
