"""What is generated from the contracts is current, valid, and true to the models."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from pydantic import BaseModel

from shared.agents.configuration import AgentConfiguration
from shared.contracts import examples
from shared.contracts.envelope import Envelope
from shared.contracts.events import EVENTS
from shared.contracts.kinds import KINDS
from shared.contracts.schemas import DIALECT, MODELS, schemas
from shared.published import agent_fields, asyncapi, configuration, generate, tables
from shared.settings import Settings

#: An example of everything that travels, as JSON, by the name of its schema.
TRAVELLING: list[tuple[str, dict[str, Any]]] = [
    *(("envelope", event) for event in examples.events().values()),
    *examples.PAYLOADS.items(),
    *((f"{kind}.result", result.written()) for kind, result in examples.RESULTS.items()),
    *((name, told.model_dump(mode="json")) for name, told in [*examples.ANSWERS.items(), *examples.EVENTS.items()]),
]


@pytest.mark.parametrize("path", generate.documents())
def test_a_generated_document_is_current(path: str) -> None:
    assert (generate.ROOT / path).read_text() == generate.documents()[path], f"{path} is old: run `make docs`"


def test_there_is_no_schema_of_what_is_gone() -> None:
    kept = {path.name for path in (generate.ROOT / generate.SCHEMAS).iterdir()}
    assert kept == {f"{name}.json" for name in MODELS}


@pytest.mark.parametrize("path", tables.TABLES)
def test_a_table_in_a_page_is_current(path: str) -> None:
    page = (generate.ROOT / path).read_text()
    assert tables.within(path, page) == page, f"the table in {path} is old: run `make docs`"


def test_every_kind_and_every_answer_has_a_schema_and_an_example() -> None:
    answers = {"accepted", "refused", "finished", "conversation.answered"}
    assert set(MODELS) == {"envelope"} | answers | set(KINDS) | {f"{kind}.result" for kind in KINDS} | set(EVENTS)
    assert set(MODELS) == {name for name, _ in TRAVELLING}


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_is_json_schema_2020_12(name: str) -> None:
    schema = schemas()[name]
    assert schema["$schema"] == DIALECT == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("name", "example"), TRAVELLING)
def test_an_example_fits_its_schema_and_its_model(name: str, example: dict[str, Any]) -> None:
    model: type[BaseModel] = MODELS[name][0]
    Draft202012Validator(schemas()[name]).validate(example)
    assert model.model_validate_json(json.dumps(example))


@pytest.mark.parametrize(("name", "example"), TRAVELLING)
def test_a_schema_refuses_what_lacks_an_attribute_that_is_needed(name: str, example: dict[str, Any]) -> None:
    schema = schemas()[name]
    for needed in schema.get("required", []):
        lacking = {attribute: value for attribute, value in example.items() if attribute != needed}
        with pytest.raises(ValidationError):
            Draft202012Validator(schema).validate(lacking)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_example_asks_for_the_kind_it_stands_for(kind: Any) -> None:
    envelope = Envelope.model_validate(examples.event(kind))
    assert envelope.kind == kind.name
    assert (envelope.tenantids is not None) == kind.platform


def test_the_yaml_says_what_the_document_says() -> None:
    assert yaml.safe_load(generate.documents()["docs/asyncapi.yaml"]) == asyncapi.document()


def test_every_setting_is_in_the_table_under_the_variable_that_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [row[0] for row in configuration.rows()][1:]
    told = {"HEADGATE_CELL": "told", "OPENAI_BASE_URL": "http://told/v1"}
    for variable, value in told.items():
        assert f"`{variable}`" in listed
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert (settings.cell, settings.openai_base_url) == tuple(told.values())
    assert len(listed) == len(Settings.model_fields)
    assert not any("HEADGATE_OPENAI" in variable for variable in listed)


def test_every_field_of_an_agent_is_in_the_table_and_says_what_it_is() -> None:
    listed = {name.strip("`"): meaning for name, _, meaning in agent_fields.rows()}
    assert {name.partition(".")[0] for name in listed} - {"field"} == set(AgentConfiguration.model_fields)
    assert {name.partition(".")[0] for name in listed if "." in name} == {"business_hours", "retrieval"}
    assert all(listed.values())


def test_a_text_without_a_place_for_the_table_is_left_alone() -> None:
    with pytest.raises(tables.NoPlace, match="configuration"):
        tables.within("README.md", "# Headgate\n")


def test_a_table_goes_between_its_marks_however_often() -> None:
    once = tables.within("README.md", "before <!-- configuration -->\nold\n<!-- /configuration --> after")
    assert tables.within("README.md", once) == once
    assert once.startswith("before ")
    assert once.endswith(" after")
    assert "old" not in once
