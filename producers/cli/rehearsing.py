"""The rehearsal model as a platform's provider: for the demo, and for `headgate up --rehearsal`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from pydantic import SecretStr

from producers.cli.stopping import undisturbed
from shared.embedded.provider import Published, answering
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.settings import Settings

#: Its model that converses, and its model that embeds.
CHAT, EMBEDDING = "rehearsal-1", "rehearsal-embed"

#: It takes any key; its books tell callers apart by theirs.
KEY = SecretStr("sk-rehearsal")


def published(settings: Settings) -> AbstractContextManager[None]:
    """Let whatever else is started in this home find the rehearsal model, as it finds the servers."""
    url = settings.openai_base_url or ""
    return answering(settings, Published(url, KEY.get_secret_value(), EMBEDDING, call_log_url=url))


@contextmanager
def rehearsed(settings: Settings, *, latency: float) -> Iterator[tuple[Settings, Rehearsal]]:
    """The settings with the rehearsal model behind them, which thinks for `latency` seconds before each answer."""
    with ExitStack() as stack:
        with undisturbed():
            model = stack.enter_context(rehearsal(latency=latency))
        answers = {"openai_base_url": model.url, "openai_api_key": KEY, "embedding_model": EMBEDDING}
        yield settings.model_copy(update=answers | {"call_log_url": model.url}), model
