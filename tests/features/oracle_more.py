"""The families beyond the core, slow and obvious, from their definitions in the catalogue."""

import itertools
import math
from fractions import Fraction

from .oracle import known, mean, minus, ordinal, payment_ratio, runs, slope, std, utilisation

CLASSES = ("none", "part", "most", "full")


def days_of(row):
    return row["days_past_due"]


def balance_of(row):
    return row["balance"]


def paid_of(row):
    return row["amount_paid"]


VALUES = {
    "dpd": days_of,
    "utilisation": utilisation,
    "balance": balance_of,
    "amount_paid": paid_of,
    "payment_ratio": payment_ratio,
}


def share(part, whole):
    return part / whole if whole else None


def divided(above, below):
    return None if above is None or below is None or below <= 0 else above / below


def points(rows, value):
    return [(ordinal(row["month"]), value(row)) for row in rows if value(row) is not None]


def due_rows(rows):
    """Rows with a due above zero and a known payment."""
    return [row for row in rows if payment_ratio(row) is not None]


def neighbours(rows):
    """Each row with the one before it, oldest first."""
    return list(itertools.pairwise(rows))


def window_features(rows):
    days = [days_of(row) for row in rows]
    dues = due_rows(rows)
    ratios = [payment_ratio(row) for row in dues]
    use = known(utilisation(row) for row in rows)
    with_due = [row for row in rows if row["amount_due"] is not None and row["amount_due"] > 0]
    adjacent = [
        (before, after)
        for before, after in neighbours(rows)
        if ordinal(after["month"]) - ordinal(before["month"]) == 1
        and after["amount_paid"] is not None
    ]
    spends = [
        Fraction(after["balance"]) - Fraction(before["balance"]) + Fraction(after["amount_paid"])
        for before, after in adjacent
        if before["balance"] is not None and after["balance"] is not None
    ]
    paid_down = [
        (Fraction(after["amount_paid"]), Fraction(before["balance"]))
        for before, after in adjacent
        if before["balance"] is not None and before["balance"] > 0
    ]
    weight = sum(Fraction(row["amount_due"]) for row in with_due)
    late = sum(Fraction(days_of(row)) * Fraction(row["amount_due"]) for row in with_due)
    due_sum = sum(Fraction(row["amount_due"]) for row in dues)
    unpaid = sum(
        max(Fraction(row["amount_due"]) - Fraction(row["amount_paid"]), Fraction(0)) for row in dues
    )
    return {
        "dpd7_count": sum(d >= 7 for d in days),
        "dpd60_count": sum(d >= 60 for d in days),
        "dpd90_count": sum(d >= 90 for d in days),
        "dpd_std": std(days),
        "dpd_slope": slope(points(rows, days_of)),
        "dpd_due_weighted": float(late / weight) if weight else None,
        "short_count": sum(row["amount_paid"] < row["amount_due"] for row in dues),
        "full_share": share(
            sum(row["amount_paid"] >= row["amount_due"] for row in dues), len(dues)
        ),
        "shortfall_share": float(unpaid / due_sum) if dues else None,
        "payment_ratio_max": max(ratios, default=None),
        "payment_ratio_slope": slope(points(rows, payment_ratio)),
        "amount_paid_mean": mean(known(paid_of(row) for row in rows)),
        "balance_slope": slope(points(rows, balance_of)),
        "utilisation_std": std(use),
        "near_limit_count": sum(u >= 0.9 for u in use),
        "over_limit_count": sum(
            row["balance"] > row["credit_limit"] for row in rows if utilisation(row) is not None
        ),
        "spend_mean": float(sum(spends) / len(spends)) if spends else None,
        "paid_to_balance": (
            float(sum(p for p, _ in paid_down) / sum(b for _, b in paid_down))
            if paid_down
            else None
        ),
        "clean_streak_max": runs([d < 1 for d in days])[0],
    }


def quantile(values, share):
    """Linear between order statistics, as type 7 of Hyndman and Fan (1996)."""
    if not values:
        return None
    rising = sorted(map(Fraction, values))
    place = Fraction(share) * (len(rising) - 1)
    below = math.floor(place)
    above = min(below + 1, len(rising) - 1)
    return float(rising[below] + (place - below) * (rising[above] - rising[below]))


def quartile_features(rows):
    days = [days_of(row) for row in rows]
    ratios = [payment_ratio(row) for row in due_rows(rows)]
    use = known(utilisation(row) for row in rows)
    return {
        "dpd_median": quantile(days, 0.5),
        "dpd_q3": quantile(days, 0.75),
        "payment_ratio_q1": quantile(ratios, 0.25),
        "payment_ratio_median": quantile(ratios, 0.5),
        "utilisation_median": quantile(use, 0.5),
        "utilisation_q3": quantile(use, 0.75),
    }


def recency(rows, now):
    def since(test):
        hits = [row for row in rows if test(row)]
        return now - ordinal(hits[-1]["month"]) if hits else None

    worst = max((days_of(row) for row in rows), default=0)
    changes = [
        after
        for before, after in neighbours(rows)
        if None not in (before["credit_limit"], after["credit_limit"])
        and before["credit_limit"] != after["credit_limit"]
    ]
    return {
        "months_since_dpd1": since(lambda row: days_of(row) >= 1),
        "months_since_dpd60": since(lambda row: days_of(row) >= 60),
        "months_since_dpd90": since(lambda row: days_of(row) >= 90),
        "months_since_missed": since(lambda row: row in due_rows(rows) and row["amount_paid"] <= 0),
        "months_since_short": since(
            lambda row: row in due_rows(rows) and row["amount_paid"] < row["amount_due"]
        ),
        "months_since_full": since(
            lambda row: row in due_rows(rows) and row["amount_paid"] >= row["amount_due"]
        ),
        "months_since_paid": since(
            lambda row: row["amount_paid"] is not None and row["amount_paid"] > 0
        ),
        "months_since_worst": since(lambda row: worst > 0 and days_of(row) == worst),
        "months_since_limit_change": now - ordinal(changes[-1]["month"]) if changes else None,
        "clean_streak": runs([days_of(row) < 1 for row in rows])[1],
    }


def decay(rows, now, half_life):
    def weighted(pairs):
        return sum(
            0.5 ** ((now - ordinal(row["month"])) / half_life) * value for row, value in pairs
        )

    dues = due_rows(rows)
    both = [row for row in rows if None not in (row["amount_due"], row["amount_paid"])]
    used = [row for row in rows if utilisation(row) is not None]
    total = weighted((row, days_of(row)) for row in rows) if rows else None
    seen = weighted((row, 1) for row in rows)
    missed = weighted((row, row["amount_paid"] <= 0) for row in dues)
    paid = weighted((row, row["amount_paid"]) for row in both)
    use = weighted((row, utilisation(row)) for row in used)
    return {
        f"dpd_decay{half_life}_sum": total,
        f"dpd_decay{half_life}_mean": divided(total, seen),
        f"missed_decay{half_life}_share": share(missed, weighted((row, 1) for row in dues)),
        f"paid_to_due_decay{half_life}": divided(
            paid, weighted((row, row["amount_due"]) for row in both)
        ),
        f"utilisation_decay{half_life}_mean": share(use, weighted((row, 1) for row in used)),
    }


def contrast(rows, now):
    def between(value, youngest, oldest):
        part = [row for row in rows if youngest <= now - ordinal(row["month"]) < oldest]
        return mean(known(value(row) for row in part))

    result = {}
    for name in ("dpd", "utilisation", "balance", "amount_paid"):
        for short, long in ((3, 12), (6, 24)):
            result[f"{name}_mean_{short}m_over_{long}m"] = divided(
                between(VALUES[name], 0, short), between(VALUES[name], 0, long)
            )
    for back in (1, 2, 3):
        year = [row for row in rows if back <= now - ordinal(row["month"]) < back + 12]
        both = [row for row in year if None not in (row["amount_due"], row["amount_paid"])]
        due = sum(Fraction(row["amount_due"]) for row in both)
        paid = sum(Fraction(row["amount_paid"]) for row in both)
        result[f"dpd_mean_12m_back{back}"] = mean([days_of(row) for row in year])
        result[f"paid_to_due_12m_back{back}"] = float(paid / due) if due > 0 else None
    for name in ("dpd", "utilisation", "balance", "amount_paid"):
        value = VALUES[name]
        result[f"{name}_last_minus_previous"] = (
            minus(value(rows[-1]), value(rows[-2])) if len(rows) > 1 else None
        )
    for name in ("dpd", "utilisation", "balance"):
        value = VALUES[name]
        result[f"{name}_last_minus_first"] = (
            minus(value(rows[-1]), value(rows[0])) if len(rows) > 1 else None
        )
    for name in ("balance", "amount_paid"):
        last = VALUES[name](rows[-1]) if rows else None
        result[f"{name}_last_over_mean"] = divided(last, between(VALUES[name], 0, 24))
    for name in ("dpd", "utilisation", "balance"):
        value = VALUES[name]
        steps = known(minus(value(after), value(before)) for before, after in neighbours(rows))
        result[f"{name}_step_max"] = max(steps, default=None)
        result[f"{name}_step_std"] = std(steps)
    for name, value in VALUES.items():
        others = known(value(row) for row in rows[:-1])
        last = value(rows[-1]) if rows else None
        result[f"{name}_rank"] = (
            None
            if last is None or not others
            else sum(1.0 if v < last else 0.5 if v == last else 0.0 for v in others) / len(others)
        )
    return result


def grid(rows, now):
    result = {f"paid_{c}_{d}_count": 0 for c in CLASSES for d in ("dpd0", "dpd1", "dpd30")}
    for row in due_rows(rows):
        if now - ordinal(row["month"]) >= 12:
            continue
        ratio, days = payment_ratio(row), days_of(row)
        if row["amount_paid"] <= 0:
            paid = "none"
        elif ratio < 0.5:
            paid = "part"
        elif ratio < 1:
            paid = "most"
        else:
            paid = "full"
        late = "dpd0" if days < 1 else "dpd1" if days < 30 else "dpd30"
        result[f"paid_{paid}_{late}_count"] += 1
    return result


def line(rows, now, newest):
    def last(name):
        return rows[-1][name] if rows else None

    def steps(name):
        pairs = [(before[name], after[name]) for before, after in neighbours(rows)]
        return [pair for pair in pairs if None not in pair]

    limits = known(row["credit_limit"] for row in rows)
    balances = known(row["balance"] for row in rows)
    dues = known(row["amount_due"] for row in rows)
    year = [row for row in rows if now - ordinal(row["month"]) < 12]
    growth = divided(last("credit_limit"), limits[0] if limits else None)
    return {
        "headroom_last": minus(newest["credit_limit"], newest["balance"]),
        "limit_change_share": None if growth is None else growth - 1,
        "limit_rise_count": sum(after > before for before, after in steps("credit_limit")),
        "limit_cut_count": sum(after < before for before, after in steps("credit_limit")),
        "credit_balance_count": sum(b < 0 for b in balances),
        "zero_balance_count": sum(b == 0 for b in balances),
        "balance_last_over_first": divided(last("balance"), balances[0] if balances else None),
        "balance_last_over_max": divided(last("balance"), max(balances, default=None)),
        "months_to_clear": divided(last("balance"), mean(known(paid_of(row) for row in year))),
        "due_change_count": sum(after != before for before, after in steps("amount_due")),
        "due_last_over_mean": divided(last("amount_due"), mean(dues)),
    }


def status(rows, now, newest):
    codes = known(row["status"] for row in rows)
    changes = [
        1
        for before, after in neighbours(rows)
        if None not in (before["status"], after["status"]) and before["status"] != after["status"]
    ]
    lost = known(row["written_off"] for row in rows)
    back = known(row["recovered"] for row in rows)
    opened = newest["opened"]
    span = ordinal(rows[-1]["month"]) - ordinal(rows[0]["month"]) + 1 if rows else 0
    angle = 2 * math.pi * (now % 12) / 12
    return {
        "status_open_share": share(sum(code == "open" for code in codes), len(codes)),
        "status_is_open": None if newest["status"] is None else newest["status"] == "open",
        "status_change_count": len(changes),
        "written_off_sum": float(sum(map(Fraction, lost))) if lost else None,
        "recovered_sum": float(sum(map(Fraction, back))) if back else None,
        "months_on_book": None if opened is None else now - ordinal(opened),
        "gap_count": span - len(rows),
        "season_sin": math.sin(angle),
        "season_cos": math.cos(angle),
    }


def features(rows, now, windows):
    """The features beyond the core of one account with a row left, in the order of the catalogue."""
    result = {}
    for window in windows:
        part = [row for row in rows if ordinal(row["month"]) > now - window]
        result |= {f"{name}_{window}m": value for name, value in window_features(part).items()}
    for window in windows:
        part = [row for row in rows if ordinal(row["month"]) > now - window]
        result |= {f"{name}_{window}m": value for name, value in quartile_features(part).items()}
    two_years = [row for row in rows if ordinal(row["month"]) > now - 24]
    result |= recency(two_years, now)
    for half_life in (3, 12):
        result |= decay(two_years, now, half_life)
    result |= contrast(two_years, now)
    result |= grid(two_years, now)
    result |= line(two_years, now, rows[-1])
    result |= status(two_years, now, rows[-1])
    return result
