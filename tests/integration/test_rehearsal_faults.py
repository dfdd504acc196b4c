"""Each fault of the rehearsal model, from the client's side and in the books."""

import time
from collections.abc import Iterator

import openai
import pytest

from shared.errors import HeadgateError
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.log import Status

#: Seconds; shorter than the second between two bytes of a slow answer.
IMPATIENT = 0.4


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with rehearsal() as model:
        yield model


@pytest.fixture
def model(running: Rehearsal) -> Rehearsal:
    running.clear()
    running.settings(latency=0, seconds_per_token=0, input_tokens=None, output_tokens=None, faults=[])
    return running


@pytest.fixture
def client(model: Rehearsal) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=model.url, api_key="sk-faults", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, words: str = "hello", timeout: float = 30.0) -> str | None:
    answer = client.chat.completions.create(
        model="rehearsal-1",
        messages=[{"role": "user", "content": words}],
        timeout=timeout,
        extra_headers={"X-Client-Request-Id": words},
    )
    return answer.choices[0].message.content


def listen(client: openai.OpenAI) -> Iterator[str]:
    """The words of a stream, as they come."""
    stream = client.chat.completions.create(
        model="rehearsal-1", messages=[{"role": "user", "content": "hello"}], stream=True, timeout=30
    )
    with stream:
        for chunk in stream:
            yield from (choice.delta.content for choice in chunk.choices if choice.delta.content)


def until_abandoned(model: Rehearsal) -> None:
    """The server notices a client's leaving by itself; the test's time limit bounds the wait."""
    while [served.status for served in model.served()] != [Status.ABANDONED]:
        pass


def test_429_says_when_to_retry_and_serves_nothing(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "429", "retry_after": 2.5}])
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client)
    assert refused.value.response.headers["retry-after"] == "2.5"
    assert model.served() == []
    assert ask(client)


def test_500_serves_nothing(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "500"}])
    with pytest.raises(openai.InternalServerError):
        ask(client)
    assert model.served() == []


def test_hanging_call_gets_no_byte_and_serves_nothing(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "hang"}])
    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=IMPATIENT)
    assert model.served() == []
    assert model.struck() == [1]


def test_held_call_ends_with_an_error_when_its_bound_is_reached(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(hold_seconds=0.1, faults=[{"fault": "hang"}])
    with pytest.raises(openai.InternalServerError, match="Held"):
        ask(client)
    model.settings(hold_seconds=600)


def test_lost_answer_is_served_though_not_a_byte_comes(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "lost"}])
    with pytest.raises(openai.APITimeoutError):
        ask(client, "lost words", timeout=IMPATIENT)
    (served,) = model.lookup("lost words")
    assert served.status is Status.ABANDONED
    assert served.output_tokens > 0


def test_cut_answer_breaks_off_and_is_served_whole(model: Rehearsal, client: openai.OpenAI) -> None:
    whole = ask(client)
    model.settings(faults=[{"fault": "cut"}])
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    answered, cut = model.served()
    assert whole
    assert cut.status is Status.CUT
    assert (cut.input_tokens, cut.output_tokens) == (answered.input_tokens, answered.output_tokens)


def test_cut_stream_breaks_off_after_its_first_words(model: Rehearsal, client: openai.OpenAI) -> None:
    whole = "".join(listen(client))
    model.settings(faults=[{"fault": "cut"}])
    heard: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        heard.extend(listen(client))
    assert heard
    assert whole.startswith("".join(heard))
    assert len(whole) > len("".join(heard))
    assert [served.status for served in model.served()] == [Status.ANSWERED, Status.CUT]


def test_slow_answer_is_too_slow_for_the_impatient(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "slow"}])
    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=IMPATIENT)
    until_abandoned(model)


def test_latency_comes_before_the_first_byte(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(latency=0.3)
    began = time.monotonic()
    ask(client)
    assert time.monotonic() - began >= 0.3


def test_call_is_in_the_log_before_its_latency_is_over(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(latency=60)
    with pytest.raises(openai.APITimeoutError):
        ask(client, "impatient", timeout=IMPATIENT)
    assert len(model.lookup("impatient")) == 1
    until_abandoned(model)


def test_client_that_leaves_a_stream_has_abandoned_it(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(seconds_per_token=5, latency=0)
    stream = client.chat.completions.create(
        model="rehearsal-1", messages=[{"role": "user", "content": "hello"}], stream=True, timeout=30
    )
    stream.close()
    until_abandoned(model)


def test_fixed_token_counts_are_said_and_logged(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(input_tokens=1000, output_tokens=40, chunk_tokens=1)
    assert len(list(listen(client))) == 40
    (served,) = model.served()
    assert (served.input_tokens, served.output_tokens) == (1000, 40)


def test_rule_strikes_only_the_calls_that_it_names(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "500", "match": "poison", "after": 1, "times": 1}])
    for words in ("hello", "poison first", "hello"):
        assert ask(client, words)
    with pytest.raises(openai.InternalServerError):
        ask(client, "poison second")
    assert ask(client, "poison third")
    assert model.struck() == [1]


def test_wrong_setting_is_refused_and_changes_nothing(model: Rehearsal) -> None:
    before = model.settings()
    with pytest.raises(HeadgateError, match="latency"):
        model.settings(latency="soon")
    with pytest.raises(HeadgateError, match="fault"):
        model.settings(faults=[{"fault": "flood"}])
    assert model.settings() == before
