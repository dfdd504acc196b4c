"""Turns that are struck, each once: at a point that they come to, or inside a call. Others are to finish them."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from redis import Redis

from shared import ids
from shared.agents import connections
from shared.agents.conversations import Added, TurnIdentity, add
from shared.agents.messages import Message
from shared.cell import Cell
from shared.ledger.states import FINAL
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import Served
from shared.streams.keys import stream_key
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.faults.bill import BUDGET
from tests.support import cells
from tests.support.beyond import Beyond
from tests.support.dying import NEVER, ended, slot
from tests.support.stories import BEFORE, EARLIER, Before, Inside, Story
from tests.support.turning import configure, know, rows, steps_of
from tests.support.walking import submit
from tests.support.workers import eventually

TENANT = "acme"

LANE = "turns.pro"

#: Seconds between two tokens of a stream that is struck.
PACE = 0.05

#: Of the worker that finishes what was struck, and keeps the books.
LANES = (LANE, "embed.pro", "ops.pro", "ops.platform")


@dataclass(frozen=True)
class Turn:
    """A turn that was struck, and what stood on record then.

    `finished`: which call had answered each place; `remembered`: when it had remembered what it did, if it had;
    `served`: the calls that its model had served; `loses`: answers that were lost, at most.
    """

    word: str
    job: str
    struck: str
    finished: Mapping[str, str]
    remembered: datetime | None
    served: Sequence[str]
    loses: int = 1

    def key(self, place: str) -> str:
        """What a tool at this place is known by outside, in every run."""
        return str(ids.derived("tool", UUID(self.job), place))


class Striking:
    """`folder`: where those who run the turns write how far they came."""

    def __init__(self, story: Story, cell: Cell, model: Rehearsal, beyond: Beyond, folder: Path) -> None:
        self.story, self.cell, self.model, self.beyond, self._folder = story, cell, model, beyond, folder
        self._script: list[dict[str, Any]] = []
        self._key = cells.make_tenant(cell, TENANT, turns=100, running=100).secret
        budgets.change_tenant(cell.admin, TENANT, Change(limits=BUDGET))
        with cell.database.transaction(TENANT) as connection:
            connections.replace(connection, TENANT, beyond.connections)
        self.set_up(BEFORE)

    def set_up(self, there: Before) -> None:
        """From now on the agent is told, knows and is offered this."""
        tools = (*there.tools, *self.story.tools)
        configure(self.cell, TENANT, prompt=there.prompt, tools=tools, **self.story.configuration)
        know(self.cell, TENANT, "almanac", there.known)
        self.beyond.offered = there.offered

    def points(self) -> Sequence[str]:
        """Those that a turn comes to which nothing strikes."""
        self._begin("w00")
        assert ended(slot(self.cell, LANE, self._told("w00"))) == 0
        return self._told("w00").read_text().split()

    def at(self, nth: int) -> Turn:
        """A turn whose process dies at the `nth` point that it comes to."""
        word = f"w{nth:02}"
        job = self._begin(word, stream=nth % 2 == 0)
        assert ended(slot(self.cell, LANE, self._told(word), dies_at=nth)) == -signal.SIGKILL
        *_, last = self._told(word).read_text().split()
        return self.struck(word, job, f"{nth}: {last}")

    def inside(self, nth: int) -> Turn:
        """A turn whose process dies inside the `nth` of the calls that are to be struck."""
        word, call = f"c{nth:02}", self.story.inside[nth]
        job = self.begin_for(call, word)
        running = slot(self.cell, LANE, self._told(word), dies_at=NEVER)
        eventually(lambda: self.under_way(call, job), f"{call.name} of {word} is under way")
        running.kill()
        self.beyond.let_go()
        return self.struck(word, job, f"inside {call.name}", loses=call.loses)

    def begin_for(self, call: Inside, word: str) -> str:
        """The id of an accepted turn that will not come further than this call."""
        if call.held is not None:
            self.beyond.hold(call.held)
        faults = [{"match": word, **fault} for fault in call.faults]
        return self._begin(word, stream=call.streamed, faults=faults, pace=PACE * call.streamed)

    def over(self, turns: Sequence[Turn]) -> bool:
        """Whether all of these have ended, and the one that nothing struck."""
        ended = rows(self.cell, TENANT, "SELECT FROM tenant.jobs WHERE state = ANY(%s)", [*FINAL])
        return len(ended) == len(turns) + 1

    def served(self, job: str) -> Sequence[Served]:
        """What the model served to a job."""
        return [call for call in self.model.served() if (call.request_id or "").startswith(job)]

    def remembered(self, word: str) -> datetime | None:
        """When the turn of this word remembered something."""
        found = rows(self.cell, TENANT, "SELECT remembered_at FROM tenant.memories WHERE name = %s", word)
        return found[0]["remembered_at"] if found else None

    def _begin(
        self, word: str, *, stream: bool = False, faults: Sequence[Mapping[str, Any]] = (), pace: float = 0.0
    ) -> str:
        """The id of an accepted turn. Nobody else waits, so whoever claims next gets it."""
        self._script += self.story.rounds(word)
        self.model.settings(script=self._script, faults=faults, keep_requests=True, seconds_per_token=pace)
        for _ in range(self.story.earlier):
            self._say_before(word)
        asked = {"conversation": word, "message": f"{word}: what grows?", "userIdentifier": "miller", "stream": stream}
        return submit(self.cell, "agent.turn", asked, self._key)

    def under_way(self, call: Inside, job: str) -> bool:
        """Whether the turn has come to this call."""
        if call.held is not None and not self.beyond.held.is_set():
            return False
        return len(self.served(job)) >= call.served and (not call.streamed or self._tells(job))

    def _tells(self, job: str) -> bool:
        """Whether words of an answer are on the turn's stream."""
        with Redis.from_url(self.cell.stream_url) as redis:
            return any(b'"delta"' in fields[b"event"] for _, fields in redis.xrange(stream_key(TENANT, UUID(job))))

    def struck(self, word: str, job: str, how: str, *, loses: int = 1) -> Turn:
        """This turn, as it stands now."""
        answered = [step for step in steps_of(self.cell, TENANT, job) if step["outcome"] is not None]
        finished = {step["place"]: step["call_id"] for step in answered}
        served = [str(call.request_id) for call in self.served(job)]
        return Turn(word, job, how, finished, self.remembered(word), served, loses)

    def _told(self, word: str) -> Path:
        return self._folder / word

    def _say_before(self, conversation: str) -> None:
        """A turn that came before."""
        said = Added([Message("user", EARLIER), Message("assistant", "It stands below. " * 40)])
        with self.cell.database.transaction(TENANT) as connection:
            add(connection, TurnIdentity(TENANT, conversation, "default", "miller", ids.new()), said)
