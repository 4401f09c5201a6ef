"""The made-up world of the collections simulator: every number it rests on, in one place.

None of these numbers is a fact about debtors. They were chosen so that the world has the features that
make collections hard: most accounts cure by themselves, some respond to nothing, some are harmed by
contact, effects wear off, and what collectors see is not all there is. Change them with
``dataclasses.replace(World(), ...)`` and see which conclusions stand.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STAGES", "TREATMENTS", "World"]

TREATMENTS = (
    "no_action",
    "digital_reminder",
    "ai_voice_call",
    "agent_call",
    "instalment_plan",
    "demand_letter",
    "field_visit",
)
STAGES = ("current", "1-29", "30-59", "60-89", "90+", "closed")


@dataclass(frozen=True)
class World:
    """What is true in the simulator; rates are monthly, money in units of one currency.

    Each account has a latent ability and willingness to pay (standard normal, correlated), a chance to be
    reached, a balance, and a type, which says how treatments move it. In a month it pays with a
    probability on the log-odds scale: by stage, plus ability and willingness, plus the effect of the
    treatment if it reached the account, worn by fatigue. Whoever pays catches up fully (a cure) or pays
    one instalment and stays; whoever does not rolls a stage further. At 90+ paying is a settlement that
    closes the account, and not paying may end in a write-off.

    Attributes
    ----------
    types : tuple of str
        Unmoved by anything; forgetful (a reminder is enough); talkers (a person is needed); squeezed
        (low ability: a plan helps, pressure harms); resistant (any contact harms); hard (pressure alone
        moves them).
    type_shares : tuple of float
        Share of each type.
    effects : tuple of tuple of float
        Change of the log-odds of paying, by type and treatment (order of `TREATMENTS`).
    effect_spread : float
        Standard deviation of an account's own effect around that of its type.
    stage_log_odds : tuple of float
        Of paying without treatment, by stage from current to 90+.
    ability_weight, willingness_weight : float
        Their parts in the log-odds.
    correlation : float
        Between ability and willingness.
    cure_log_odds : float
        Of catching up fully, given that something is paid and ability is average.
    reach : tuple of float
        Share of an account's own contactability that a treatment needs: 0 reaches everybody.
    wear : float
        Factor on the effect for each level of fatigue (0, 1, 2).
    fatigue : tuple of int
        Levels that a treatment adds; without contact one level goes a month.
    cost, complaint : tuple of float
        Cost of a treatment; chance of a complaint at no fatigue, which rises by half a level.
    conduct_price : float
        What a complaint costs in the value of a plan.
    needs, capacity : dict
        What a treatment uses of each capacity, and what there is for each account and month.
    opens : tuple of tuple of int
        First and last stage in which a treatment may be used.
    balance_log_mean, balance_log_sd, instalment, settlement : float
        Balances are log-normal; an instalment and a settlement are shares of them.
    write_off, discount : float
        Monthly chance of a write-off at 90+ without payment; monthly discount factor.
    worth : tuple of float
        What the balance is worth at the end of the horizon, by stage.
    start : tuple of float
        Share of accounts in each stage at the start.
    """

    types: tuple[str, ...] = ("unmoved", "forgetful", "talker", "squeezed", "resistant", "hard")
    type_shares: tuple[float, ...] = (0.30, 0.22, 0.18, 0.14, 0.08, 0.08)
    effects: tuple[tuple[float, ...], ...] = (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 1.2, 1.3, 1.3, 0.2, 0.5, 0.5),
        (0.0, 0.2, 0.5, 1.6, 1.0, 0.3, 1.2),
        (0.0, 0.0, -0.2, 0.3, 2.0, -0.6, -0.5),
        (0.0, -0.2, -0.7, -0.6, 0.0, -0.3, -0.9),
        (0.0, 0.0, 0.1, 0.3, 0.2, 1.5, 1.9),
    )
    effect_spread: float = 0.2
    stage_log_odds: tuple[float, ...] = (2.6, 0.9, 0.0, -0.9, -2.6)
    ability_weight: float = 0.7
    willingness_weight: float = 0.7
    correlation: float = 0.3
    cure_log_odds: float = 0.4
    reach: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.5)
    wear: float = 0.6
    fatigue: tuple[int, ...] = (0, 0, 1, 1, 1, 1, 2)
    cost: tuple[float, ...] = (0.0, 0.1, 0.6, 6.0, 15.0, 5.0, 45.0)
    complaint: tuple[float, ...] = (0.0, 0.0005, 0.004, 0.004, 0.001, 0.008, 0.03)
    conduct_price: float = 150.0
    needs: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("agent_hours", (0.0, 0.0, 0.0, 0.25, 0.75, 0.0, 0.0)),
        ("field_visits", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    )
    capacity: tuple[tuple[str, float], ...] = (("agent_hours", 0.03), ("field_visits", 0.01))
    opens: tuple[tuple[int, int], ...] = ((0, 5), (0, 4), (1, 4), (1, 4), (1, 4), (3, 4), (2, 4))
    balance_log_mean: float = 7.0
    balance_log_sd: float = 0.7
    instalment: float = 0.05
    settlement: float = 0.5
    write_off: float = 0.15
    discount: float = 0.99
    worth: tuple[float, ...] = (0.95, 0.80, 0.55, 0.35, 0.12, 0.0)
    start: tuple[float, ...] = (0.35, 0.30, 0.15, 0.10, 0.10, 0.0)

    @property
    def harsh(self) -> tuple[str, ...]:
        """Treatments that count as harsh: those with a complaint in two hundred or more."""
        pairs = zip(TREATMENTS, self.complaint, strict=True)
        return tuple(name for name, chance in pairs if chance >= 0.005)
