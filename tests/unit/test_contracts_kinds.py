"""Payloads: what a kind takes, and what it refuses with a reason."""

from base64 import b64encode

import pytest
from pydantic import ValidationError

from shared.contracts.payloads import AgentTurn, KnowledgeIngest


def test_a_document_in_base64_is_its_bytes_and_goes_back_as_it_came() -> None:
    coded = b64encode(b"%PDF-1.7").decode()
    payload = KnowledgeIngest.model_validate({"name": "a.pdf", "content": coded})
    assert payload.body == b"%PDF-1.7"
    assert payload.model_dump(mode="json")["content"] == coded


@pytest.mark.parametrize("content", ["*", "abc", "YWJj\n!", "ä"])
def test_what_is_no_base64_is_refused(content: str) -> None:
    with pytest.raises(ValidationError, match="base64"):
        KnowledgeIngest.model_validate({"name": "a.pdf", "content": content})


@pytest.mark.parametrize("body", [{}, {"text": "a", "content": "YQ=="}])
def test_a_document_comes_in_just_one_form(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either"):
        KnowledgeIngest.model_validate({"name": "a"} | body)


@pytest.mark.parametrize("number", [1e30, -1e30, 2**53, 10**30, float("inf"), float("nan")])
def test_a_number_of_a_user_that_readers_of_json_read_differently_is_refused(number: float) -> None:
    with pytest.raises(ValidationError, match="userContext"):
        AgentTurn.model_validate({"conversation": "c", "message": "m", "userContext": {"points": number}})


@pytest.mark.parametrize("number", [0, 2**53 - 1, -1.5, True])
def test_numbers_of_a_user_are_taken_as_they_are(number: float) -> None:
    turn = AgentTurn.model_validate({"conversation": "c", "message": "m", "userContext": {"points": number}})
    assert turn.user_context["points"] is number
