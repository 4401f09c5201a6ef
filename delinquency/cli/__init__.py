"""The command line: the same verbs as `delinquency.workflows`, on files.

Tables come as ``.parquet``, ``.csv``, ``.csv.gz``, a folder of Parquet, or
``postgresql://host/database#schema.table``. Progress goes to stderr, results
to stdout; ``--json`` prints them for machines. Exit codes: 0 done; 2 bad input or configuration; 3 a gate
failed; 4 locked or conflicting; 5 environment (disk, memory); 6 integrity; 70 a bug of ours.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback

import typer

from delinquency.cli import _goals, _keep, _road, _runs
from delinquency.cli._rules import rules_app
from delinquency.errors import DelinquencyError, EnvironmentFailure, Problem, unless_memory

__all__ = ["app", "main"]

app = typer.Typer(
    name="delinquency",
    help="From repayment histories to risk scores, and from each score band to a treatment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules_app, name="rules")
app.add_typer(_keep.champion_app, name="champion")
# The order is that of the help page: the road first.
_VERBS = (
    _road.demo,
    _road.check,
    _road.train,
    _road.score,
    _road.plan,
    _goals.review,
    _road.report,
    _keep.monitor,
    _keep.retrain,
    _runs.verify,
    _runs.rescore,
)
for _verb in _VERBS:
    app.command()(_verb)


def main() -> None:
    """Run the command line; every refusal is one line a problem and an exit code."""
    try:
        app()
    except DelinquencyError as error:
        _tell(error, "--json" in sys.argv)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        sys.exit(_failed(error))


def _failed(error: Exception) -> int:
    """Tell of what is no refusal of ours, and return the exit code."""
    try:
        unless_memory(error)
    except MemoryError:
        fix = "use a machine with more, a smaller --memory, or less input"
        return _environment(Problem("DLQ-503", "not enough memory", fix=fix))
    if isinstance(error, OSError):
        what = f"the system refuses: {error.strerror or type(error).__name__}"
        where = str(error.filename or "")
        return _environment(Problem("DLQ-502", what, where, fix="check rights and space"))
    print("DLQ-700 this is a bug of ours; please report what follows.", file=sys.stderr)
    traceback.print_exception(error)
    return 70


def _environment(problem: Problem) -> int:
    _tell(EnvironmentFailure(problem), "--json" in sys.argv)
    return EnvironmentFailure.exit_code


def _tell(error: DelinquencyError, as_json: bool) -> None:
    for problem in error.problems:
        line = json.dumps(problem.as_dict(), ensure_ascii=False) if as_json else str(problem)
        with contextlib.suppress(
            OSError
        ):  # a full disk may hold stderr too; the exit code still tells
            print(line, file=sys.stderr)
