"""One error family: what is wrong, where, how many, and the fix.

Every refusal of this library is one line that a person can act on and a scheduler can read. Nothing
here ever carries a cell value: row numbers and counts say enough, and a log is no place for a
customer's data.

Exit codes of the command line follow the class: 2 bad input or configuration, 3 a gate failed, 4 locked
or conflicting, 5 environment (disk, memory, database), 6 integrity.
"""

from __future__ import annotations

import difflib
import errno
import mmap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "DelinquencyError",
    "EnvironmentFailure",
    "GateError",
    "InputError",
    "IntegrityError",
    "LockError",
    "Problem",
    "did_you_mean",
    "unless_memory",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    code : str
        Stable code such as ``"DLQ-101"``; scripts may rely on it.
    what : str
        The rule that does not hold, in words, without a full stop.
    where : str
        A table, a file, or ``file:line:column``.
    count : int or None
        How many rows or keys are concerned, where counting makes sense.
    fix : str
        What to do, naming the exact column or key.

    Examples
    --------
    >>> print(Problem("DLQ-102", 'column "month" is missing', "months", fix="add it or rename"))
    DLQ-102 months: column "month" is missing. fix: add it or rename.
    >>> print(Problem("DLQ-201", 'unknown key "treatmnt"', "strategy.yaml:12:5"))
    strategy.yaml:12:5: DLQ-201 unknown key "treatmnt".
    """

    code: str
    what: str
    where: str = ""
    count: int | None = None
    fix: str = ""

    def __str__(self) -> str:
        # A position in a file comes first, where editors and terminals look for it.
        if self.where.rpartition(":")[2].isdigit():
            head = f"{self.where}: {self.code} {self.what}"
        elif self.where:
            head = f"{self.code} {self.where}: {self.what}"
        else:
            head = f"{self.code} {self.what}"
        return _one_line(_stop(head) + (f" fix: {_stop(self.fix)}" if self.fix else ""))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for a JSON log line."""
        return asdict(self)


def _stop(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."


def _one_line(text: str) -> str:
    # names come from people's files: one may hold a line break, or an escape that steers a terminal
    return "".join(char if char.isprintable() else "?" for char in text)


class DelinquencyError(ValueError):
    """Base of the family; carries one or more problems found in one pass.

    Attributes
    ----------
    problems : tuple of Problem
        Everything that one pass found.
    code, where, count, fix
        The fields of the first problem.

    Examples
    --------
    >>> error = InputError(Problem("DLQ-100", "no rows", "months", 0))
    >>> error.code, error.exit_code
    ('DLQ-100', 2)
    """

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    @property
    def code(self) -> str:
        """Code of the first problem."""
        return self.problems[0].code

    @property
    def where(self) -> str:
        """Place of the first problem."""
        return self.problems[0].where

    @property
    def count(self) -> int | None:
        """Number of rows or keys of the first problem."""
        return self.problems[0].count

    @property
    def fix(self) -> str:
        """Remedy of the first problem."""
        return self.problems[0].fix

    def __reduce__(self) -> tuple[Any, ...]:
        # joblib carries exceptions between processes; the default would pass the text as a problem
        return type(self), self.problems


class InputError(DelinquencyError):
    """Input data or configuration cannot be used."""

    exit_code = 2


class GateError(DelinquencyError):
    """A check on a result failed, so the result was not committed."""

    exit_code = 3


class LockError(DelinquencyError):
    """Another run holds the job, or committed something else under its name."""

    exit_code = 4


class EnvironmentFailure(DelinquencyError):  # noqa: N818 - EnvironmentError is a builtin
    """Disk, memory or a database let us down; the last good output stands."""

    exit_code = 5


class IntegrityError(DelinquencyError):
    """A file of ours is not what its manifest says."""

    exit_code = 6


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``'did you mean "..."?'`` for the nearest known name, or an empty text.

    Examples
    --------
    >>> did_you_mean("treatmnt", ["treatment", "stage"])
    'did you mean "treatment"?'
    >>> did_you_mean("zzz", ["treatment", "stage"])
    ''
    """
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def unless_memory(error: BaseException) -> None:
    """Raise `MemoryError` where that is what an error of a library below us means.

    A file that could not be mapped for want of memory is not a damaged file; and where hardly any is
    left, what a library says of a file cannot be believed.

    Examples
    --------
    >>> unless_memory(ValueError("no number"))
    >>> unless_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    Traceback (most recent call last):
        ...
    MemoryError
    """
    short = isinstance(error, OSError) and error.errno == errno.ENOMEM
    no_thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    if isinstance(error, MemoryError) or short or no_thread or _hardly_any_left():
        raise MemoryError from error


def _hardly_any_left() -> bool:
    try:
        mmap.mmap(-1, 1 << 26).close()  # asked for, not touched
    except OSError:
        return True
    return False
