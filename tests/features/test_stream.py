"""The streaming form: the same bits in bounded memory, or nothing at all."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import EnvironmentFailure, InputError
from delinquency.features import FeatureSpec, build_features, stream_features
from delinquency.features._source import _even
from delinquency.features._stream import _last_account

from .panels import assert_same_bits, built, portfolio, table

SNAPSHOTS = [datetime.date(2024, 2, 29), datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]
WHOLE = FeatureSpec()


def written(months, path, **row_groups):
    pq.write_table(pa.Table.from_pandas(months, preserve_index=False), path, **row_groups)
    return path


def read_back(path):
    frame = pd.read_parquet(path).set_index(["account_id", "snapshot_date"])
    frame.index = frame.index.set_levels(frame.index.levels[1].astype("datetime64[us]"), level=1)
    return frame


def assert_same_table(path, whole):
    frame = read_back(path)
    assert frame.index.tolist() == whole.index.tolist()
    assert_same_bits(frame.reset_index(drop=True), whole.reset_index(drop=True))


@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), rows=st.integers(1, 60), group=st.integers(1, 50))
def test_any_batch_size_gives_the_same_bits(tmp_path_factory, seed, rows, group):
    """Batches and row groups cut wherever they like; accounts stay whole."""
    months = table(portfolio(seed))
    folder = tmp_path_factory.mktemp("stream")
    source = written(months, folder / "months.parquet", row_group_size=group)
    whole = built(months, SNAPSHOTS, spec=WHOLE)

    done = stream_features(
        source, folder / "out.parquet", snapshots=SNAPSHOTS, spec=WHOLE, rows_at_once=rows
    )

    assert_same_table(folder / "out.parquet", whole)
    assert (done.rows_read, done.rows_written) == (len(months), len(whole))


def test_every_kind_of_source_gives_the_same_bits(tmp_path):
    """A folder of parts, an iterator of tables or batches, an Arrow stream, a frame."""
    months = table(portfolio(21)).drop(columns="known_at")
    whole = built(months, SNAPSHOTS)
    arrow = pa.Table.from_pandas(months, preserve_index=False)
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, start in enumerate(range(0, len(months), 40)):
        written(months.iloc[start : start + 40], parts / f"part-{number:03d}.parquet")
    cut = [months.iloc[:13], months.iloc[13:14], months.iloc[14:]]
    sources = [parts, str(parts), iter(cut), iter(arrow.to_batches(7)), arrow, months]

    for source in sources:
        out = tmp_path / "out.parquet"
        stream_features(source, out, snapshots=SNAPSHOTS, rows_at_once=17)
        assert_same_table(out, whole)


def test_build_features_reads_paths_and_batches(tmp_path):
    """The whole-table form takes the same sources."""
    months = table(portfolio(22)).drop(columns="known_at")
    whole = built(months, SNAPSHOTS)
    path = written(months, tmp_path / "months.parquet")
    batches = pa.Table.from_pandas(months, preserve_index=False).to_batches(9)

    for source in (path, str(path), iter([months.iloc[:20], months.iloc[20:]]), iter(batches)):
        assert_same_bits(built(source, SNAPSHOTS), whole)


def test_the_same_stream_writes_the_same_bytes(tmp_path):
    """Once more, byte for byte."""
    source = written(table(portfolio(23)), tmp_path / "months.parquet")
    for name in ("one", "two"):
        stream_features(source, tmp_path / name, "2025-03-31", rows_at_once=50)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_text_ids_and_integer_ids_keep_their_type(tmp_path):
    """Integers above 2^53 come out as they went in."""
    months = table(portfolio(24)).drop(columns="known_at")
    numbers = months.assign(account_id=months["account_id"].str[1:].astype("int64") + 2**60)

    stream_features(numbers, tmp_path / "out.parquet", "2025-03-31", rows_at_once=30)

    assert pq.read_schema(tmp_path / "out.parquet").field("account_id").type == pa.int64()
    assert pd.read_parquet(tmp_path / "out.parquet")["account_id"].min() >= 2**60


def test_falling_accounts_are_refused_and_nothing_is_written(tmp_path):
    """A stream cannot sort, and says where the order breaks."""
    months = table(portfolio(25, accounts=6)).drop(columns="known_at")
    rows = months[months["account_id"] == "A00"].index
    shuffled = pd.concat([months.drop(rows), months.loc[rows]], ignore_index=True)
    out = tmp_path / "out.parquet"
    out.write_bytes(b"the last good file")

    with pytest.raises(InputError, match=f"DLQ-112 months: .* row {len(months) - len(rows):,}"):
        stream_features(shuffled, out, "2025-03-31", rows_at_once=10)

    assert out.read_bytes() == b"the last good file"
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "DLQ-109"),
        (lambda path: path.write_bytes(b""), "DLQ-109"),
        (lambda path: path.unlink(), "DLQ-109"),
        (lambda path: path.rename(path.with_suffix(".csv")) and None, "DLQ-109"),
        (lambda path: written(table({}), path), "DLQ-100"),
        (lambda path: written(doubled(table(portfolio(26))), path), "DLQ-101"),
    ],
)
def test_a_source_that_cannot_be_used_gets_one_line(tmp_path, spoil, text):
    """Cut short, empty, gone, of another kind, without rows, with repeated keys."""
    source = written(table(portfolio(26)), tmp_path / "months.parquet")
    spoil(source)

    with pytest.raises(InputError, match=text):
        stream_features(source, tmp_path / "out.parquet", "2025-03-31")

    assert not (tmp_path / "out.parquet").exists()


def doubled(months):
    return pd.concat([months, months.tail(1)], ignore_index=True)


def test_a_snapshot_that_knows_no_row_writes_nothing(tmp_path):
    """An empty run is never committed."""
    with pytest.raises(InputError, match="DLQ-100"):
        stream_features(table(portfolio(27)), tmp_path / "out.parquet", "2001-01-31")

    assert not list(tmp_path.iterdir())


def test_a_refusing_disk_leaves_the_old_file(tmp_path):
    """A folder that is a file cannot be written into."""
    (tmp_path / "folder").write_bytes(b"")

    with pytest.raises(EnvironmentFailure, match="DLQ-501"):
        stream_features(table(portfolio(28)), tmp_path / "folder" / "out.parquet", "2025-03-31")


def test_all_accounts_of_a_batch_may_be_out_of_sight(tmp_path):
    """Batches without a row in sight add nothing and stop nothing."""
    months = table(portfolio(29, accounts=12)).drop(columns="known_at")
    hidden = months["account_id"].between("A03", "A08")
    months.loc[hidden, "month"] = months.loc[hidden, "month"] + pd.DateOffset(years=20)

    stream_features(months, tmp_path / "out.parquet", "2025-03-31", rows_at_once=20)

    assert_same_table(tmp_path / "out.parquet", build_features(months, "2025-03-31"))
    assert np.isfinite(read_back(tmp_path / "out.parquet")["n_obs_24m"]).all()


@pytest.mark.parametrize(("before", "last"), [(0, 0), (0, 5000), (5, 1), (5, 5000), (3000, 24)])
def test_the_last_account_is_found_however_many_rows_it_has(before, last):
    """It is looked for from the end, farther back the longer the account is."""
    ids = pa.array([1] * before + [2] * last)

    assert _last_account(ids) == (before if last else 0)


@pytest.mark.parametrize(
    ("rows", "most", "size"), [(10, 10, 10), (21, 10, 7), (0, 10, 1), (9, 10, 9)]
)
def test_batches_of_a_row_group_are_alike(rows, most, size):
    """21 rows at ten at once are three batches of seven, not two of ten and one of one."""
    assert _even(rows, most) == size
