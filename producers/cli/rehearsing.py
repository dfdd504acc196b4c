"""The rehearsal model as a platform's provider: for the demo, and for `headgate up --rehearsal`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from producers.cli.stopping import undisturbed
from shared.embedded.home import Home
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.settings import Settings

#: Its model that converses, and its model that embeds.
CHAT, EMBEDDING = "rehearsal-1", "rehearsal-embed"

#: It takes any key; its books tell callers apart by theirs.
KEY = SecretStr("sk-rehearsal")

#: Where a home keeps whom its agents are answered by, for as long as they are.
FILE = "provider.json"


@dataclass(frozen=True)
class Published:
    """What the settings need to know of a provider."""

    openai_base_url: str
    openai_api_key: str
    embedding_model: str
    call_log_url: str


@contextmanager
def published(settings: Settings) -> Iterator[None]:
    """Let other commands in this home find the rehearsal model, as they find the servers."""
    home = Home(settings.home.resolve())
    url = settings.openai_base_url or ""
    home.write(FILE, Published(url, KEY.get_secret_value(), EMBEDDING, call_log_url=url))
    try:
        yield
    finally:
        home.forget(FILE)


def provided(settings: Settings) -> Settings:
    """The settings with the provider that answers in their home, where they name none themselves."""
    home = Home(settings.home.resolve())
    if settings.openai_api_key is not None or (found := home.read(FILE, Published)) is None:
        return settings
    return settings.model_copy(update=vars(found) | {"openai_api_key": SecretStr(found.openai_api_key)})


@contextmanager
def rehearsed(settings: Settings, *, latency: float) -> Iterator[tuple[Settings, Rehearsal]]:
    """The settings with the rehearsal model behind them, which thinks for `latency` seconds before each answer."""
    with ExitStack() as stack:
        with undisturbed():
            model = stack.enter_context(rehearsal(latency=latency))
        answers = {"openai_base_url": model.url, "openai_api_key": KEY, "embedding_model": EMBEDDING}
        yield settings.model_copy(update=answers | {"call_log_url": model.url}), model
