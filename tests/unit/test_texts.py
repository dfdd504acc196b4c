"""Texts of strangers, and what pydantic finds wrong."""

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from shared.invalid import first_wrong
from shared.texts import is_storable, storable


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Grüße \N{SUN WITH FACE}", "Grüße \N{SUN WITH FACE}"),
        ("a\x00b", "ab"),
        ("\ud83c\udf1e", "\N{SUN WITH FACE}"),
        ("a\ud83c", "a?"),
        ("\udf1e\ud83c", "??"),
    ],
)
def test_what_cannot_be_kept_is_left_out(text: str, kept: str) -> None:
    assert storable(text) == kept
    assert is_storable(text) is (text == kept)
    assert is_storable(kept)


def test_what_is_wrong_is_said_without_the_value() -> None:
    class Part(BaseModel):
        secrets: list[int]

    class Whole(BaseModel):
        part: Part

        @field_validator("part")
        @classmethod
        def _never(cls, _: Part) -> Part:
            raise ValueError("it is never good")

    with pytest.raises(ValidationError) as told:
        Whole.model_validate({"part": {"secrets": [1, "hunter2"]}})
    assert str(first_wrong(told.value)).startswith("part.secrets.1: Input should be a valid integer")
    assert "hunter2" not in str(first_wrong(told.value))
    with pytest.raises(ValidationError) as told:
        Whole.model_validate({"part": {"secrets": [1]}})
    assert str(first_wrong(told.value)) == "part: it is never good"
