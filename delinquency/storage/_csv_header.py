"""The first line of a CSV: whether its columns are parted by commas at all."""

from __future__ import annotations

from delinquency.errors import InputError, Problem

__all__ = ["refuse_other_separators"]

_MARKS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}


def refuse_other_separators(line: bytes, name: str) -> None:
    """Raise when the columns of a file are parted by something else than commas.

    Such a file has one column with a long name, and every column that is asked for would be missing.

    Parameters
    ----------
    line : bytes
        The first line.
    name : str
        The file.

    Raises
    ------
    InputError
        ``DLQ-109``, with the separator that was found.

    Examples
    --------
    >>> refuse_other_separators(b"account_id,month", "months.csv")
    >>> try:
    ...     refuse_other_separators(b"account_id;month", "months.csv")
    ... except InputError as error:
    ...     print(error)
    DLQ-109 months.csv: its columns are parted by semicolons, not commas. fix: ...
    """
    if b"," in line:
        return
    for mark, word in _MARKS.items():
        if mark in line:
            what = f"its columns are parted by {word}, not commas"
            fix = "save it as CSV with commas between the columns and points in the numbers, or as .parquet"
            raise InputError(Problem("DLQ-109", what, name, fix=fix))
