"""The registry: a champion by compare and swap, roll back, and a log that shows every edit."""

import hashlib
import json
import resource
import shutil

import numpy as np
import pytest

from delinquency.errors import EnvironmentFailure, IntegrityError, LockError
from delinquency.storage import Bundle, Registry

DAY = "2026-06-30"


def bundle(k):
    return Bundle({"number": k}, {"a": np.arange(k + 1.0)})


@pytest.fixture
def registry(tmp_path):
    """Three bundles; the second follows the first."""
    registry = Registry(tmp_path / "models")
    one, two, _ = (registry.add(bundle(k)) for k in (1, 2, 3))
    registry.promote(one, expected=None, as_of=DAY)
    registry.promote(two, expected=one, as_of=DAY, note="better", evidence={"run": "a", "auc": 0.8})
    return registry


ONE, TWO, THREE = (bundle(k).hash for k in (1, 2, 3))


def test_an_empty_registry_has_no_champion(tmp_path):
    """Nor a folder, until something is added."""
    registry = Registry(tmp_path / "models")

    assert registry.champion is None
    assert len(registry.changes()) == 0
    with pytest.raises(IntegrityError, match="DLQ-607"):
        registry.load()
    assert not (tmp_path / "models").exists()


def test_the_champion_is_the_last_one_promoted(registry):
    """And its bundle comes back bit by bit."""
    assert registry.champion == TWO
    assert registry.load().document == {"number": 2}
    assert registry.load(ONE).arrays["a"].tolist() == [0, 1]
    table = registry.changes()
    assert table["action"].tolist() == ["promote", "promote"]
    assert table["replaced"].tolist()[1] == ONE
    assert table["note"].tolist() == ["", "better"]


def test_a_bundle_is_kept_once(registry):
    """Adding it again checks it and changes nothing."""
    place = registry.folder / "bundles" / ONE
    before = {path: path.stat().st_mtime_ns for path in place.iterdir()}

    assert registry.add(bundle(1)) == ONE
    assert {path: path.stat().st_mtime_ns for path in place.iterdir()} == before
    assert sorted(p.name for p in (registry.folder / "bundles").iterdir()) == sorted(
        [ONE, TWO, THREE]
    )


def test_who_compared_with_another_champion_changes_nothing(registry):
    """Compare and swap: exit code 4, and the log as it was."""
    before = (registry.folder / "changes.jsonl").read_bytes()

    for expected in (ONE, None, THREE):
        with pytest.raises(LockError, match="DLQ-411"):
            registry.promote(THREE, expected=expected, as_of=DAY)
    with pytest.raises(LockError, match="DLQ-411"):
        registry.roll_back(expected=ONE, as_of=DAY)
    assert (registry.folder / "changes.jsonl").read_bytes() == before


def test_promoting_the_champion_again_changes_nothing(registry):
    """So a job that was killed after its change can be run again."""
    change = registry.promote(TWO, expected=ONE, as_of=DAY)

    assert change.number == 2
    assert len(registry.changes()) == 2


def test_roll_backs_go_back_one_champion_at_a_time(registry):
    """One, two, three; back to two, back to one, and no further."""
    registry.promote(THREE, expected=TWO, as_of=DAY)

    assert registry.roll_back(expected=THREE, as_of=DAY).bundle == TWO
    assert registry.roll_back(expected=TWO, as_of=DAY, note="complaints").bundle == ONE
    with pytest.raises(LockError, match="DLQ-412"):
        registry.roll_back(expected=ONE, as_of=DAY)
    assert registry.changes()["bundle"].tolist() == [ONE, TWO, THREE, TWO, ONE]


def test_after_a_roll_back_the_next_promotion_stands_on_what_was_restored(registry):
    """One, two, back, three, back: one again."""
    registry.roll_back(expected=TWO, as_of=DAY)
    registry.promote(THREE, expected=ONE, as_of=DAY)

    assert registry.roll_back(expected=THREE, as_of=DAY).bundle == ONE


def test_a_damaged_bundle_is_never_made_champion(registry):
    """Neither by promotion nor by rolling back; the champion stays."""
    for name in (ONE, THREE):
        path = next((registry.folder / "bundles" / name).glob("arrays-*"))
        path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(IntegrityError, match="DLQ-602"):
        registry.promote(THREE, expected=TWO, as_of=DAY)
    with pytest.raises(IntegrityError, match="DLQ-602"):
        registry.roll_back(expected=TWO, as_of=DAY)
    assert registry.champion == TWO


def test_a_bundle_that_its_owner_refuses_is_never_made_champion(registry):
    """`prove` is asked before a byte is written."""

    def refuse(_):
        raise IntegrityError

    with pytest.raises(IntegrityError):
        registry.promote(THREE, expected=TWO, as_of=DAY, prove=refuse)
    with pytest.raises(IntegrityError):
        registry.roll_back(expected=TWO, as_of=DAY, prove=refuse)
    assert registry.champion == TWO


def test_a_bundle_in_the_place_of_another_is_refused(registry):
    """A whole, sound bundle under a wrong name."""
    place = registry.folder / "bundles"
    shutil.rmtree(place / TWO)
    shutil.copytree(place / THREE, place / TWO)

    with pytest.raises(IntegrityError, match="DLQ-602"):
        registry.load()
    assert registry.verify().set_index("file")["state"][f"bundles/{TWO}"] == "changed"


@pytest.mark.parametrize("name", ["", "..", "../../x", "a" * 63, "A" * 64, "g" * 64])
def test_only_a_whole_hash_names_a_bundle(registry, name):
    """Nothing outside the folder can be reached by a name."""
    with pytest.raises(IntegrityError, match="DLQ-602"):
        registry.load(name)


def test_the_chain_is_that_of_sha256(registry):
    """Worked out beside it."""
    lines = (registry.folder / "changes.jsonl").read_text().splitlines()
    previous = "0" * 64
    for line in lines:
        entry = json.loads(line)
        assert entry["previous"] == previous
        content = {key: value for key, value in entry.items() if key != "hash"}
        text = json.dumps(content, sort_keys=True)
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert entry["hash"] == previous


def test_every_flipped_byte_and_every_cut_of_the_log_is_found(registry):
    """But a cut between two lines, which only a head kept elsewhere can tell."""
    path = registry.folder / "changes.jsonl"
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    head = registry.changes()["hash"].iloc[-1]

    for place in sorted({first, *range(0, len(content), 4)}):
        broken = bytearray(content)
        broken[place] ^= 1
        path.write_bytes(broken)
        with pytest.raises(IntegrityError, match="DLQ-605"):
            _ = registry.champion
        path.write_bytes(content[:place])
        if place != first:
            with pytest.raises(IntegrityError, match="DLQ-605"):
                _ = registry.champion
    path.write_bytes(content[:first])
    assert registry.champion == ONE
    assert registry.verify(head=head)["state"].iloc[0] == "changed"
    path.write_bytes(content)
    assert set(registry.verify(head=head)["state"]) == {"same"}


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: [lines[1]],
        lambda lines: lines[::-1],
        lambda lines: [*lines, lines[1]],
        lambda lines: [line.replace(b"better", b"worse ") for line in lines],
        lambda lines: [line.replace(b'"number": ', b'"number":  ') for line in lines],
    ],
)
def test_lines_left_out_moved_repeated_or_reworded_are_found(registry, edit):
    """The log is appended to, never edited."""
    path = registry.folder / "changes.jsonl"
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))

    with pytest.raises(IntegrityError, match="DLQ-605"):
        registry.promote(THREE, expected=TWO, as_of=DAY)
    assert registry.verify()["state"].iloc[0] == "changed"


def test_a_full_disk_leaves_champion_and_bundles(registry):
    """At every size limit: the addition and the promotion both refuse, nothing is lost."""
    before = (registry.folder / "changes.jsonl").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    rng = np.random.default_rng(0)
    big = Bundle({"name": "big"}, {"a": rng.random(4000)})
    for size in (0, 100, 700, 5000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(EnvironmentFailure, match="DLQ-501"):
                registry.add(big)
            if size <= 700:
                with pytest.raises(EnvironmentFailure, match="DLQ-501"):
                    registry.promote(THREE, expected=TWO, as_of=DAY)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (registry.folder / "changes.jsonl").read_bytes() == before
    assert registry.load().hash == TWO
    assert registry.add(big) == big.hash
    assert set(registry.verify()["state"]) == {"same"}
