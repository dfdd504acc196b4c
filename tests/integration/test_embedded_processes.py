"""What is left of the embedded servers when their process ends, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from shared.embedded import embedded, find
from shared.embedded.account import account_for
from shared.embedded.crew import ROSTER, Roster
from shared.embedded.home import Home
from shared.embedded.process import Identity

#: Runs a home until its standard input ends; says so when the servers are ready.
RUNNER = """
import sys
from pathlib import Path
from shared.embedded import embedded

with embedded(Path(sys.argv[1]), durable=False):
    print("ready", flush=True)
    sys.stdin.read()
"""

#: Ample for a stop; a test that needs it has failed.
PATIENCE = 30


@pytest.fixture
def home() -> Iterator[Path]:
    """A home directly in the temp folder: every account reaches that, which pytest's own folders don't allow."""
    path = Path(tempfile.mkdtemp(prefix="headgate-test-"))
    yield path
    for left in servers_of(path):  # a failed test's
        os.kill(left, signal.SIGKILL)
    shutil.rmtree(path)


@contextmanager
def runner(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the home, with a process group of its own as a terminal would give it."""
    argv = [sys.executable, "-c", RUNNER, str(home)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process


@contextmanager
def stranger(uid: int | None = None) -> Iterator[psutil.Process]:
    """A process that has nothing to do with us, and must still live in the end."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, cwd="/", user=uid) as process:
        yield psutil.Process(process.pid)
        assert process.poll() is None


def servers_of(home: Path) -> set[int]:
    """Every process of this home that the system knows, children of servers too."""
    mark = Home(home.resolve()).mark
    return {each.pid for each in psutil.process_iter(["cmdline"]) if mark in " ".join(each.info["cmdline"] or ())}


def test_servers_are_found_from_another_process_and_end_with_it(home: Path) -> None:
    with runner(home) as process:
        servers = find(home)
        assert servers
        psycopg.connect(servers.database_admin_url).close()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert find(home) is None
    assert not servers_of(home)


def test_ctrl_c_reaches_us_alone_and_leaves_nothing(home: Path) -> None:
    with runner(home) as process:
        assert process.pid not in {os.getsid(server) for server in servers_of(home)}
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert not servers_of(home)
    assert "shutting down" in (home / "postgres.log").read_text()


def test_orphans_of_a_killed_process_are_ended_by_the_next_start(home: Path) -> None:
    with runner(home) as process:
        process.kill()
    orphans = servers_of(home)
    assert orphans
    assert find(home) is None
    with embedded(home, durable=False) as servers:
        psycopg.connect(servers.database_admin_url).close()
        assert orphans.isdisjoint(servers_of(home))
    assert not servers_of(home)


def test_an_orphan_that_was_never_noted_is_ended_too(home: Path) -> None:
    with runner(home) as process:
        process.kill()
    noted = Home(home).read(ROSTER, Roster)
    assert noted
    Home(home).write(ROSTER, Roster(tuple(member for member in noted.members if "valkey" in name(member))))
    orphans = servers_of(home)
    with embedded(home, durable=False):
        assert orphans.isdisjoint(servers_of(home))


def name(member: Identity) -> str:
    process = member.find()
    return process.name() if process else ""


def test_a_stranger_with_an_orphans_pid_is_spared(home: Path) -> None:
    with stranger() as innocent:
        same_pid = Identity.of(innocent, mark=Home(home).mark)
        Home(home).write(ROSTER, Roster((same_pid, Identity(innocent.pid, innocent.create_time() - 60))))
        with embedded(home, durable=False):
            pass


def test_a_stranger_with_the_old_databases_pid_is_spared_and_does_not_stop_the_start(home: Path) -> None:
    with embedded(home, durable=False):
        lock = home / "postgres" / "data" / "postmaster.pid"
        leftover = lock.read_text().splitlines()
    with stranger(account_for(home / "postgres").uid) as innocent:
        lock.write_text("\n".join([str(innocent.pid), *leftover[1:], ""]))
        shutil.chown(lock, lock.parent.stat().st_uid, lock.parent.stat().st_gid)
        with embedded(home, durable=False) as servers:
            psycopg.connect(servers.database_admin_url).close()
