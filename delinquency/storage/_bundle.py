"""The bundle: what a model needs to score, as JSON and plain numbers. Never a pickle.

A bundle is a folder of two files:

``manifest.json``
    Format number, the document its owner wrote (features, scales, edges, training facts), and for each
    array its type, shape and place; the SHA-256 of the other file.
``arrays.bin``
    The arrays one after another, little-endian. There is nothing to parse, so nothing to crash.

How the format grows old: a reader accepts every format number up to its own; a new number is only needed
when an old reader would misread, and then the old reader refuses it by name. Each format that was ever
released stays in the tests as a fixture.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from delinquency.errors import IntegrityError, Problem
from delinquency.storage._commit import write_bytes
from delinquency.storage._manifest import to_json

__all__ = ["Bundle", "load_bundle", "save_bundle"]

FORMAT = 1
_DTYPES = ("<f8", "<f4", "<i8", "<i4", "<u8", "|u1", "|i1")


@dataclass(frozen=True)
class Bundle:
    """A document and its arrays.

    Parameters
    ----------
    document : dict
        JSON content: text, finite numbers, lists, dicts.
    arrays : dict of str to ndarray
        Plain numeric arrays.
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
    return to_json(manifest), content


def save_bundle(bundle: Any, path: str | os.PathLike[str]) -> None:
    """Write a bundle into a folder; the manifest last, so a half-written bundle never loads.

    Parameters
    ----------
    bundle : Bundle, or an object with ``to_bundle()``
        What to keep, for example a `delinquency.scoring.Scorer`.
    path : path
        The folder, made when it is not there.
    """
    if hasattr(bundle, "to_bundle"):
        bundle = bundle.to_bundle()
    manifest, content = _parts(bundle)
    folder = Path(path)
    write_bytes(folder / "arrays.bin", content)
    write_bytes(folder / "manifest.json", manifest)


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read a bundle back and check every byte of it.

    Returns
    -------
    Bundle
        Hand it to its owner, for example ``Scorer.from_bundle``, which checks what the numbers mean.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when it is missing, damaged, or of a newer format. Nothing is loaded then.
    """
    folder = Path(path)
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        content = (folder / "arrays.bin").read_bytes()
        if manifest["format"] != FORMAT:
            raise _damaged(folder, f"format {manifest['format']!r} is not known here")
        if hashlib.sha256(content).hexdigest() != manifest["arrays_sha256"]:
            raise _damaged(folder, "arrays.bin is not what the manifest says")
        arrays = {name: _array(content, place) for name, place in manifest["arrays"].items()}
        document = manifest["document"]
        if not isinstance(document, dict):
            raise TypeError
    except IntegrityError:
        raise
    except FileNotFoundError as error:
        raise _damaged(folder, "no bundle in this folder") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(folder, "the manifest is damaged") from error
    return Bundle(document, arrays)


def _array(content: bytes, place: dict[str, Any]) -> np.ndarray:
    dtype, shape, offset = place["dtype"], place["shape"], place["offset"]
    whole = all(type(number) is int and number >= 0 for number in [*shape, offset])
    if dtype not in _DTYPES or not whole or len(shape) > 2:
        raise ValueError
    array = np.frombuffer(content, dtype=dtype, count=math.prod(shape), offset=offset)
    return array.reshape(shape)


def _damaged(folder: Path, what: str) -> IntegrityError:
    return IntegrityError(Problem("DLQ-602", what, str(folder), fix="restore it, or train again"))
