"""Loops are compiled everywhere the same way, also where nothing can be kept."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = """
import numpy as np
import pandas as pd
from numba.core import caching

if {homeless}:  # neither the package's folder nor the user's cache can be written
    nowhere = classmethod(lambda cls, function, file: None)
    for name in dir(caching):
        if name.endswith("Locator"):
            getattr(caching, name).from_function = nowhere
from delinquency import datasets, features, history, scoring, strategy

if {vanishing}:  # a folder for the cache was there at import, and a file stands there now
    import os, shutil
    shutil.rmtree(os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
    open(os.environ["NUMBA_CACHE_DIR"], "w").close()
months = pd.DataFrame(
    {{"account_id": 1, "month": ["2026-01", "2026-02"], "days_past_due": [0, 31]}}
)
assert history.check_months(months) is not None
X = features.build_features(months, "2026-02-28", windows=(3,))
print(X.to_numpy().tobytes().hex())
"""


def run(homeless=False, vanishing=False, **environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(homeless=homeless, vanishing=vanishing)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_user_without_a_place_to_write_gets_the_same_bits():
    """Compiled in each process then, and never an exception at import."""
    homeless, said = run(homeless=True)
    housed, otherwise = run(homeless=False)

    assert homeless == housed != ""
    assert said.count("cannot be kept") == 1  # dozens of loops, one line
    assert "compiling the feature loops, in each process" in said
    assert "once on this machine" not in said
    assert "cannot be kept" not in otherwise


def test_a_cache_that_is_gone_by_the_first_call_is_done_without(tmp_path):
    """Compiled and not kept, with the same bits, instead of an error of the system."""
    folder = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    gone, said = run(vanishing=True, **folder)
    (tmp_path / "cache").unlink()
    kept, told = run(**folder)

    assert gone == kept != ""
    assert said.count("cannot be kept") == 1
    assert "in each process" in said and "once on this machine" not in said
    assert "compiling the feature loops, once on this machine" in told
    assert any((tmp_path / "cache").rglob("*.nbi"))


def test_no_room_compiles_in_its_own_way():
    """One place to mend, when numba changes."""
    own = [
        path.name
        for path in (ROOT / "delinquency").rglob("*.py")
        if "njit" in path.read_text("utf-8") and path.name != "kernels.py"
    ]

    assert own == []


def borrowed(source):
    """Names of ours from other files that the body of a compiled loop reads."""
    tree = ast.parse(source)
    foreign = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("delinquency")
        for alias in node.names
    }
    loops = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(
            "compiled" in ast.dump(d) or "element_wise" in ast.dump(d) for d in node.decorator_list
        )
    ]
    inside = {
        node.id
        for loop in loops
        for statement in loop.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }
    return len(loops), sorted(inside & foreign)


def test_no_compiled_loop_reads_another_file():
    """What is kept on the disk is dated by the loop's own file: a change elsewhere would go unseen."""
    counts = {
        path: borrowed(path.read_text("utf-8")) for path in (ROOT / "delinquency").rglob("*.py")
    }

    assert {path.name: names for path, (_, names) in counts.items() if names} == {}
    assert sum(loops for loops, _ in counts.values()) > 20
    control = "from delinquency.a import b\n@compiled\ndef loop(x):\n    return b(x)\n"
    assert borrowed(control) == (1, ["b"])
