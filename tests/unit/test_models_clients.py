"""The clients of a process: shared by calls, as many as the calls at once need, and no more keys than a bound."""

from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from workers.models import clients as module
from workers.models.clients import IDLE_SECONDS, Clients

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


def test_clients_that_nobody_uses_any_more_are_closed_of_keys_in_use_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tenant that asked ten times at once, and then no more, no connection stays open."""
    time = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: time[0])
    clients = Clients()
    with ExitStack() as calls:
        gone = [calls.enter_context(clients.lent(HERE, key(0))) for _ in range(10)]
    with clients.lent(HERE, key(1)) as busy, ExitStack() as calls:
        more = [calls.enter_context(clients.lent(HERE, key(1))) for _ in range(2)]
        calls.close()
        time[0] += IDLE_SECONDS / 2
        with clients.lent(HERE, key(1)) as still:
            assert still is more[0]
        assert not any(sdk.is_closed() for sdk in (*gone, *more, busy))
        time[0] += IDLE_SECONDS / 2 + 1
        with clients.lent(HERE, key(1)) as still:
            assert still is more[0], "it was used not long ago"
        assert all(sdk.is_closed() for sdk in (*gone, more[1]))
        assert not busy.is_closed()
    assert len(clients._shelves) == 1
    clients.close()
    assert busy.is_closed()
    assert not clients._shelves


def test_a_client_that_cannot_be_made_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients()
    with monkeypatch.context() as broken:
        broken.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
        with pytest.raises(FileNotFoundError), clients.lent(HERE, key()):
            pass
    with clients.lent(HERE, key()) as sdk:
        assert not sdk.is_closed()
    clients.close()
    assert not clients._shelves


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
