"""For people at a terminal: check a strategy file, and show it."""

from __future__ import annotations

import os
import textwrap

import pandas as pd

from delinquency.errors import InputError
from delinquency.strategy._rules import NOT_ADVICE
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import CARE

__all__ = ["check_strategy", "show_strategy"]

COLUMNS = ["level", "where", "code", "what", "fix"]


def check_strategy(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Return everything that is wrong with a strategy file, and what to know of it.

    Parameters
    ----------
    path : path
        The file; messages call it as it is given here.

    Returns
    -------
    DataFrame
        ``level`` (``"error"`` or ``"note"``), ``where`` (``file:line:column``), ``code, what,
        fix``. No row with level ``"error"`` means the file can be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "mine.yaml"
    >>> _ = file.write_text("format: 1\nname: mine\nstagse: []\n")
    >>> check_strategy(file).query('code == "DLQ-202"')[["level", "fix"]].values.tolist()
    [['error', 'did you mean "stages"?']]
    """
    try:
        strategy = Strategy.load(path)
    except InputError as error:
        rows = [("error", p.where, p.code, p.what, p.fix) for p in error.problems]
        return pd.DataFrame(rows, columns=COLUMNS)
    name = os.fspath(path)
    notes = [("note", name, "", text, fix) for text, fix in _notes(strategy)]
    return pd.DataFrame(notes, columns=COLUMNS)


def _notes(strategy: Strategy) -> list[tuple[str, str]]:
    notes = []
    packs = strategy.packs()
    if not packs:
        notes.append(
            ("no rule pack is named; contact hours and caps are not watched", "add packs:")
        )
    for pack in packs:
        weak = [rule.id for rule in pack.rules if rule.mode == "executable" and rule.unverified]
        if weak:
            said = ", ".join(weak)
            notes.append(
                (f"{pack.id}: not verified, so they only warn: {said}", "have them checked")
            )
    used = {name for cell in strategy.file.cells for name in (*cell.treatment, *cell.also)}
    used |= {strategy.file.last_resort, CARE}
    enabled = {name for name, entry in strategy.treatments.items() if entry.enabled}
    if idle := sorted(enabled - used):
        notes.append(("treatments that no cell uses: " + ", ".join(idle), ""))
    return notes


def show_strategy(path: str | os.PathLike[str] | None = None, *, width: int = 100) -> str:
    """Return a strategy as text: stage by band, as a manager reads it.

    Parameters
    ----------
    path : path, optional
        The file; the shipped default when not given.
    width : int
        Columns of the terminal.

    Examples
    --------
    >>> print(show_strategy()[:52])
    default (champion): Champion to be challenged. Defau
    """
    strategy = Strategy.default() if path is None else Strategy.load(path)
    file, table = strategy.file, strategy.table()
    wrap = textwrap.TextWrapper(width, subsequent_indent="  ")
    lines = [*wrap.wrap(f"{file.name} ({file.role}): {file.note}"), ""]
    for stage in file.stages:
        low, high = stage.dpd
        days = f"{low} and more" if high is None else f"{low} to {high}"
        lines.append(f"{stage.stage}  (days past due {days})")
        for band in table.columns:
            said = table.loc[stage.stage, band]
            lines += textwrap.wrap(
                f"{band}: {said}", width, initial_indent="  ", subsequent_indent="       "
            )
    packs = [f"{pack.id} {pack.file.version}" for pack in strategy.packs()]
    lines += ["", "last resort: " + file.last_resort, f"a hold leads to: {CARE}"]
    lines += wrap.wrap("rule packs: " + (", ".join(packs) or "none named"))
    lines += [f"hash: {strategy.hash}", NOT_ADVICE]
    return "\n".join(lines)
