"""One made-up life per account, month by month (numba).

Each account draws from its own stream of random numbers, seeded by the seed and its number, so an account's
life does not depend on how many others there are.
"""

from __future__ import annotations

import numpy as np

from delinquency.kernels import compiled

__all__ = ["live"]

OPEN, PAID_OFF, CHARGED_OFF, SOLD, CLOSED = range(5)
WELL, STRAINED, DISTRESSED = range(3)
NEVER_PAYS = 3

_TAIL = 18  # months of recoveries after a charge-off
_CHARGE_OFF_DAYS = 180


@compiled
def _next(state):
    """Advance a stream (splitmix64) and return a number in [0, 1)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = state[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)) * 2.0**-53


@compiled
def _normal(state):
    radius = np.sqrt(-2.0 * np.log(1.0 - _next(state)))
    return radius * np.cos(2.0 * np.pi * _next(state))


@compiled
def _cents(amount):
    return np.round(amount * 100.0) / 100.0


@compiled
def _shift(condition, hazard, risk, state):
    """Return the hidden condition of the next month."""
    draw = _next(state)
    if condition == WELL:
        return STRAINED if draw < hazard else WELL
    if condition == STRAINED:
        worse = 0.17 * np.exp(0.25 * risk)
        return DISTRESSED if draw < worse else (WELL if draw < worse + 0.30 else STRAINED)
    if condition == DISTRESSED:
        return WELL if draw < 0.07 else (STRAINED if draw < 0.16 else DISTRESSED)
    return NEVER_PAYS


@compiled
def _share_paid(condition, forgetful, late, state):
    """Return which share of everything open is paid this month: 0, a part, or all."""
    draw = _next(state)
    if condition == WELL:
        # who forgets a due pays both next month
        return 0.0 if not late and draw < forgetful else 1.0
    if condition == STRAINED:
        if draw < 0.50:
            return 1.0
        return 0.2 + 0.7 * _next(state) if draw < 0.75 else 0.0
    if condition == DISTRESSED:
        if draw < 0.05:
            return 1.0
        return 0.05 + 0.4 * _next(state) if draw < 0.20 else 0.0
    return 0.0


@compiled
def live(
    seed,
    opened,
    is_loan,
    transactor,
    risk,
    forgetful,
    due_of_month,
    size,
    term,
    never_pays,
    season_spend,
    season_strain,
    month_start,
    again_at,
    luck,
    minds,
):
    """Let every account live and write down what a bank would see.

    Parameters
    ----------
    seed : uint64
        One for all.
    opened, is_loan, transactor, risk, forgetful, due_of_month, size, term, never_pays : arrays
        One value per account; ``opened`` counts months from the first month of the book; ``size`` is
        the credit limit or the principal.
    season_spend, season_strain : arrays
        One factor per month of the book.
    month_start : array of int64
        First day of each month of the book, and of the one after.
    again_at : int
        From this month on accounts draw from other streams; the number of months for never.
    luck : uint64
        Seeds those streams.
    minds : array (accounts, 4) of float64, or of no row
        What replaces the hidden condition, scar, risk and forgetfulness of an account in that month.

    Returns
    -------
    months : tuple of arrays
        Account, month, days late, due, paid, balance, status, written off, recovered, arrears,
        condition, hazard.
    dues, payments : tuples of arrays
        Account, day, amount.
    """
    accounts, span = len(opened), len(season_spend)
    room = 0
    for account in range(accounts):
        room += max(span - max(opened[account], 0), 0)
    of, at = np.empty(room, np.int64), np.empty(room, np.int32)
    late_days, due_sum, paid_sum = np.empty(room), np.empty(room), np.empty(room)
    held, status = np.empty(room), np.empty(room, np.int8)
    lost, back, short = np.empty(room), np.empty(room), np.empty(room)
    conditions, hazards = np.empty(room, np.int8), np.empty(room, np.float32)
    due_of, due_day, due_amount = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    pay_of, pay_day, pay_amount = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    rows, dues, payments = 0, 0, 0
    state = np.zeros(1, dtype=np.uint64)
    open_day, open_part = np.empty(span + 1, np.int64), np.empty(span + 1)
    for account in range(accounts):
        state[0] = seed ^ (np.uint64(account + 1) * np.uint64(0xD1342543DE82EF95))
        z, forgets = risk[account], forgetful[account]
        begin = max(opened[account], 0)
        age = begin - opened[account]
        loan = is_loan[account]
        condition = NEVER_PAYS if never_pays[account] and opened[account] >= 0 else WELL
        scar, credit, gone_for = 0.0, 0.0, 0
        limit = size[account]
        left = max(term[account] - age, 1) if loan else 0
        instalment = _cents(limit / term[account] * 1.08)
        use = 0.05 + 0.5 * _next(state) if not transactor[account] else 0.03 + 0.2 * _next(state)
        balance = limit * left / term[account] if loan else (0.0 if age == 0 else use * limit)
        balance = _cents(balance)
        head, tail = 0, 0
        stage = OPEN
        for month in range(begin, span):
            if month == max(again_at, begin):
                state[0] = luck ^ (np.uint64(account + 1) * np.uint64(0xD1342543DE82EF95))
                if minds.shape[0]:
                    condition, scar = int(minds[account, 0]), minds[account, 1]
                    z, forgets = minds[account, 2], minds[account, 3]
            hazard = min(
                0.011 * np.exp(0.9 * z + scar) * season_strain[month] * (1.3 if loan else 1.0), 0.5
            )
            if condition != NEVER_PAYS:
                condition = _shift(condition, hazard, z, state)
            if condition == DISTRESSED:
                scar = min(scar + 0.15, 0.9)
            arrears_before = 0.0
            for index in range(head, tail):
                arrears_before += open_part[index]
            due, paid, recovered, written = 0.0, 0.0, 0.0, 0.0
            start, end = month_start[month], month_start[month + 1] - 1
            due_on = start + due_of_month[account] - 1
            if stage == OPEN:
                # ---- what falls due
                if loan:
                    if left > 0 and month > opened[account]:
                        due = instalment
                        left -= 1
                else:
                    statement = max(balance - arrears_before + credit, 0.0)
                    if statement > 1.0:
                        due = statement if transactor[account] else max(25.0, 0.04 * statement)
                        due = _cents(min(due, statement))
                if due > 0:
                    due_of[dues], due_day[dues], due_amount[dues] = account, due_on, due
                    dues += 1
                    part = min(credit, due)
                    credit = _cents(credit - part)
                    if due - part > 0.004:
                        open_day[tail], open_part[tail] = due_on, _cents(due - part)
                        tail += 1
                # ---- what is paid
                owing = 0.0
                for index in range(head, tail):
                    owing += open_part[index]
                if owing > 0.004:
                    share = _share_paid(condition, forgets, arrears_before > 0, state)
                    paid = _cents(share * owing)
                    if share == 1.0 and not loan and _next(state) < 0.10:
                        paid = np.ceil(paid / 10.0) * 10.0  # people round up
                    if paid > 0:
                        ahead = int(6 * _next(state))
                        day = (
                            due_on - ahead if condition == WELL else due_on + int(9 * _next(state))
                        )
                        day = min(max(day, start), end)
                        pay_of[payments], pay_day[payments] = account, day
                        pay_amount[payments] = paid
                        payments += 1
                        rest = paid + credit
                        while head < tail and rest >= open_part[head] - 0.004:
                            rest -= open_part[head]
                            head += 1
                        if head < tail and rest > 0:
                            open_part[head] = _cents(open_part[head] - rest)
                            rest = 0.0
                        credit = _cents(max(rest, 0.0))
                # ---- what is owed
                if loan:
                    unpaid = 0.0
                    for index in range(head, tail):
                        unpaid += open_part[index]
                    balance = _cents(limit * left / term[account] + unpaid)
                else:
                    interest = 0.0 if transactor[account] else 0.015 * max(balance, 0.0)
                    spend = limit * use
                    if not transactor[account]:
                        # a revolver drifts towards the balance that he is used to; strain raises it
                        target = min(use + (0.35 if condition == STRAINED else 0.0), 0.97) * limit
                        spend = max(paid - interest + 0.2 * (target - balance), 0.02 * limit)
                    spend *= season_spend[month] * np.exp(0.4 * _normal(state))
                    if arrears_before > 0 and head < tail:
                        spend = 0.0  # a late card is blocked
                    room_left = max(limit - balance + paid - interest, 0.0)
                    balance = _cents(balance - paid + min(spend, room_left) + interest)
            # ---- where it stands at the month's end
            arrears = 0.0
            for index in range(head, tail):
                if open_day[index] < end:  # a due of the last day is not late yet
                    arrears += open_part[index]
            late = end - open_day[head] if head < tail else 0
            if stage == CHARGED_OFF:
                gone_for += 1
                if _next(state) < 0.10 * 0.93**gone_for:
                    recovered = _cents((0.02 + 0.08 * _next(state)) * limit)
                if gone_for == _TAIL and _next(state) < 0.5:
                    stage = SOLD
            elif late >= _CHARGE_OFF_DAYS:
                stage = CHARGED_OFF
                written, balance = balance, 0.0
            elif loan and left == 0 and head == tail:
                stage, balance = PAID_OFF, 0.0
            elif not loan and head == tail and _next(state) < 0.004 and balance < 0.05 * limit:
                stage, balance = CLOSED, 0.0  # the little that is left is settled elsewhere
            of[rows], at[rows], late_days[rows] = account, month, late
            due_sum[rows], paid_sum[rows], held[rows] = due, paid, balance
            status[rows], lost[rows], back[rows] = stage, written, recovered
            short[rows], conditions[rows], hazards[rows] = arrears, condition, hazard
            rows += 1
            if stage in (PAID_OFF, CLOSED, SOLD) or gone_for >= _TAIL:
                break
    months = (
        of[:rows],
        at[:rows],
        late_days[:rows],
        due_sum[:rows],
        paid_sum[:rows],
        held[:rows],
        status[:rows],
        lost[:rows],
        back[:rows],
        short[:rows],
        conditions[:rows],
        hazards[:rows],
    )
    return (
        months,
        (due_of[:dues], due_day[:dues], due_amount[:dues]),
        (pay_of[:payments], pay_day[:payments], pay_amount[:payments]),
    )
