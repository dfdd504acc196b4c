"""Following a turn from a service: its words as they come, and its end in any case."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from producers.client import Headgate, Job, Unfinished
from producers.client.streaming import Listener
from shared import ids
from shared.bus.names import NAMES
from shared.cell import Cell
from shared.contracts.events import Delta, TurnFinished
from shared.embedded.ports import free_port
from shared.errors import ConfigurationError
from shared.rehearsal.client import Rehearsal
from shared.streams.keys import stream_key
from tests.integration.client.bus import Bus, finished
from tests.support.cells import make_tenant
from tests.support.doors import door
from tests.support.turning import Slot, configure, says

TURN = {"conversation": "c-1", "message": "What grows?", "stream": True}

ANSWER = "Barley grows below the mill, and flax beside the loom."

SOON = 20.0


@pytest.fixture
def asked(cell: Cell, redis_bus: Bus) -> Iterator[Job]:
    """A turn that was accepted, and that no worker runs."""
    with door(cell, redis_bus.url), redis_bus.client() as headgate:
        yield headgate.submit("agent.turn", TURN)


def tell(cell: Cell, job: Job, *events: dict[str, Any]) -> None:
    """What a worker tells."""
    cell.streams.append(stream_key("acme", job.id), [orjson.dumps({"run": 1} | event) for event in events])


def started(run: int = 1) -> dict[str, Any]:
    return {"type": "turn.started", "run": run, "step": "0.model"}


def delta(text: str, run: int = 1) -> dict[str, Any]:
    return {"type": "delta", "run": run, "step": "0.model", "text": text}


END = {"type": "turn.finished", "run": 2, "state": "done", "result": {"answer": "Hello!"}}


def test_a_turn_is_followed_from_its_first_word_to_its_end(speaking_cell: Cell, model: Rehearsal) -> None:
    bus = Bus(speaking_cell.bus_url, NAMES, make_tenant(speaking_cell, "acme"))
    configure(speaking_cell, "acme", tools=[])
    model.settings(script=[says(ANSWER)], seconds_per_token=0.02)
    with door(speaking_cell), bus.client() as headgate, ThreadPoolExecutor(1) as pool:
        job = headgate.submit("agent.turn", TURN)
        serving = pool.submit(Slot(speaking_cell).serve)
        *told, end = job.stream(timeout=SOON)
        serving.result(SOON)
    assert "".join(event.text for event in told if isinstance(event, Delta)) == ANSWER
    assert isinstance(end, TurnFinished)
    assert (end.state, (end.result or {})["answer"]) == ("done", ANSWER)


def test_text_grows_and_is_not_doubled_where_a_run_starts_over(cell: Cell, asked: Job) -> None:
    tell(cell, asked, started(), delta("He"), delta("llo"), started(2), delta("Hel", 2), delta(" late"), END)
    assert list(asked.text(SOON)) == ["He", "Hello", "", "Hel", "Hello!"]


def test_a_listener_goes_on_where_it_was(cell: Cell, asked: Job) -> None:
    tell(cell, asked, started(), delta("He"))
    listening = asked.stream(SOON)
    heard = [next(listening), next(listening)]
    tell(cell, asked, delta("llo"), END)
    assert [event.type for event in asked.stream(SOON, after=heard[-1].id)] == ["delta", "turn.finished"]
    assert [event.type for event in listening] == ["delta", "turn.finished"]


def test_an_end_that_only_the_reply_tells_is_heard_after_what_the_stream_told(
    cell: Cell, asked: Job, redis_bus: Bus
) -> None:
    tell(cell, asked, started(), delta("Hello"))
    redis_bus.tell(finished(asked.id, result={"answer": "Hello!"}))
    *told, end = asked.stream(SOON)
    assert [event.type for event in told] == ["turn.started", "delta"]
    assert end == TurnFinished(id=told[-1].id, run=1, state="done", result={"answer": "Hello!"})
    assert asked.wait(0).data.state == "done"


def test_a_turn_that_is_silent_for_too_long_may_be_followed_again(cell: Cell, asked: Job) -> None:
    tell(cell, asked, started())
    with pytest.raises(Unfinished, match=r"within 0\.2 s: go on with `after='\d+-0'`"):
        list(asked.stream(0.2))
    tell(cell, asked, END)
    assert [event.type for event in asked.stream(SOON)] == ["turn.started", "turn.finished"]


def test_what_is_no_event_or_one_of_tomorrow_is_passed_over(cell: Cell, asked: Job) -> None:
    tell(cell, asked, {"type": "turn.paused"}, {"type": "delta"}, END)
    cell.streams.append(stream_key("acme", asked.id), [b"{"])
    assert [event.type for event in asked.stream(SOON)] == ["turn.finished"]


def test_an_end_is_heard_though_the_streams_server_is_away(cell: Cell, redis_bus: Bus) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    with door(cell, redis_bus.url), redis_bus.client(stream_url=away) as headgate:
        job = headgate.submit("agent.turn", TURN)
        redis_bus.tell(finished(job.id))
        (end,) = job.stream(SOON)
        assert isinstance(end, TurnFinished)


def test_streams_of_a_bus_that_is_no_redis_need_an_address() -> None:
    listener = Listener("amqp://guest:guest@localhost//", None, "acme")
    with pytest.raises(ConfigurationError, match="stream_url"):
        listener.events(ids.new(), "0-0", SOON, lambda _: None)
    with pytest.raises(ConfigurationError, match="redis"):
        Listener("amqp://localhost//", "amqp://localhost//", "acme").events(ids.new(), "0-0", SOON, lambda _: None)


def test_a_client_reads_its_own_principals_streams(redis_bus: Bus) -> None:
    with Headgate(redis_bus.url, "hg_key", source="/acme") as headgate:
        assert headgate._listener._principal == "acme"
