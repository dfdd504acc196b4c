"""Who answers agents in a home, where its platform brought its own model: for whatever else is started in that home."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from shared.embedded.home import Home
from shared.settings import Settings

#: Where a home keeps it, for as long as its platform runs.
FILE = "provider.json"


@dataclass(frozen=True)
class Published:
    """What the settings need to know of a provider."""

    openai_base_url: str
    openai_api_key: str
    embedding_model: str
    call_log_url: str


@contextmanager
def answering(settings: Settings, provider: Published) -> Iterator[None]:
    """Let commands and workers in this home find the provider, as they find the servers."""
    home = Home(settings.home.resolve())
    home.write(FILE, provider)
    try:
        yield
    finally:
        home.forget(FILE)


def forgotten(settings: Settings) -> None:
    """What a killed platform left behind is found no more."""
    Home(settings.home.resolve()).forget(FILE)


def provided(settings: Settings) -> Settings:
    """The settings with the provider that answers in their home, where they name none themselves."""
    home = Home(settings.home.resolve())
    if settings.openai_api_key is not None or (found := home.read(FILE, Published)) is None:
        return settings
    return settings.model_copy(update=vars(found) | {"openai_api_key": SecretStr(found.openai_api_key)})
