"""A cell of one's own: a fresh database from a migrated template, an empty Redis, and an open gate."""

import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from redis import Redis

from shared import ids
from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.embedded import Servers, embedded
from shared.settings import Settings, with_role
from shared.stores import migrate, roles
from shared.tenancy.provision import NewKey, Provisioning

#: A lease in tests, in seconds (design: 30 in life).
LEASE = 3.0

#: What tenants' secrets are sealed with.
MASTER_KEYS = b64encode(bytes(range(32))).decode()

SCOPES = ["turns:submit", "knowledge:write", "ops:submit"]


@contextmanager
def test_servers() -> Iterator[Servers]:
    """Embedded servers whose database `headgate` is migrated, and is the template of every cell's own."""
    with migrated_servers(durable=False) as servers:
        yield servers


@contextmanager
def migrated_servers(*, durable: bool) -> Iterator[Servers]:
    """The same; `durable` is for benchmarks, where a commit must be as slow as in life."""
    home = Path(tempfile.mkdtemp(prefix="headgate-test-"))
    try:
        with embedded(home, durable=durable) as servers:
            migrate.upgrade(
                servers.database_admin_url, {role: with_role(servers.database_url, role) for role in roles.LOGINS}
            )
            yield servers
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def test_cell(servers: Servers, home: Path, **settings: Any) -> Iterator[Cell]:
    """A cell with nothing in it but the platform's own tenant, its gate open."""
    Redis.from_url(servers.redis_url).flushall()
    with _database_of_its_own(servers) as name:
        chosen: dict[str, Any] = {
            "home": home,
            "database_url": _named(servers.database_url, name),
            "database_admin_url": _named(servers.database_admin_url, name),
            "redis_url": servers.redis_url,
            "lease_seconds": LEASE,
            "access_cache_seconds": 0.0,
            "OPENAI_API_KEY": "sk-test-key",
            "master_keys": MASTER_KEYS,
            "embedding_model": "rehearsal-embed",
        }
        cell = Cell(Settings(**(chosen | settings)))
        cell.rebuilder.rebuild()
        try:
            yield cell
        finally:
            cell.close()


def make_tenant(cell: Cell, tenant: str, tier: str = "pro", **limits: int) -> NewKey:
    """A tenant with an agent that the rehearsal model answers, and a key for everything a tenant may do."""
    provisioning = Provisioning(cell.admin)
    provisioning.create_tenant(tenant, name=tenant.title(), tier=tier, limits=limits)
    with cell.database.transaction(tenant) as connection:
        agents.put(connection, tenant, "default", AgentConfiguration(model="rehearsal-1"))
    return provisioning.create_key(tenant=tenant, scopes=SCOPES)


@contextmanager
def _database_of_its_own(servers: Servers) -> Iterator[str]:
    name = f"cell_{ids.new().hex}"
    # the template's files are copied as files: through the write-ahead log it takes four times as long
    _administer(servers, f"CREATE DATABASE {name} TEMPLATE headgate STRATEGY file_copy")
    try:
        yield name
    finally:
        _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty_database(servers: Servers) -> Iterator[str]:
    """The admin's address of a database with nothing in it, gone afterwards."""
    name = f"empty_{ids.new().hex}"
    _administer(servers, f"CREATE DATABASE {name}")
    try:
        yield _named(servers.database_admin_url, name)
    finally:
        _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(servers: Servers, statement: LiteralString) -> None:
    """By a connection of its own: in between the server may have been restarted."""
    with psycopg.connect(_named(servers.database_admin_url, "postgres"), autocommit=True) as admin:
        admin.execute(statement)


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
