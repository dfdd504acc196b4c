"""compose.yaml is sound, and every command in it works: here as plain processes, for want of an engine.

The schema is that of the Compose Specification as Docker Compose 2.40 carries it (github.com/compose-spec/compose-go,
Apache-2.0), unchanged.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shared import bus, ids
from shared.cell import Cell
from shared.embedded import Servers, embedded
from shared.rehearsal.client import Rehearsal
from shared.settings import Settings, next_redis_database
from tests.support.cells import make_tenant
from tests.support.compose import COMPOSE, OURS, REQUIRED, Service, running, stop
from tests.support.walking import event
from tests.support.workers import ROOT, eventually

SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text())

#: One job for each of our workers; the document's passages make the fourth, an embedding.
JOBS: Mapping[str, dict[str, Any]] = {
    "agent.turn": {"conversation": "c-1", "message": "What does the with statement do?"},
    "knowledge.ingest": {"name": "with", "text": "The with statement wraps a block with a context manager."},
    "ops.probe": {},
}

#: What runs on, in the order of the file.
SERVICES = [name for name, service in OURS.items() if "healthcheck" in service]


def test_compose_file_keeps_to_the_compose_specification() -> None:
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(COMPOSE)] == []


def test_compose_file_holds_no_secret_and_no_default_of_one() -> None:
    secrets = ("PASSWORD", "PASS", "KEY", "AUTH", "_URL")
    values = [
        (name, value)
        for service in COMPOSE["services"].values()
        for name, value in service.get("environment", {}).items()
        if name.endswith(secrets) and name not in ("HEADGATE_OBJECTS_URL", "OPENAI_BASE_URL")
    ]
    assert values
    assert [name for name, value in values if not REQUIRED.search(value)] == []


def test_example_env_names_exactly_what_must_be_set() -> None:
    required = set(REQUIRED.findall((ROOT / "compose.yaml").read_text()))
    example = (ROOT / ".env.example").read_text().splitlines()
    assert {line.partition("=")[0] for line in example if line and not line.startswith("#")} == required


def test_only_the_operators_services_know_the_admins_password() -> None:
    knowing = [name for name, service in OURS.items() if "HEADGATE_DATABASE_ADMIN_URL" in service["environment"]]
    assert knowing == ["migrate", "operator"]


def test_workers_and_the_operator_know_what_agents_need_and_doors_know_none_of_it() -> None:
    needed = {"OPENAI_API_KEY", "OPENAI_BASE_URL"} | {
        f"HEADGATE_{name}" for name in ("PROVIDERS", "TOOL_NETWORKS", "MASTER_KEYS", "EMBEDDING_MODEL", "PRICES")
    }
    knowing = {name: needed & set(service["environment"]) for name, service in OURS.items()}
    others = {"migrate", "bus"}
    assert knowing == {name: set() if name in others else needed for name in OURS}


def test_a_service_gets_longer_to_stop_than_a_worker_takes() -> None:
    seconds = {name: int(service["stop_grace_period"].removesuffix("s")) for name, service in OURS.items()}
    assert min(seconds.values()) > Settings.model_fields["stop_seconds"].default


@pytest.fixture
def servers_of_compose(tmp_path: Path) -> Iterator[Servers]:
    """As compose starts them: nothing has been made in the database."""
    with embedded(tmp_path / "servers", durable=False) as servers:
        yield servers


@pytest.fixture
def stream(servers_of_compose: Servers) -> str:
    return next_redis_database(servers_of_compose.redis_url)


@pytest.fixture
def rabbitmq() -> Iterator[str]:
    """A virtual host of its own: the names of the queues are those of real life."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5672)) or not shutil.which("rabbitmqctl"):
            pytest.skip("no RabbitMQ on 127.0.0.1:5672 that this user may make a virtual host in")
    with virtual_host(f"test-{ids.new().hex}") as name:
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"


@pytest.mark.parametrize("broker", ["stream", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def test_every_command_of_the_compose_file_does_its_part_and_stops(
    servers_of_compose: Servers, model: Rehearsal, tmp_path: Path, broker: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(broker)
    values = settings_here(servers_of_compose, model, url, tmp_path)
    Service("migrate", values, tmp_path / "migrate").run()
    Service("operator", values, tmp_path / "operator").run("tenant", "list")
    services = [Service(name, values | free_port(), tmp_path / name) for name in SERVICES]
    with running(services) as processes, speaking(values) as cell:
        for service in services:
            eventually(service.listening, "its metrics are served")
            assert service.healthy()
        key = make_tenant(cell, "acme").secret
        sender = bus.connect(url)
        sender.send([event(kind, data, key) for kind, data in JOBS.items()])
        sender.close()
        eventually(lambda: done(cell, "acme") == [*sorted(JOBS), "knowledge.embed"], "a job of every family is done")
        assert {name: stop(process, 30) for name, process in zip(SERVICES, processes, strict=True)} == dict.fromkeys(
            SERVICES, 0
        )


def settings_here(servers: Servers, model: Rehearsal, broker: str, home: Path) -> dict[str, str]:
    """What stands behind each setting of the compose file on this machine."""
    return {
        "HEADGATE_DATABASE_URL": servers.database_url,
        "HEADGATE_DATABASE_ADMIN_URL": servers.database_admin_url,
        "HEADGATE_REDIS_URL": servers.redis_url,
        "HEADGATE_BROKER_URL": broker,
        "HEADGATE_BUS_URL": broker,
        "HEADGATE_OBJECTS_URL": f"file://{home}/objects",
        "OPENAI_API_KEY": "sk-test-key",
        "OPENAI_BASE_URL": model.url,
        "HEADGATE_EMBEDDING_MODEL": "rehearsal-embed",
    }


def free_port() -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return {"HEADGATE_METRICS_PORT": str(free.getsockname()[1]), "HEADGATE_METRICS_ADDRESS": "127.0.0.1"}


@contextmanager
def speaking(values: Mapping[str, str]) -> Iterator[Cell]:
    """The test's own way to the same servers."""
    cell = Cell(
        Settings(
            database_url=values["HEADGATE_DATABASE_URL"],
            database_admin_url=values["HEADGATE_DATABASE_ADMIN_URL"],
            redis_url=values["HEADGATE_REDIS_URL"],
        )
    )
    try:
        yield cell
    finally:
        cell.close()


@contextmanager
def virtual_host(name: str) -> Iterator[str]:
    subprocess.run(["rabbitmqctl", "--quiet", "add_vhost", name], check=True, timeout=60)
    try:
        permissions = ["set_permissions", "--vhost", name, "guest", ".*", ".*", ".*"]
        subprocess.run(["rabbitmqctl", "--quiet", *permissions], check=True, timeout=60)
        yield name
    finally:
        subprocess.run(["rabbitmqctl", "--quiet", "delete_vhost", name], check=True, timeout=60)


def done(cell: Cell, tenant: str) -> list[str]:
    """The kinds of the jobs that are done, in no order of importance."""
    with cell.database.transaction(tenant) as connection:
        rows = connection.execute("SELECT kind FROM tenant.jobs WHERE state = 'done'").fetchall()
    return sorted((row["kind"] for row in rows), key=lambda kind: (kind not in JOBS, kind))
