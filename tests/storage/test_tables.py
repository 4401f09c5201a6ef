"""Tables in and out of files: what is read is what was written, or one line says why not."""

import gzip
import logging
import resource

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delinquency.errors import EnvironmentFailure, InputError
from delinquency.storage import read_table, replace_file, write_bytes, write_table

CANARY = "zq7-canary-91"
CSV = f"account_id,month,days_past_due,note\n007,2026-01-31,0,{CANARY}\n8,2026-02-28,31,{CANARY}\n"


def file(folder, name, content):
    """Write text or bytes and return the path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, **keywords):
    """The one line that reading answers; never a cell."""
    with pytest.raises(InputError) as caught:
        read_table(path, **keywords)
    assert CANARY not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def frame():
    return pd.DataFrame(
        {
            "account_id": ["007", "8"],
            "month": pd.to_datetime(["2026-01-31", "2026-02-28"]).astype("datetime64[us]"),
            "balance": [0.1 + 0.2, np.nan],
            "n": [2**60, -1],
        }
    )


@pytest.mark.parametrize("ending", [".parquet", ".pq"])
def test_parquet_gives_back_every_bit(tmp_path, ending):
    """Ids, dates, doubles and missing values survive the file."""
    path = tmp_path / f"t{ending}"

    write_table(frame(), path)

    pd.testing.assert_frame_equal(read_table(path), frame())


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """No version, no time and no index name goes into the file."""
    for name in "ab":
        write_table(frame().rename_axis(name), tmp_path / f"{name}.parquet")

    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_csv_gives_back_the_table(tmp_path):
    """Doubles are written so that they read back the same."""
    write_table(frame(), tmp_path / "t.csv")

    back = read_table(tmp_path / "t.csv")

    assert back["account_id"].tolist() == ["007", "8"]
    assert back["balance"][0] == 0.1 + 0.2
    assert back["month"].tolist() == frame()["month"].tolist()


@pytest.mark.parametrize(
    ("ids", "out"),
    [
        (["1", "2"], [1, 2]),
        (["007", "8"], ["007", "8"]),
        (["1", "+2"], ["1", "+2"]),
        (["1", "9223372036854775808"], ["1", "9223372036854775808"]),
        (["9007199254740993", "2"], [9007199254740993, 2]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["a", "2"], ["a", "2"]),
    ],
)
def test_ids_of_a_csv_are_integers_only_when_nothing_is_lost(tmp_path, ids, out):
    """A leading zero, a sign or a digit beyond 2^53 is part of an id."""
    path = file(tmp_path, "t.csv", "account_id,x\n" + "".join(f"{i},0\n" for i in ids))

    assert read_table(path)["account_id"].tolist() == out


def test_a_compressed_csv_reads_as_the_plain_one(tmp_path):
    """And a byte order mark, as Excel writes it, is no part of the first name."""
    plain = read_table(file(tmp_path, "t.csv", CSV))

    packed = read_table(file(tmp_path, "t.csv.gz", gzip.compress(CSV.encode("utf-8-sig"))))

    pd.testing.assert_frame_equal(packed, plain)


def test_columns_are_chosen_by_name_in_the_order_asked(tmp_path):
    """The same from Parquet, from a folder, and from CSV."""
    (tmp_path / "f").mkdir()
    write_table(frame(), tmp_path / "f" / "1.parquet")
    write_table(frame(), tmp_path / "t.csv")

    for path in (tmp_path / "f" / "1.parquet", tmp_path / "f", tmp_path / "t.csv"):
        assert list(read_table(path, columns=["n", "account_id"]).columns) == ["n", "account_id"]
        assert 'did you mean "balance"' in refusal(path, columns=["balanc"])


def test_a_folder_is_read_as_one_table_whatever_else_lies_in_it(tmp_path):
    """Schedulers leave notes and markers beside the parts."""
    for k in (2, 1):
        write_table(pd.DataFrame({"x": [k]}), tmp_path / f"{k}.parquet")
    file(tmp_path, "_SUCCESS", "")
    file(tmp_path, "README.txt", "hello")

    assert read_table(tmp_path)["x"].tolist() == [1, 2]


def test_parts_with_other_columns_are_refused(tmp_path):
    """Arrow would fill the gaps with missing values and say nothing."""
    write_table(pd.DataFrame({"x": [1]}), tmp_path / "1.parquet")
    write_table(pd.DataFrame({"y": [1]}), tmp_path / "2.parquet")

    assert "1 of 2 parts have other columns than the first" in refusal(tmp_path)


def test_parts_of_other_types_are_refused(tmp_path):
    """Text in one part and numbers in another have no common type."""
    write_table(pd.DataFrame({"x": [1]}), tmp_path / "1.parquet")
    write_table(pd.DataFrame({"x": [CANARY]}), tmp_path / "2.parquet")

    assert "cannot be read as Parquet" in refusal(tmp_path)


def parquet_bytes(folder):
    write_table(
        pd.DataFrame({"account_id": [CANARY] * 5000, "x": range(5000)}), folder / "p.parquet"
    )
    return (folder / "p.parquet").read_bytes()


def test_a_flipped_bit_in_the_data_of_parquet_is_found(tmp_path):
    """Without page checksums most flips would be returned as data."""
    content = parquet_bytes(tmp_path)
    rng = np.random.default_rng(0)
    unnoticed = 0
    whole = read_table(tmp_path / "p.parquet")
    for place in rng.integers(4, len(content) - 600, 60):  # the pages; the footer has no checksum
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        path = file(tmp_path, "b.parquet", bytes(broken))
        try:
            unnoticed += not read_table(path).equals(whole)
        except InputError as error:
            assert CANARY not in str(error)

    assert unnoticed == 0


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["parquet", "csv.gz"])
def test_a_cut_file_is_named(tmp_path, share, kind):
    """Half an export must not become half a portfolio."""
    whole = parquet_bytes(tmp_path) if kind == "parquet" else gzip.compress(CSV.encode() * 50)
    path = file(tmp_path, f"cut.{kind}", whole[: int(len(whole) * share)])

    assert f"DLQ-109 cut.{kind}" in refusal(path)


def test_a_csv_cut_anywhere_is_refused_warned_of_or_whole_lines(tmp_path, caplog):
    """Each cut inside a line is refused, or a warning says that the last line does not end."""
    header = CSV.index("\n") + 1
    for end in range(header + 1, len(CSV)):
        caplog.clear()
        path = file(tmp_path, "cut.csv", CSV[:end])
        try:
            rows = len(read_table(path))
        except InputError as error:
            assert CANARY not in str(error)
            continue
        whole = CSV[end - 1] == "\n"
        assert whole or "the last line does not end" in caplog.text
        assert rows == CSV[:end].count("\n") - whole


def test_a_whole_csv_gives_no_warning(tmp_path, caplog):
    """A warning on every good file would be overlooked on the bad one."""
    with caplog.at_level(logging.WARNING):
        read_table(file(tmp_path, "t.csv", CSV))

    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "content", "answer"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.parquet", b"", "the file is empty"),
        ("t.csv", b"\n\n", "cannot be read as CSV"),
        ("t.csv", CSV.encode("utf-16"), "cannot be read as CSV"),
        ("t.csv", f"account_id,s\n1,{CANARY}é\n".encode("latin-1"), "is not UTF-8"),
        ("t.csv", f'account_id,s\n1,"{CANARY}\n2,b\n', "a quote never closes"),
        ("t.csv", f"account_id,s\n1,{CANARY}\n2,b,c\n", "cannot be read as CSV"),
        ("t.csv", f"account_id,s,s\n1,{CANARY},c\n", "1 column names stand twice"),
        ("t.csv.gz", CSV, "cannot be read as CSV"),
        ("t.parquet", CSV, "cannot be read as Parquet"),
        ("t.xlsx", CSV, "unknown kind of file"),
    ],
)
def test_a_file_that_is_no_table_gets_one_line(tmp_path, name, content, answer):
    """Whatever its kind of damage, and never with a cell in it."""
    assert answer in refusal(file(tmp_path, name, content))


def test_a_file_that_is_not_there_is_named_with_its_neighbour(tmp_path):
    """A typing slip is the usual cause."""
    file(tmp_path, "months.csv", CSV)

    assert 'no such file. fix: did you mean "months.csv"?' in refusal(tmp_path / "month.csv")
    assert "no such file. fix: check the path." in refusal(tmp_path / "x" / "y.csv")


def test_a_folder_without_parquet_is_said_to_be_one(tmp_path):
    """An empty run is never committed."""
    assert "the folder holds no Parquet file" in refusal(tmp_path)


def test_parquet_with_a_column_twice_is_refused(tmp_path):
    """Which one was meant, nobody can say."""
    table = pa.table([pa.array([CANARY]), pa.array([CANARY])], names=["a", "a"])
    pq.write_table(table, tmp_path / "t.parquet")

    assert "DLQ-109" in refusal(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
@pytest.mark.parametrize("column", [[1, CANARY], [object(), 1], [{1: CANARY}, 2]])
def test_a_column_of_mixed_values_is_not_written_and_not_quoted(tmp_path, name, column):
    """Arrow's own message would show a cell."""
    with pytest.raises(InputError, match="DLQ-103") as caught:
        write_table(pd.DataFrame({"x": pd.Series(column, dtype=object)}), tmp_path / name)

    assert CANARY not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path):
    """A table in a file that nothing can read is lost."""
    with pytest.raises(InputError, match="unknown kind of file"):
        write_table(frame(), tmp_path / "t.xlsx")

    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def size_limit():
    """Let no file grow beyond so many bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.bin"])
def test_a_full_disk_leaves_the_last_good_file(tmp_path, size_limit, name):
    """At every size of the disk, the old bytes stand and no litter is left."""
    big = pd.DataFrame({"x": np.random.default_rng(0).random(5000)})

    def write(table):
        if name == "t.bin":
            write_bytes(tmp_path / name, table["x"].to_numpy().tobytes())
        else:
            write_table(table, tmp_path / name)

    write(big.head(3))
    before = (tmp_path / name).read_bytes()
    for size in (0, 1, 17, 4096, 20_000):
        size_limit(size)
        with pytest.raises(EnvironmentFailure, match="DLQ-501") as caught:
            write(big)
        size_limit(resource.RLIM_INFINITY)
        assert "the last good file stands" in str(caught.value)
        assert [entry.name for entry in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A file stands where the folder should be."""
    blocker = file(tmp_path, "blocked", "x")

    with pytest.raises(EnvironmentFailure, match="DLQ-501") as caught:
        write_table(frame(), blocker / "deeper" / "t.parquet")

    assert caught.value.exit_code == 5


def test_an_error_inside_the_block_keeps_the_old_file(tmp_path):
    """What fails before the end never takes the name."""
    path = file(tmp_path, "note.txt", "old")

    with pytest.raises(ZeroDivisionError), replace_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError

    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_new_file_has_the_rights_of_an_ordinary_one(tmp_path):
    """A temporary file is private by birth; the report should not stay so."""
    write_bytes(tmp_path / "ours", b"x")
    plain = file(tmp_path, "plain", "x")

    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode
