"""One gate with its tenants: the parts that doors and workers share, put together once per process.

Building a cell connects nothing; each part connects when it is first used.
"""

from dataclasses import dataclass
from functools import cached_property

from redis import Redis

from shared.errors import ConfigurationError
from shared.gate.gate import Gate
from shared.intake import Intake
from shared.lanes import PermitPublisher
from shared.metering.prices import Prices
from shared.rebuild.rebuild import Rebuilder
from shared.settings import Settings, next_redis_database, with_role
from shared.stores import redis
from shared.stores.objects import Objects
from shared.stores.postgres import Database
from shared.stores.roles import DISPATCHER, METERING
from shared.streams.keys import holds_streams
from shared.streams.writer import Streams
from shared.tenancy.access import Access
from shared.tenancy.tenants import Tenants
from shared.tenancy.vault import Vault
from shared.wakeups import Wakeups


@dataclass(frozen=True)
class Cell:
    settings: Settings

    # --- stores, by role ------------------------------------------------------

    @cached_property
    def control(self) -> Database:
        """Control data, as the application: who may ask, what was drawn."""
        return Database(self._database_url)

    @cached_property
    def database(self) -> Database:
        """Tenant data, as the application: a transaction sees one tenant."""
        return Database(self._database_url, pool=20)

    @cached_property
    def dispatcher(self) -> Database:
        """Where the jobs of all tenants stand, without their content."""
        return Database(self.settings.database_dispatcher_url or with_role(self._database_url, DISPATCHER))

    @cached_property
    def metering(self) -> Database:
        """What was drawn, by all tenants; usage records and rollups."""
        return Database(self.settings.database_metering_url or with_role(self._database_url, METERING))

    @cached_property
    def admin(self) -> Database:
        """Migrations and provisioning: for the operator's commands only."""
        name = "HEADGATE_DATABASE_ADMIN_URL"
        if self.settings.database_url and not self.settings.database_admin_url:
            raise ConfigurationError(f"this is an operator's work: set {name}, the address of the role that may do it")
        return Database(_needed(self.settings.database_admin_url, name), pool=2)

    @cached_property
    def redis(self) -> Redis:
        return redis.connect(self._redis_url)

    # --- parts ----------------------------------------------------------------

    @cached_property
    def tenants(self) -> Tenants:
        return Tenants(self.control, self.dispatcher, staleness=self.settings.access_cache_seconds)

    @cached_property
    def access(self) -> Access:
        return Access(self.control, staleness=self.settings.access_cache_seconds)

    @cached_property
    def gate(self) -> Gate:
        return Gate(self.redis, self.settings.cell)

    @cached_property
    def permits(self) -> PermitPublisher:
        return PermitPublisher(self.broker_url)

    @cached_property
    def intake(self) -> Intake:
        backlog = self.settings.closed_gate_backlog
        parts = (self.database, self.dispatcher, self.tenants, self.gate, self.permits)
        return Intake(*parts, closed_gate_backlog=backlog)

    @cached_property
    def rebuilder(self) -> Rebuilder:
        parts = (self.gate, self.dispatcher, self.metering, self.tenants, self.intake)
        return Rebuilder(*parts, lease_seconds=self.settings.lease_seconds)

    @cached_property
    def wakeups(self) -> Wakeups:
        return Wakeups(self.redis, self.settings.cell)

    @cached_property
    def streams(self) -> Streams:
        return Streams(self.stream_url)

    @cached_property
    def objects(self) -> Objects:
        url = self.settings.objects_url
        return Objects(url) if url else Objects.in_directory(self.settings.home / "objects")

    @cached_property
    def prices(self) -> Prices:
        return Prices(self.settings.prices)

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.settings.master_keys)

    # --- addresses ------------------------------------------------------------

    @property
    def broker_url(self) -> str:
        return self.settings.broker_url or next_redis_database(self._redis_url)

    @property
    def bus_url(self) -> str:
        return self.settings.bus_url or self.broker_url

    @property
    def stream_url(self) -> str:
        return self.settings.stream_url or (self.bus_url if holds_streams(self.bus_url) else self._redis_url)

    @property
    def _database_url(self) -> str:
        return _needed(self.settings.database_url, "HEADGATE_DATABASE_URL")

    @property
    def _redis_url(self) -> str:
        return _needed(self.settings.redis_url, "HEADGATE_REDIS_URL")

    def close(self) -> None:
        """Let go of every server that was connected to."""
        for name in ("control", "database", "dispatcher", "metering", "admin", "redis", "streams"):
            if name in self.__dict__:
                getattr(self, name).close()

    def verify(self) -> None:
        """Refuse to work as database roles that row-level security does not hold."""
        for database in (self.control, self.database, self.dispatcher, self.metering):
            database.verify()


def _needed(url: str | None, name: str) -> str:
    if url is None:
        raise ConfigurationError(
            f"no servers: run `headgate up` (embedded servers), go to the folder where it runs, or set {name}"
        )
    return url
