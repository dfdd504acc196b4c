"""Lanes: a family and a tier or one tenant, with one Celery queue each; and the permits that travel on them.

A permit is a tiny Celery message, "there may be something to run". It names its lane and says nothing of any job;
one too many finds nothing, one too few is replaced by the gate's sweep. So publishing may fail without harm: it is
counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import structlog
from celery import Celery
from kombu import Producer
from kombu.exceptions import OperationalError

from shared.contracts.kinds import Family
from shared.errors import ConfigurationError, Unavailable
from shared.telemetry import metrics

#: Seconds in which a broker must take a connection; a permit that waits longer is better replaced by the sweep.
BROKER_TIMEOUT = 4

#: What Celery and its publishers agree on. JSON only; a queue is durable (quorum, where the broker has that).
CELERY = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "task_create_missing_queue_type": "quorum",
    "task_default_queue": "headgate.unused",
    "broker_connection_timeout": BROKER_TIMEOUT,
    "broker_connection_retry_on_startup": True,
    "worker_enable_remote_control": True,
}

#: For Redis: no hang on a half-open connection, and a permit that nobody acknowledged comes again within the hour.
REDIS_TRANSPORT = {"socket_timeout": 8, "socket_connect_timeout": 8, "health_check_interval": 5}

#: For AMQP: a publish is done when the broker says so, and a connection on which it says nothing for long is lost.
AMQP_TRANSPORT = {"confirm_publish": True, "read_timeout": 8, "write_timeout": 8}

#: Of who publishes: a broker that refuses is tried once more, at the next of its hosts where it has several, and then
#: let be. kombu would wait for six seconds, each time: of a slot, or of whoever waits to be accepted.
IMPATIENT = {"max_retries": 1, "interval_start": 0}

#: A lane's name: its family, and whose it is, a tier's (`.`) or a tenant's (`@`).
NAME = re.compile(rf"({'|'.join(Family)})([.@])([\w-]+)")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lane:
    """Where jobs of one family wait: of the tenants of a tier (`turns.pro`), or of one tenant alone (`turns@acme`)."""

    family: Family
    tier: str | None = None
    tenant: str | None = None

    def __str__(self) -> str:
        return f"{self.family}.{self.tier}" if self.tenant is None else f"{self.family}@{self.tenant}"

    @classmethod
    def named(cls, name: str) -> Self:
        """The lane of this name, which is also its Celery queue's."""
        parts = NAME.fullmatch(name)
        if parts is None:
            raise ConfigurationError(
                f"{name!r} is no lane: lanes are FAMILY.TIER or FAMILY@TENANT, families are {', '.join(Family)}"
            )
        family, sign, whose = parts.groups()
        return cls(Family(family), tenant=whose) if sign == "@" else cls(Family(family), whose)


def celery_app(broker_url: str) -> Celery:
    """A Celery application that is nobody's default and knows no tasks yet."""
    app = Celery("headgate", broker=broker_url, set_as_current=False)
    transport = AMQP_TRANSPORT if broker_url.startswith("amqp") else REDIS_TRANSPORT
    app.conf.update(CELERY, broker_transport_options=transport)
    return app


def task_name(family: Family) -> str:
    """The Celery task that takes permits of this family."""
    return f"headgate.{family}"


class PermitPublisher:
    """Puts owed permits onto their lanes' queues."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url

    @cached_property
    def _celery(self) -> Celery:
        app = celery_app(self._broker_url)
        app.conf.broker_transport_options = app.conf.broker_transport_options | IMPATIENT
        return app

    def reach(self) -> None:
        """Raises `Unavailable` where the broker does not answer."""
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"the broker does not answer: {error}") from error

    def publish(self, permits: Mapping[str, int]) -> None:
        """Fails open, counted: the sweep sends anew what did not get through.

        Nothing is raised: brokers refuse in many ways, and whoever publishes holds a job, or has accepted one.
        """
        if not permits:
            return
        try:
            with self._celery.producer_or_acquire() as producer:
                self._send(permits, producer)
        except Exception as error:  # noqa: BLE001 - as said above; each transport has errors of its own
            metrics.PERMITS_LOST.inc()
            log.warning("permits not published; the sweep will send them anew", permits=permits, error=str(error))

    def _send(self, permits: Mapping[str, int], producer: Producer) -> None:
        """All in one round trip, where the broker is a Redis.

        A connection that fails is let go without a word: it may be silent, and its pool would hand it out again.
        """
        try:
            with producer.batch():  # type: ignore[attr-defined]  # the stubs do not know it yet
                for lane, missing in permits.items():
                    name = task_name(Lane.named(lane).family)
                    for _ in range(missing):
                        self._celery.send_task(name, kwargs={"lane": lane}, queue=lane, producer=producer, retry=False)
        except BaseException:
            if producer.connection is not None:
                producer.connection.collect()
            raise
