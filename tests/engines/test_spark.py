"""Spark, for real, on two local cores: the same bits as here, however the rows lie."""

import os
import shutil
import sys
from collections.abc import Iterator

import pyarrow as pa
import pytest

from delinquency.engines import ScoreJob, score_accounts
from delinquency.engines import spark as engine
from delinquency.engines._whole import result_schema
from delinquency.errors import InputError


@pytest.fixture(scope="session")
def session(tmp_path_factory, missing_extra):
    """One session for all tests: it takes seconds to start."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        missing_extra('no Spark: pip install -e ".[spark]"')
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        missing_extra("Spark needs Java 17 (Debian: apt-get install openjdk-17-jre-headless)")
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.session.timeZone": "America/New_York",  # must not matter
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def tables(session, book, tmp_path_factory):
    """The book as Spark reads it from Parquet."""
    folder = tmp_path_factory.mktemp("spark")
    book.months.to_parquet(folder / "months.parquet", coerce_timestamps="us", index=False)
    book.accounts.to_parquet(folder / "accounts.parquet", index=False)
    return (
        session.read.parquet(str(folder / "months.parquet")),
        session.read.parquet(str(folder / "accounts.parquet")),
    )


def here(result):
    """Bring a result home as Arrow, sorted as the local one is."""
    return result.toArrow().sort_by("account_id")


def same(got, expected):
    """Say whether two tables hold the same bits, whatever Spark calls the zone of an instant."""
    assert got.column_names == expected.column_names
    return got.cast(expected.schema).equals(expected)


@pytest.mark.parametrize("buckets", [None, 5])
def test_spark_says_what_one_machine_says(book, tables, buckets):
    """Features, scores, reasons and plan, bit for bit, in three buckets or five."""
    months, _ = tables

    result = here(engine.score(months.repartition(4), book.job, buckets=buckets))

    expected = score_accounts(book.months, book.job)
    assert same(result, expected)
    assert expected.num_rows == 1180 and expected["treatment"].null_count == 0


def test_persons_stay_together(book, tables):
    """With holds, opt-outs and persons beside the months, the plan is the same, too."""
    months, accounts = tables

    result = here(engine.score(months, book.job, accounts=accounts))

    assert same(result, score_accounts(book.months, book.job, book.accounts))


def test_accounts_without_persons_and_months_without_accounts(book, tables):
    """Facts may be missing for some; then the plan says what it does not know."""
    months, accounts = tables
    some = book.accounts.drop(columns="person_id")

    result = here(engine.score(months, book.job, accounts=accounts.drop("person_id")))

    assert same(result, score_accounts(book.months, book.job, some))


def test_integers_and_decimals_are_understood(book, session):
    """Ids as int, money as decimal: the usual types of a warehouse."""
    few = book.months[book.months["account_id"] < "A00100"]
    few = few.assign(account_id=few["account_id"].str[1:].astype("int64"), amount_due=100.5)
    frame = session.createDataFrame(
        pa.Table.from_pandas(few.drop(columns="note"), preserve_index=False)
    )
    frame = frame.selectExpr(
        "cast(account_id as int) account_id",
        "to_date(month) month",
        "days_past_due",
        "cast(amount_due as decimal(12,2)) amount_due",
        "amount_paid",
        "balance",
    )
    job = ScoreJob.of(book.trained.scorer, as_of=book.as_of, plan=False)

    assert same(here(engine.score(frame, job)), score_accounts(few, job))


def test_ids_that_cannot_be_matched_are_refused_before_anything_runs(book, tables):
    """A float id has lost digits; text and integers never meet."""
    months, accounts = tables
    number = accounts.selectExpr("cast(1 as bigint) account_id")

    with pytest.raises(InputError, match="DLQ-107"):
        engine.score(months.selectExpr("1.5D account_id", "month"), book.job)
    with pytest.raises(InputError, match="DLQ-115"):
        engine.score(months, book.job, accounts=number)
    with pytest.raises(InputError, match="DLQ-102"):
        engine.score(months.drop("account_id"), book.job)


def test_cutting_rows_where_spark_likes_would_be_noticed(book, tables):
    """Negative control: over Spark's own batches of rows, accounts are cut in two."""
    months, _ = tables

    def over_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from score_accounts(pa.Table.from_batches([batch]), book.job).to_batches()

    schema = engine._spark_schema(result_schema(pa.string(), book.job))
    wanted = months.select(*[n for n in months.columns if n != "note"]).repartition(2)
    result = wanted.mapInArrow(over_batches, schema).toArrow()

    assert result.num_rows > 1180


def test_an_account_that_two_persons_claim_is_refused_and_not_planned_twice(book, tables):
    """Each person's bucket would have held one row of it, and have planned it for itself."""
    months, accounts = tables
    twice = accounts.unionByName(
        accounts.where("account_id = 'A00007'").selectExpr(
            *[name for name in accounts.columns if name != "person_id"], "'P-other' person_id"
        )
    )
    with pytest.raises(Exception, match=r"DLQ-101 accounts: 2 of"):
        here(engine.score(months, book.job, accounts=twice, buckets=31))
