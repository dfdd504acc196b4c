"""`headgate doctor`: sees what is well, names what is not, and says what to do."""

from typing import Any

import pytest

from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.settings import Settings
from tests.support.cells import make_tenant
from tests.support.commands import headgate
from tests.support.walking import submit
from tests.support.workers import workers

#: A port on which nobody listens.
NOBODY = "127.0.0.1:9"

Findings = dict[str, list[dict[str, Any]]]


def examined(settings: Settings, *, code: int) -> Findings:
    """What the doctor found, by subject."""
    said = headgate(settings, "doctor", "--json")
    assert (said.code, said.err) == (code, "")
    found: Findings = {}
    for finding in said.document:
        found.setdefault(finding["subject"], []).append(finding)
    return found


def failure(settings: Settings, subject: str) -> str:
    """What the doctor says of the only thing that is wrong with this subject."""
    (wrong,) = (finding for finding in examined(settings, code=1)[subject] if finding["level"] == "failed")
    return str(wrong["said"])


def test_doctor_finds_everything_well_and_goes_the_whole_way_once(speaking_cell: Cell) -> None:
    make_tenant(speaking_cell, "acme")
    with workers(speaking_cell, ["turns.pro", "ingest.pro", "embed.pro", "ops.pro", "ops.platform"]):
        found = examined(speaking_cell.settings, code=0)
    levels = {subject: [finding["level"] for finding in findings] for subject, findings in found.items()}
    well = (
        "migrations",
        "pgvector",
        "redis",
        "gate",
        "workers",
        "lanes",
        "broker",
        "streams",
        "model",
        "prices",
        "journey",
    )
    assert levels == {subject: ["ok"] for subject in well} | {"postgres": ["ok"] * 3, "bus": ["ok", "warning"]}
    assert found["journey"][0]["said"].startswith("a job went the whole way in ")


def test_doctor_tells_a_person_what_to_do(cell: Cell) -> None:
    said = headgate(cell.settings, "doctor")
    assert said.code == 1
    assert "✓ pgvector" in said.out
    assert "✗ workers     none: start one with `headgate worker`" in said.out


def test_doctor_needs_no_servers_to_say_that_there_are_none(cell: Cell) -> None:
    nothing = Settings(home=cell.settings.home / "nowhere")
    said = {finding["said"] for findings in examined(nothing, code=1).values() for finding in findings}
    assert any("run `headgate up`" in words for words in said)


def test_doctor_tells_a_lane_where_jobs_wait_from_one_that_is_idle(speaking_cell: Cell) -> None:
    acme = make_tenant(speaking_cell, "acme")
    submit(speaking_cell, "ops.probe", {}, acme.secret)
    with workers(speaking_cell, ["turns.pro", "ingest.pro", "ops.platform"]):
        found = examined(speaking_cell.settings, code=1)
    assert (found["lane embed.pro"][0]["level"], found["lane ops.pro"][0]["level"]) == ("warning", "failed")
    assert "1 jobs wait" in found["lane ops.pro"][0]["said"]


def test_doctor_refuses_a_role_that_row_level_security_does_not_hold(cell: Cell) -> None:
    powerful = cell.settings.model_copy(update={"database_url": cell.settings.database_admin_url})
    assert "row-level security does not hold" in failure(powerful, "postgres")


def test_doctor_sees_a_closed_gate(cell: Cell) -> None:
    cell.redis.flushall()
    assert "closed until a worker has rebuilt it" in failure(cell.settings, "gate")


def test_doctor_sees_a_redis_that_forgets(cell: Cell) -> None:
    cell.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "set maxmemory-policy noeviction" in failure(cell.settings, "redis")
    finally:
        cell.redis.config_set("maxmemory-policy", "noeviction")


def test_doctor_sees_a_server_that_is_too_full_for_streams(cell: Cell) -> None:
    cell.redis.config_set("maxmemory", int(cell.redis.info("memory")["used_memory"] * 1.5))
    try:
        (found,) = examined(cell.settings, code=1)["streams"]
    finally:
        cell.redis.config_set("maxmemory", 0)
    assert found["level"] == "warning"
    assert "nothing is streamed" in found["said"]


def test_doctor_sees_an_outdated_database(cell: Cell) -> None:
    with cell.admin.connection() as connection:
        connection.execute("UPDATE tenant.migrations SET version_num = '0001'")
    assert failure(cell.settings, "migrations") == "tenant behind the code: run `headgate db upgrade`"


def test_doctor_sees_a_model_without_a_price(speaking_cell: Cell) -> None:
    make_tenant(speaking_cell, "acme")
    with speaking_cell.database.transaction("acme") as connection:
        agents.put(connection, "acme", "default", AgentConfiguration(model="nobody-knows-1"))
    assert failure(speaking_cell.settings, "prices") == "none for nobody-knows-1: add them to HEADGATE_PRICES"


@pytest.mark.parametrize(
    ("setting", "subject"),
    [
        ({"openai_base_url": f"http://{NOBODY}/v1"}, "model"),
        ({"openai_api_key": None}, "model"),
        ({"redis_url": f"redis://{NOBODY}/0"}, "gate"),
        ({"broker_url": f"redis://{NOBODY}/0", "bus_url": ""}, "broker"),
        ({"broker_url": f"amqp://{NOBODY}", "bus_url": ""}, "broker"),
        ({"bus_url": f"redis://{NOBODY}/0"}, "bus"),
        ({"bus_url": f"amqp://{NOBODY}"}, "bus"),
        ({"stream_url": f"redis://{NOBODY}/0"}, "streams"),
    ],
)
def test_doctor_goes_on_when_a_server_is_away(cell: Cell, setting: dict[str, Any], subject: str) -> None:
    away = cell.settings.model_copy(update=setting)
    assert failure(away, subject)
