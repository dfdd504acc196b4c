"""The embedded servers as their users meet them: what they answer, keep, refuse and publish."""

import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded import Servers, embedded, find, ports, process
from shared.embedded.home import HomeInUse
from shared.embedded.process import StartFailed
from shared.errors import ConfigurationError


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A home directly in the temp folder: every account reaches that, which pytest's own folders don't allow."""
    path = Path(tempfile.mkdtemp(prefix="headgate-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_home() as path:
        yield path


@pytest.fixture(scope="module")
def running() -> Iterator[Servers]:
    with fresh_home() as path, embedded(path, durable=False) as servers:
        yield servers


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))


def test_database_has_vectors_unicode_and_utc(running: Servers) -> None:
    ask(running.database_admin_url, "CREATE EXTENSION vector")
    answer = ask(
        running.database_admin_url, "SELECT '[1,2]'::vector <-> '[1,3]', lower('ÄÖ'), current_setting('timezone')"
    )
    assert answer == [(1.0, "äö", "UTC")]


def test_addresses_name_the_roles_and_the_loopback(running: Servers) -> None:
    app, admin = urlsplit(running.database_url), urlsplit(running.database_admin_url)
    assert (app.username, admin.username) == ("headgate_app", "postgres")
    assert {app.hostname, admin.hostname, urlsplit(running.redis_url).hostname} == {"127.0.0.1"}
    assert app.password != admin.password


@pytest.mark.parametrize("password", ["wrong", ""])
def test_database_refuses_whoever_lacks_the_password(running: Servers, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|no password supplied"):
        ask(with_password(running.database_admin_url, password), "SELECT 1")


def test_every_way_into_the_database_asks_for_scram(running: Servers) -> None:
    assert ask(running.database_admin_url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == [("scram-sha-256",)]


def test_redis_refuses_whoever_lacks_the_password(running: Servers) -> None:
    address = urlsplit(running.redis_url)
    with (
        redis.Redis(host=str(address.hostname), port=int(address.port or 0), retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_redis_keeps_nothing_on_disk_and_evicts_nothing(running: Servers) -> None:
    with redis.Redis.from_url(running.redis_url, decode_responses=True) as client:
        assert client.config_get("save", "appendonly", "maxmemory-policy") == {
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }


def test_restart_keeps_data_and_passwords_on_new_ports(home: Path) -> None:
    with embedded(home) as first:
        ask(first.database_admin_url, "CREATE TABLE kept AS SELECT 7 AS number")
        assert ask(first.database_admin_url, "SHOW fsync") == [("on",)]
    with embedded(home, durable=False) as second:
        assert ask(second.database_admin_url, "SELECT number FROM kept") == [(7,)]
        assert ask(second.database_admin_url, "SHOW fsync") == [("off",)]
    assert urlsplit(first.database_url).password == urlsplit(second.database_url).password


def test_home_lets_nobody_else_read(home: Path) -> None:
    with embedded(home, durable=False):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    assert {modes[name] for name in ("passwords.json", "servers.json", "processes.json", "postgres.log")} == {0o600}
    assert modes["postgres"] == 0o700
    assert stat.S_IMODE(home.stat().st_mode) & 0o007 == 0


def test_two_homes_run_side_by_side(running: Servers, home: Path) -> None:
    with embedded(home, durable=False) as other:
        ask(other.database_admin_url, "CREATE TABLE mine ()")
        assert ask(running.database_admin_url, "SELECT to_regclass('mine')") == [(None,)]


def test_a_live_home_is_not_started_twice(home: Path) -> None:
    with embedded(home, durable=False) as servers:
        with pytest.raises(HomeInUse, match="already run by process"), embedded(home):
            pass
        assert ask(servers.database_admin_url, "SELECT 1") == [(1,)]


def test_find_answers_the_servers_only_while_they_run(home: Path) -> None:
    assert find(home) is None
    with embedded(home, durable=False) as servers:
        assert find(home) == servers
    assert find(home) is None
    assert find(home / "nowhere") is None


def test_an_exception_inside_stops_the_servers(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), embedded(home, durable=False) as servers:
        raise ZeroDivisionError
    with pytest.raises(psycopg.OperationalError, match="refused"):
        ask(servers.database_admin_url, "SELECT 1")


def test_a_server_that_will_not_stop_is_killed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded(home, durable=False) as servers:
        monkeypatch.setattr(process, "STOP_SECONDS", 0)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        ask(servers.database_admin_url, "SELECT 1")


def test_a_port_lost_to_somebody_else_is_chosen_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as rival:
        rival.bind((ports.HOST, 0))
        lost = rival.getsockname()[1]
        choices = [lost, ports.free_port(), lost, ports.free_port()]
        monkeypatch.setattr(ports, "free_port", lambda: choices.pop(0))
        with embedded(home, durable=False) as servers:
            assert ask(servers.database_admin_url, "SELECT 1") == [(1,)]
    assert not choices


def test_a_server_that_dies_at_its_start_shows_its_log(home: Path) -> None:
    with embedded(home, durable=False):
        pass
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as file:
        file.write("nonsense = 1\n")
    with pytest.raises(StartFailed, match='unrecognized configuration parameter "nonsense"'), embedded(home):
        pass


def test_lost_passwords_are_named_and_not_waited_for(home: Path) -> None:
    with embedded(home, durable=False):
        (home / "passwords.json").unlink()
    with pytest.raises(ConfigurationError, match=r"passwords\.json"), embedded(home):
        pass


def test_a_first_start_that_was_cut_short_is_begun_anew(home: Path) -> None:
    (home / "postgres" / "data.new").mkdir(parents=True)
    (home / "postgres" / "data.new" / "PG_VERSION").write_text("half")
    with embedded(home, durable=False) as servers:
        assert ask(servers.database_admin_url, "SELECT 1") == [(1,)]


def test_a_folder_that_cannot_be_a_home_is_named(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(ConfigurationError, match="HEADGATE_HOME"), embedded(home / "file"):
        pass
