"""The one helper that writes files: all or nothing."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from delinquency.errors import EnvironmentFailure, Problem
from delinquency.storage._failpoint import reached

__all__ = ["flush", "on_disk", "replace_file", "sha256_of", "stage", "write_bytes"]


@contextmanager
def on_disk(where: str | os.PathLike[str], *, fix: str) -> Iterator[None]:
    """Say in one line that the disk refused a write, and what to do.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-501`` for what the system raises inside the block.
    """
    try:
        yield
    except OSError as error:
        what = f"could not write: {error.strerror or type(error).__name__}"
        raise EnvironmentFailure(Problem("DLQ-501", what, os.fspath(where), fix=fix)) from error


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Hand out a temporary path beside `path`; put it in place when the block ends without an error.

    The file is flushed to the disk before it takes its name, and the folder after it, so neither a
    killed process nor a full disk can damage what stood there.

    Parameters
    ----------
    path : path
        The file; its folder is made when it is not there.

    Yields
    ------
    path
        Where to write. It is gone when the block ends, whatever ended it.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; the old file stands.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replace_file(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("done")
    >>> (folder / "note.txt").read_text(), len(list(folder.iterdir()))
    ('done', 1)
    """
    target = Path(path)
    with on_disk(target, fix="free space or choose another folder; the last good file stands"):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        try:
            os.close(handle)
            reached("file.made")
            yield temporary
            reached("file.filled")
            temporary.chmod(0o666 & ~_umask())
            flush(temporary)
            reached("file.flushed")
            temporary.replace(target)
            reached("file.named")
            flush(target.parent)
            reached("file.kept")
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def stage(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Hand out an empty folder on the same disk; move its files into `folder` when the block ends well.

    Files take their names in the order of their paths, but ``run_manifest.json`` last. A process killed
    between two of them leaves a run that `verify` finds changed, never a file cut short.

    Parameters
    ----------
    folder : path
        Made when it is not there.

    Yields
    ------
    path
        The empty folder to write in.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; what stood in the folder before stands.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with stage(folder / "run") as staged:
    ...     write_bytes(staged / "a" / "note.txt", b"done")
    >>> sorted(path.name for path in folder.rglob("*"))
    ['a', 'note.txt', 'run']
    """
    target = Path(folder)
    with on_disk(target, fix="free space or choose another folder; the last good run stands"):
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".run.", dir=target) as name:
            staged = Path(name)
            yield staged
            files = [path for path in staged.rglob("*") if path.is_file()]
            for path in sorted(files, key=lambda path: (path.name == "run_manifest.json", path)):
                final = target / path.relative_to(staged)
                final.parent.mkdir(parents=True, exist_ok=True)
                path.replace(final)
                flush(final.parent)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a whole file at once, through `replace_file`.

    Parameters
    ----------
    path : path
        The file; its folder is made when it is not there.
    content : bytes
        The whole of it.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; the old file stands.

    Examples
    --------
    >>> file = Path(tempfile.mkdtemp()) / "notes" / "note.txt"
    >>> write_bytes(file, b"done")
    >>> file.read_text()
    'done'
    """
    with replace_file(path) as temporary:
        temporary.write_bytes(content)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as hexadecimal text.

    Examples
    --------
    >>> file = Path(tempfile.mkdtemp()) / "empty"
    >>> file.touch()
    >>> sha256_of(file)[:16]
    'e3b0c44298fc1c14'
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
