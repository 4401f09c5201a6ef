"""Scoring on a Spark cluster: the same function over buckets of whole accounts (extra ``spark``, Java 17).

Spark cuts a table into batches of rows wherever it likes, and an account cut in two would be scored twice. So
accounts are dealt into buckets by a hash, and each bucket reaches `delinquency.engines.score_accounts` whole.
Where an accounts table names persons, the bucket is that of the person, because accounts of one person
share their contacts. The bundle travels once, as bytes, and is checked on arrival; a task uses one thread.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from delinquency.engines._whole import ScoreJob, needed, result_schema, score_accounts
from delinquency.errors import EnvironmentFailure, InputError, Problem

__all__ = ["score"]

_BUCKET = "delinquency_bucket"


def score(months: Any, job: ScoreJob, *, accounts: Any = None, buckets: int | None = None) -> Any:
    """Score and plan a Spark table of months; bit for bit what one machine would say.

    Parameters
    ----------
    months : pyspark.sql.DataFrame
        See `delinquency.schema.MONTHS`; rows in any order. Timestamps without a time zone.
    job : ScoreJob
        What to do.
    accounts : pyspark.sql.DataFrame, optional
        Holds, consents and other facts, one row an account.
    buckets : int, optional
        How many parts; a part is held in memory by a task, so a part should have some ten thousand
        accounts. ``spark.sql.shuffle.partitions`` by default.

    Returns
    -------
    pyspark.sql.DataFrame
        The columns of `delinquency.engines.score_accounts`, not yet computed, in no order. Count the
        rows with ``refused`` before you store it.

    Raises
    ------
    InputError
        ``DLQ-102`` when a table has no ``account_id``, ``DLQ-115`` when the ids of the two tables
        differ in type. What else is wrong is told when Spark computes.
    EnvironmentFailure
        ``DLQ-506`` when the extra ``spark`` is not installed.

    Examples
    --------
    On a cluster, with a bundle that was trained on one machine::

        scorer = scoring.Scorer.from_bundle(storage.load_bundle("bundle"))
        job = ScoreJob.of(scorer, as_of="2026-06-30")
        result = engines.spark.score(session.read.parquet("s3a://book/months"), job)
        result.write.parquet("s3a://book/scores/2026-06-30")
    """
    functions = _functions()
    months = _plain(months.select(needed(months.columns)), "months")
    whole = _id_kind(months, "months")
    count = buckets or int(months.sparkSession.conf.get("spark.sql.shuffle.partitions"))
    sent = months.sparkSession.sparkContext.broadcast((job, whole))
    schema = _spark_schema(result_schema(whole, job))
    if accounts is None:
        dealt = months.withColumn(_BUCKET, _bucket(functions.col("account_id"), count))
        return dealt.groupBy(_BUCKET).applyInArrow(_alone(sent), schema)
    accounts = _plain(accounts, "accounts")
    if _id_kind(accounts, "accounts") != whole:
        fix = "export both in one type"
        what = "ids are of other types in months and accounts"
        raise InputError(Problem("DLQ-115", what, "accounts", fix=fix))
    left, right = _dealt(months, accounts, count)
    pairs = left.groupBy(_BUCKET).cogroup(right.groupBy(_BUCKET))
    return pairs.applyInArrow(_together(sent), schema)


def _functions() -> Any:
    try:
        from pyspark.sql import functions
    except ImportError:
        fix = 'pip install "delinquency[spark]"'
        raise EnvironmentFailure(Problem("DLQ-506", "pyspark is not installed", fix=fix)) from None
    return functions


def _id_kind(table: Any, where: str) -> pa.DataType:
    kinds = dict(table.dtypes)
    if "account_id" not in kinds:
        fix = "add it or rename"
        raise InputError(Problem("DLQ-102", 'column "account_id" is missing', where, 1, fix))
    kind = kinds["account_id"]
    if kind in ("tinyint", "smallint", "int", "bigint"):
        return pa.int64()
    if kind == "string":
        return pa.string()
    fix = "cast it to a string or a long; a float id loses digits above 2^53"
    raise InputError(Problem("DLQ-107", f"ids are {kind}", f"{where}.account_id", fix=fix))


def _plain(table: Any, where: str) -> Any:
    """Return the table with ids of one width, so that they hash alike, and decimals as floats."""
    functions = _functions()
    whole = _id_kind(table, where) == pa.int64()
    for name, kind in table.dtypes:
        if kind.startswith("decimal"):
            table = table.withColumn(name, functions.col(name).cast("double"))
        if name == "account_id" and whole:
            table = table.withColumn(name, functions.col(name).cast("bigint"))
    return table


def _bucket(key: Any, count: int) -> Any:
    functions = _functions()
    return functions.pmod(functions.xxhash64(key), functions.lit(count))


def _dealt(months: Any, accounts: Any, count: int) -> tuple[Any, Any]:
    """Return both tables with the bucket of each account: that of its person where one is known."""
    functions = _functions()
    own = _bucket(functions.col("account_id"), count)
    if "person_id" not in accounts.columns:
        return months.withColumn(_BUCKET, own), accounts.withColumn(_BUCKET, own)
    bucket = _bucket(functions.col("person_id"), count)
    # an account that two persons claim goes to one bucket, which refuses it; in two it would be planned twice
    home = accounts.groupBy("account_id").agg(functions.min(bucket).alias(_BUCKET))
    return tuple(
        table.join(home, "account_id", "left").withColumn(_BUCKET, functions.coalesce(_BUCKET, own))
        for table in (months, accounts)
    )


def _spark_schema(schema: pa.Schema) -> str:
    kinds = {
        pa.string(): "string",
        pa.int64(): "bigint",
        pa.float64(): "double",
        pa.timestamp("us"): "timestamp_ntz",
        pa.timestamp("us", "UTC"): "timestamp",
    }
    return ", ".join(f"`{field.name}` {kinds[field.type]}" for field in schema)


# Plain functions with types: Spark reads from them that a bucket is to come as one table.
def _alone(sent: Any) -> Any:
    """Return what a task runs on the months of a bucket."""

    def run(months: pa.Table) -> pa.Table:
        job, whole = sent.value
        return score_accounts(months.drop_columns([_BUCKET]), job, account_id=whole)

    return run


def _together(sent: Any) -> Any:
    """Return what a task runs on the months and accounts of a bucket."""

    def run(months: pa.Table, accounts: pa.Table) -> pa.Table:
        job, whole = sent.value
        months, accounts = (table.drop_columns([_BUCKET]) for table in (months, accounts))
        return score_accounts(months, job, accounts, account_id=whole)

    return run
