"""The error family: one line a problem, a code for scripts, an exit code for jobs."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency import errors
from delinquency.errors import InputError, Problem, did_you_mean

CLASSES = {
    errors.InputError: 2,
    errors.GateError: 3,
    errors.LockError: 4,
    errors.EnvironmentFailure: 5,
    errors.IntegrityError: 6,
}


def test_a_problem_says_code_place_rule_and_fix_in_that_order():
    """A table is named after the code, so that lines of one kind align."""
    problem = Problem("DLQ-102", 'column "month" is missing', "months", 1, "add it or rename")

    assert str(problem) == 'DLQ-102 months: column "month" is missing. fix: add it or rename.'


def test_a_position_in_a_file_comes_first():
    """Editors and terminals make a link of file:line:column at the head of a line."""
    problem = Problem("DLQ-202", 'unknown key "treatmnt"', "strategy.yaml:12:5")

    assert str(problem) == 'strategy.yaml:12:5: DLQ-202 unknown key "treatmnt".'


def test_a_question_is_not_given_a_full_stop():
    """Nothing is added to a sentence that already ends."""
    assert str(Problem("X", "odd", fix='did you mean "a"?')) == 'X odd. fix: did you mean "a"?'


@given(st.text(), st.text(), st.text())
def test_a_problem_is_always_one_printable_line(what, where, fix):
    """Names come from files of other people; none may break the line or steer the terminal."""
    line = str(Problem("DLQ-100", what, where, fix=fix))

    assert line.isprintable()
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(("kind", "code"), CLASSES.items())
def test_each_class_is_a_value_error_with_its_exit_code(kind, code):
    """Whoever catches ValueError catches the family; the command line reads the exit code."""
    error = kind(Problem("DLQ-100", "no rows", "months", 0, "check the export"))

    assert isinstance(error, errors.DelinquencyError)
    assert isinstance(error, ValueError)
    assert error.exit_code == code


def test_an_error_carries_all_problems_and_the_fields_of_the_first():
    """One pass tells everything; scripts read the first without parsing text."""
    error = InputError(Problem("A", "one", "x", 3, "do"), Problem("B", "two", "y"))

    assert (error.code, error.where, error.count, error.fix) == ("A", "x", 3, "do")
    assert str(error).splitlines() == ["A x: one. fix: do.", "B y: two."]


def test_the_fields_of_a_problem_are_a_json_line():
    """The same fields on the exception and in the log."""
    problem = Problem("DLQ-100", "没有行", "months", 0, "check")

    assert json.loads(json.dumps(problem.as_dict())) == {
        "code": "DLQ-100",
        "what": "没有行",
        "where": "months",
        "count": 0,
        "fix": "check",
    }


def test_an_error_survives_the_way_between_processes():
    """joblib carries exceptions of workers back by pickle."""
    error = InputError(Problem("A", "one", "x", 3, "do"), Problem("B", "two"))

    back = pickle.loads(pickle.dumps(error))

    assert (type(back), back.problems) == (InputError, error.problems)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("treatmnt", 'did you mean "treatment"?'),
        ("stages", 'did you mean "stage"?'),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_offered_and_nothing_far_fetched(name, answer):
    """A wrong guess is worse than none."""
    assert did_you_mean(name, ["treatment", "stage", "band"]) == answer
