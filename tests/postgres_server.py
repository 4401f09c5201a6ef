"""A real PostgreSQL server for the tests: on loopback, on a free port, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

SUPERUSER = "tester"


class CannotStartError(Exception):
    """Why there is no server, in one line."""


class Server:
    """A running server. Its login has a password, so that a leak of it can be looked for."""

    def __init__(self, port: int, password: str, process: subprocess.Popen) -> None:
        self.port, self.password, self.process = port, password, process
        self.url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"
        self._admin = None

    def sql(self, text: str, *parameters) -> list[tuple]:
        """Run statements beside whatever the library does, each committed at once."""
        import adbc_driver_postgresql.dbapi as driver

        if self._admin is None:
            url = f"{self.url}?application_name=admin"
            self._admin = driver.connect(url, autocommit=True)
        with self._admin.cursor() as cursor:
            cursor.execute(text, parameters=parameters or None)
            return cursor.fetchall() if cursor.description else []

    def end_sessions(self) -> int:
        """Terminate every session of the library, wait until they are gone, and say how many."""
        ours = "FROM pg_stat_activity WHERE application_name = 'delinquency'"
        ended = self.sql(f"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) {ours}")[0][0]
        while self.sql(f"SELECT count(*) {ours}")[0][0]:
            time.sleep(0.002)
        return ended

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()


def _programs() -> Path:
    """Return the folder of ``initdb`` and ``postgres``; Debian keeps them off the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise CannotStartError("PostgreSQL is not installed (Debian: apt-get install postgresql)")


def _somebody() -> dict[str, object]:
    """Return whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise CannotStartError("PostgreSQL refuses to run as root and there is no other user")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(*settings: str):
    """Start a server, hand it out, and stop it; `CannotStartError` says why there is none."""
    programs, somebody = _programs(), _somebody()
    # not pytest's own folder: its parents are closed to any other user
    folder = Path(tempfile.mkdtemp(prefix="delinquency-postgres-"))
    try:
        if somebody:
            os.chown(folder, somebody["user"], somebody["group"])
        password = secrets.token_hex(12)
        _initialise(programs, folder, password, somebody)
        server = _start(programs, folder, password, somebody, settings)
        try:
            yield server
        finally:
            server.close()
            server.process.send_signal(signal.SIGINT)  # ends sessions, then itself
            server.process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, folder: Path, password: str, somebody: dict) -> None:
    words = folder / "password"
    words.write_text(password)
    if somebody:
        os.chown(words, somebody["user"], somebody["group"])
    command = [programs / "initdb", "-D", folder / "data", "-U", SUPERUSER, "--no-sync"]
    command += ["-A", "scram-sha-256", f"--pwfile={words}", "-E", "UTF8", "--locale=C.UTF-8"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, **somebody)
    if made.returncode:
        raise CannotStartError(f"initdb failed: {made.stderr.strip().splitlines()[-1:]}")


def _start(programs: Path, folder: Path, password: str, somebody: dict, settings) -> Server:
    for _ in range(3):  # another program may take the free port first
        port = _free_port()
        command = [programs / "postgres", "-D", folder / "data", "-p", str(port)]
        for setting in ("listen_addresses=127.0.0.1", "unix_socket_directories=", *settings):
            command += ["-c", setting]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stderr=log, stdout=log, cwd=folder, **somebody)
        server = Server(port, password, process)
        if _answers(server):
            return server
        process.kill()
        process.wait()
    raise CannotStartError(f"postgres does not start: {(folder / 'log').read_text()[-200:]!r}")


def _answers(server: Server) -> bool:
    for _ in range(300):
        with suppress(Exception):
            return server.sql("SELECT 1") == [(1,)]
        if server.process.poll() is not None:
            return False
        time.sleep(0.05)
    return False
