"""Tenants' secrets: sealed for their tenant and their place, opened by any master key, gone when they are revoked."""

import io
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any, LiteralString

import orjson
import pytest
from pydantic import SecretStr

from producers.cli import opening
from producers.cli.commands import credential
from producers.cli.main import run
from shared.cell import Cell
from shared.embedded import Servers, served_by
from shared.embedded.home import MASTER_KEYS as FILE
from shared.embedded.home import held, master_keys
from shared.errors import ConfigurationError, HeadgateError, NotFound
from shared.settings import Settings
from shared.stores.postgres import Connection, one
from shared.tenancy import credentials
from shared.tenancy.vault import Vault, VaultClosed
from tests.support.cells import MASTER_KEYS, make_tenant

SECRET = "sk-live-0123456789abcdef"

ANOTHER = b64encode(bytes(32)).decode()


@pytest.fixture
def two(cell: Cell) -> Cell:
    """A cell with acme, which has a key named `live`, and globex, which has none."""
    for tenant in ("acme", "globex"):
        make_tenant(cell, tenant)
    add(cell, "acme", SECRET)
    return cell


def add(cell: Cell, tenant: str, secret: str, name: str = "live") -> None:
    with cell.database.transaction(tenant) as connection:
        credentials.add(connection, cell.vault, tenant, SecretStr(secret), label="OpenAI", name=name)


def secret(cell: Cell, tenant: str, name: str = "live", vault: Vault | None = None) -> str:
    with cell.database.transaction(tenant) as connection:
        return credentials.secret(connection, vault or cell.vault, tenant, name).get_secret_value()


def _copied(connection: Connection, table: LiteralString, row: dict[str, Any]) -> None:
    values: LiteralString = ", ".join("%s" for _ in row)
    connection.execute(f"INSERT INTO tenant.{table} VALUES ({values})", list(row.values()))


def keys(*told: str) -> Vault:
    return Vault(SecretStr(",".join(told)))


def test_a_secret_is_what_was_kept_and_stands_nowhere_in_the_clear(two: Cell) -> None:
    assert secret(two, "acme") == SECRET
    with two.database.transaction("acme") as connection:
        rows = connection.execute("SELECT * FROM tenant.credentials, tenant.data_keys").fetchall()
    assert rows
    assert SECRET.encode() not in b"".join(value for value in rows[0].values() if isinstance(value, bytes))
    assert SECRET not in repr((rows, two.vault, two.settings))
    assert rows[0]["ends_in"] == "cdef"


def test_another_tenants_secret_is_not_found_whatever_it_is_called(two: Cell) -> None:
    add(two, "globex", "sk-globex-0123456789")
    assert secret(two, "globex") == "sk-globex-0123456789"
    add(two, "acme", "sk-second-0123456789", name="second")
    with pytest.raises(NotFound, match="has no credential 'second'"):
        secret(two, "globex", "second")


@pytest.mark.parametrize(("tenant", "place"), [("globex", "live"), ("acme", "other")])
def test_a_row_that_is_copied_to_another_tenant_or_place_does_not_open(two: Cell, tenant: str, place: str) -> None:
    """Globex's data key is made acme's too, as whoever can write rows could."""
    with two.database.transaction("acme") as connection:
        row = one(connection, "SELECT * FROM tenant.credentials")
        key = one(connection, "SELECT * FROM tenant.data_keys")
    with two.database.transaction(tenant) as connection:
        if tenant != "acme":
            _copied(connection, "data_keys", key | {"tenant_id": tenant})
        _copied(connection, "credentials", row | {"tenant_id": tenant, "credential": place})
    with pytest.raises(VaultClosed, match="is not what was sealed there"):
        secret(two, tenant, place)


def test_a_revoked_secret_is_worthless_at_once_and_destroyed_and_its_name_is_free(two: Cell) -> None:
    with two.database.transaction("acme") as connection:
        credentials.revoke(connection, "acme", "live")
        (row,) = connection.execute("SELECT sealed FROM tenant.credentials").fetchall()
    assert row["sealed"] == b""
    with pytest.raises(NotFound):
        secret(two, "acme")
    for name, said in (("live", "is revoked already"), ("never", "has no credential")):
        with pytest.raises(HeadgateError, match=said), two.database.transaction("acme") as connection:
            credentials.revoke(connection, "acme", name)
    add(two, "acme", "sk-next-0123456789")
    assert secret(two, "acme") == "sk-next-0123456789"


def test_a_name_in_use_is_not_given_again(two: Cell) -> None:
    with pytest.raises(HeadgateError, match="has a credential 'live'"):
        add(two, "acme", "sk-next-0123456789")
    assert secret(two, "acme") == SECRET


@pytest.mark.parametrize("told", ["", "two words", "line\nX-Header: 1", "sk-ü", "x" * 4097])
def test_what_a_header_cannot_carry_is_no_secret(two: Cell, told: str) -> None:
    with pytest.raises(HeadgateError, match="one line of visible characters"):
        add(two, "acme", told, name="bad")


def test_a_changed_master_key_opens_what_the_old_one_sealed_until_it_is_sealed_anew(two: Cell) -> None:
    both, only = keys(ANOTHER, MASTER_KEYS), keys(ANOTHER)
    assert secret(two, "acme", vault=both) == SECRET
    with pytest.raises(VaultClosed, match="add it to HEADGATE_MASTER_KEYS"):
        secret(two, "acme", vault=only)
    with two.database.transaction("acme") as connection:
        assert both.rewrap(connection, "acme")
        assert not both.rewrap(connection, "acme")
    assert secret(two, "acme", vault=only) == SECRET


def test_sealing_anew_goes_on_past_a_tenant_whose_key_nobody_opens_and_says_so(
    two: Cell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Acme comes first; its data key is sealed with a master key that is lost."""
    add(two, "globex", "sk-globex-0123456789")
    with two.database.transaction("acme") as connection:
        connection.execute("UPDATE tenant.data_keys SET master_key = 'lost'")
    rotated = Cell(two.settings.model_copy(update={"master_keys": SecretStr(f"{ANOTHER},{MASTER_KEYS}")}))
    monkeypatch.setattr(credential, "opened", lambda: rotated)
    assert run(["credential", "rewrap", "--json"]) == 1
    said = capsys.readouterr()
    assert orjson.loads(said.out) == {"anew": 1, "broken": ["acme"]}
    assert "secrets of tenant 'acme' are sealed with master key lost" in " ".join(said.err.split())
    assert secret(two, "globex", vault=keys(ANOTHER)) == "sk-globex-0123456789"
    rotated.close()


def test_a_platform_without_a_master_key_says_what_to_set(two: Cell) -> None:
    with pytest.raises(ConfigurationError, match="set HEADGATE_MASTER_KEYS"):
        secret(two, "acme", vault=Vault(None))
    for wrong in ("not base64!", b64encode(bytes(16)).decode()):
        with pytest.raises(ConfigurationError, match="not set right"):
            secret(two, "acme", vault=keys(wrong))


def test_a_home_has_a_master_key_of_its_own_which_its_owner_alone_may_read(tmp_path: Path) -> None:
    theirs = Servers("postgresql://admin@here/hg", "postgresql://app@here/hg", "redis://here")
    assert served_by(Settings(home=tmp_path), theirs).master_keys is None
    with held(tmp_path) as home:
        made = master_keys(home)
        assert master_keys(home) == made
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert served_by(Settings(home=tmp_path), theirs).master_keys == made
    elsewhere = Settings(home=tmp_path, database_url="postgresql://app@there/hg")
    assert served_by(elsewhere, theirs).master_keys is None


def test_a_key_is_kept_listed_and_revoked_from_the_command_line_and_never_shown(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_tenant(cell, "acme")
    for module in (credential, opening):
        monkeypatch.setattr(module, "opened", lambda: cell)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    assert run(["credential", "add", "acme", "--label", "OpenAI [b]", "--name", "live"]) == 0
    assert secret(cell, "acme") == SECRET
    assert run(["credential", "list", "acme"]) == 0
    assert run(["credential", "list", "acme", "--json"]) == 0
    assert run(["credential", "revoke", "acme", "live"]) == 0
    assert run(["credential", "rewrap"]) == 0
    said = capsys.readouterr()
    assert "OpenAI [b]" in said.out
    assert "…cdef" in said.out
    assert SECRET not in said.out + said.err
    assert run(["credential", "revoke", "acme", "live"]) == 1
    assert run(["credential", "list", "nobody"]) == 1
    assert "there is no tenant 'nobody'" in capsys.readouterr().err
