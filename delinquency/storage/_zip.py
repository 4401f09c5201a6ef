"""One file that holds others, as a zip that any tool opens; and the narrow way back.

Writing: members are stored as they are, in the order of their names, all dated 1980, so the same members
make the same bytes. Reading believes nothing that a zip says of itself: the members are cut out where
its directory points, packed again, and the result must be the file, byte for byte. So there is no
compression to blow up, no path, no comment, no second directory and no hidden byte, and nothing is ever
written to a disk. The layout is that of PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

__all__ = ["pack", "unpack"]

_VERSION, _DAY, _FILE = 20, 0x0021, 0o100644 << 16  # zip 2.0; 1 January 1980; a plain file
_UNIX = 3 << 8
_MEMBERS = 16  # a directory that names one large member time and again must not fill the memory
_LOCAL, _ENTRY = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of members with ASCII names, altogether below 4 GiB.

    Examples
    --------
    >>> import io, zipfile
    >>> file = pack({"b.txt": b"two", "a.txt": b"one"})
    >>> zipfile.ZipFile(io.BytesIO(file)).namelist()
    ['a.txt', 'b.txt']
    >>> unpack(file)
    {'a.txt': b'one', 'b.txt': b'two'}
    """
    bodies, entries, offset = [], [], 0
    for name, content in sorted(members.items()):
        label = name.encode("ascii")
        head = (_VERSION, 0, 0, 0, _DAY, zlib.crc32(content), len(content), len(content))
        local = _LOCAL.pack(b"PK\3\4", *head, len(label), 0) + label
        entry = (_UNIX | _VERSION, *head, len(label), 0, 0, 0, 0, _FILE, offset)
        entries.append(_ENTRY.pack(b"PK\1\2", *entry) + label)
        bodies.append(local + content)
        offset += len(local) + len(content)
    directory, count = b"".join(entries), len(entries)
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)
    return b"".join([*bodies, directory, end])


def unpack(file: bytes) -> dict[str, bytes]:
    """Return the members of a zip that `pack` made.

    Raises
    ------
    ValueError
        For any other file, a zip that another tool packed again among them.
    """
    try:
        *_, count, _, place, _ = _END.unpack(file[-_END.size :])
        members = dict(_members(file, count, place))
        sound = len(members) == count and pack(members) == file
    except (struct.error, UnicodeDecodeError):
        sound, members = False, {}
    if not sound:
        raise ValueError("not a zip of ours")
    return members


def _members(file: bytes, count: int, place: int) -> Iterator[tuple[str, bytes]]:
    """Yield what the directory points at; a slice can ask for too much, and gets what there is."""
    if count > _MEMBERS:
        raise ValueError("not a zip of ours")
    for _ in range(count):
        fields = _ENTRY.unpack(file[place : place + _ENTRY.size])
        size, length, start = fields[8], fields[10], fields[16]
        name = file[place + _ENTRY.size : place + _ENTRY.size + length]
        body = start + _LOCAL.size + length
        yield name.decode("ascii"), file[body : body + size]
        place += _ENTRY.size + length
