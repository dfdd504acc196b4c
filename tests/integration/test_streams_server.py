"""The server that keeps streams: what it holds at most, for whom, and that no turn waits for it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.contracts.events import TurnFinished
from shared.embedded import Servers
from shared.embedded.ports import free_port
from shared.rehearsal.client import Rehearsal
from shared.streams import writer
from shared.streams.keys import stream_key
from shared.streams.reader import BEGINNING, Reader, StreamRefused
from shared.streams.writer import Streams
from tests.integration.test_metrics import sample
from tests.support import cells
from tests.support.killable import killable_redis
from tests.support.listening import ANSWER, Turns, streams
from tests.support.turning import Slot
from tests.support.walking import job
from tests.support.workers import PATIENCE

#: What one principal may read, as an ACL says it.
READABLE = "%R~headgate.streams.acme.*"


@pytest.fixture
def turns(speaking_cell: Cell, model: Rehearsal) -> Iterator[Turns]:
    made = Turns(speaking_cell, model)
    yield made
    made.reader.close()


def test_a_stream_is_bounded_and_expires(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ENTRIES", 3)
    monkeypatch.setattr("shared.streams.ends.ENTRY_BYTES", 100)
    asked = turns.run()
    (missed, *events), key = turns.told(asked), stream_key("acme", UUID(asked))
    assert (missed.type, len(events)) == ("events.missed", 3)
    assert isinstance(events[-1], TurnFinished)
    assert (events[-1].state, events[-1].result) == ("done", None)
    assert 0 < streams(turns.cell).ttl(key) <= writer.AFTERLIFE
    turns.cell.streams.append(key, [b"{}"])
    assert writer.AFTERLIFE < streams(turns.cell).ttl(key) <= writer.LIFETIME


def test_a_principal_that_may_read_its_own_streams_reads_nobody_elses(turns: Turns) -> None:
    asked = UUID(turns.run())
    server = streams(turns.cell)
    server.acl_setuser(
        "acme", enabled=True, nopass=True, commands=["-@all", "+xread", "+select"], keys=["%R~headgate.streams.acme.*"]
    )
    try:
        reader = Reader(turns.cell.stream_url.replace("://", "://acme:any@"))
        assert reader.read(stream_key("acme", asked), BEGINNING, 0)[0] == turns.told(str(asked))
        with pytest.raises(StreamRefused, match="permission"):
            reader.read(stream_key("globex", asked), BEGINNING, 0)
        reader.close()
    finally:
        server.acl_deluser("acme")


def test_a_turn_is_done_though_its_stream_is_away(servers: Servers, model: Rehearsal, tmp_path: Path) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    lost = sample("headgate_stream_events_lost_total", reason="away")
    with cells.test_cell(servers, tmp_path, OPENAI_BASE_URL=model.url, stream_url=away) as cell:
        turns = Turns(cell, model)
        row = job(cell, "acme", turns.run())
    assert (row["state"], row["result"]["answer"]) == ("done", ANSWER)
    assert sample("headgate_stream_events_lost_total", reason="away") == lost + 1, "it is let alone for a while"
    assert sample("headgate_stream_events_lost_total", reason="off") > 0


def test_a_turn_is_done_though_something_else_lies_in_its_streams_place(turns: Turns) -> None:
    asked = turns.submit()
    streams(turns.cell).set(stream_key("acme", UUID(asked)), "mine", ex=int(PATIENCE))
    Slot(turns.cell).serve()
    assert job(turns.cell, "acme", asked)["state"] == "done"
    other = turns.run(conversation="c-2")
    assert turns.told(other), "the others' streams go on"


def test_a_server_that_was_away_is_let_alone_for_a_while_and_then_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(writer, "monotonic", lambda: now)
    with killable_redis(tmp_path / "redis") as server:
        made = Streams(server.url)
        assert made.append("s", [b"{}"])
        server.kill()
        assert not made.append("s", [b"{}"])
        server.come_back()
        assert not made.append("s", [b"{}"])
        now += writer.OFF
        assert made.append("s", [b"{}"])
        made.close()


def test_a_server_that_may_not_be_written_is_let_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has become a replica; otherwise each word would be tried, and warned of."""
    now = 1000.0
    monkeypatch.setattr(writer, "monotonic", lambda: now)
    with killable_redis(tmp_path / "redis") as server, server.client as client:
        made, off = Streams(server.url), sample("headgate_stream_events_lost_total", reason="off")
        client.replicaof("127.0.0.1", free_port())
        assert not made.append("s", [b"{}"])
        assert not made.append("s", [b"{}"])
        assert sample("headgate_stream_events_lost_total", reason="off") == off + 1
        client.replicaof("NO", "ONE")
        now += writer.OFF
        assert made.append("s", [b"{}"])
        made.close()


def test_streams_leave_a_server_that_is_half_full_to_those_who_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(writer, "monotonic", lambda: now)
    with killable_redis(tmp_path / "redis") as server, server.client as client:
        used, made = client.info("memory")["used_memory"], Streams(server.url)
        for most, taken in ((used * 4, True), (used, False), (1, False), (0, True)):
            client.config_set("maxmemory", most)
            now += writer.OFF
            assert made.append("s", [b"{}"]) is taken
        made.close()
