"""Where does it live? Tables in and out, people's YAML, atomic commits, manifests and bundles.

Every write of the library goes through `replace_file`: a reader sees the old file or the new one, never
a part. A run exists through its manifest, which is written last and names the hash of every file.
"""

from delinquency.storage._bundle import Bundle, load_bundle, save_bundle
from delinquency.storage._chain import START, is_linked, link, locked
from delinquency.storage._changes import Change
from delinquency.storage._commit import replace_file, sha256_of, stage, write_bytes
from delinquency.storage._manifest import (
    describe,
    read_manifest,
    to_json,
    verify,
    versions,
    write_manifest,
)
from delinquency.storage._registry import Registry
from delinquency.storage._tables import read_table, write_table
from delinquency.storage._yaml import Document, parse_yaml, quoted, read_yaml

__all__ = [
    "START",
    "Bundle",
    "Change",
    "Document",
    "Registry",
    "describe",
    "is_linked",
    "link",
    "load_bundle",
    "locked",
    "parse_yaml",
    "quoted",
    "read_manifest",
    "read_table",
    "read_yaml",
    "replace_file",
    "save_bundle",
    "sha256_of",
    "stage",
    "to_json",
    "verify",
    "versions",
    "write_bytes",
    "write_manifest",
    "write_table",
]
