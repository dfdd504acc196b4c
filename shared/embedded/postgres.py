"""The embedded PostgreSQL: initialised once, with passwords on every way in, then started on a free port."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from shared.embedded.crew import Crew
from shared.embedded.home import Passwords, open_private
from shared.embedded.ports import HOST, on_free_port
from shared.embedded.process import StartFailed, await_end, await_ready, command, end, tail
from shared.embedded.quarters import Quarters, settle
from shared.embedded.software import postgres_programs
from shared.errors import ConfigurationError

DATABASE = "headgate"
ADMIN = "postgres"
#: Seconds for `initdb`, which takes 2 where the disk must confirm and longer on a slow one.
INITDB_SECONDS = 120.0
#: Seconds for one try to connect; libpq knows nothing shorter than 2.
CONNECT_SECONDS = 2

#: Options of a new data folder: a password for every way in, and an order of letters that is the same everywhere.
INITDB = (
    f"--username={ADMIN}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
#: Options of every start. A platform's processes hold pools: 200 connections are twice Postgres's own default. TCP
#: only: a socket file's path may be 107 bytes long at most, which a home's need not be. A young database is counted
#: within seconds (Postgres looks once a minute by default): until then its plans are guesses.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
#: Options for data that nobody would miss after a power cut.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start(crew: Crew, passwords: Passwords, *, durable: bool) -> int:
    """Start the home's Postgres, with the database in it; answer its port."""
    quarters = settle(crew.home)
    cluster = Cluster(crew, quarters, postgres_programs(quarters), passwords, durable=durable)
    if not cluster.data.exists():
        cluster.initialise()
    clear_lock(cluster.data, crew.home.mark)
    port = on_free_port(cluster.serve)
    create_database(passwords, port)
    return port


@dataclass(frozen=True)
class Cluster:
    """One data folder and what it takes to make and serve it."""

    crew: Crew
    quarters: Quarters
    programs: Path
    passwords: Passwords
    durable: bool

    @property
    def data(self) -> Path:
        return self.quarters.folder / "data"

    def initialise(self) -> None:
        """Make the data folder under another name first: one that was cut short is never taken for whole."""
        fresh, log = self.quarters.folder / "data.new", self.crew.home.folder / "initdb.log"
        shutil.rmtree(fresh, ignore_errors=True)
        with password_file(self.quarters, self.passwords.admin) as secret:
            options = [*INITDB, f"--pgdata={fresh}", f"--pwfile={secret}", f"--set=cluster_name={self.crew.home.mark}"]
            process = self._launch("initdb", options if self.durable else [*options, "--no-sync"], log)
            await_end([process], INITDB_SECONDS)
        if process.poll() != 0:
            raise StartFailed(f"initdb ended with code {process.poll()}. Its log, {log}, ends:\n{tail(log)}")
        fresh.replace(self.data)

    def serve(self, port: int) -> None:
        """Start the server on this port and wait until it lets the superuser in."""
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE) | {"port": str(port)}
        log = self.crew.home.folder / "postgres.log"
        options = ["-D", str(self.data), f"--cluster_name={self.crew.home.mark}"]
        process = self._launch("postgres", options + [f"--{name}={value}" for name, value in settings.items()], log)
        await_ready(process, log, partial(silence, url(ADMIN, self.passwords.admin, port, ADMIN), log))

    def _launch(self, program: str, options: list[str], log: Path) -> psutil.Popen:
        return self.crew.launch([str(self.programs / program), *options], log, account=self.quarters.account)


@contextmanager
def password_file(quarters: Quarters, password: str) -> Iterator[Path]:
    """A file that only the account can read, for as long as initdb needs it."""
    path = quarters.folder / "password"
    try:
        with open_private(path, "w") as file:
            file.write(password)
        quarters.account.own(path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def clear_lock(data: Path, mark: str) -> None:
    """Deal with the pid that a killed run left in `postmaster.pid`, which may by now be anyone's.

    Postgres refuses to start while that pid lives, even when it is no Postgres. Other cases it judges better itself.
    """
    lock = data / "postmaster.pid"
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        holder = psutil.Process(int(lock.read_text().split()[0]))
        if mark in command(holder):
            end(holder)
        elif holder.name() != "postgres":
            lock.unlink()


def silence(address: str, log: Path) -> str | None:
    """Why no session can be had there now. Only the server's own log tells that it is ours which refuses us."""
    try:
        psycopg.connect(address, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError as reason:
        if "password authentication failed" in tail(log):
            raise ConfigurationError(
                f"{log.parent / 'passwords.json'} does not open its database: put back the one that it was made with, "
                f"or delete {log.parent} to begin anew"
            ) from reason
        return str(reason)
    return None


def create_database(passwords: Passwords, port: int) -> None:
    with psycopg.connect(url(ADMIN, passwords.admin, port, ADMIN), autocommit=True) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchall():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def url(role: str, password: str, port: int, database: str = DATABASE) -> str:
    return f"postgresql://{role}:{password}@{HOST}:{port}/{database}"
