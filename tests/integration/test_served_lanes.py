"""Which lanes have workers: what `headgate up` and `headgate worker` serve, and what the doctor says of the others."""

from itertools import pairwise

import pytest

from producers.cli.commands.doctor.finding import Level
from producers.cli.commands.doctor.gate import gate
from producers.cli.commands.worker import all_lanes
from producers.cli.crew import workers
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.tenancy import tiers
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.commands import done
from tests.support.walking import submit
from tests.support.workers import PATIENCE

#: Every lane that a tenant of pro and the platform may have jobs in.
PRO = ["turns.pro", "ingest.pro", "embed.pro", "ops.pro", "ops.platform"]


@pytest.fixture
def secret(cell: Cell) -> str:
    return make_tenant(cell, "acme").secret


def serve(cell: Cell, *lanes: str) -> None:
    """A worker of these lanes shows itself at the gate."""
    cell.gate.renew("w", [], PATIENCE, slots=2, lanes=lanes)


def found(cell: Cell) -> dict[str, tuple[Level, str]]:
    return {finding.subject: (finding.level, finding.said) for finding in gate(cell)}


def served(cell: Cell) -> dict[str, set[str]]:
    """By the name of a worker of `headgate up`, the lanes that it serves."""
    return {
        program.name: {lane for option, lane in pairwise(program.command) if option == "--lane"}
        for program in workers(cell, None)
    }


def test_up_serves_every_tier_and_the_lanes_that_tenants_have_of_their_own(cell: Cell, secret: str) -> None:
    shared = {str(lane) for lane in all_lanes(list(Family), tiers.names(cell.control))}
    Provisioning(cell.admin).change_tenant("acme", dedicated=[Family.TURNS, Family.INGEST])
    lanes = served(cell)
    assert lanes["worker"] | lanes["ingest"] == shared | {"turns@acme", "ingest@acme"}
    assert ("turns@acme" in lanes["worker"], "ingest@acme" in lanes["ingest"]) == (True, True)


def test_the_doctor_misses_the_workers_of_a_lane_made_for_a_tenant(cell: Cell, secret: str) -> None:
    serve(cell, *PRO)
    assert found(cell)["lanes"] == (Level.OK, "every lane has a worker")
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops")
    assert found(cell)["lane ops@acme"] == (Level.WARNING, "no worker serves it: `headgate worker --lane ops@acme`")
    submit(cell, "ops.probe", {}, secret)
    assert found(cell)["lane ops@acme"][0] is Level.FAILED
    serve(cell, *PRO, "ops@acme")
    assert "lane ops@acme" not in found(cell)


def test_the_doctor_misses_the_workers_of_a_lane_that_a_tenant_has_left(cell: Cell, secret: str) -> None:
    submit(cell, "ops.probe", {}, secret)
    done(cell.settings, "tenant", "configure", "acme", "--tier", "free")
    serve(cell, *(lane.replace("pro", "free") for lane in PRO), "ops.platform")
    level, said = found(cell)["lane ops.pro"]
    assert (level, said.startswith("1 jobs wait and no worker serves it")) == (Level.FAILED, True)


def test_the_doctor_reminds_of_what_is_paused(cell: Cell, secret: str) -> None:
    serve(cell, *PRO)
    done(cell.settings, "pause", "--tenant", "acme")
    done(cell.settings, "pause", "--lane", "turns.free")
    assert found(cell)["tenant acme"] == (Level.WARNING, "paused: `headgate resume --tenant acme` lets it go on")
    assert found(cell)["lane turns.free"] == (
        Level.WARNING,
        "paused: `headgate resume --lane turns.free` lets it go on",
    )
    done(cell.settings, "resume", "--tenant", "acme")
    done(cell.settings, "resume", "--lane", "turns.free")
    assert not {"tenant acme", "lane turns.free"} & set(found(cell))
