"""A tenant's agents, by version. A version is never changed: what is saved is the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow, class_row
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from shared.agents.configuration import AgentConfiguration
from shared.errors import HeadgateError, NotFound
from shared.invalid import first_wrong
from shared.process import of_process
from shared.stores.pending import Pending
from shared.stores.postgres import Connection, one

NEWEST = """
SELECT agent, version, saved_at, configuration FROM tenant.agents WHERE tenant_id = %(tenant)s AND agent = %(agent)s
  AND (%(version)s::int IS NULL OR version = %(version)s)
ORDER BY version DESC LIMIT 1
"""

ALL = """
SELECT DISTINCT ON (agent) agent, version, saved_at, configuration FROM tenant.agents WHERE tenant_id = %s
ORDER BY agent, version DESC
"""

VERSIONS = """
SELECT version, saved_at FROM tenant.agents WHERE tenant_id = %s AND agent = %s ORDER BY version DESC
"""

#: Of the newest version of each agent; what a tenant's own key pays for needs no price.
MODELS_PAID = """
SELECT target ->> 'model' AS model
FROM (SELECT DISTINCT ON (agent) configuration FROM tenant.agents
      WHERE tenant_id = %s ORDER BY agent, version DESC) AS newest,
     jsonb_array_elements(jsonb_build_array(configuration) || coalesce(configuration -> 'fallbacks', '[]')) AS target
WHERE configuration ->> 'credential' IS NULL OR target ->> 'provider' <> configuration ->> 'provider'
"""

#: Two who save at once: the second waits for the first at the primary key, and fails; what it saw was not the newest.
PUT = """
INSERT INTO tenant.agents (tenant_id, agent, version, configuration)
SELECT %(tenant)s, %(agent)s, coalesce(%(after)s::int, max(version), 0) + 1, %(configuration)s FROM tenant.agents
WHERE tenant_id = %(tenant)s AND agent = %(agent)s
RETURNING version
"""


#: Versions that a process keeps checked.
CHECKED = 10_000


@dataclass(frozen=True)
class Agent:
    """One version of an agent."""

    agent: str
    version: int
    configuration: AgentConfiguration


@dataclass(frozen=True)
class Saved:
    """When a version was saved."""

    version: int
    saved_at: datetime


class Unreadable(HeadgateError):  # noqa: N818 - it names a state
    """A version that was saved by a newer Headgate, or by an older one that let more in."""

    def __init__(self, tenant: str, agent: str, version: int, error: ValidationError) -> None:
        super().__init__(
            f"version {version} of agent {agent!r} of {tenant!r} cannot be read here ({first_wrong(error)}): "
            "run the Headgate that saved it, or save the agent anew by `headgate tenant configure -f`"
        )
        self.agent, self.version = agent, version


class SavedMeanwhile(HeadgateError):  # noqa: N818 - it says what happened
    """What was changed is not the newest version any more."""


def get(connection: Connection, tenant: str, agent: str, version: int | None = None) -> Agent:
    """The newest version, or this one; `NotFound`, `Unreadable`."""
    found = ask(connection, tenant, agent, version)
    if version is not None and not found.cursor.rowcount:
        get(connection, tenant, agent)
        known = f"`headgate agent versions {tenant} {agent}` shows those it has"
        raise NotFound(f"agent {agent!r} of tenant {tenant!r} has no version {version}: {known}")
    return found.read()


def ask(connection: Connection, tenant: str, agent: str, version: int | None = None) -> Pending[Agent]:
    """The same, in a pipeline; of a version that there is not, `NotFound` names the agent."""
    asked = connection.execute(NEWEST, {"tenant": tenant, "agent": agent, "version": version})
    return Pending(asked, lambda cursor: _found(cursor, tenant, agent))


def _found(cursor: Cursor[DictRow], tenant: str, agent: str) -> Agent:
    row = cursor.fetchone()
    if row is None:
        raise _no_agent(tenant, agent)
    return _readable(_read(tenant, row))


def every(connection: Connection, tenant: str) -> Sequence[Agent]:
    """The newest version of each of the tenant's agents, in the order of their names; `Unreadable`."""
    return [_readable(found) for found in newest(connection, tenant).values()]


def newest(connection: Connection, tenant: str) -> Mapping[str, Agent | Unreadable]:
    """The same by name, and of one that cannot be read why."""
    return {row["agent"]: _read(tenant, row) for row in connection.execute(ALL, (tenant,)).fetchall()}


def models_paid(connection: Connection, tenant: str) -> set[str]:
    """Models that the platform's keys pay for, of the newest version of each of the tenant's agents."""
    return {row["model"] for row in connection.execute(MODELS_PAID, (tenant,))}


def versions(connection: Connection, tenant: str, agent: str) -> Sequence[Saved]:
    """The newest first; `NotFound`."""
    with connection.cursor(row_factory=class_row(Saved)) as cursor:
        found = cursor.execute(VERSIONS, (tenant, agent)).fetchall()
    if not found:
        raise _no_agent(tenant, agent)
    return found


def put(
    connection: Connection, tenant: str, agent: str, configuration: AgentConfiguration, *, after: int | None = None
) -> int:
    """Save a version; answers its number. Defaults are written too: those of another day must not change it.

    `after` is the version that it is made from, 0 for none; `SavedMeanwhile` where that is not the newest any more.
    What is saved has been looked at before (`shared.agents.saving.saving`).
    """
    told = Jsonb(configuration.model_dump(mode="json"))
    values = {"tenant": tenant, "agent": agent, "configuration": told, "after": after}
    try:
        return int(one(connection, PUT, values)["version"])
    except UniqueViolation as error:
        raise SavedMeanwhile(f"agent {agent!r} of {tenant!r} was saved by somebody else just now: try again") from error


def _no_agent(tenant: str, agent: str) -> NotFound:
    return NotFound(f"tenant {tenant!r} has no agent {agent!r}: `headgate agent list {tenant}` shows those it has")


def _readable(found: Agent | Unreadable) -> Agent:
    if isinstance(found, Unreadable):
        raise found
    return found


@of_process
def _checked() -> dict[tuple[str, str, int, datetime], Agent]:
    return {}


def _read(tenant: str, row: dict[str, Any]) -> Agent | Unreadable:
    """Checked once for all turns that it answers: a version never changes."""
    key = (tenant, row["agent"], row["version"], row["saved_at"])
    checked = _checked()
    if (known := checked.get(key)) is not None:
        return known
    if len(checked) >= CHECKED:
        checked.clear()
    try:
        configuration = AgentConfiguration.model_validate(row["configuration"])
    except ValidationError as error:
        return Unreadable(tenant, row["agent"], row["version"], error)
    agent = checked[key] = Agent(row["agent"], row["version"], configuration)
    return agent  # another thread may have cleared them by now
