"""What Prometheus is told of the gate, and where it is told."""

import socket
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from producers.cli.environment import environment
from shared.cell import Cell
from shared.errors import ConfigurationError
from shared.telemetry import metrics
from tests.support.cells import make_tenant
from tests.support.commands import done
from tests.support.living import living
from tests.support.walking import submit
from tests.support.workers import PATIENCE, eventually
from workers.upkeep.observe import observe


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def blocked(reason: str, lane: str = "ops.pro") -> float:
    return sample("headgate_gate_blocked_tenants", lane=lane, reason=reason)


def test_tenants_that_are_blocked_are_counted_by_lane_and_reason(cell: Cell) -> None:
    for tenant in ("acme", "globex"):
        submit(cell, "ops.probe", {}, make_tenant(cell, tenant).secret)
    cell.gate.renew("w", [], PATIENCE, slots=2, lanes=["ops.pro"])
    done(cell.settings, "pause", "--tenant", "acme")
    observe(cell)
    assert (blocked("paused"), blocked("no_worker"), sample("headgate_backlog_jobs", lane="ops.pro")) == (1, 0, 2)
    done(cell.settings, "resume", "--tenant", "acme")
    done(cell.settings, "pause", "--lane", "ops.pro")
    observe(cell)
    assert (blocked("paused"), blocked("lane_paused")) == (0, 2)


def test_each_operation_of_the_gate_is_timed(cell: Cell) -> None:
    before = sample("headgate_gate_operation_seconds_count", operation="look")
    cell.gate.look()
    assert sample("headgate_gate_operation_seconds_count", operation="look") == before + 1


def answers(address: str, port: int) -> bool:
    connection = HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        return b"headgate_jobs_accepted_total" in connection.getresponse().read()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def test_metrics_are_served_on_the_address_that_is_set_and_on_no_other(cell: Cell, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as free:
        port = free.getsockname()[1]
    settings = cell.settings.model_copy(update={"metrics_address": "127.0.0.2", "metrics_port": port})
    with living(tmp_path / "said", environment(settings), "bus"):
        eventually(lambda: answers("127.0.0.2", port), "the door answers Prometheus")
        assert not answers("127.0.0.1", port)


def test_a_port_that_is_taken_is_named(cell: Cell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = cell.settings.model_copy(update={"metrics_port": taken.getsockname()[1]})
        with pytest.raises(ConfigurationError, match="metrics cannot be served on"):
            metrics.serve(settings)
