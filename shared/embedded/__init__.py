"""Postgres and Redis for one machine, from wheels: for the demo, for tests, for a developer's day.

Nothing needs to be installed or running before, nothing is left running after. Both listen on the loopback address
only, on ports chosen at each start, and refuse whoever has no password. Not meant for production: one machine, no
replica, no backup.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded import postgres, valkey
from shared.embedded.crew import Crew, crew
from shared.embedded.home import Home, Passwords, held, known_master_keys, master_keys, passwords
from shared.embedded.provider import provided
from shared.embedded.servers import Servers, find, published
from shared.settings import Settings

__all__ = ["Servers", "embedded", "find", "resolved", "served_by"]

#: The role that Headgate serves with; migrations make it, with the password that we keep.
APP_ROLE = "headgate_app"


@contextmanager
def embedded(home: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Servers that live in this home for as long as the context does.

    `durable=False` is for tests: faster, and a power cut or a killed Postgres may cost the data.
    Raises `HomeInUse` when another process runs the home: `find` has its servers then.
    """
    with held(home) as house, crew(house) as hands:
        master_keys(house)
        servers = started(hands, passwords(house), durable=durable)
        with published(house, servers, hands.serving()):
            yield servers


def resolved(settings: Settings) -> Settings:
    """The settings with what they leave open filled in from the servers that run in their home, if any do.

    Where these keep the data, agents are answered by whoever answers them in that home.
    """
    if settings.database_url and settings.redis_url:
        return settings
    servers = find(settings.home)
    if servers is None:
        return settings
    found = served_by(settings, servers)
    return provided(found) if settings.database_url is None else found


def served_by(settings: Settings, servers: Servers) -> Settings:
    """The settings with what they leave open filled in from these servers.

    The home's master key is for the home's database alone: another's belongs to whoever runs that.
    """
    ours: dict[str, object] = {"redis_url": servers.redis_url} if settings.redis_url is None else {}
    if settings.database_url is None:  # both URLs or neither: the admin's must lead to the same database
        ours |= {"database_url": servers.database_url, "database_admin_url": servers.database_admin_url}
        if settings.master_keys is None:
            ours["master_keys"] = known_master_keys(Home(settings.home.resolve()))
    return settings.model_copy(update=ours)


def started(hands: Crew, secrets: Passwords, *, durable: bool) -> Servers:
    database = postgres.start(hands, secrets, durable=durable)
    cache = valkey.start(hands, secrets)
    return Servers(
        database_admin_url=postgres.url(postgres.ADMIN, secrets.admin, database),
        database_url=postgres.url(APP_ROLE, secrets.app, database),
        redis_url=valkey.url(secrets, cache),
    )
