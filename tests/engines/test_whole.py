"""The function that every engine runs: what the road says, in whatever company an account comes."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from delinquency import scoring, workflows
from delinquency.engines import ScoreJob, score_accounts
from delinquency.errors import InputError, IntegrityError


def plain(frame):
    """The table with one value for all that is missing: pandas 2.2 has several for texts."""
    return frame.astype(object).where(frame.notna(), None)


@pytest.mark.parametrize("with_accounts", [True, False])
def test_it_says_what_the_road_says(book, with_accounts):
    """Scores, reasons, refusals and plan are those of `workflows.score` and `workflows.plan`."""
    accounts = book.accounts if with_accounts else None
    table = score_accounts(book.months, book.job, accounts).to_pandas()

    scored = workflows.score(book.months, book.trained.scorer, as_of=book.as_of)
    plan = workflows.plan(scored.scores, book.months, as_of=book.as_of, accounts=accounts)

    for expected in (scored.scores, plan):
        got = table[list(expected.columns)]
        pd.testing.assert_frame_equal(plain(got), plain(expected), check_exact=True)
    assert table["refused"].isna().all() and table["reason_1"].notna().any()


def cut(book, parts):
    """Cut the book between persons, and put the results together."""
    person = book.accounts.set_index("account_id")["person_id"]
    part_of = pd.factorize(person)[0] % parts
    tables = []
    for part in range(parts):
        accounts = book.accounts[part_of == part]
        months = book.months[book.months["account_id"].isin(accounts["account_id"])]
        tables.append(score_accounts(months, book.job, accounts))
    return pa.concat_tables(tables).sort_by("account_id")


@pytest.mark.parametrize("parts", [2, 7])
def test_the_cut_of_the_book_changes_no_bit(book, parts):
    """Any cut between persons gives the same table."""
    assert cut(book, parts).equals(score_accounts(book.months, book.job, book.accounts))


def test_a_cut_through_persons_would_be_noticed(book):
    """Negative control: cut between accounts, some of the dead are contacted."""
    even = book.accounts["account_id"].str[1:].astype(int) % 2 == 0
    tables = []
    for chosen in (book.accounts[even], book.accounts[~even]):
        months = book.months[book.months["account_id"].isin(chosen["account_id"])]
        tables.append(score_accounts(months, book.job, chosen))
    both = pa.concat_tables(tables).sort_by("account_id")

    assert not both.equals(score_accounts(book.months, book.job, book.accounts))


def test_refused_accounts_stay_in_the_table_with_the_reason(book):
    """An account without a score has no plan either, and read = scored + refused."""
    months = book.months.copy()
    months.loc[months["account_id"] == "A00007", "balance"] = np.nan
    strict = dataclasses.replace(
        book.trained.scorer,
        features=tuple(
            f.model_copy(update={"may_miss": False}) for f in book.trained.scorer.features
        ),
    )

    table = score_accounts(months, ScoreJob.of(strict, as_of=book.as_of)).to_pandas()

    refused = table[table["refused"].notna()]
    assert "A00007" in set(refused["account_id"])
    assert refused[["probability", "band", "treatment"]].isna().all(axis=None)
    assert table["account_id"].is_monotonic_increasing and len(table) == 1180


def test_nobody_known_at_the_day_is_an_empty_table_of_the_same_columns(book):
    """A bucket of young accounts, or of none, fits beside the others."""
    young = book.months[book.months["account_id"] >= "A01180"]
    whole = score_accounts(book.months, book.job)

    for months in (young, young.head(0)):
        table = score_accounts(months, book.job, account_id=pa.string())
        assert table.num_rows == 0 and table.schema == whole.schema


def test_without_a_plan_there_are_scores_alone(book):
    """Planning may be left out."""
    job = ScoreJob.of(book.trained.scorer, as_of=book.as_of, plan=False, reasons_for=())

    table = score_accounts(book.months, job)

    assert "treatment" not in table.column_names and table["reason_1"].null_count == len(table)


def test_a_job_that_cannot_be_done_is_refused_where_it_is_made(book):
    """Not on a thousand workers an hour later."""
    scorer = book.trained.scorer
    for keywords, code in [
        ({"as_of": "soon"}, "DLQ-103"),
        ({"as_of": book.as_of, "reasons_for": ["Z"]}, "DLQ-103"),
        ({"as_of": book.as_of, "strategy": "format: 1"}, "DLQ-204"),
    ]:
        with pytest.raises(InputError, match=code):
            ScoreJob.of(scorer, **keywords)
    with pytest.raises(IntegrityError, match="look back"):
        ScoreJob.of(dataclasses.replace(scorer, about={}), as_of=book.as_of)


def test_a_bundle_damaged_on_the_way_is_refused(book):
    """The bytes are checked where they arrive."""
    (name, content), manifest = book.job.bundle
    job = dataclasses.replace(book.job, bundle=((name, content[:-1] + b"\x00"), manifest))

    with pytest.raises(IntegrityError, match="DLQ-602"):
        score_accounts(book.months, job)


def test_a_job_holds_plain_bytes_and_texts(book):
    """What travels is nothing that runs."""
    kinds = {type(value) for value in dataclasses.astuple(book.job)}

    assert kinds <= {str, tuple, type(None)}
    assert isinstance(book.trained.scorer, scoring.Scorer)


def test_a_job_knows_its_language_and_takes_one_band_by_name(book):
    """An unknown language was found only where the work was done, on another machine."""
    with pytest.raises(InputError, match="DLQ-103 lang"):
        ScoreJob.of(book.trained.scorer, as_of=book.as_of, lang="fr")
    worst = book.trained.scorer.bands.names[-1]

    assert ScoreJob.of(book.trained.scorer, as_of=book.as_of, reasons_for=worst).reasons_for == (
        worst,
    )


def test_accounts_may_come_as_a_stream(book):
    """Any table that speaks the Arrow stream, also one that does not know its length."""
    stream = pa.Table.from_pandas(book.accounts, preserve_index=False).to_reader()

    found = score_accounts(book.months, book.job, stream)
    assert found.equals(score_accounts(book.months, book.job, book.accounts))
