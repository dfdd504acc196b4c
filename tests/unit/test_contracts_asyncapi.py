"""The AsyncAPI document holds together, and says what the bus really does."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from producers.refusal import Refusal, kept
from shared.bus import queues
from shared.bus.names import NAMES
from shared.contracts import examples
from shared.contracts.answers import Reason
from shared.contracts.kinds import KINDS
from shared.published.asyncapi import document

#: What AsyncAPI 3.0 asks of each object of these maps.
REQUIRED = {"servers": {"host", "protocol"}, "operations": {"action", "channel"}, "channels": {"address", "messages"}}


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return document()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolved(api: dict[str, Any], reference: str) -> Any:
    found: Any = api
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_the_document_has_what_the_specification_asks_for(api: dict[str, Any]) -> None:
    assert api["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(api["info"])
    for part, needed in REQUIRED.items():
        for name, each in api[part].items():
            assert needed <= set(each), f"{part} {name}"
    assert {operation["action"] for operation in api["operations"].values()} == {"send", "receive"}


def test_every_reference_leads_somewhere(api: dict[str, Any]) -> None:
    found = set(references(api))
    assert len(found) > 20
    for reference in found:
        assert resolved(api, reference), reference


def test_a_channels_address_has_a_parameter_for_each_of_its_parts(api: dict[str, Any]) -> None:
    for channel in api["channels"].values():
        parts = {part.partition("}")[0] for part in channel["address"].split("{")[1:]}
        assert parts == set(channel.get("parameters", {}))


def test_an_operation_speaks_only_of_messages_of_its_channel(api: dict[str, Any]) -> None:
    for operation in api["operations"].values():
        for message in operation.get("messages", []):
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
        for message in operation.get("reply", {}).get("messages", []):
            assert message["$ref"].startswith(operation["reply"]["channel"]["$ref"] + "/messages/")


def test_every_kind_can_be_sent_to_the_job_queue(api: dict[str, Any]) -> None:
    assert list(api["channels"]["jobs"]["messages"]) == list(KINDS)
    assert api["channels"]["jobs"]["address"] == NAMES.jobs


def test_a_foreign_sender_is_told_how_the_job_queue_is_declared(api: dict[str, Any]) -> None:
    jobs = api["channels"]["jobs"]
    assert jobs["x-amqp-arguments"] == dict(queues.jobs(NAMES.jobs).arguments)
    assert jobs["bindings"]["amqp"]["queue"]["durable"] is True
    assert jobs["x-redis-stream"] == {"field": "event", "group": "headgate"}


def test_a_sender_is_told_where_its_key_travels(api: dict[str, Any]) -> None:
    (security,) = api["operations"]["submit"]["security"]
    assert "`authorization`" in resolved(api, security["$ref"])["description"]


@pytest.mark.parametrize("name", [*KINDS, *examples.ANSWERS, *examples.EVENTS, "kept"])
def test_a_messages_example_fits_its_payload(api: dict[str, Any], name: str) -> None:
    (example,) = api["components"]["messages"][name]["examples"]
    validator(api, f"#/components/messages/{name}/payload").validate(example["payload"])


def test_an_example_of_one_kind_does_not_pass_for_another(api: dict[str, Any]) -> None:
    turn = api["components"]["messages"]["agent.turn"]["examples"][0]["payload"]
    assert not validator(api, "#/components/messages/ops.probe/payload").is_valid(turn)


def test_what_is_kept_of_a_refused_message_is_what_the_document_says(api: dict[str, Any]) -> None:
    kept_schema = validator(api, "#/components/schemas/KeptRefusal")
    for refusal in (
        Refusal(Reason.MALFORMED, "not JSON", b"\xff{"),
        Refusal(Reason.FORBIDDEN, "no", b"{}", subject="m-1", source="/s", tenant="acme", principal="acme"),
    ):
        kept_schema.validate(orjson.loads(kept(refusal, "bus")))


def validator(api: dict[str, Any], reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference, "components": api["components"]})
