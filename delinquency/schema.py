"""The tables: their columns, types, and the checks at the door.

A table is checked once, where it enters, by `admit`; past the door it is trusted. What comes out is a
pandas frame in canonical types: ids as text or 64-bit integers, dates as ``datetime64[us]`` (months as
month ends), numbers as ``float64``, sorted by its key. Anything that speaks the Arrow C stream comes in:
pandas, polars, pyarrow, DuckDB.

Rows are named by position, counted from 0 as in ``frame.iloc``; values never appear in a message.

The rule of time stands here too (`known_as_of`), because the leak wall of `delinquency.history` and the
guard of `delinquency.features` must be the same rule.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from delinquency.errors import InputError, Problem, did_you_mean

__all__ = [
    "ACCOUNTS",
    "DUES",
    "LABELS",
    "MONTHS",
    "PAYMENTS",
    "SCORES",
    "Column",
    "Table",
    "admit",
    "as_date",
    "audit_only",
    "hash_share",
    "known_as_of",
    "month_number",
    "to_frame",
]

_LOG = logging.getLogger("delinquency")
DATE_DTYPE = "datetime64[us]"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    kind : {"id", "month", "date", "money", "days", "number", "text", "flag", "label"}
        ``days`` are whole, not negative and never missing; ``money`` may be negative or missing;
        ``label`` is 1, 0 or missing.
    required : bool
        Whether the table is refused without it.
    """

    kind: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the house: its name, key and columns; other columns pass through untouched."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    either: tuple[tuple[str, ...], ...] = ()  # at least one of these groups must be there
    repeats: bool = False  # events: the key only sorts, and may stand on many rows


_ID, _KEY_MONTH, _DATE = Column("id", True), Column("month", True), Column("date")
_MONEY, _TEXT = Column("money"), Column("text")

DUES = Table(
    "dues",
    ("account_id", "due_date"),
    {
        "account_id": _ID,
        "due_date": Column("date", True),
        "amount_due": Column("money", True),
        "known_at": _DATE,
    },
    repeats=True,
)
PAYMENTS = Table(
    "payments",
    ("account_id", "paid_date"),
    {
        "account_id": _ID,
        "paid_date": Column("date", True),
        "amount_paid": Column("money", True),
        "known_at": _DATE,
    },
    repeats=True,
)
MONTHS = Table(
    "months",
    ("account_id", "month"),
    {
        "account_id": _ID,
        "month": _KEY_MONTH,
        "days_past_due": Column("days"),
        "amount_due": _MONEY,
        "amount_paid": _MONEY,
        "balance": _MONEY,
        "credit_limit": _MONEY,
        "status": _TEXT,
        "written_off": _MONEY,
        "recovered": _MONEY,
        "known_at": _DATE,
        "opened": _DATE,
    },
    either=(("days_past_due",), ("amount_due", "amount_paid")),
)
ACCOUNTS = Table(
    "accounts",
    ("account_id",),
    {
        "account_id": _ID,
        "person_id": Column("id"),
        "segment": _TEXT,
        "product": _TEXT,
        "opened": _DATE,
        "jurisdiction": _TEXT,
        "time_zone": _TEXT,
        "balance": _MONEY,
    },
)
LABELS = Table(
    "labels",
    ("account_id", "snapshot_date"),
    {
        "account_id": _ID,
        "snapshot_date": Column("date", True),
        "bad": Column("label", True),
        "why": _TEXT,
    },
)
SCORES = Table(
    "scores",
    ("account_id", "snapshot_date"),
    {
        "account_id": _ID,
        "snapshot_date": Column("date", True),
        "probability": Column("number", True),
        "points": Column("number", True),
        "band": Column("text", True),
    },
)


def to_frame(table: Any, where: str = "table") -> pd.DataFrame:
    """Return any table that speaks the Arrow C stream as pandas.

    Parameters
    ----------
    table : DataFrame or object with ``__arrow_c_stream__``
        pandas, polars, pyarrow, a DuckDB relation.
    where : str
        How an error names the table.

    Raises
    ------
    InputError
        ``DLQ-103`` when the object is no table.

    Examples
    --------
    >>> to_frame(pa.table({"account_id": [1, 2]})).shape
    (2, 1)
    >>> to_frame([1, 2])
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-103 table: expected a table, got list. fix: pass pandas,...
    """
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(table).read_all().to_pandas()
    what = f"expected a table, got {type(table).__name__}"
    raise InputError(
        Problem("DLQ-103", what, where, fix="pass pandas, polars, pyarrow, or a DuckDB relation")
    )


def admit(table: Any, spec: Table, where: str = "") -> pd.DataFrame:
    """Check a table at the door and return it in canonical types, sorted by its key.

    Parameters
    ----------
    table : table
        See `to_frame`. Not changed.
    spec : Table
        What the table must be.
    where : str
        How errors name it; the table's own name by default.

    Returns
    -------
    DataFrame
        Canonical columns first as given, fresh range index, sorted by the key.

    Raises
    ------
    InputError
        Everything that one pass finds, together: ``DLQ-100`` no rows, ``DLQ-101`` repeated key,
        ``DLQ-102`` missing column, ``DLQ-103`` wrong type, ``DLQ-104`` missing value, ``DLQ-105``
        infinite value, ``DLQ-106`` negative where the rule forbids, ``DLQ-107`` ids that lost precision.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {"account_id": [7, 7], "month": ["2026-02", "2026-01"], "days_past_due": [0, 31]}
    ... )
    >>> admit(months, MONTHS)[["month", "days_past_due"]]
           month  days_past_due
    0 2026-01-31           31.0
    1 2026-02-28            0.0
    >>> admit(months.assign(month="2026-01"), MONTHS)
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-101 months: 2 of 2 rows repeat (account_id, month); first at...
    """
    where = where or spec.name
    frame = to_frame(table, where)
    _refuse(_shape_problems(frame, spec, where))
    problems: list[Problem] = []
    columns = {
        str(name): _canonical(frame[name], spec.columns[name], where, problems)
        if name in spec.columns
        else frame[name].reset_index(drop=True)
        for name in frame.columns
    }
    _refuse(problems)
    return _sorted_by_key(pd.DataFrame(columns, copy=False), spec, where)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(*problems)


def _shape_problems(frame: pd.DataFrame, spec: Table, where: str) -> list[Problem]:
    repeated = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if repeated:
        what = f"{len(repeated)} column names stand twice, first {_quoted(repeated)}"
        return [Problem("DLQ-103", what, where, len(repeated), "rename or drop")]
    have = set(frame.columns)
    problems = []
    for name, column in spec.columns.items():
        if column.required and name not in have:
            problems.append(_missing_column([name], have, where))
    if spec.either and not any(have.issuperset(group) for group in spec.either):
        problems.append(_missing_column(list(spec.either[0]), have, where))
    if not problems and frame.empty:
        fix = "an empty run is never committed; check the export"
        problems.append(Problem("DLQ-100", "no rows", where, 0, fix))
    return problems


def _missing_column(names: list[str], have: Iterable[Any], where: str) -> Problem:
    hint = did_you_mean(names[0], map(str, have))
    fix = f"{hint} rename it" if hint else "add it or rename"
    return Problem("DLQ-102", f"column {_quoted(names)} is missing", where, len(names), fix)


def _quoted(names: Sequence[Any]) -> str:
    return ", ".join(f'"{name}"' for name in names[:5])


def _canonical(values: pd.Series, column: Column, where: str, problems: list[Problem]) -> pd.Series:
    """Return the column in its canonical type; a column that cannot be is reported and returned."""
    at, kind = f"{where}.{values.name}", column.kind
    found: list[Problem] = []
    if kind == "id":
        result = _ids(values, at, found)
    elif kind in ("month", "date"):
        result = _dates(values, at, found, required=column.required)
        if kind == "month" and not found:
            result = _month_ends(result)
    elif kind in ("money", "days", "number", "label"):
        result = _numbers(values, kind, at, found)
    else:
        result = values
    problems.extend(found)
    return result.reset_index(drop=True)


def _ids(values: pd.Series, at: str, problems: list[Problem]) -> pd.Series:
    missing = values.isna().to_numpy()
    if missing.any():
        problems.append(
            _rows_problem("DLQ-104", "ids are missing", at, missing, "every row needs its id")
        )
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_float_dtype(values.dtype):
        fix = "read the column as text or integer; a float id loses digits above 2^53"
        problems.append(Problem("DLQ-107", f"ids are {values.dtype}", at, len(values), fix))
        return values
    if problems:
        return values
    if pd.api.types.is_integer_dtype(values.dtype):
        return _exact_integers(values, at, problems)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _ids(values.astype(values.cat.categories.dtype), at, problems)
    if not _all_text(values):
        fix = "make every id text, or every id an integer"
        problems.append(
            Problem("DLQ-103", "ids are neither all text nor all integers", at, fix=fix)
        )
        return values
    return values.astype("str")


def _exact_integers(values: pd.Series, at: str, problems: list[Problem]) -> pd.Series:
    # a cast would wrap silently, and give the account the id of another
    wide = (values > np.iinfo("int64").max).to_numpy(dtype=bool)
    if wide.any():
        what = "ids are above the range of 64-bit integers"
        problems.append(_rows_problem("DLQ-107", what, at, wide, "give such ids as text"))
        return values
    return values.astype("int64")


def _all_text(values: pd.Series) -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")


def _dates(values: pd.Series, at: str, problems: list[Problem], *, required: bool) -> pd.Series:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp(how="start")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        fix = "convert to the local date of the book, then drop the zone"
        problems.append(Problem("DLQ-103", "dates carry a time zone", at, len(values), fix))
        return values
    if pd.api.types.is_numeric_dtype(values.dtype):
        problems.append(
            Problem("DLQ-103", "expected dates, got numbers", at, len(values), "use ISO")
        )
        return values
    parsed = values if pd.api.types.is_datetime64_any_dtype(values.dtype) else _parsed(values)
    if isinstance(parsed.dtype, pd.DatetimeTZDtype):
        return _dates(parsed, at, problems, required=required)
    missing = parsed.isna().to_numpy()
    if missing.any():
        broken = missing & values.notna().to_numpy()
        if broken.any():
            text = "expected dates, got other values"
            problems.append(_rows_problem("DLQ-103", text, at, broken, "write dates as YYYY-MM-DD"))
            return values
        if required:
            text = "dates are missing"
            problems.append(_rows_problem("DLQ-104", text, at, missing, "fill or drop"))
    return parsed.astype(DATE_DTYPE)


def _parsed(values: pd.Series) -> pd.Series:
    """Return dates written as text or objects; what is none comes back as missing."""
    no_date = _no_dates(values)
    try:
        return pd.to_datetime(
            values.mask(no_date) if no_date.any() else values, errors="coerce", format="ISO8601"
        )
    except (TypeError, ValueError, OverflowError):
        return pd.Series(pd.NaT, index=values.index)


# pandas takes these for dates, and would read the clock
_CLOCK_WORDS = ("now", "today")
_PLAIN_DATES = ("string", "date", "datetime", "datetime64", "period", "empty")


def _no_dates(values: pd.Series) -> np.ndarray:
    """Return which values pandas would make dates of although they say none."""
    wrong = values.isin(_CLOCK_WORDS).to_numpy(dtype=bool, copy=True)
    if values.dtype == object and pd.api.types.infer_dtype(values) not in _PLAIN_DATES:
        wrong |= np.array([isinstance(v, Number) and not _blank(v) for v in values], dtype=bool)
    return wrong


def _blank(value: Any) -> bool:
    return bool(value != value)  # NaN is a number, and means missing


def _month_ends(dates: pd.Series) -> pd.Series:
    """Return the last day of each date's month, without the slow offset arithmetic of pandas."""
    given = dates.to_numpy()
    ends = _by_day(given, _ends_of)
    # a table that already says month ends, as most do, keeps its own column
    return dates if np.array_equal(ends, given) else pd.Series(ends, dates.index, name=dates.name)


def _ends_of(dates: np.ndarray) -> np.ndarray:
    firsts = dates.astype("datetime64[M]") + np.timedelta64(1, "M")
    return (firsts.astype("datetime64[D]") - np.timedelta64(1, "D")).astype(DATE_DTYPE)


def _months_of(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[M]").astype("int64") + 1970 * 12


_DAY = 86_400_000_000  # microseconds


def _by_day(dates: np.ndarray, rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return `rule` of each date; it sees the day alone.

    The calendar is asked once a day and not once a row: a history has few days and many rows.
    """
    if dates.dtype != DATE_DTYPE or not len(dates) or np.isnat(dates.min()):
        return rule(dates)
    days = dates.view("int64") // _DAY
    first = days.min()
    span = int(days.max() - first) + 1
    if span > len(days):
        return rule(dates)
    calendar = (np.arange(span) + first).astype("datetime64[D]").astype(DATE_DTYPE)
    return rule(calendar)[days - first]


_NO_NUMBERS = {
    "dates": pd.api.types.is_datetime64_any_dtype,
    "durations": pd.api.types.is_timedelta64_dtype,
    "complex numbers": pd.api.types.is_complex_dtype,
}


def _numbers(values: pd.Series, kind: str, at: str, problems: list[Problem]) -> pd.Series:
    for kind_of, test in _NO_NUMBERS.items():
        if test(values.dtype):
            what = f"expected numbers, got {kind_of}"
            problems.append(Problem("DLQ-103", what, at, len(values), "export plain numbers"))
            return values
    numbers = pd.to_numeric(values, errors="coerce") if values.dtype == object else values
    if not pd.api.types.is_numeric_dtype(numbers.dtype) or _holds_text(values):
        parsed = pd.to_numeric(values.astype("str"), errors="coerce").isna() & values.notna()
        count = int(parsed.sum())
        what = f"expected numbers, got text; {count:,} of {len(values):,} values would not parse"
        what += f", {_first_rows(parsed.to_numpy())}" if count else ""
        problems.append(Problem("DLQ-103", what, at, count, "export the column as a number"))
        return values
    numbers = numbers.astype("float64")
    array = numbers.to_numpy()
    for code, what, wrong, fix in _number_rules(array, kind):
        if wrong.any():
            problems.append(_rows_problem(code, what, at, wrong, fix))
    return numbers


def _holds_text(values: pd.Series) -> bool:
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in (
        "string",
        "mixed",
        "mixed-integer",
    )


def _number_rules(array: np.ndarray, kind: str) -> list[tuple[str, str, np.ndarray, str]]:
    with np.errstate(all="ignore"):  # one pass: a sum shows each missing and infinite value
        if kind in ("money", "number") and np.isfinite(array.sum()):
            return []
    missing = np.isnan(array)
    rules = [("DLQ-105", "values are infinite", np.isinf(array), "repair the export")]
    if kind == "days":
        whole = np.isfinite(array) & (array != np.floor(array))
        rules += [
            ("DLQ-104", "values are missing", missing, "fill from the ledger or drop the rows"),
            ("DLQ-106", "values are negative", array < 0, "0 is current; days early are not DPD"),
            ("DLQ-103", "expected whole days, got fractions", whole, "count calendar days"),
        ]
    if kind == "label":
        other = ~(missing | (array == 0) | (array == 1))
        rules.append(("DLQ-103", "labels are not 1, 0 or missing", other, "1 is bad"))
    return rules


def _rows_problem(code: str, what: str, at: str, wrong: np.ndarray, fix: str) -> Problem:
    count = int(wrong.sum())
    what = f"{what} in {count:,} of {len(wrong):,} rows, {_first_rows(wrong)}"
    return Problem(code, what, at, count, fix)


def _first_rows(wrong: np.ndarray) -> str:
    rows = np.flatnonzero(wrong)[:5]
    return "first at " + ("row " if len(rows) == 1 else "rows ") + ", ".join(f"{r:,}" for r in rows)


def _sorted_by_key(frame: pd.DataFrame, spec: Table, where: str) -> pd.DataFrame:
    key = list(spec.key)
    keys = [_sortable(frame[name]) for name in key]
    order = None
    if not _in_order(keys):
        _LOG.info("%s: rows are not sorted by (%s); sorting them once", where, ", ".join(key))
        order = np.lexsort(keys[::-1])
        keys = [values[order] for values in keys]
    same = np.logical_and.reduce([values[1:] == values[:-1] for values in keys])
    if same.any() and not spec.repeats:
        wrong = np.zeros(len(frame), dtype=bool)
        wrong[1:] |= same
        wrong[:-1] |= same
        if order is not None:
            wrong[order] = wrong.copy()
        what = (
            f"{int(wrong.sum()):,} of {len(frame):,} rows repeat ({', '.join(key)}); "
            f"{_first_rows(wrong)}"
        )
        fix = "keep one row a key: aggregate, or keep the row that was known last"
        raise InputError(Problem("DLQ-101", what, where, int(wrong.sum()), fix))
    return frame if order is None else frame.iloc[order].reset_index(drop=True)


def _sortable(values: pd.Series) -> np.ndarray:
    """Return integers in the order of the values; text goes through its sorted vocabulary once."""
    if values.dtype.kind in "iM":
        return values.to_numpy().view("int64") if values.dtype.kind == "M" else values.to_numpy()
    codes, _ = pd.factorize(values, sort=True)
    return np.asarray(codes, dtype="int64")


def _in_order(keys: list[np.ndarray]) -> bool:
    rising = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for values in reversed(keys):
        ahead, behind = values[1:], values[:-1]
        rising = (ahead > behind) | ((ahead == behind) & rising)
    return bool(rising.all())


# Only a whole date: pandas would complete "March" or "now" from the clock, and the day of "2026-06" is
# the first, so that June itself would not be seen.
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


def as_date(value: Any, name: str = "as_of") -> pd.Timestamp:
    """Return one calendar date; the clock is never read in its place.

    Parameters
    ----------
    value : str or date
        ``YYYY-MM-DD``; a time of day is cut off, as is a time zone.
    name : str
        How an error names it.

    Raises
    ------
    InputError
        ``DLQ-103`` when the value is no date.

    Examples
    --------
    >>> as_date("2026-06-30")
    Timestamp('2026-06-30 00:00:00')
    """
    try:
        date = pd.Timestamp(value)
    except (TypeError, ValueError):
        date = pd.NaT
    unclear = isinstance(value, str) and not _ISO_DATE.fullmatch(value)
    if isinstance(value, Number) or unclear or not isinstance(date, pd.Timestamp):
        raise InputError(
            Problem("DLQ-103", "expected a date", name, fix="write YYYY-MM-DD")
        ) from None
    return date.tz_localize(None).normalize()


def month_number(dates: Any) -> np.ndarray:
    """Return ``year * 12 + month - 1`` of each date, so that months can be subtracted.

    Examples
    --------
    >>> month_number(pd.to_datetime(["2026-01-31", "2025-12-31"]))
    array([24312, 24311])
    """
    values = np.asarray(dates)
    if values.dtype.kind != "M":
        values = values.astype("datetime64[M]")
    return _by_day(values, _months_of)


def known_as_of(months: pd.DataFrame, date: pd.Timestamp) -> np.ndarray:
    """Return which rows of an admitted months table were known at the end of a date.

    A row counts when its month had ended by then and, where the table says when a row was booked
    (``known_at``), when it was booked by then. This is the only rule of time in the library.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.to_datetime(["2026-01-31", "2026-02-28"])})
    >>> known_as_of(months, pd.Timestamp("2026-02-27"))
    array([ True, False])
    """
    known = (months["month"] <= date).to_numpy()
    if "known_at" in months:
        # A time on the day itself still counts; a missing booking date means it was never late.
        booked = months["known_at"]
        known = known & (booked.isna() | (booked < date + pd.Timedelta(days=1))).to_numpy()
    return known


def hash_share(ids: Any, salt: str) -> np.ndarray:
    """Return a stable number in [0, 1) for each id: SHA-256 of salt and id, first eight bytes.

    The same on every machine and Python, and it does not move when accounts are added, so it parts
    accounts for training, folds and experiments.

    Examples
    --------
    >>> hash_share([1, 2, 3], "split").round(3)
    array([0.649, 0.185, 0.159])
    """
    prefix = hashlib.sha256(f"{salt}|".encode())

    def share(value: Any) -> int:
        digest = prefix.copy()
        digest.update(str(value).encode())
        return int.from_bytes(digest.digest()[:8], "big")

    codes, unique = pd.factorize(pd.Series(ids))
    # 53 bits fit a double exactly, so no share rounds up to 1
    shares = np.array([share(value) >> 11 for value in unique], dtype="uint64") * 2.0**-53
    return shares[codes]


# Words that name a protected attribute, in the languages our users write column names in. Whole words
# only: "age" is one, "months_on_book" and "percentage" are not.
_PROTECTED_WORDS = frozenset(
    word
    for line in (
        "sex gender race ethnicity ethnic color colour religion religious nationality marital",
        "marriage education pregnant pregnancy disability disabled orientation birthdate birthday",
        "dob birth welfare geschlecht sexe sexo genero religione religiosa etnia raza edad alter civil",
        "jenis kelamin agama 性别 种族 民族 宗教 国籍 婚姻 年龄 学历 教育 出生日期 残疾 怀孕",
    )
    for word in line.split()
)
_PROTECTED_NAMES = re.compile(
    r"^(customer_|client_|applicant_|borrower_)?age(_years|_group|_band|_bucket)?$"
)


def audit_only(columns: Iterable[Any]) -> list[str]:
    """Return the columns whose names say a protected attribute: for audits, never for features.

    Examples
    --------
    >>> audit_only(["balance", "SEX", "age_group", "percentage", "marital_status", "性别"])
    ['SEX', 'age_group', 'marital_status', '性别']
    """

    def protected(name: str) -> bool:
        plain = name.lower()
        words = re.split(r"[\W_\d]+", plain)
        return not _PROTECTED_WORDS.isdisjoint(words) or bool(_PROTECTED_NAMES.match(plain))

    return [str(name) for name in columns if protected(str(name))]
