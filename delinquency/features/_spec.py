"""Which features are wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields

from delinquency.errors import InputError, Problem
from delinquency.features._blocks import whole
from delinquency.features._spec_file import read_spec, write_spec

__all__ = ["WINDOWS", "FeatureSpec", "checked_windows"]

WINDOWS = (3, 6, 12, 24)


def checked_windows(windows: Sequence[int]) -> tuple[int, ...]:
    """Return the windows in rising order, as plain integers, or say what is wrong with them."""
    given = tuple(windows)
    whole = all(hasattr(w, "__index__") and not isinstance(w, bool) for w in given)
    if not given or not whole or any(w < 1 for w in given) or len(set(given)) < len(given):
        what = "windows must be whole numbers of months above zero, each once"
        raise InputError(Problem("DLQ-205", what, "windows", fix="write windows=(3, 6, 12, 24)"))
    return tuple(sorted(int(w) for w in given))


@dataclass(frozen=True)
class FeatureSpec:
    """A choice of features: by window, family or name.

    Parameters
    ----------
    windows : tuple of int
        Months that windowed features look back.
    families : tuple of str or None
        Only these families; all by default.
    names : tuple of str or None
        Only these features; all by default. Given together with `families`, a feature must pass both.

    Raises
    ------
    InputError
        ``DLQ-205`` for windows that are no windows.

    Examples
    --------
    >>> FeatureSpec(windows=(6, 3), families=("arrears",))
    FeatureSpec(windows=(3, 6), families=('arrears',), names=None)

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "features.yaml"
    >>> FeatureSpec(windows=(6,), names=("dpd_max_6m",)).to_yaml(file)
    >>> print(file.read_text())
    format: 1
    windows: [6]
    names:
    - dpd_max_6m
    <BLANKLINE>
    >>> FeatureSpec.from_yaml(file)
    FeatureSpec(windows=(6,), families=None, names=('dpd_max_6m',))
    """

    windows: tuple[int, ...] = WINDOWS
    families: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        # lists are welcome, as YAML gives them; what is kept is hashable
        object.__setattr__(self, "windows", checked_windows(self.windows))
        for field in ("families", "names"):
            given = getattr(self, field)
            if given is not None:
                object.__setattr__(self, field, tuple(given))

    def to_yaml(self, path: str | os.PathLike[str]) -> None:
        """Write the choice as YAML, all or nothing.

        Raises
        ------
        EnvironmentFailure
            ``DLQ-501`` when the disk refuses; an older file stands.
        """
        write_spec(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> FeatureSpec:
        """Read a choice that a person may have edited; a key that is left out means all.

        Raises
        ------
        InputError
            All mistakes of one pass, each with ``file:line:column``: ``DLQ-201`` no YAML, ``DLQ-202``
            unknown key, ``DLQ-203`` repeated key, ``DLQ-205`` wrong value, ``DLQ-206`` unknown family
            or feature.
        """
        families = dict.fromkeys(feature.family for feature in whole(WINDOWS))

        def names(windows: tuple[int, ...]) -> list[str]:
            return [feature.name for feature in whole(windows)]

        return cls(**read_spec(path, families, names, WINDOWS))
