"""What was drawn, and its export, from the command line: exact, and the same in both."""

import csv
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.metering.usage import usd
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.workers import workers

#: More nano-dollars than a float holds exactly.
MUCH = 2**53 + 1

ROLLUP = """
INSERT INTO control.rollups (tenant_id, quarter_hour, meter, model, status, quantity, cost_nano, records)
VALUES (%s, %s, 'tokens.input', 'rehearsal-1', %s, %s, %s, 1)
"""

RECORD = """
INSERT INTO control.usage_records (tenant_id, record_id, job_id, call_id, kind, meter, model, status, quantity,
                                   cost_nano, drawn_at)
VALUES (%s, gen_random_uuid(), gen_random_uuid(), 'call', 'model', 'tokens.input', 'rehearsal-1', %s, %s, %s, %s)
"""


def draw(cell: Cell, tenant: str, when: str, quantity: int, nano: int, *, status: str = "billed") -> None:
    """A draw, recorded and rolled up."""
    with cell.metering.transaction() as connection:
        connection.execute(ROLLUP, (tenant, when, status, quantity, nano))
        connection.execute(RECORD, (tenant, status, quantity, nano, when))


@pytest.fixture
def drawn(cell: Cell) -> Cell:
    for tenant in ("acme", "globex"):
        make_tenant(cell, tenant)
    draw(cell, "acme", "2026-10-01T00:00:00Z", 10, MUCH)
    draw(cell, "acme", "2026-10-31T23:45:00Z", 5, 1)
    draw(cell, "acme", "2026-10-20T00:00:00Z", 7, 3, status="unknown")
    draw(cell, "globex", "2026-10-20T00:00:00Z", 1, 5)
    draw(cell, "acme", "2026-11-01T00:00:00Z", 1000, 1000)
    return cell


def usage(cell: Cell, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = done(cell.settings, "usage", *arguments, "--json").document
    return found


def test_usage_is_exact_and_of_the_month_alone(drawn: Cell) -> None:
    october = usage(drawn, "--period", "2026-10")
    assert [(row["tenant"], row["quantity"]) for row in october["billed"]["rows"]] == [("acme", 15), ("globex", 1)]
    assert october["billed"]["cost_nano"] == MUCH + 6
    assert october["billed"]["cost_usd"] == "9007199.254740999"
    assert october["billed"]["rows"][0]["cost_usd"] == "9007199.254740994"
    assert usage(drawn, "--period", "2026-12")["billed"]["rows"] == []


def test_what_is_unknown_stands_apart(drawn: Cell) -> None:
    october = usage(drawn, "--period", "2026-10")
    assert [(row["tenant"], row["quantity"]) for row in october["unknown"]["rows"]] == [("acme", 7)]
    out = done(drawn.settings, "usage", "--period", "2026-10").out
    assert out.index("billed") < out.index("unknown") < out.index("0.000000003")


def test_usage_of_one_tenant_shows_no_other(drawn: Cell) -> None:
    asked = ("--tenant", "globex", "--period", "2026-10")
    assert [row["tenant"] for row in usage(drawn, *asked)["billed"]["rows"]] == ["globex"]
    assert "acme" not in done(drawn.settings, "usage", *asked).out
    assert "no tenant 'nobody'" in refused(drawn.settings, "usage", "--tenant", "nobody")
    assert "YYYY-MM" in refused(drawn.settings, "usage", "--period", "October", code=2)


def test_the_export_is_copied_out_and_adds_up_to_the_usage(drawn: Cell, tmp_path: Path) -> None:
    copy = tmp_path / "october.csv"
    with workers(drawn, ["ops.platform"]):
        said = done(
            drawn.settings, "billing", "export", "--period", "2026-10", "--output", str(copy), "--json"
        ).document
        one = done(
            drawn.settings, "billing", "export", "--period", "2026-10", "--tenant", "globex", "--wait", "--json"
        ).document
    assert UUID(said["job"])
    assert (said["rows"], said["cost_nano"], said["cost_usd"]) == (3, MUCH + 9, usd(MUCH + 9))
    with copy.open() as file:
        rows = list(csv.DictReader(file))
    assert copy.read_bytes() == Path(said["object"].removeprefix("file://")).read_bytes()
    assert sum(int(row["cost_usd"].replace(".", "")) for row in rows) == said["cost_nano"]
    assert (one["rows"], one["quantity"]) == (1, 1)


def test_an_export_that_no_worker_takes_says_so(drawn: Cell) -> None:
    asked = ("billing", "export", "--period", "2026-10")
    assert "no worker serves ops.platform" in refused(drawn.settings, *asked, "--wait", "--patience", "0")
    assert "YYYY-MM" in refused(drawn.settings, "billing", "export", "--period", "10/2026", code=2)
    assert "no tenant 'nobody'" in refused(drawn.settings, *asked, "--tenant", "nobody")
