"""No overspend (P7): 32 slots hammer a hard budget of 1 USD while a worker is killed each second.

`python -m tests.faults.overspend [--repetitions 50] [--quiet 5]`: each repetition is a tenant of its own with a budget
of its own; in the quiet ones nobody is killed. What was drawn and what may have been are looked at all the time, as the
gate has them, and held against the provider's own books at the end. The last line of stdout is one line of JSON; exits
1 where a budget was exceeded at any look, or by what was served, where a reservation was left over, or where less than
90 % was used though nobody was killed.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.cell import Cell
from shared.clock import monotonic, now
from shared.contracts.answers import Accepted
from shared.embedded import Servers
from shared.metering.usage import NANO, usd
from shared.stores.postgres import one
from shared.tenancy.provision import Provisioning
from tests.faults.spender import MODEL, served
from tests.support.cells import test_cell, test_servers
from tests.support.spending import limited
from tests.support.waiting import PATIENCE, eventually
from tests.support.walking import accept, event
from tests.support.warm import Child, WarmParent, warm_parent
from tests.support.workers import present

#: Workers, and jobs that each runs at once: 32 slots.
WORKERS, SLOTS = 8, 4

#: Lanes of every worker: the turns that spend, and the recorder's family.
LANES = ("turns.pro", "ops.platform")

#: Jobs of a repetition: more than there are slots, so that none stands idle when another's lease must run out first.
JOBS = 40

#: Seconds between two kills, and between two looks.
BETWEEN_KILLS, BETWEEN_LOOKS = 1.0, 0.02

#: The least of a budget that must be used where nobody is killed.
USED = 0.9

JOURNALED = """
SELECT coalesce(sum(drawn_nano) FILTER (WHERE state = 'answered'), 0)::bigint AS drawn,
       coalesce(sum(worst_nano) FILTER (WHERE state IN ('intent', 'unknown')), 0)::bigint AS lost,
       count(*) FILTER (WHERE state <> 'intent' AND recorded_at IS NULL) AS unrecorded
FROM tenant.steps WHERE model IS NOT NULL
"""


@dataclass(frozen=True)
class Repetition:
    """In nano-dollars. `highest`: the most that was drawn and possibly drawn at any look."""

    kills: int
    looks: int
    highest: int
    drawn: int
    served: int
    leaked: int

    @property
    def exceeded(self) -> bool:
        return max(self.highest, self.served) > NANO or self.leaked != 0


class Arena:
    """A cell, its workers, and the provider's books."""

    def __init__(self, cell: Cell, parent: WarmParent, books: Path) -> None:
        self.cell, self.books, self._parent = cell, books, parent
        self._workers: list[Child] = [self._worker() for _ in range(WORKERS)]
        eventually(lambda: len(present(cell)) >= WORKERS, "the workers are ready")

    def kill_one(self) -> None:
        """As `kill -9` does; another takes its place."""
        self._workers.pop(random.randrange(WORKERS)).kill()
        self._workers.append(self._worker())

    def end(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _worker(self) -> Child:
        hook = ("tests.faults.spender:install", {"books": str(self.books)})
        return self._parent.worker(self.cell.settings, LANES, slots=SLOTS, hooks=[hook])


@contextmanager
def arena(servers: Servers) -> Iterator[Arena]:
    """Eight workers that spend whatever they may."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-overspend-")))
        parent = stack.enter_context(warm_parent(home / "said"))
        cell = stack.enter_context(test_cell(servers, home, failures_allowed=1000))
        made = Arena(cell, parent, home / "books")
        stack.callback(made.end)
        yield made


def hammer(arena: Arena, tenant: str, *, killing: bool) -> Repetition:
    """Spend a budget until no call has room any more."""
    jobs = _jobs(arena.cell, tenant)
    highest = looks = kills = 0
    next_kill, late = monotonic() + BETWEEN_KILLS, monotonic() + PATIENCE
    while not _spent(arena.cell, tenant):
        assert monotonic() < late, f"{tenant} has not spent its budget within {PATIENCE:g} s"
        highest, looks = max(highest, sum(_standing(arena.cell, tenant))), looks + 1
        if killing and monotonic() >= next_kill:
            arena.kill_one()
            kills, next_kill = kills + 1, monotonic() + BETWEEN_KILLS
        threading.Event().wait(BETWEEN_LOOKS)
    return _counted(arena, tenant, jobs, highest=highest, looks=looks, kills=kills)


def _jobs(cell: Cell, tenant: str) -> frozenset[str]:
    """Jobs of a new tenant that may draw 1 USD a day, enough for every slot."""
    key = limited(cell, tenant, {"usd_day": NANO})
    Provisioning(cell.admin).change_tenant(tenant, limits={"turns": 1000, "running": 1000})
    asked = [event("agent.turn", {"conversation": f"c-{number}", "message": "Spend."}, key) for number in range(JOBS)]
    answers = [verdict.answer for verdict in accept(cell, *asked)]
    return frozenset(str(answer.data.job) for answer in answers if isinstance(answer, Accepted))


def _standing(cell: Cell, tenant: str) -> tuple[int, int]:
    """Drawn and held, in the day that has most of it: one may end meanwhile."""
    days = [window for name, window in cell.gate.drawn(tenant).items() if name.startswith("d")]
    return max(((day["nanos"], day["held_nanos"]) for day in days), key=sum, default=(0, 0))


def _spent(cell: Cell, tenant: str) -> bool:
    """Whether every job waits for room, and none runs."""
    stands = [backlog for backlog in cell.gate.look()["backlogs"] if backlog["tenant"] == tenant]
    return [(each["waiting"], each["running"], each["reason"]) for each in stands] == [(JOBS, 0, "budget")]


def _counted(arena: Arena, tenant: str, jobs: frozenset[str], *, highest: int, looks: int, kills: int) -> Repetition:
    """What is left when the recorder has seen every step: the gate's books, the journal's and the provider's."""
    cell = arena.cell
    journal = eventually(lambda: _journal(cell, tenant), "every step that is over is recorded") or {}
    drawn, held = _standing(cell, tenant)
    calls = [tokens for call, tokens in served(arena.books).items() if call.partition("/")[0] in jobs]
    cost = sum(cell.prices.cost(MODEL, tokens, now()).total for tokens in calls)
    # What a killed worker left open holds its worst case; but not if it died before it had asked for room.
    leaked = abs(drawn - journal["drawn"]) + max(0, held - journal["lost"])
    return Repetition(kills, looks, max(highest, drawn + held), drawn, cost, leaked)


def _journal(cell: Cell, tenant: str) -> dict[str, int] | None:
    """What the journal has of a tenant, once all of it is recorded."""
    with cell.database.transaction(tenant) as connection:
        found = one(connection, JOURNALED)
    return None if found["unrecorded"] else found


def told(struck: Sequence[Repetition], quiet: Sequence[Repetition]) -> dict[str, Any]:
    """As one line of JSON says it."""
    every = [*struck, *quiet]
    return {
        "repetitions": len(struck),
        "kills": sum(each.kills for each in struck),
        "looks": sum(each.looks for each in every),
        "limit_usd": usd(NANO),
        "highest_usd": usd(max(each.highest for each in every)),
        "served_usd": usd(max(each.served for each in every)),
        "exceeded": sum(each.exceeded for each in every),
        "leaked_usd": usd(sum(each.leaked for each in every)),
        "used_percent_without_kills": round(100 * min(each.drawn for each in quiet) / NANO, 2) if quiet else None,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.overspend")
    parser.add_argument("--repetitions", type=int, default=50, help="in which a worker is killed each second")
    parser.add_argument("--quiet", type=int, default=5, help="in which nobody is killed")
    asked = parser.parse_args()
    struck: list[Repetition] = []
    quiet: list[Repetition] = []
    with test_servers() as servers, arena(servers) as stage:
        for number in range(asked.repetitions + asked.quiet):
            done, killing = (quiet, False) if number < asked.quiet else (struck, True)
            done.append(hammer(stage, f"tenant-{number}", killing=killing))
            sys.stderr.write(f"{number + 1}: {done[-1]}\n")
    sys.stdout.write(json.dumps({"overspend": told(struck, quiet)}) + "\n")
    used = all(each.drawn >= USED * NANO for each in quiet)
    struck_all = all(each.kills for each in struck)
    return 0 if used and struck_all and not any(each.exceeded for each in (*struck, *quiet)) else 1


if __name__ == "__main__":
    sys.exit(main())
