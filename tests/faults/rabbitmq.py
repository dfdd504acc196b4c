"""The RabbitMQ of rows that want one as their broker, which others may use beside them."""

import socket
from collections.abc import Sequence

from shared import ids
from shared.cell import Cell
from shared.tenancy.tenants import PLATFORM
from tests.integration.bus.places import amqp_channel

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"

#: A tier as any other, by another name.
TIER = """
INSERT INTO control.tiers
SELECT (jsonb_populate_record(other, jsonb_build_object('tier', %s::text))).* FROM control.tiers other LIMIT 1
"""


def there_is_one() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 5672)) == 0


def own_tier(cell: Cell) -> str:
    """A tier whose queues nobody else has; the platform's own jobs are of it too."""
    tier = f"faults-{ids.new().hex}"
    with cell.admin.transaction() as connection:
        connection.execute(TIER, (tier,))
        connection.execute("UPDATE control.tenants SET tier = %s WHERE tenant_id = %s", (tier, PLATFORM))
    return tier


def delete_queues(lanes: Sequence[str]) -> None:
    with amqp_channel() as channel:
        for lane in lanes:
            channel.queue_delete(lane)
