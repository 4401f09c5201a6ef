"""Files damaged after they were written. R7."""

import random
from collections import Counter

from delinquency import storage, workflows
from delinquency.errors import DelinquencyError

from .disk import WRITERS
from .world import ended, fork, scoring_run, workshop

KINDS = ("flip", "cut", "append", "blank", "swap", "delete", "strange file")


def damaged_files(times, seed=0, check=None):
    """Damage a file of a run, a bundle or a log in some way, and ask whether it is noticed."""
    chance, counts = random.Random(seed), Counter()
    with workshop() as (folder, where):
        places = _made(folder, where)
        for _ in range(times):
            what, root = chance.choice(places)
            kind = chance.choice(KINDS if what != "bundle" else KINDS[:-1])
            undo = _damage(chance, kind, root)
            counts["damaged"] += 1
            counts[kind] += 1
            if not _noticed(what, root, check):
                counts["not noticed"] += 1
                counts[f"not noticed: {kind} of {what}"] += 1
            undo()
        for what, root in places:
            counts["false alarms"] += _noticed(what, root, check)
    return dict(counts)


def _made(folder, where):
    """A run of parts, a bundle, and a log of two decisions."""
    scoring_run(where, folder / "run")
    for name in ("old", "new"):
        assert ended(fork(lambda name=name: WRITERS["decisions"](where, folder / "log", name))) == 0
    return [("run", folder / "run"), ("bundle", where["bundle"]), ("log", folder / "log")]


def _noticed(what, root, check):
    try:
        if check is not None:
            return check(what, root)
        if what == "bundle":
            storage.load_bundle(root)
            return False
        return bool((workflows.verify(root)["state"] != "same").any())
    except DelinquencyError:
        return True


def by_size(what, root):
    """The negative control: believe a file that has the right length."""
    if what != "run":
        return True
    root = storage.shown(root)
    outputs = storage.read_manifest(root)["outputs"]
    return any(
        not (root / name).is_file() or (root / name).stat().st_size != entry["bytes"]
        for name, entry in outputs.items()
    )


def _files(root):
    root = storage.shown(root)
    return sorted(
        path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def _damage(chance, kind, root):
    """Damage one file; return what mends it."""
    files = _files(root)
    victim = chance.choice(files)
    content = victim.read_bytes()
    if kind == "strange file":  # in a version's or a decision's own folder
        victim = chance.choice([path for path in files if path.name != "chain.json"])
        stranger = victim.with_name("zz-stranger.parquet")
        stranger.write_bytes(content)
        return stranger.unlink
    if kind == "swap":
        other = chance.choice([path for path in files if path.read_bytes() != content])
        theirs = other.read_bytes()
        other.write_bytes(content)
        victim.write_bytes(theirs)

        def back():
            victim.write_bytes(content)
            other.write_bytes(theirs)

        return back
    if kind == "delete":
        victim.unlink()
    else:
        victim.write_bytes(_changed(chance, kind, content))
    return lambda: victim.write_bytes(content)


def _changed(chance, kind, content):
    broken = bytearray(content)
    place = chance.randrange(len(content))
    if kind == "flip":
        broken[place] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del broken[place:]
    elif kind == "append":
        broken += bytes([chance.randrange(256)])
    else:  # a block of the disk that was never written
        end = min(place + 512, len(content))
        broken[place:end] = bytes(end - place)
        if broken == content:
            broken[place] ^= 1
    return bytes(broken)
