"""The whole catalogue once more, as DuckDB SQL: set algebra instead of walks, another engine's sums."""

import duckdb
import pandas as pd
import pyarrow as pa

VALUES = {
    "dpd": "days",
    "utilisation": "use",
    "balance": "balance",
    "amount_paid": "paid",
    "payment_ratio": "ratio",
}

# Everything a snapshot may see, with the values of a row and its age in months.
SEEN = """
create or replace temp table seen as
with snaps as (
    select snapshot_date, year(d) * 12 + month(d) - 1 as now from (
        select snapshot_date, case when last_day(snapshot_date) = snapshot_date then snapshot_date
            else snapshot_date - interval 1 month end as d from dates)
), rows as (
    select *, year(month) * 12 + month(month) - 1 as month_no from months
)
select account_id, snapshot_date, now, month_no, now - month_no as age, days_past_due as days,
    amount_due as due, amount_paid as paid, balance, credit_limit as lim, status, written_off,
    recovered, now - (year(opened) * 12 + month(opened) - 1) as on_book,
    case when credit_limit > 0 then balance / credit_limit end as use,
    case when amount_due > 0 then amount_paid / amount_due end as ratio,
    case when days_past_due <= 0 then 0 else least(1 + floor(days_past_due / 30), 7) end as bucket
from rows join snaps on month_no between now - {horizon} + 1 and now
where known_at is null or known_at < snapshot_date + interval 1 day
"""

# The rows of one span, each with its neighbours and the runs that end at it.
SPAN = """
with part as (select * from seen where age < {months}),
near as (
    select *,
        row_number() over later = 1 as newest,
        row_number() over earlier = 1 as oldest,
        max(days) over (partition by account_id, snapshot_date) as worst,
        lag(month_no) over earlier as prev_month, lag(days) over earlier as prev_days,
        lag(use) over earlier as prev_use, lag(balance) over earlier as prev_balance,
        lag(paid) over earlier as prev_paid, lag(due) over earlier as prev_due,
        lag(lim) over earlier as prev_lim, lag(bucket) over earlier as prev_bucket,
        lag(status) over earlier as prev_status,
        first_value(days) over later as last_days, first_value(use) over later as last_use,
        first_value(balance) over later as last_balance, first_value(paid) over later as last_paid,
        first_value(ratio) over later as last_ratio,
        sum((days < 1)::int) over earlier as cleans, sum((days >= 1)::int) over earlier as lates
    from part
    window later as (partition by account_id, snapshot_date order by month_no desc),
        earlier as (partition by account_id, snapshot_date order by month_no)
), w as (
    select *,
        sum((days >= 1)::int) over (partition by account_id, snapshot_date, cleans
            order by month_no) as run,
        sum((days < 1)::int) over (partition by account_id, snapshot_date, lates
            order by month_no) as clean_run
    from near
)
select account_id, snapshot_date, {features} from w group by account_id, snapshot_date
"""


def over(above, below):
    return f"case when {below} > 0 then ({above}) / ({below}) end"


def slope(value):
    return f"case when count({value}) > 1 then regr_slope({value}, month_no) end"


BOTH = "filter (due is not null and paid is not null)"
NEXT = "month_no - prev_month = 1"

WINDOWED = {
    "n_obs": "count(*)",
    "dpd_max": "max(days)",
    "dpd_mean": "avg(days)",
    "dpd1_count": "count(*) filter (days >= 1)",
    "dpd30_count": "count(*) filter (days >= 30)",
    "months_since_dpd30": "min(age) filter (days >= 30)",
    "current_streak": "max(run) filter (newest and days >= 1)",
    "worst_streak": "max(run)",
    "utilisation_mean": "avg(use)",
    "utilisation_max": "max(use)",
    "utilisation_min": "min(use)",
    "utilisation_slope": slope("use"),
    "paid_to_due": over(f"sum(paid) {BOTH}", f"sum(due) {BOTH}"),
    "payment_ratio_min": "min(ratio)",
    "payment_ratio_mean": "avg(ratio)",
    "payment_ratio_std": "stddev_samp(ratio)",
    "missed_count": "count(*) filter (due > 0 and paid <= 0)",
    "utilisation_last_minus_mean": "max(use) filter (newest) - avg(use)",
    "dpd_last_minus_mean": "max(days) filter (newest) - avg(days)",
    "balance_mean": "avg(balance)",
    "balance_last_minus_mean": "max(balance) filter (newest) - avg(balance)",
    "roll_forward_count": "count(*) filter (bucket > prev_bucket)",
    "roll_back_count": "count(*) filter (bucket < prev_bucket)",
}
LATEST = {
    "dpd_last": "days",
    "utilisation_last": "use",
    "balance_last": "balance",
    "amount_due_last": "due",
    "amount_paid_last": "paid",
    "credit_limit_last": "lim",
    "months_since_last_obs": "age",
}
CORE_24 = {"months_observed_24m": "max(age) + 1"}
MORE_WINDOWED = {
    "dpd7_count": "count(*) filter (days >= 7)",
    "dpd60_count": "count(*) filter (days >= 60)",
    "dpd90_count": "count(*) filter (days >= 90)",
    "dpd_std": "stddev_samp(days)",
    "dpd_slope": slope("days"),
    "dpd_due_weighted": "sum(days * due) filter (due > 0) / sum(due) filter (due > 0)",
    "short_count": "count(*) filter (due > 0 and paid < due)",
    "full_share": "avg((paid >= due)::int) filter (ratio is not null)",
    "shortfall_share": "sum(greatest(due - paid, 0)) filter (ratio is not null)"
    " / sum(due) filter (ratio is not null)",
    "payment_ratio_max": "max(ratio)",
    "payment_ratio_slope": slope("ratio"),
    "amount_paid_mean": "avg(paid)",
    "balance_slope": slope("balance"),
    "utilisation_std": "stddev_samp(use)",
    "near_limit_count": "count(*) filter (use >= 0.9)",
    "over_limit_count": "count(*) filter (lim > 0 and balance > lim)",
    "spend_mean": f"avg(balance - prev_balance + paid) filter ({NEXT})",
    "paid_to_balance": f"sum(paid) filter ({NEXT} and prev_balance > 0)"
    f" / sum(prev_balance) filter ({NEXT} and prev_balance > 0 and paid is not null)",
    "clean_streak_max": "max(clean_run)",
    "dpd_median": "quantile_cont(days, 0.5)",
    "dpd_q3": "quantile_cont(days, 0.75)",
    "payment_ratio_q1": "quantile_cont(ratio, 0.25)",
    "payment_ratio_median": "quantile_cont(ratio, 0.5)",
    "utilisation_median": "quantile_cont(use, 0.5)",
    "utilisation_q3": "quantile_cont(use, 0.75)",
}
LATEST_MORE = {
    "headroom_last": "lim - balance",
    "status_is_open": "status = 'open'",
    "months_on_book": "on_book",
}
EVER = {
    "months_since_dpd1": "min(age) filter (days >= 1)",
    "months_since_dpd60": "min(age) filter (days >= 60)",
    "months_since_dpd90": "min(age) filter (days >= 90)",
    "months_since_missed": "min(age) filter (due > 0 and paid <= 0)",
    "months_since_short": "min(age) filter (due > 0 and paid < due)",
    "months_since_full": "min(age) filter (due > 0 and paid >= due)",
    "months_since_paid": "min(age) filter (paid > 0)",
    "months_since_worst": "min(age) filter (days = worst and worst > 0)",
    "months_since_limit_change": "min(age) filter (lim <> prev_lim)",
    "clean_streak": "max(clean_run) filter (newest and days < 1)",
    "limit_change_share": over("max(lim) filter (newest)", "min_by(lim, month_no)") + " - 1",
    "limit_rise_count": "count(*) filter (lim > prev_lim)",
    "limit_cut_count": "count(*) filter (lim < prev_lim)",
    "credit_balance_count": "count(*) filter (balance < 0)",
    "zero_balance_count": "count(*) filter (balance = 0)",
    "balance_last_over_first": over("max(balance) filter (newest)", "min_by(balance, month_no)"),
    "balance_last_over_max": over("max(balance) filter (newest)", "max(balance)"),
    "months_to_clear": over("max(balance) filter (newest)", "avg(paid) filter (age < 12)"),
    "due_change_count": "count(*) filter (due <> prev_due)",
    "due_last_over_mean": over("max(due) filter (newest)", "avg(due)"),
    "status_open_share": "avg((status = 'open')::int)",
    "status_change_count": "count(*) filter (status <> prev_status)",
    "written_off_sum": "sum(written_off)",
    "recovered_sum": "sum(recovered)",
    "gap_count": "max(month_no) - min(month_no) + 1 - count(*)",
}
for half_life in (3, 12):
    weight = f"pow(0.5, age / {half_life}.0)"
    EVER |= {
        f"dpd_decay{half_life}_sum": f"sum(days * {weight})",
        f"dpd_decay{half_life}_mean": f"sum(days * {weight}) / sum({weight})",
        f"missed_decay{half_life}_share": f"sum((paid <= 0)::int * {weight})"
        f" filter (ratio is not null) / sum({weight}) filter (ratio is not null)",
        f"paid_to_due_decay{half_life}": over(
            f"sum(paid * {weight}) {BOTH}", f"sum(due * {weight}) {BOTH}"
        ),
        f"utilisation_decay{half_life}_mean": f"sum(use * {weight})"
        f" / sum({weight}) filter (use is not null)",
    }
for name, value in VALUES.items():
    if name != "payment_ratio":
        for short, long in ((3, 12), (6, 24)):
            EVER[f"{name}_mean_{short}m_over_{long}m"] = over(
                f"avg({value}) filter (age < {short})", f"avg({value}) filter (age < {long})"
            )
        EVER[f"{name}_last_minus_previous"] = f"max({value} - prev_{value}) filter (newest)"
    if name in ("dpd", "utilisation", "balance"):
        EVER[f"{name}_last_minus_first"] = (
            f"case when count(*) > 1 then max({value}) filter (newest)"
            f" - max({value}) filter (oldest) end"
        )
        EVER[f"{name}_step_max"] = f"max({value} - prev_{value})"
        EVER[f"{name}_step_std"] = f"stddev_samp({value} - prev_{value})"
    if name in ("balance", "amount_paid"):
        EVER[f"{name}_last_over_mean"] = over(f"max({value}) filter (newest)", f"avg({value})")
    EVER[f"{name}_rank"] = (
        f"avg(case when {value} < last_{value} then 1 when {value} = last_{value} then 0.5 else 0"
        f" end) filter (not newest and {value} is not null and last_{value} is not null)"
    )
for back in (1, 2, 3):
    year = f"age between {back} and {back + 11}"
    known = f"filter ({year} and due is not null and paid is not null)"
    EVER[f"dpd_mean_12m_back{back}"] = f"avg(days) filter ({year})"
    EVER[f"paid_to_due_12m_back{back}"] = over(f"sum(paid) {known}", f"sum(due) {known}")
for paid, payment in {
    "none": "paid <= 0",
    "part": "paid > 0 and ratio < 0.5",
    "most": "paid > 0 and ratio >= 0.5 and ratio < 1",
    "full": "paid > 0 and ratio >= 1",
}.items():
    for late, delay in {
        "dpd0": "days < 1",
        "dpd1": "days >= 1 and days < 30",
        "dpd30": "days >= 30",
    }.items():
        EVER[f"paid_{paid}_{late}_count"] = (
            f"count(*) filter (age < 12 and ratio is not null and {payment} and {delay})"
        )

COUNTS = ("_count", "_streak", "_streak_max", "n_obs")


def query(connection, months, exprs, suffix=""):
    features = ", ".join(f'{sql} as "{name}{suffix}"' for name, sql in exprs.items())
    return connection.execute(SPAN.format(months=months, features=features)).df()


def features(months, dates, windows, whole=True):
    """The table of features by SQL alone; `months` with every column of the tests' panels."""
    connection = duckdb.connect()
    connection.register("months", pa.Table.from_pandas(months, preserve_index=False))
    connection.register("dates", pd.DataFrame({"snapshot_date": pd.to_datetime(sorted(dates))}))
    connection.execute(SEEN.format(horizon=max(24, *windows)))
    latest = LATEST | (LATEST_MORE if whole else {})
    months_of_year = {
        "season_sin": "sin(2 * pi() * (now % 12) / 12)",
        "season_cos": "cos(2 * pi() * (now % 12) / 12)",
    }
    columns = ", ".join(
        f'max_by(({sql})::double, month_no) filter (({sql}) is not null and age = youngest) as "{name}"'
        for name, sql in (latest | (months_of_year if whole else {})).items()
    )
    base = connection.execute(
        f"select account_id, snapshot_date, {columns} from (select *, min(age) over (partition by"
        " account_id, snapshot_date) as youngest from seen) group by account_id, snapshot_date"
        " order by account_id, snapshot_date"
    ).df()
    windowed = WINDOWED | (MORE_WINDOWED if whole else {})
    parts = [query(connection, window, windowed, f"_{window}m") for window in windows]
    parts.append(query(connection, 24, CORE_24 | (EVER if whole else {})))
    key = ["account_id", "snapshot_date"]
    result = base.set_index(key).join([part.set_index(key) for part in parts]).astype("float64")
    stems = result.columns.str.replace(r"_\d+m$", "", regex=True)
    counted = result.columns[stems.str.endswith(COUNTS)]
    return result.fillna(dict.fromkeys(counted, 0.0))
