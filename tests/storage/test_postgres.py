"""PostgreSQL, a real server: rows out sorted and whole, rows in all or not at all, no secret in any word."""

import datetime as dt
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from delinquency.errors import DelinquencyError, EnvironmentFailure, InputError
from delinquency.features import build_features, feature_batches
from delinquency.schema import MONTHS
from delinquency.storage import (
    DatabaseRows,
    DatabaseTable,
    at_hand,
    read_table,
    transaction,
    write_rows,
    write_table,
)

CANARY = "zq7-canary-91"
KEY = ["account_id", "snapshot_date"]


def scores(ids=("a", "b"), probability=0.25, **columns):
    return pd.DataFrame(
        {
            "account_id": list(ids),
            "snapshot_date": np.array(["2026-06-30"], "datetime64[us]").repeat(len(ids)),
            "probability": probability,
            **columns,
        }
    )


def months(n_accounts=40, n_months=6, ids=None):
    """A small panel of months in a mixed order, money missing here and there."""
    ids = [f"A{k}" for k in range(n_accounts)] if ids is None else ids
    rng = np.random.default_rng(7)
    ends = pd.date_range("2026-01-31", periods=n_months, freq="ME").to_numpy("datetime64[us]")
    frame = pd.DataFrame(
        {
            "account_id": np.repeat(ids, n_months),
            "month": np.tile(ends, len(ids)),
            "days_past_due": rng.integers(0, 4, n_months * len(ids)) * 30,
            "amount_due": rng.integers(0, 9999, n_months * len(ids)) / 100,
            "amount_paid": rng.integers(0, 9999, n_months * len(ids)) / 100,
        }
    )
    frame.loc[::7, "amount_paid"] = np.nan
    return frame.sample(frac=1, random_state=1, ignore_index=True)


def months_in(database, frame, name="months", id_type="text"):
    """Put months into a table as a bank would keep them: numbers in `numeric`, months as dates."""
    database.sql(
        f"CREATE TABLE {{s}}.{name} (account_id {id_type}, month date, days_past_due integer,"
        " amount_due numeric(12, 2), amount_paid numeric(12, 2), note text,"
        " PRIMARY KEY (account_id, month))"
    )
    write_table(frame, database.at(name), key=["account_id", "month"])
    return database.at(name)


def test_what_is_written_is_read_back_to_the_bit(database):
    """Text, whole numbers, doubles, dates and missing values survive the database."""
    frame = scores(
        ("b", "a", "ä", "Z"),
        [0.1 + 0.2, np.nan, 5e-324, -1.5],
        n=[2**60, -1, 0, 7],
        band=["A", None, "é 🙂", ""],
        late=[True, False, True, False],
    )

    write_table(frame, database.at("scores"), key=KEY)
    back = read_table(database.at("scores"))

    # sorted by the bytes of the id, as everything here is
    expected = frame.set_index("account_id").loc[["Z", "a", "b", "ä"]].reset_index()
    pd.testing.assert_frame_equal(back, expected, check_dtype=True)


def test_the_table_may_be_named_beside_the_address(database):
    """`read_table(url, table=...)` is the same."""
    write_table(scores(), database.at("scores"), key=KEY)

    back = read_table(database.url, table=f"{database.schema}.scores", columns=["account_id"])

    assert back["account_id"].tolist() == ["a", "b"] and list(back) == ["account_id"]


def test_numbers_of_any_kind_come_as_numbers(database):
    """ADBC hands out `numeric` as opaque text; here it is a float, and an id keeps all its digits."""
    database.sql(
        "CREATE TYPE {s}.mood AS ENUM ('calm', 'cross')",
    )
    database.sql("CREATE DOMAIN {s}.cash AS numeric(12, 2)")
    database.sql(
        "CREATE TABLE {s}.t (account_id numeric(20, 0), person_id numeric(18, 0), x numeric,"
        " price money, due {s}.cash, mood {s}.mood, tag uuid, small smallint, single real, day date)"
    )
    database.sql(
        "INSERT INTO {s}.t VALUES (12345678901234567891, 9007199254740993, 0.1, 3.25, 7.5, 'calm',"
        " '6f9619ff-8b86-d011-b42d-00c04fc964ff', 3, 1.5, '2026-01-31'),"
        " (9, 8, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )

    with DatabaseRows(database.at("t")) as rows:
        table = rows.read()

    assert [str(kind) for kind in table.schema.types] == (
        ["string", "int64", *["double"] * 3, *["string"] * 2, "int16", "float", "date32[day]"]
    )
    first = table.to_pylist()[0]
    assert first["account_id"] == "12345678901234567891" and first["person_id"] == 2**53 + 1
    assert (first["x"], first["price"], first["due"]) == (0.1, 3.25, 7.5)
    assert (first["mood"], first["day"]) == ("calm", dt.date(2026, 1, 31))
    assert np.isnan(table["x"][1].as_py()) and table["mood"][1].as_py() is None


@pytest.mark.parametrize("ids", [None, list(range(90, 130))], ids=["text", "integers"])
def test_features_of_a_table_are_those_of_the_file(database, ids):
    """Streamed in batches from the server, or read whole: not one bit differs."""
    frame = months(ids=ids)
    address = months_in(database, frame, id_type="text" if ids is None else "bigint")
    expected = build_features(frame, "2026-06-30")

    with DatabaseRows(address, among=MONTHS.columns, batch_bytes=2000) as rows:
        batches = list(feature_batches(iter(rows), "2026-06-30", rows_at_once=50))
        names, described = rows.names, rows.describe()

    assert len(batches) > 3 and "note" not in names
    streamed = pd.concat([batch.frame() for batch in batches])
    np.testing.assert_array_equal(streamed.to_numpy(), expected.to_numpy())
    assert streamed.index.tolist() == expected.index.tolist()
    np.testing.assert_array_equal(build_features(address, "2026-06-30"), expected)
    assert described["rows"] == len(frame)


def test_features_take_an_address_as_they_take_a_path(database):
    """`feature_batches` reads a database itself."""
    frame = months()
    address = months_in(database, frame)

    batches = list(feature_batches(address, "2026-06-30", rows_at_once=100))

    expected = build_features(frame, "2026-06-30")
    np.testing.assert_array_equal(np.concatenate([b.values for b in batches]), expected.to_numpy())


def test_a_view_and_a_partitioned_table_are_tables(database):
    """What has columns can be read."""
    database.sql("CREATE TABLE {s}.p (account_id text, x int) PARTITION BY HASH (account_id)")
    database.sql("CREATE TABLE {s}.p0 PARTITION OF {s}.p FOR VALUES WITH (modulus 1, remainder 0)")
    database.sql("CREATE VIEW {s}.v AS SELECT account_id FROM {s}.p WHERE x > 0")
    database.sql("INSERT INTO {s}.p VALUES ('a', 0), ('b', 1)")

    assert len(read_table(database.at("p"))) == 2
    assert read_table(database.at("v"))["account_id"].tolist() == ["b"]


def test_a_pass_sees_one_state_of_the_table(database):
    """What others commit meanwhile is not seen: no account is cut in two."""
    address = months_in(database, months(200))

    with DatabaseRows(address, batch_bytes=500) as rows:
        batches = iter(rows)
        seen = len(next(batches))
        database.sql("DELETE FROM {s}.months")
        seen += sum(map(len, batches))

    assert seen == 1200


def test_the_hash_of_what_was_read_is_of_its_content(database):
    """Cut into other batches it is the same; one changed cell changes it; no login stands in it."""
    address = months_in(database, months())

    def described(batch_bytes):
        with DatabaseRows(address, batch_bytes=batch_bytes) as rows:
            assert sum(map(len, rows)) == 240
            return rows.describe()

    first, again = described(16 << 20), described(1000)
    database.sql(
        "UPDATE {s}.months SET amount_paid = 1 WHERE account_id = 'A7' AND month = '2026-06-30'"
    )

    assert first == again
    assert described(1000)["sha256"] != first["sha256"]
    assert (
        first["path"]
        == f"postgresql://127.0.0.1:{database.server.port}/postgres#{database.schema}.months"
    )


def test_rows_of_one_key_have_one_order_too(database):
    """As corrections have, which share account and month: else the same rows would make another run."""
    database.sql("CREATE TABLE {s}.months (account_id text, month date, balance float8, note text)")
    rows = [f"('a', DATE '2026-01-31', {k}, {note})" for k in (3, 1, 2) for note in ("'x'", "NULL")]
    seen = []
    for order in (rows, rows[::-1]):
        database.sql("TRUNCATE {s}.months")
        database.sql("INSERT INTO {s}.months VALUES " + ", ".join(order))
        with at_hand(database.at("months")) as path:
            seen.append(Path(path).read_bytes())

    assert seen[0] == seen[1]


def test_leaving_early_leaves_no_session(database):
    """Who reads one batch and walks away does not keep the server busy."""
    address = months_in(database, months(500))

    with DatabaseRows(address, batch_bytes=500) as rows:
        next(iter(rows))

    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'delinquency'"
    assert database.sql(asked) == [(0,)]


def test_the_same_rows_again_change_nothing(database):
    """Re-running is harmless: not even the row versions move."""
    first = write_rows(scores(), database.at("scores"), key=KEY)
    before = database.sql("SELECT xmin::text, account_id FROM {s}.scores ORDER BY 2")
    second = write_rows(scores(), database.at("scores"), key=KEY)

    assert (first.rows, first.changed, second.rows, second.changed) == (2, 2, 2, 0)
    assert database.sql("SELECT xmin::text, account_id FROM {s}.scores ORDER BY 2") == before


def test_only_rows_that_differ_are_changed(database):
    """New rows come, changed ones change, missing against missing is the same, others stay."""
    write_rows(scores("abc", [0.1, np.nan, 0.3]), database.at("scores"), key=KEY)
    result = write_rows(scores("bcd", [np.nan, 0.5, 0.7]), database.at("scores"), key=KEY)

    back = read_table(database.at("scores"))
    assert result.changed == 2
    assert back["account_id"].tolist() == list("abcd")
    np.testing.assert_array_equal(back["probability"], [0.1, np.nan, 0.5, 0.7])


def test_columns_of_the_owner_keep_what_they_hold(database):
    """A table may have more columns than we write, in another order and of other types."""
    database.sql(
        "CREATE TABLE {s}.scores (note text DEFAULT 'new', probability numeric, account_id varchar(8),"
        " snapshot_date date, UNIQUE (snapshot_date, account_id))"
    )
    database.sql("INSERT INTO {s}.scores VALUES ('mine', 0.5, 'a', '2026-06-30')")

    write_rows(scores(), database.at("scores"), key=KEY)

    assert database.sql(
        "SELECT note, probability::float8, account_id, snapshot_date FROM {s}.scores ORDER BY 3"
    ) == [("mine", 0.25, "a", dt.date(2026, 6, 30)), ("new", 0.25, "b", dt.date(2026, 6, 30))]


def test_text_goes_into_enums_and_uuids(database):
    """Where PostgreSQL would not take text by itself, it is told to."""
    database.sql("CREATE TYPE {s}.mood AS ENUM ('calm', 'cross')")
    database.sql("CREATE TABLE {s}.t (tag uuid PRIMARY KEY, mood {s}.mood)")
    tag = "6f9619ff-8b86-d011-b42d-00c04fc964ff"

    write_rows(pd.DataFrame({"tag": [tag], "mood": ["calm"]}), database.at("t"), key=["tag"])

    assert database.sql("SELECT tag::text, mood::text FROM {s}.t") == [(tag, "calm")]


def test_any_table_goes_in_and_so_do_batches(database):
    """polars, Arrow, and an iterator of batches that are never all in memory."""
    frame = scores()
    batches = (pa.Table.from_pandas(scores([f"i{k}"]), preserve_index=False) for k in range(50))

    assert write_rows(pl.from_pandas(frame), database.at("p"), key=KEY).rows == 2
    assert write_rows(pa.Table.from_pandas(frame), database.at("q"), key=KEY).rows == 2
    assert write_rows(batches, database.at("r"), key=KEY).rows == 50
    assert len(read_table(database.at("r"))) == 50


def test_names_are_names_whatever_stands_in_them(database):
    """A table or column that looks like a command is still a name."""
    hostile = 'x"; DROP TABLE scores; --'
    write_rows(scores(), database.at("scores"), key=KEY)
    frame = scores().rename(columns={"probability": hostile})
    address = f'{database.url}#{database.schema}."{hostile.replace(chr(34), chr(34) * 2)}"'

    write_rows(frame, address, key=KEY)

    assert list(read_table(address)) == list(frame)
    assert len(read_table(database.at("scores"))) == 2


BAD_ROWS = {
    "twice": (scores(("a", "b", "a")), "DLQ-101 .*2 rows repeat"),
    "missing key": (
        scores(("a", None)),
        r"DLQ-104 .*key \(account_id, snapshot_date\) is missing in 1",
    ),
    "no key": (
        scores().drop(columns="snapshot_date"),
        "DLQ-102 .*lack the key column 'snapshot_date'",
    ),
    "empty": (scores(()), "DLQ-100 .*no rows"),
    "other column": (scores(colour=CANARY), "DLQ-102 .*table lacks 1 of 4 columns, first 'colour'"),
    "too long": (scores(("a", CANARY * 9)), "DLQ-103 .*does not fit"),
    "not null": (scores(probability=np.nan), "DLQ-104 .*must not be missing"),
    "check": (scores(probability=7.5), "DLQ-103 .*a rule of the table refuses a row"),
    "no date": (scores().assign(snapshot_date=CANARY), "DLQ-103 .*does not fit"),
    "fraction": (scores(n=0.5), "DLQ-103 .*'n' holds fractions in 2 rows"),
    "no plain type": (scores(note=[[{"a": CANARY}], []]), "DLQ-103 .*'note' holds lists"),
    "mixed": (scores(note=[CANARY, 7]), "DLQ-103 .*several types"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_rows_that_cannot_be_stored_leave_the_table_as_it_was(database, case):
    """One clear line, no cell, no login, nothing written."""
    database.sql(
        "CREATE TABLE {s}.scores (account_id varchar(99), snapshot_date date,"
        " probability float8 NOT NULL CHECK (probability < 1), n int, note text,"
        " PRIMARY KEY (account_id, snapshot_date))"
    )
    write_rows(scores(("z",), 0.5), database.at("scores"), key=KEY)
    frame, told = BAD_ROWS[case]

    with pytest.raises(InputError, match=told) as caught:
        write_rows(frame, database.at("scores"), key=KEY)

    assert_discreet(caught, database)
    assert database.sql("SELECT account_id, probability FROM {s}.scores") == [("z", 0.5)]


def assert_discreet(caught, database):
    """No cell and no login in the line, nor in what Python would print below it."""
    import traceback

    text = str(caught.value) + "".join(traceback.format_exception(caught.value))
    assert CANARY not in text and database.server.password not in text and "tester" not in text
    assert len(str(caught.value).splitlines()) == 1


def test_keys_that_meet_only_in_the_table_are_refused(database):
    """Two moments of one day are one date there."""
    database.sql(
        "CREATE TABLE {s}.t (account_id text, snapshot_date date, PRIMARY KEY (account_id, snapshot_date))"
    )
    moments = pd.to_datetime(["2026-06-30 08:00", "2026-06-30 09:00"])

    with pytest.raises(InputError, match="DLQ-101"):
        write_rows(
            pd.DataFrame({"account_id": "a", "snapshot_date": moments}), database.at("t"), key=KEY
        )


def test_a_table_without_the_unique_key_is_refused(database):
    """Nothing could tell a new row from a changed one."""
    database.sql("CREATE TABLE {s}.t (account_id text, snapshot_date date, probability float8)")

    with pytest.raises(InputError, match="no unique key") as caught:
        write_rows(scores(), database.at("t"), key=KEY)

    assert "add a primary key" in caught.value.fix


def test_two_tables_change_together(database):
    """Scores and their plan are one transaction: the second failing takes the first back."""
    with transaction(database.at("scores")) as whole:
        whole.upsert(scores(), database.at("scores"), key=KEY)
        whole.upsert(scores(()), database.at("refused"), key=KEY, empty_ok=True)
        whole.upsert(scores("xy"), database.at("plan"), key=KEY)
    with (
        pytest.raises(InputError, match="DLQ-101"),
        transaction(database.at("scores")) as whole,
    ):
        whole.upsert(scores(probability=0.9), database.at("scores"), key=KEY)
        whole.upsert(scores("zz"), database.at("plan"), key=KEY)

    assert read_table(database.at("scores"))["probability"].tolist() == [0.25, 0.25]
    assert read_table(database.at("plan"))["account_id"].tolist() == ["x", "y"]


def test_an_error_of_who_makes_the_rows_stays_that_error(database):
    """A gate that closes half-way through a stream says so itself, and nothing is stored."""

    def batches():
        yield pa.Table.from_pandas(scores(), preserve_index=False)
        raise KeyError("gate")

    with pytest.raises(KeyError, match="gate"):
        write_rows(batches(), database.at("scores"), key=KEY)
    with pytest.raises(InputError, match="no such table"):
        read_table(database.at("scores"))


def test_two_writers_wait_for_each_other(database):
    """The second sees what the first committed, whatever the order of their rows."""
    from concurrent.futures import ThreadPoolExecutor

    ids = [f"i{k:04}" for k in range(2000)]

    def write(turn):
        frame = scores(ids, turn / 10).sample(frac=1, random_state=turn)
        return write_rows(frame, database.at("scores"), key=KEY)

    write(9)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(write, range(4)))

    assert all(result.changed == 2000 for result in results)
    assert read_table(database.at("scores"))["probability"].nunique() == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url, _: url.replace("tester:", "tester:x"), "DLQ-504 .*refuses the login"),
        (lambda url, _: url.replace("/postgres", "/nowhere"), "DLQ-504 .*cannot be reached"),
        (lambda url, port: url.replace(str(port), "1"), "DLQ-504 .*cannot be reached"),
    ],
    ids=["password", "database", "port"],
)
def test_a_server_that_does_not_let_us_in_is_one_line(database, change, told):
    """The password is in no word, whatever is wrong with the address."""
    address = change(database.at("scores"), database.server.port)

    for act in (read_table, lambda place: write_table(scores(), place, key=KEY)):
        with pytest.raises(EnvironmentFailure, match=told) as caught:
            act(address)
        assert_discreet(caught, database)


def test_what_a_user_may_not_do_is_told(database):
    """Reading and writing without the right: 505, by its SQLSTATE."""
    write_rows(scores(), database.at("scores"), key=KEY)
    database.sql("DROP ROLE IF EXISTS guest")
    database.sql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    database.sql("GRANT USAGE ON SCHEMA {s} TO guest")
    login = f"tester:{database.server.password}"
    address = database.at("scores").replace(login, "guest:guest")
    try:
        with pytest.raises(EnvironmentFailure, match=r"DLQ-505 .*may not .*SQLSTATE 42501"):
            read_table(address)
        with pytest.raises(EnvironmentFailure, match=r"DLQ-505 .*may not .*SQLSTATE 42501"):
            write_rows(scores(), address, key=KEY)
    finally:
        database.sql("REVOKE ALL ON SCHEMA {s} FROM guest")
        database.sql("DROP ROLE guest")


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"name": "nothing"}, "DLQ-109 .*no such table"),
        ({"columns": ["account_id", "probabilty"]}, 'DLQ-102 .*did you mean "probability"'),
    ],
)
def test_what_a_table_lacks_is_told(database, keywords, told):
    """Tables and columns, with the nearest name."""
    write_rows(scores(), database.at("scores"), key=KEY)

    with pytest.raises(InputError, match=told):
        read_table(database.at(keywords.pop("name", "scores")), **keywords)


def test_a_reader_whose_session_ends_is_told_and_nothing_is_half_read(database):
    """The server goes away in the middle of a pass: an error, never a short table."""
    address = months_in(database, months(500))
    # more than the buffers between server and reader hold: what has arrived is read to its end
    database.sql(
        "INSERT INTO {s}.months SELECT account_id || '-' || k, month, days_past_due, amount_due,"
        " amount_paid, repeat('x', 60) FROM {s}.months, generate_series(1, 60) AS k"
    )

    with (
        pytest.raises(EnvironmentFailure, match=r"DLQ-504 .*lost while reading") as caught,
        DatabaseRows(address, batch_bytes=500) as rows,
    ):
        for number, _ in enumerate(rows):
            if number == 3:
                database.server.end_sessions()

    assert_discreet(caught, database)


def test_nothing_of_the_login_is_logged(database, caplog):
    """At the most talkative level, neither the password nor a cell."""
    with caplog.at_level(logging.DEBUG):
        write_rows(scores(ids=(CANARY, "b")), database.at("scores"), key=KEY)
        read_table(database.at("scores"))

    assert CANARY not in caplog.text and database.server.password not in caplog.text


def test_without_the_driver_the_extra_is_named():
    """No traceback of an import: the line says what to install."""
    program = (
        "import sys; sys.modules['adbc_driver_postgresql'] = None\n"
        "from delinquency import storage\n"
        "try: storage.read_table('postgresql://localhost/db#t')\n"
        "except storage._postgres.DelinquencyError as error: print(error)"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "DLQ-506" in told.stdout and 'pip install "delinquency[postgres]"' in told.stdout


def test_the_key_of_a_write_must_be_named(database):
    """A file is replaced; in a database somebody must say what a row is."""
    with pytest.raises(DelinquencyError, match="no key is named"):
        write_table(scores(), database.at("scores"))

    assert DatabaseTable.at(database.at("scores")).table.endswith("scores")
