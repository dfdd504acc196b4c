"""The clients of a process: shared by calls, as many as the calls at once need, and no more keys than a bound."""

from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from workers.models.clients import Clients

HERE = "http://localhost/v1"


def key(number: int = 0) -> SecretStr:
    return SecretStr(f"sk-{number}")


def test_there_are_as_many_clients_of_a_key_as_calls_at_once_and_they_are_lent_again() -> None:
    clients = Clients()
    for _ in range(2):
        with ExitStack() as calls:
            lent = [calls.enter_context(clients.lent(HERE, key())) for _ in range(3)]
            assert len({id(sdk) for sdk in lent}) == 3
    with clients.lent(HERE, key()) as again:
        assert again in lent
    with clients.lent(HERE, key(1)) as others, clients.lent("http://elsewhere/v1", key()) as elsewhere:
        assert {str(others.base_url), str(elsewhere.base_url)} == {f"{HERE}/", "http://elsewhere/v1/"}
        assert others.api_key == "sk-1"
    clients.close()


def test_the_clients_of_keys_that_were_used_longest_ago_are_closed_and_never_one_in_use() -> None:
    clients = Clients(most_keys=2)
    with clients.lent(HERE, key(0)) as used:
        for number in range(1, 5):
            with clients.lent(HERE, key(number)) as sdk:
                pass
        assert not used.is_closed()
    with clients.lent(HERE, key(4)) as again:
        assert again is sdk
    with clients.lent(HERE, key(5)):
        assert used.is_closed()
    clients.close()
    assert sdk.is_closed()


def test_a_client_repeats_nothing_by_itself_and_sends_no_names_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-platform")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-platform")
    clients = Clients()
    with clients.lent(HERE, key()) as sdk:
        assert sdk.max_retries == 0
        assert "of-the-platform" not in str(dict(sdk.default_headers))
    clients.close()
