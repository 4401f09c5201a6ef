"""A run: its lock, its steps and what it shows; the proofs under kills stand in ``tests/faults``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from delinquency.errors import EnvironmentFailure, InputError, IntegrityError, LockError
from delinquency.storage import (
    WORK,
    Run,
    locked,
    open_run,
    read_manifest,
    read_table,
    shown,
    verify,
    write_bytes,
    write_table,
)
from delinquency.storage._failpoint import on_reaching

DAY = "2026-06-30"


def commit(out, text, **keywords):
    """Commit one text; return its manifest."""
    with open_run(out, "text", as_of=DAY, inputs={}, settings={"text": text}, **keywords) as run:
        if not run.committed:
            run.write("note.txt", text.encode())
            run.commit({"said": text})
        return run.committed


def test_what_people_see_leads_to_one_version(tmp_path):
    """Names at the top, one link behind them, the version before kept until the next run."""
    first = commit(tmp_path / "o", "a")
    second = commit(tmp_path / "o", "b", new_version=True)

    assert (tmp_path / "o" / "note.txt").read_text() == "b"
    assert read_manifest(tmp_path / "o")["said"] == "b"
    assert second["previous"] is not None
    assert first["run_id"] != second["run_id"]
    versions = [path for path in (tmp_path / "o" / ".runs").iterdir() if path.is_dir()]
    assert len([path for path in versions if not path.is_symlink()]) == 2
    commit(tmp_path / "o", "c", new_version=True)
    versions = [path for path in (tmp_path / "o" / ".runs").iterdir() if not path.is_symlink()]
    assert len([path for path in versions if path.is_dir()]) == 2


def test_a_file_that_is_no_more_is_shown_no_more(tmp_path):
    """The next version has other files."""
    commit(tmp_path / "o", "a")
    with open_run(tmp_path / "o", "text", as_of=DAY, inputs={}, new_version=True) as run:
        run.write("other.txt", b"x")
        run.commit()

    assert {p.name for p in (tmp_path / "o").iterdir()} == {
        ".runs",
        "other.txt",
        "run_manifest.json",
    }


def test_a_run_of_the_older_layout_is_taken_over(tmp_path):
    """Plain files in the folder, as earlier versions wrote them."""
    out = tmp_path / "o"
    plain = shown_copy(commit(tmp_path / "x", "old"), tmp_path / "x", out)

    with pytest.raises(LockError, match="DLQ-402"):
        commit(out, "new")
    commit(out, "new", new_version=True)

    assert plain
    assert (out / "note.txt").read_text() == "new"
    assert (out / "note.txt").is_symlink()
    assert set(verify(out)["state"]) == {"same"}


def test_taking_over_goes_on_after_a_kill(tmp_path):
    """Else a name would show the older file for ever beside those of the new version."""
    out = tmp_path / "o"
    shown_copy(commit(tmp_path / "x", "old"), tmp_path / "x", out)

    def kill(place):
        if place == "run.switched":
            raise KeyboardInterrupt

    on_reaching(kill)
    try:
        with pytest.raises(KeyboardInterrupt):
            commit(out, "new", new_version=True)
    finally:
        on_reaching(None)
    assert (out / "note.txt").read_text() == "old"

    assert commit(out, "new")["said"] == "new"
    assert (out / "note.txt").read_text() == "new"
    assert read_manifest(out)["said"] == "new"


def shown_copy(manifest, run, out):
    out.mkdir()
    for name in [*manifest["outputs"], "run_manifest.json"]:
        (out / name).write_bytes((run / name).read_bytes())
    return manifest


def test_the_same_again_does_no_step(tmp_path):
    """Nor does it when the step was done by a run that did not end."""
    done = []

    def work(folder):
        done.append(1)
        (folder / "a.txt").write_text("x")
        return ["a.txt"], {"n": 1}

    with (
        pytest.raises(KeyboardInterrupt),
        open_run(tmp_path, "job", as_of=DAY, inputs={}) as run,
    ):
        run.step("one", work)
        raise KeyboardInterrupt
    for _ in range(2):
        with open_run(tmp_path, "job", as_of=DAY, inputs={}) as run:
            if not run.committed:
                assert run.step("one", work) == {"n": 1}
                run.commit()

    assert done == [1]


def test_a_run_that_fails_takes_its_files_away(tmp_path):
    """Also the folder, when it had made it."""
    for out in (tmp_path, tmp_path / "made"):
        with pytest.raises(ZeroDivisionError), open_run(out, "j", as_of=DAY, inputs={}) as run:
            run.write("a.txt", b"x")
            raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_a_committed_run_that_was_damaged_is_made_again(tmp_path):
    """Nothing is not done on the word of a manifest alone."""
    commit(tmp_path / "o", "a")
    (shown(tmp_path / "o") / "note.txt").write_text("b")

    commit(tmp_path / "o", "a")

    assert (tmp_path / "o" / "note.txt").read_text() == "a"
    assert set(verify(tmp_path / "o")["state"]) == {"same"}


def test_a_file_nobody_named_is_unknown_to_verify(tmp_path):
    """It could be taken for a part of the table."""
    commit(tmp_path / "o", "a")
    (shown(tmp_path / "o") / "part.parquet").write_text("x")

    assert dict(verify(tmp_path / "o")[["file", "state"]].to_numpy())["part.parquet"] == "unknown"


def test_a_damaged_manifest_is_replaced_only_on_demand(tmp_path):
    """Somebody should look first."""
    commit(tmp_path / "o", "a")
    (shown(tmp_path / "o") / "run_manifest.json").write_text("{")

    with pytest.raises(LockError, match="its manifest is damaged"):
        commit(tmp_path / "o", "a")
    with pytest.raises(IntegrityError, match="DLQ-601"):
        verify(tmp_path / "o")
    commit(tmp_path / "o", "a", new_version=True)
    assert set(verify(tmp_path / "o")["state"]) == {"same"}


def test_inputs_are_known_by_their_content(tmp_path):
    """Another path with the same bytes is the same input; another byte is another."""
    keys = []
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        (tmp_path / name).write_bytes(content)
        with open_run(tmp_path / f"o{name}", "j", as_of=DAY, inputs={"in": tmp_path / name}) as run:
            assert isinstance(run, Run)
            keys.append(run.key)

    assert keys[0] == keys[1] != keys[2]


def test_the_lock_of_a_dead_process_is_free_and_that_of_a_live_one_is_not(tmp_path):
    """The system frees it; nothing has to be cleaned up."""
    code = (
        "import sys, pathlib\nfrom delinquency.storage import locked\n"
        f"with locked(pathlib.Path({str(tmp_path)!r})):\n print('in', flush=True)\n"
        " sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    with other:
        other.stdout.readline()
        with pytest.raises(LockError, match="DLQ-401"), locked(tmp_path):
            pass
        other.kill()
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_the_environments_fault(tmp_path):
    """A file stands in its place."""
    (tmp_path / "o").write_text("x")

    with pytest.raises(EnvironmentFailure, match="DLQ-501"):
        commit(tmp_path / "o", "a")


def test_a_run_is_read_as_its_main_table(tmp_path):
    """Of two tables the one that the run names."""
    import pandas as pd

    with open_run(tmp_path / "o", "j", as_of=DAY, inputs={}) as run:
        for name, value in (("a", 1), ("b", 2)):
            table = pd.DataFrame({"x": [value]})
            run.step(name, lambda folder, n=name, t=table: (_written(folder, n, t), {}))
        run.commit({"main": "b.parquet"})

    assert read_table(tmp_path / "o")["x"].tolist() == [2]
    assert read_table(tmp_path / "o" / "a.parquet")["x"].tolist() == [1]


def _written(folder, name, table):
    write_table(table, folder / f"{name}.parquet")
    return [f"{name}.parquet"]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("{")])
def test_a_run_without_its_manifest_survives_one_that_fails(tmp_path, harm):
    """Its files are still the last good ones: not replaced unasked, not taken away by an error."""
    out = tmp_path / "o"
    commit(out, "old")
    harm(shown(out) / "run_manifest.json")

    with pytest.raises(LockError, match="DLQ-402"):
        commit(out, "new")
    with (
        pytest.raises(ZeroDivisionError),
        open_run(out, "text", as_of=DAY, inputs={}, new_version=True),
    ):
        raise ZeroDivisionError

    assert (out / "note.txt").read_text() == "old"
    commit(out, "new", new_version=True)
    assert (out / "note.txt").read_text() == "new"


@pytest.mark.parametrize("place", ["nowhere.csv", "postgresql://me:secret@localhost/risk#months"])
def test_an_input_that_is_no_file_is_refused(tmp_path, place):
    """The hash of nothing would stand for it, and the login of an address in the manifest."""
    with (
        pytest.raises(InputError, match="DLQ-109") as caught,
        open_run(tmp_path / "o", "text", as_of=DAY, inputs={"months": place}),
    ):
        pass

    assert "secret" not in str(caught.value)
    assert not (tmp_path / "o").exists()


def test_what_is_for_later_steps_is_gone_when_the_run_is_shown(tmp_path):
    """A later step reads it; the manifest names only what stays."""
    with open_run(tmp_path / "o", "text", as_of=DAY, inputs={}) as run:

        def left(folder):
            write_bytes(folder / WORK / "half.txt", b"half")
            return [f"{WORK}/half.txt"], {}

        run.step("first", left)
        run.write("note.txt", 2 * (run.folder / WORK / "half.txt").read_bytes())
        manifest = run.commit()

    assert list(manifest["outputs"]) == ["note.txt"]
    assert not (shown(tmp_path / "o") / WORK).exists()
    assert (verify(tmp_path / "o")["state"] == "same").all()
