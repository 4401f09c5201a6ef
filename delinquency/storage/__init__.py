"""Where does it live? Tables in and out, people's YAML, atomic commits, manifests and bundles.

Every write of the library goes through `replace_file`: a reader sees the old file or the new one, never
a part. A run exists through its manifest, which is written last and names the hash of every file; `open_run`
locks its folder, goes on where a killed run stopped, and shows all its files at once. A table in a database
is read in one consistent pass, and changes in one transaction.
"""

from delinquency.storage._address import DatabaseTable, is_database, without_login
from delinquency.storage._bundle import Bundle, load_bundle, save_bundle
from delinquency.storage._chain import START, is_linked, link
from delinquency.storage._changes import Change
from delinquency.storage._commit import replace_file, sha256_of, stage, write_bytes
from delinquency.storage._csv_stream import most_rows, stream_csv
from delinquency.storage._fetched import Fetched, at_hand, parquet_batches
from delinquency.storage._inputs import Stamps, stamps_of
from delinquency.storage._lock import locked
from delinquency.storage._manifest import (
    describe,
    read_manifest,
    shown,
    to_json,
    verify,
    versions,
    write_manifest,
)
from delinquency.storage._open_run import open_run
from delinquency.storage._parts import parquet_parts
from delinquency.storage._postgres_rows import DatabaseRows
from delinquency.storage._postgres_write import Transaction, Upserted, transaction, write_rows
from delinquency.storage._registry import Registry
from delinquency.storage._run import QUARANTINE, WORK, Run
from delinquency.storage._tables import must_exist, read_table, table_bytes, write_table
from delinquency.storage._yaml import Document, parse_yaml, quoted, read_yaml

__all__ = [
    "QUARANTINE",
    "START",
    "WORK",
    "Bundle",
    "Change",
    "DatabaseRows",
    "DatabaseTable",
    "Document",
    "Fetched",
    "Registry",
    "Run",
    "Stamps",
    "Transaction",
    "Upserted",
    "at_hand",
    "describe",
    "is_database",
    "is_linked",
    "link",
    "load_bundle",
    "locked",
    "most_rows",
    "must_exist",
    "open_run",
    "parquet_batches",
    "parquet_parts",
    "parse_yaml",
    "quoted",
    "read_manifest",
    "read_table",
    "read_yaml",
    "replace_file",
    "save_bundle",
    "sha256_of",
    "shown",
    "stage",
    "stamps_of",
    "stream_csv",
    "table_bytes",
    "to_json",
    "transaction",
    "verify",
    "versions",
    "without_login",
    "write_bytes",
    "write_manifest",
    "write_rows",
    "write_table",
]
