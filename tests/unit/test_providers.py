"""What may be said of a provider: where it is, and with which key."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import ConfigurationError
from shared.providers import Provider
from shared.settings import Settings, read


def key(told: Any) -> str | None:
    kept = Provider(api_key=told).api_key
    return kept.get_secret_value() if kept else None


def test_a_key_is_kept_as_it_can_be_sent() -> None:
    assert [key(told) for told in ("sk-1", " sk-1\r\n", "", " \n", None)] == ["sk-1", "sk-1", None, None, None]


@pytest.mark.parametrize("told", ["sk-1\nX-Other: 1", "sk 1", "sk-ü", "x" * 5000, "sk\x00"])
def test_what_a_header_cannot_carry_is_no_key_and_is_not_repeated(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        Provider(api_key=told)
    if "\x00" not in told:
        monkeypatch.setenv("OPENAI_API_KEY", told)
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY is not set right: a key is one line") as refused:
            read()
        assert told not in str(refused.value)


@pytest.mark.parametrize("told", ["models.example/v1", "localhost:8000", "ftp://models.example", "http://", "//models"])
def test_an_address_that_leads_nowhere_is_refused(told: str) -> None:
    with pytest.raises(ValidationError, match="begins with http"):
        Provider(base_url=told)


def test_what_is_set_to_nothing_is_not_set() -> None:
    told: dict[str, Any] = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    (known,) = Settings(**told).every_provider.values()
    assert (known.api_key, known.address) == (None, "https://api.openai.com/v1")
