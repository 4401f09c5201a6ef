"""The bundle: what a model needs to score, as JSON and plain numbers. Never a pickle.

A bundle is a folder of two files, or one zip file that holds the two:

``manifest.json``
    Format number, the document its owner wrote (features, scales, edges, training facts), and for each
    array its type, shape and place; the SHA-256 of the other file, and of the manifest itself. It is
    written in one way only (`to_json`), and any other spelling of it is damage: so a repeated key, a NaN
    or an edited digit is never read as something else.
``arrays-<first of its SHA-256>.bin``
    The arrays one after another, little-endian. There is nothing to parse, so nothing to crash. Its
    name is its content, so a bundle is replaced by one rename, that of the manifest.

A zip is never unpacked: its two members are read by name, uncompressed, so there is nothing to blow up, and
it must be byte for byte the one zip that these members make (`_zip`).

The hashes find damage; they are no signature. What a hostile bundle may say is bounded by its owner,
which checks every number and text (`delinquency.scoring.Scorer.from_bundle`).

How the format grows old: a reader accepts every format number up to its own; a new number is only needed
when an old reader would misread, and then the old reader refuses it by name. Each format that was ever
released stays in the tests as a fixture.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from delinquency.errors import IntegrityError, Problem
from delinquency.storage._commit import write_bytes
from delinquency.storage._manifest import to_json
from delinquency.storage._zip import pack, unpack

__all__ = ["Bundle", "load_bundle", "save_bundle"]

FORMAT = 1
_MOST = 1 << 31  # bytes of a file; no model is as large, and nothing larger is read into memory
_DTYPES = ("<f8", "<f4", "<i8", "<i4", "<u8", "|u1", "|i1")


@dataclass(frozen=True)
class Bundle:
    """A document and its arrays.

    Parameters
    ----------
    document : dict
        JSON content: text, finite numbers, lists, dicts.
    arrays : dict of str to ndarray
        Plain numeric arrays, of at most two dimensions.

    Examples
    --------
    >>> one = Bundle({"name": "one"}, {"edges": np.array([0.5, 1.0])})
    >>> one.hash == Bundle({"name": "one"}, {"edges": np.array([0.5, 1.0])}).hash
    True
    """

    document: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def hash(self) -> str:
        """SHA-256 over the manifest, which itself holds the hash of the arrays."""
        return hashlib.sha256(_parts(self)[0]).hexdigest()


def _parts(bundle: Bundle) -> tuple[bytes, bytes]:
    blobs, places, offset = [], {}, 0
    for name in sorted(bundle.arrays):
        array = np.ascontiguousarray(bundle.arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"))
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"arrays of {array.dtype} have no place in a bundle")
        places[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": offset}
        blobs.append(array.tobytes())
        offset += array.nbytes
    content = b"".join(blobs)
    manifest = {
        "format": FORMAT,
        "document": bundle.document,
        "arrays": places,
        "arrays_sha256": hashlib.sha256(content).hexdigest(),
    }
    return to_json({**manifest, "sha256": _seal(manifest)}), content


def _seal(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(manifest)).hexdigest()


def _arrays_file(sha256: str) -> str:
    return f"arrays-{sha256[:16]}.bin"


def save_bundle(bundle: Any, path: str | os.PathLike[str]) -> list[str]:
    """Write a bundle into a folder, or one zip file, and return the names of its files there.

    The manifest takes its name last: until then a bundle that stood in the folder still loads, whatever
    interrupts us.

    Parameters
    ----------
    bundle : Bundle, or an object with ``to_bundle()``
        What to keep, for example a `delinquency.scoring.Scorer`.
    path : path
        The folder, made when it is not there; or a file whose name ends in ``.zip``. The same bundle makes
        the same bytes.

    Returns
    -------
    list of str
        Names of its files, relative to the folder; the manifest last.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; an older bundle there still loads.
    TypeError
        For an array of a type that has no place in a bundle, such as text.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> save_bundle(Bundle({"name": "one"}, {}), folder / "one.zip")
    ['one.zip']
    >>> load_bundle(folder / "one.zip").document
    {'name': 'one'}
    """
    if hasattr(bundle, "to_bundle"):
        bundle = bundle.to_bundle()
    manifest, content = _parts(bundle)
    folder, arrays = Path(path), _arrays_file(hashlib.sha256(content).hexdigest())
    if folder.suffix == ".zip":
        write_bytes(folder, pack({arrays: content, "manifest.json": manifest}))
        return [folder.name]
    write_bytes(folder / arrays, content)
    write_bytes(folder / "manifest.json", manifest)
    for old in folder.glob("arrays-*.bin"):
        if old.name != arrays:
            old.unlink(missing_ok=True)
    return [arrays, "manifest.json"]


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read a bundle back, from its folder or zip file, and check every byte of it.

    Parameters
    ----------
    path : path
        What `save_bundle` wrote.

    Returns
    -------
    Bundle
        Hand it to its owner, for example ``Scorer.from_bundle``, which checks what the numbers mean.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when it is missing, damaged, or of a newer format. Nothing is loaded then.

    Examples
    --------
    >>> load_bundle("a-folder-that-is-not-there")
    Traceback (most recent call last):
        ...
    delinquency.errors.IntegrityError: DLQ-602 a-folder-that-is-not-there: no bundle here: ...
    """
    folder = Path(path)
    try:
        files = unpack(_bytes(folder)) if folder.is_file() else _Folder(folder)
        manifest = _manifest(folder, files["manifest.json"])
        content = files[_arrays_file(manifest["arrays_sha256"])]
        if hashlib.sha256(content).hexdigest() != manifest["arrays_sha256"]:
            raise _damaged(folder, "the arrays are not what the manifest says")
        arrays = {name: _array(content, place) for name, place in manifest["arrays"].items()}
        if not isinstance(manifest["document"], dict):
            raise TypeError
    except IntegrityError:
        raise
    except FileNotFoundError as error:
        lacking = Path(str(error.filename)).name
        raise _damaged(folder, f"no bundle here: {lacking} is not there") from error
    except _DAMAGE as error:
        raise _damaged(folder, "the bundle is damaged") from error
    return Bundle(manifest["document"], arrays)


# what reading, parsing and looking into hostile JSON may raise
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class _Folder(dict[str, bytes]):
    """The files of a folder by name, read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __missing__(self, name: str) -> bytes:
        return _bytes(self.folder / name)


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _MOST:
        raise ValueError
    return path.read_bytes()


def _manifest(folder: Path, text: bytes) -> dict[str, Any]:
    """Return the manifest when it is, byte for byte, what its own hash promises."""
    manifest = json.loads(text)
    number = manifest["format"]
    if type(number) is int and number > FORMAT:
        what = f"format {number} is newer than this version reads ({FORMAT})"
        raise _damaged(folder, what, "update delinquency")
    sealed = {key: value for key, value in manifest.items() if key != "sha256"}
    sound = (
        type(number) is int
        and number == FORMAT
        and to_json(manifest) == text
        and _seal(sealed) == manifest["sha256"]
        and re.fullmatch("[0-9a-f]{64}", manifest["arrays_sha256"]) is not None
    )
    if not sound:
        raise ValueError
    return manifest


def _array(content: bytes, place: dict[str, Any]) -> np.ndarray:
    dtype, shape, offset = place["dtype"], place["shape"], place["offset"]
    whole = all(type(number) is int and number >= 0 for number in [*shape, offset])
    if dtype not in _DTYPES or not whole or len(shape) > 2:
        raise ValueError
    count = math.prod(shape)
    if offset + count * np.dtype(dtype).itemsize > len(content):
        raise ValueError
    if not count:
        return np.empty(shape, dtype)
    # a copy: aligned and our own, as the compiled loops like it
    return np.frombuffer(content, dtype=dtype, count=count, offset=offset).reshape(shape).copy()


def _damaged(folder: Path, what: str, fix: str = "restore it, or train again") -> IntegrityError:
    return IntegrityError(Problem("DLQ-602", what, str(folder), fix=fix))
