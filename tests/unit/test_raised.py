"""What a room raises, as how its run ends."""

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings
from workers.models.clients import Clients, NoKey
from workers.outcomes import Discard, Snooze
from workers.raised import NO_KEY, outcome_of


def test_a_worker_without_a_model_key_sends_the_job_on_to_another_and_counts_no_failure() -> None:
    with pytest.raises(NoKey, match="set OPENAI_API_KEY") as raised:
        Clients(Settings(OPENAI_API_KEY=None)).openai  # noqa: B018 - it is made when it is first asked for
    assert outcome_of(raised.value) == Snooze(NO_KEY)


def test_a_job_that_can_never_be_done_as_it_was_asked_is_discarded() -> None:
    assert outcome_of(ConfigurationError("no such model")) == Discard("no such model")
