"""What an agent was asked to keep in mind of a user: short texts by name, which no other agent sees and no other user.

Bounded: beyond `MOST` names nothing new is kept until something is forgotten.
"""

from typing import LiteralString

from psycopg import Cursor
from psycopg.rows import DictRow

from shared.stores.pending import Pending
from shared.stores.postgres import Connection

#: Of one user with one agent.
MOST = 200

#: Turns of one user that run at the same time take turns here, so that the bound holds.
ALONE: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

PUT = """
INSERT INTO tenant.memories (tenant_id, agent, user_identifier, name, content)
SELECT %(tenant)s, %(agent)s, %(user)s, %(name)s, %(content)s
WHERE EXISTS (SELECT FROM tenant.memories WHERE (tenant_id, agent, user_identifier, name)
                                              = (%(tenant)s, %(agent)s, %(user)s, %(name)s))
   OR (SELECT count(*) FROM tenant.memories
       WHERE (tenant_id, agent, user_identifier) = (%(tenant)s, %(agent)s, %(user)s)) < %(most)s
ON CONFLICT (tenant_id, agent, user_identifier, name)
DO UPDATE SET content = excluded.content, remembered_at = now()
RETURNING name
"""

FORGET = "DELETE FROM tenant.memories WHERE (tenant_id, agent, user_identifier, name) = (%s, %s, %s, %s)"

NAMED: LiteralString = """
SELECT name, content FROM tenant.memories WHERE (tenant_id, agent, user_identifier, name) = (%s, %s, %s, %s)
"""

LATEST: LiteralString = """
SELECT name, content FROM tenant.memories WHERE (tenant_id, agent, user_identifier) = (%s, %s, %s)
ORDER BY remembered_at DESC, name LIMIT %s
"""


def put(connection: Connection, tenant: str, agent: str, user: str, name: str, *, content: str) -> bool:
    """Keep this under its name, in the place of what was there; False where there is no room."""
    connection.execute(ALONE, (f"{tenant}/{agent}/{user}",))
    told = {"tenant": tenant, "agent": agent, "user": user, "name": name, "content": content, "most": MOST}
    return connection.execute(PUT, told).fetchone() is not None


def forget(connection: Connection, tenant: str, agent: str, user: str, name: str) -> None:
    connection.execute(FORGET, (tenant, agent, user, name))


def named(connection: Connection, tenant: str, agent: str, user: str, name: str) -> dict[str, str]:
    """The memory of that name, if there is one, as `latest` has it."""
    return _by_name(connection.execute(NAMED, (tenant, agent, user, name)))


def latest(connection: Connection, tenant: str, agent: str, user: str, limit: int) -> Pending[dict[str, str]]:
    """The newest memories, the newest first: content by name."""
    return Pending(connection.execute(LATEST, (tenant, agent, user, limit)), _by_name)


def _by_name(cursor: Cursor[DictRow]) -> dict[str, str]:
    return {row["name"]: row["content"] for row in cursor.fetchall()}
