"""One job of each main kind, from the door to the billing export, on real servers and real workers."""

import csv
import time
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.walking import finished, submit
from tests.support.workers import eventually, workers

KEY_OF_THE_MODEL = "sk-test-key"


def unrecorded(cell: Cell) -> int:
    with cell.metering.connection() as connection:
        rows = connection.execute(
            "SELECT FROM tenant.steps WHERE model IS NOT NULL AND state <> 'failed' AND recorded_at IS NULL"
        )
        return len(rows.fetchall())


@pytest.fixture
def lanes() -> list[str]:
    return ["turns.pro", "ingest.pro", "embed.pro", "ops.platform"]


def test_a_job_of_each_kind_travels_from_the_door_to_the_export(
    speaking_cell: Cell, model: Rehearsal, lanes: list[str]
) -> None:
    cell = speaking_cell
    acme = make_tenant(cell, "acme")
    billing = Provisioning(cell.admin).create_key(service="billing", acts_for=["*"], scopes=["billing:export"])
    with workers(cell, lanes):
        ingest = submit(cell, "knowledge.ingest", {"name": "with", "text": topics["with"]}, acme.secret)
        assert finished(cell, "acme", ingest)["state"] == "done"
        eventually(lambda: complete_documents(cell, "acme"), "the document is complete")

        turn = submit(
            cell, "agent.turn", {"conversation": "c-1", "message": "What does the with statement do?"}, acme.secret
        )
        answered = finished(cell, "acme", turn)
        assert answered["state"] == "done"
        assert answered["result"]["sources"] == ["with"]
        assert 'Sources: The "with" statement' in answered["result"]["answer"]

        eventually(lambda: unrecorded(cell) == 0, "every draw is recorded")
        export = submit(cell, "billing.export", {"period": time.strftime("%Y-%m", time.gmtime())}, billing.secret)
        result = finished(cell, "platform", export)["result"]

    served = model.total(KEY_OF_THE_MODEL)
    with Path(result["object"].removeprefix("file://")).open() as exported:
        rows = list(csv.DictReader(exported))
    assert {row["tenant"] for row in rows} == {"acme"}
    assert sum(int(row["quantity"]) for row in rows) == served.input_tokens + served.output_tokens > 0
    assert sum(int(row["records"]) for row in rows) == result["records"]


def complete_documents(cell: Cell, tenant: str) -> int:
    with cell.database.transaction(tenant) as connection:
        return len(connection.execute("SELECT FROM tenant.documents WHERE complete_at IS NOT NULL").fetchall())
