"""Servers that can be killed and come back where they were: on the same port, with or without what they remembered."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from shared.embedded import APP_ROLE, Servers, postgres, valkey
from shared.embedded.crew import Crew, crew
from shared.embedded.home import Passwords, held, passwords
from shared.embedded.ports import HOST, free_port
from shared.embedded.postgres import Cluster, clear_lock
from shared.embedded.process import await_end
from shared.embedded.quarters import settle
from shared.embedded.software import postgres_programs, valkey_server
from shared.settings import with_role
from shared.stores import migrate, roles
from tests.support.workers import PATIENCE, eventually


class KillablePostgres:
    """One migrated Postgres, durable, whose database `headgate` is the template of every cell's own."""

    def __init__(self, hands: Crew, secrets: Passwords) -> None:
        self._hands = hands
        self.port = postgres.start(hands, secrets, durable=True)
        quarters = settle(hands.home)
        self._cluster = Cluster(hands, quarters, postgres_programs(quarters), secrets, durable=True)
        self._urls = (
            postgres.url(postgres.ADMIN, secrets.admin, self.port),
            postgres.url(APP_ROLE, secrets.app, self.port),
        )
        migrate.upgrade(self._urls[0], {role: with_role(self._urls[1], role) for role in roles.LOGINS})

    def servers(self, redis_url: str) -> Servers:
        """This Postgres and that Redis, as cells take them."""
        return Servers(*self._urls, redis_url)

    def restart_at_once(self) -> None:
        """`pg_ctl restart -m immediate`: every session is cut off, and what was committed is read back from the log."""
        (process,) = [found for member in self._hands.roster.members if (found := member.find())]
        process.send_signal(signal.SIGQUIT)
        await_end([process, *process.children()], PATIENCE)
        clear_lock(self._cluster.data, self._hands.home.mark)
        self._cluster.serve(self.port)


@contextmanager
def killable_postgres() -> Iterator[KillablePostgres]:
    home = Path(tempfile.mkdtemp(prefix="headgate-faults-"))
    try:
        with held(home) as house, crew(house) as hands:
            yield KillablePostgres(hands, passwords(house))
    finally:
        shutil.rmtree(home, ignore_errors=True)


class KillableRedis:
    """A Redis that keeps nothing on disk but a dump it is asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._dump = folder / "dump.rdb"
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._process = self._started()

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def dump(self) -> None:
        """Write down what it knows now."""
        with self.client as client:
            client.save()

    def kill(self) -> None:
        """As `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def come_back(self, *, empty: bool = True) -> None:
        """After a kill, where it was; unless `empty`, with what it knew when it was last dumped."""
        if empty:
            self._dump.unlink(missing_ok=True)
        self._process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self._dump.parent),
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = subprocess.Popen([str(valkey_server()), *words], stdout=subprocess.DEVNULL)
        eventually(lambda: valkey.silence(self.url) is None, "Redis answers")
        return process


@contextmanager
def killable_redis(folder: Path) -> Iterator[KillableRedis]:
    redis = KillableRedis(folder)
    try:
        yield redis
    finally:
        redis.kill()
