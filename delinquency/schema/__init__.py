"""The tables: their columns, types, and the checks at the door.

A table is checked once, where it enters, by `admit`; past the door it is trusted. What comes out is a
pandas frame in canonical types: ids as text or 64-bit integers, dates as ``datetime64[us]`` (months as
month ends), numbers as ``float64``, sorted by its key. Anything that speaks the Arrow C stream comes in:
pandas, polars, pyarrow, DuckDB.

Rows are named by position, counted from 0 as in ``frame.iloc``; values never appear in a message.

The rule of time stands here too (`known_as_of`), because the leak wall of `delinquency.history` and the
guard of `delinquency.features` must be the same rule.
"""

from delinquency.schema._door import admit, to_frame
from delinquency.schema._ids import id_problems, refuse_other_ids
from delinquency.schema._people import audit_only, hash_share, refuse_protected
from delinquency.schema._tables import (
    ACCOUNTS,
    DUES,
    LABELS,
    MONTHS,
    PAYMENTS,
    SCORES,
    STATUSES,
    Column,
    Table,
)
from delinquency.schema._time import DATE_DTYPE, as_date, known_as_of, month_number

__all__ = [
    "ACCOUNTS",
    "DATE_DTYPE",
    "DUES",
    "LABELS",
    "MONTHS",
    "PAYMENTS",
    "SCORES",
    "STATUSES",
    "Column",
    "Table",
    "admit",
    "as_date",
    "audit_only",
    "hash_share",
    "id_problems",
    "known_as_of",
    "month_number",
    "refuse_other_ids",
    "refuse_protected",
    "to_frame",
]
