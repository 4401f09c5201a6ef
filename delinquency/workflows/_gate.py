"""What a gate is: its name, its limits, what it found, and what follows from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from delinquency.errors import GateError, InputError, Problem, did_you_mean

__all__ = ["GATES", "Gate", "GateLimits", "failed", "override", "told"]

GATES = (
    "reconciliation",
    "refused",
    "rank_order",
    "levels",
    "shift_training",
    "shift_last",
    "quantiles_last",
    "missing_training",
    "missing_last",
)


@dataclass(frozen=True)
class GateLimits:
    """How far a run may be from what was expected of it.

    Parameters
    ----------
    refused : float
        Greatest share of accounts refused, those that ended apart. A judgement: one in a hundred is a
        broken feed, not noise.
    psi_training : float
        Greatest population stability index of the bands against the training sample. 0.25 is where N.
        Siddiqi, "Credit Risk Scorecards", 2006, ch. 9, speaks of a shift that calls for action.
    psi_last : float
        The same, of the points against the last run: 0.10, his mark of a small shift, because a book
        moves little from run to run.
    noise : float
        Chance with which mere sampling may reach the limit. Of two samples of one population, PSI times
        ``n m / (n + m)`` follows a chi-square with one degree less than cells (B. Yurdakul and J.
        Naranjo, "Statistical properties of the population stability index", 2020); limits are never set
        below that quantile.
    quantile_pdo : float
        Farthest that the 5, 25, 50, 75 or 95 per cent point may move against the last run, in points
        to double the odds. A judgement: a half is a change of the odds by 41 per cent for everybody.
    missing : float
        Greatest rise of the share of accounts that miss a feature. A judgement.
    unknown_levels : float
        Greatest share of rows whose status is not one we know. A judgement.
    least : int
        Fewest accounts from which quantiles and ranks are judged.
    """

    refused: float = 0.01
    psi_training: float = 0.25
    psi_last: float = 0.10
    noise: float = 1e-4
    quantile_pdo: float = 0.5
    missing: float = 0.05
    unknown_levels: float = 0.001
    least: int = 100


@dataclass(frozen=True)
class Gate:
    """What one gate found: ``state`` is ``passed``, ``failed``, ``overridden`` or ``not judged``."""

    gate: str
    state: str
    what: str
    value: float | None = None
    limit: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for manifest and report."""
        return asdict(self)


def override(gates: Iterable[Gate], reasons: Mapping[str, str]) -> list[Gate]:
    """Return the gates, those that failed and have a written reason as overridden.

    Raises
    ------
    InputError
        ``DLQ-219`` for a gate that does not exist or a reason that says nothing.
    """
    for name, reason in reasons.items():
        if name not in GATES:
            fix = did_you_mean(name, GATES) or f"one of {', '.join(GATES)}"
            raise InputError(Problem("DLQ-219", "no such gate", f"override.{name}", fix=fix))
        if not reason.strip():
            fix = f'write --override {name}="why, and who decided"'
            raise InputError(Problem("DLQ-219", "no reason given", f"override.{name}", fix=fix))
    return [
        Gate(**{**gate.as_dict(), "state": "overridden", "reason": reasons[gate.gate]})
        if gate.state == "failed" and gate.gate in reasons
        else gate
        for gate in gates
    ]


def failed(gates: Iterable[Gate], where: str) -> GateError | None:
    """Return the error of the gates that failed, None when none did.

    Raises
    ------
    GateError
        ``DLQ-307`` when no gate was there to pass: a run that nothing checked is not committed.
    """
    gates = list(gates)
    if not any(gate.state in ("passed", "overridden", "failed") for gate in gates):
        what = "no gate could be judged"
        raise GateError(Problem("DLQ-307", what, where, 0, "zero checks are a failure"))
    fix = "mend the input; or write down why it is right: --override {}=REASON"
    problems = [
        Problem(
            "DLQ-303" if gate.gate == "refused" else "DLQ-306",
            f"gate {gate.gate} failed: {gate.what}",
            where,
            fix=fix.format(gate.gate),
        )
        for gate in gates
        if gate.state == "failed"
    ]
    return GateError(*problems) if problems else None


def told(gates: Iterable[Gate]) -> str:
    """Return the gates as lines for people."""
    return "".join(
        f"{gate.state:<11} {gate.gate:<17} {gate.what}"
        + (f" ({gate.value:g}, at most {gate.limit:g})" if gate.value is not None else "")
        + (f" - {gate.reason}" if gate.reason else "")
        + "\n"
        for gate in gates
    )
