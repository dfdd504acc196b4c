"""The command line as a whole: exit codes, the one line on stderr, help that comes at once."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from producers.cli.main import COMMANDS, room
from shared.cell import Cell
from shared.settings import Settings
from tests.support.commands import done, headgate, refused
from tests.support.workers import ROOT

#: Clients of servers; help has no use for them.
HEAVY = ("sqlalchemy", "redis", "celery", "openai", "alembic")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_has_a_room(name: str) -> None:
    assert room(name).name == name


def test_help_imports_no_client_of_a_server() -> None:
    asked = [sys.executable, "-X", "importtime", "-m", "producers.cli.main", "--help"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines()}
    assert imported >= {"typer"}
    assert not imported & set(HEAVY)


def test_the_version_is_that_of_what_is_installed(tmp_path: Path) -> None:
    assert done(Settings(home=tmp_path), "--version").out == f"headgate {version('headgate')}\n"


def test_wrong_usage_is_told_in_one_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert "Did you mean 'tenant'" in refused(settings, "tenan", code=2)
    assert "--tier" in refused(settings, "tenant", "create", "acme", code=2)
    assert "turns=4" in refused(settings, "tenant", "configure", "acme", "--limit", "turns", code=2)
    assert "see `headgate jobs show --help`" in refused(settings, "jobs", "show", code=2)
    assert headgate(settings, "tenant").code == 2


def test_a_machine_without_servers_is_told_to_start_them(tmp_path: Path) -> None:
    assert "headgate up" in refused(Settings(home=tmp_path), "tenant", "list")


def test_a_server_that_is_away_is_told_in_one_line(cell: Cell) -> None:
    away = cell.settings.model_copy(update={"database_url": "postgresql://headgate_app:x@127.0.0.1:1/none"})
    assert "does not answer" in refused(away, "jobs", "list")
    gateless = cell.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    assert "does not answer" in refused(gateless, "queues")


def test_who_may_not_change_a_tenant_is_told_which_address_must_be_anothers(cell: Cell) -> None:
    humble = cell.settings.model_copy(update={"database_admin_url": cell.settings.database_url})
    assert "HEADGATE_DATABASE_ADMIN_URL must log in" in refused(humble, "tenant", "suspend", "acme")


def test_who_has_no_operators_address_is_told_which_is_wanted(cell: Cell) -> None:
    humble = cell.settings.model_copy(update={"database_admin_url": None})
    assert "operator's work: set HEADGATE_DATABASE_ADMIN_URL" in refused(humble, "tenant", "suspend", "acme")


def test_a_setting_that_is_wrong_is_named(tmp_path: Path) -> None:
    soon: Any = "soon"
    wrong = Settings.model_construct(home=tmp_path, openai_api_key=None, lease_seconds=soon)
    assert "HEADGATE_LEASE_SECONDS" in refused(wrong, "queues")


def test_the_database_is_made_ready_and_may_be_again(cell: Cell) -> None:
    ready = done(cell.settings, "db", "upgrade", "--json").document
    assert [row["before"] == row["after"] is not None for row in ready] == [True, True]
    with cell.admin.connection() as connection:
        connection.execute("DROP SCHEMA control CASCADE")
        connection.execute("DROP SCHEMA tenant CASCADE")
    assert "headgate db upgrade" in refused(cell.settings, "tenant", "list")
    made = done(cell.settings, "db", "upgrade", "--json").document
    assert made == [row | {"before": None} for row in ready]
    assert [row["tenant"] for row in done(cell.settings, "tenant", "list", "--json").document] == ["platform"]


def test_no_command_prints_a_password(cell: Cell) -> None:
    secret = urlsplit(cell.settings.database_url or "").password or ""
    away = cell.settings.model_copy(update={"database_url": f"postgresql://headgate_app:{secret}@127.0.0.1:1/none"})
    assert secret not in refused(away, "jobs", "list")
