"""The PostgreSQL server under record: its data directory, settings, schema, roles and small disk."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from datasets.record.errors import RecordError
from datasets.record.postgresql.wire import Connection
from datasets.record.process import Process, free_port, run

ADMIN = "postgres"
PASSWORD = "recorded"
SERVICES = ("shop", "billing", "loader", "monitor")
PEOPLE = ("anna", "bruno", "carla", "dmitri", "elif", "farid")

SETTINGS = {
    "listen_addresses": "127.0.0.1", "max_connections": "26", "shared_buffers": "1MB", "fsync": "off",
    "password_encryption": "md5", "logging_collector": "off", "log_connections": "on", "log_disconnections": "on",
    "log_statement": "all", "log_min_duration_statement": "400ms", "log_lock_waits": "on", "deadlock_timeout": "700ms",
    "log_temp_files": "0", "log_checkpoints": "off", "autovacuum_naptime": "10s", "restart_after_crash": "on",
    "log_line_prefix": "%m [%p] %q%c %u@%d ", "lc_messages": "C", "unix_socket_directories": "",
}  # fmt: skip

SCHEMA = """
CREATE TABLE customer (id int PRIMARY KEY, name text, balance numeric NOT NULL DEFAULT 500);
CREATE TABLE product (id int PRIMARY KEY, name text, price numeric, stock int CHECK (stock >= 0));
CREATE TABLE purchase (id bigserial PRIMARY KEY, token text UNIQUE, customer int REFERENCES customer, total numeric,
state text DEFAULT 'new');
CREATE TABLE purchase_line (purchase bigint REFERENCES purchase, product int, quantity int);
CREATE TABLE payment (id bigserial PRIMARY KEY, purchase bigint, amount numeric);
CREATE TABLE archive (day int, body text);
CREATE TABLE rate (currency text PRIMARY KEY, value numeric);
CREATE TABLE secret (owner text, body text);
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 400) i;
INSERT INTO product SELECT i, 'product ' || i, 5 + i % 40, 100000 FROM generate_series(1, 120) i;
INSERT INTO product SELECT i, 'product ' || i, 5, 0 FROM generate_series(121, 126) i;
INSERT INTO archive SELECT i % 300, repeat('x', 200) FROM generate_series(1, 6000) i;
CREATE INDEX archive_day ON archive (day);
INSERT INTO rate VALUES ('EUR', 1), ('USD', 1.1), ('GBP', 0.9), ('SEK', 11);
CREATE TABLE inbox (id bigserial, body text) TABLESPACE small;
"""


class Server:
    """A cluster of its own below `home`, with data checksums, on a free port."""

    def __init__(self, home: Path, small: Path) -> None:
        self.home, self.small = home, small
        self.data = home / "data"
        self.log = home / "server.log"
        self.port = free_port()
        self._paths: dict[str, str] = {}
        self._bin = _binaries()
        argv = [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        self.process = Process(argv, self.log, user=ADMIN, env={"TZ": "UTC"})

    def create(self) -> None:
        """initdb, settings, schema and roles; the log of it all is thrown away."""
        for folder in (self.home, self.small):
            shutil.chown(folder, ADMIN, ADMIN)
        run([str(self._bin / "initdb"), "-D", str(self.data), "-k", "-A", "trust", "-U", ADMIN], user=ADMIN)
        rules = f"host all {ADMIN} 127.0.0.1/32 trust\nhost all all 127.0.0.0/8 md5\n"
        (self.data / "pg_hba.conf").write_text(rules)
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        self.start()
        self._populate()
        self.process.stop(signal.SIGINT)
        self.log.write_bytes(b"")

    def start(self) -> None:
        """Start and wait until it takes sessions."""
        self.process.start()
        self.wait_ready()

    def wait_ready(self, within_s: float = 30.0) -> None:
        """Wait until the log says that connections are taken; no connection is made for it."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            status = self.data / "postmaster.pid"
            if status.exists() and status.read_text().rstrip().endswith("ready"):
                return
            time.sleep(0.05)
        raise RecordError(f"PostgreSQL is not ready after {within_s:.0f} s; see {self.log}")

    def restart(self) -> None:
        """A planned fast restart."""
        self.process.stop(signal.SIGINT)
        self.start()

    def admin(self, sql: str, database: str = "store") -> list[tuple[str | None, ...]]:
        """Run `sql` as the administrator, in a session of its own."""
        link = Connection(self.port, "127.0.0.1")
        try:
            link.login(ADMIN, "", database, "admin")
            return link.query(sql)
        finally:
            link.close()

    def relation_path(self, relation: str) -> Path:
        """The file that holds `relation`, as found when the cluster was made."""
        return self.data / self._paths[relation]

    def _populate(self) -> None:
        self.admin("CREATE DATABASE store", "postgres")
        self.admin(f"CREATE TABLESPACE small LOCATION '{self.small}'")
        self.admin("SET synchronous_commit = off;" + SCHEMA.replace("\n", " "))
        for name in SERVICES + PEOPLE:
            self.admin(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        everyone = ", ".join(SERVICES + PEOPLE)
        tables = "customer, product, purchase, purchase_line, payment, archive, rate, inbox"
        self.admin(f"GRANT ALL ON {tables} TO {everyone}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {everyone}")
        for name in SERVICES:
            self.admin(f"ALTER ROLE {name} SET lock_timeout = '2s'; ALTER ROLE {name} SET statement_timeout = '4s'")
        self.admin("ALTER ROLE shop SET idle_in_transaction_session_timeout = '5s'")
        for name in PEOPLE:
            self.admin(f"ALTER ROLE {name} SET statement_timeout = '1500ms'; ALTER ROLE {name} CONNECTION LIMIT 1")
            self.admin(f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '2s'")
        self.admin("VACUUM ANALYZE")
        self.admin("CHECKPOINT")
        for name in ("archive", "archive_day"):
            self._paths[name] = str(self.admin(f"SELECT pg_relation_filepath('{name}')")[0][0])


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise RecordError("PostgreSQL is not installed; run: apt-get install postgresql")
    return found[-1].parent


def kill(pid: int, number: int) -> None:
    """Signal a backend of our own server."""
    if pid > 1:
        os.kill(pid, number)
