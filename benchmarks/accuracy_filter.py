"""What a bank could know at best: the generator's hidden state, filtered from the months that are seen.

Who knows how `datasets.make_portfolio` makes lives, but sees the months table alone, can say how likely each
hidden state is: an exact forward filter over a grid of latent risk, forgetfulness, scars and condition. It
reads whether something was due, paid in full, in part (and which part) or not at all, month by month; the
seasons, the shock, the kind of product, the date of opening, and the limit of a card. It does not read what
a card's balance says (strain moves it) nor accounts of the same person, so the best possible score lies
between this filter and the truth that knows everything.
"""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
from scipy.special import ndtr

from delinquency.datasets._portfolio import Book

RISKS = np.linspace(-3.6, 4.2, 27)
FORGETS = np.linspace(0.01, 0.06, 6)[:-1] + 0.005
SCARS, CONDITIONS = 7, 3
NEVER = len(RISKS) * len(FORGETS) * SCARS * CONDITIONS  # the first code of those who never pay
SLIP = 1e-4  # a month that the grid thinks impossible: a due of the last day, a cent


def drawn_states(months: pd.DataFrame, book: Book, month: int, draws: int, seed: int) -> np.ndarray:
    """Return codes (accounts, draws) of hidden states, drawn from what the months up to one make likely.

    Accounts without a month until then have code 0.
    """
    place = months["month"].dt.year * 12 + months["month"].dt.month - 1 - book.first
    seen = months[(place <= month).to_numpy()]
    of = seen["account_id"].to_numpy() - 1
    people, n = book.people, len(book.people["risk"])
    start = np.searchsorted(of, np.arange(n + 1))
    first = start[:-1][np.diff(start) > 0]
    prior = np.tile(_cells(0.0), (n, 1))
    prior[people["opened"] > len(book.spend) * 2 / 3] = _cells(0.3)
    size = np.full(n, np.nan)
    size[of[first]] = seen["credit_limit"].to_numpy()[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = (np.log(size - 500)[:, None] - 8.3 + 0.1 * RISKS) / 0.6
    prior *= np.where(np.isfinite(off), np.exp(-0.5 * off**2), 1.0)
    prior /= prior.sum(axis=1, keepdims=True)
    codes = np.zeros((n, draws), dtype="int32")
    _filter(
        start,
        place.to_numpy()[(place <= month).to_numpy()],
        seen["amount_paid"].to_numpy(),
        seen["arrears"].to_numpy(),
        book.hazard * np.ones(len(book.spend)),
        people["is_loan"],
        people["opened"] >= 0,
        prior,
        np.random.default_rng(seed).random(n),
        codes,
    )
    # systematic draws come in order; luck must not be dealt in that order as well
    return np.random.default_rng(seed + 1).permuted(codes, axis=1)


def minds_of(codes: np.ndarray) -> np.ndarray:
    """Return condition, scar, risk and forgetfulness (accounts, 4) of codes (accounts,)."""
    never = codes >= NEVER
    rest, condition = np.divmod(np.where(never, 0, codes), CONDITIONS)
    rest, scar = np.divmod(rest, SCARS)
    risk, forget = np.divmod(rest, len(FORGETS))
    risk = np.where(never, codes - NEVER, risk)
    return np.column_stack(
        [np.where(never, 3, condition), 0.15 * scar, RISKS[risk], FORGETS[forget]]
    )


def _cells(mean: float) -> np.ndarray:
    edges = (RISKS[1:] + RISKS[:-1]) / 2
    return np.diff(ndtr(np.concatenate([[-np.inf], edges, [np.inf]]) - mean))


@numba.njit(cache=True)
def _filter(start, at, paid, arrears, season, is_loan, young, prior, luck, codes):
    risks, forgets, draws = len(RISKS), len(FORGETS), codes.shape[1]
    flat = np.empty(NEVER + risks)
    for account in range(len(start) - 1):
        if start[account] == start[account + 1]:
            continue
        state = np.zeros((risks, forgets, SCARS, CONDITIONS))
        never = np.zeros(risks)
        for r in range(risks):
            if young[account]:
                never[r] = prior[account, r] * min(0.004 * np.exp(0.5 * RISKS[r]), 1.0)
            state[r, :, 0, 0] = (prior[account, r] - never[r]) / forgets
        before = 0.0
        for row in range(start[account], start[account + 1]):
            for r in range(risks):
                _move(state[r], RISKS[r], season[at[row]] * (1.3 if is_loan[account] else 1.0))
            _weigh(state, never, paid[row], arrears[row], before > 0)
            total = state.sum() + never.sum()
            state /= total
            never /= total
            before = arrears[row]
        flat[:NEVER] = state.ravel()
        flat[NEVER:] = never
        code, sum_to = 0, flat[0]
        for draw in range(draws):
            mark = (draw + luck[account]) / draws
            while sum_to < mark and code < len(flat) - 1:
                code += 1
                sum_to += flat[code]
            codes[account, draw] = code


@numba.njit(cache=True)
def _move(state, risk, season):
    """Let a month pass for one latent risk: (forgets, scars, conditions), in place."""
    worse = 0.17 * np.exp(0.25 * risk)
    for f in range(state.shape[0]):
        for s in range(SCARS - 1, -1, -1):
            hazard = min(0.011 * np.exp(0.9 * risk + min(0.15 * s, 0.9)) * season, 0.5)
            well, strained, distressed = state[f, s]
            state[f, s, 0] = well * (1 - hazard) + 0.30 * strained + 0.07 * distressed
            state[f, s, 1] = well * hazard + strained * (0.70 - worse) + 0.09 * distressed
            state[f, s, 2] = 0.0
            # a month in distress leaves a scar; higher scars were moved before
            state[f, min(s + 1, SCARS - 1), 2] += strained * worse + 0.84 * distressed


@numba.njit(cache=True)
def _weigh(state, never, paid, arrears, late):
    """Weigh the states by how likely they make what was paid."""
    if paid == 0 and arrears == 0:
        return  # nothing was owed
    if paid == 0:
        strained, distressed = 0.25, 0.80
    elif arrears == 0:
        strained, distressed = 0.50, 0.05
    else:
        part = paid / (paid + arrears)
        strained = 0.25 / 0.7 if 0.199 < part < 0.901 else SLIP
        distressed = 0.15 / 0.4 if 0.049 < part < 0.451 else SLIP
    state[:, :, :, 1] *= strained
    state[:, :, :, 2] *= distressed
    for f in range(len(FORGETS)):
        if paid == 0:
            well = SLIP if late else FORGETS[f]
        elif arrears == 0:
            well = 1.0 if late else 1.0 - FORGETS[f]
        else:
            well = SLIP
        state[:, f, :, 0] *= well
    never *= 1.0 if paid == 0 else 0.0
