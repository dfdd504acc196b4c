"""What Headgate adds to a turn: from the door to the end, beside the bare openai calls that the turns make.

*Overhead* is measured turn by turn at low load: from before `accept` to the begin of the transaction that ends the
turn, less the bare call measured right before it. *Jobs per second* are turns accepted by the hundred and run to their
end, with a model that answers at once and with one that takes 0.2 s, beside bare calls of one shared client from as
many threads. A turn here is one call; Postgres commits for good.

    python -m tests.benchmarks.bench_walk [--jobs 400] [--turns 60] [--rounds 3]
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from openai import OpenAI

from shared import clock
from shared.agents import agents
from shared.agents.configuration import PROMPT, AgentConfiguration
from shared.cell import Cell
from shared.rehearsal.client import Rehearsal, rehearsal
from tests.benchmarks.gated import UNHELD
from tests.benchmarks.report import MS, median, progress, say, table, tails
from tests.benchmarks.stage import count_rows, finished, stage, submit
from tests.support.cells import make_tenant
from tests.support.workers import workers
from workers.models.chat import ChatRequest

SLOTS = 16

#: Seconds that the slow model takes to answer.
SLOW = 0.2

QUESTION = "What does the with statement do, and which methods of the context manager does it call?"

#: An agent without tools: its turn is one call.
AGENT = AgentConfiguration(model="rehearsal-1", tools=())

#: The request that a turn of this agent makes.
REQUEST = ChatRequest(
    AGENT.model,
    [{"role": "system", "content": PROMPT}, {"role": "user", "content": QUESTION}],
    AGENT.temperature,
    AGENT.max_tokens,
    [],
)


@dataclass(frozen=True)
class Round:
    """Per second, or in seconds."""

    turns: float
    bare: float
    slow_turns: float
    slow_bare: float
    overheads: Sequence[float]
    bare_calls: Sequence[float]


class Bare:
    """The calls, without Headgate."""

    def __init__(self, model: Rehearsal) -> None:
        self._client = OpenAI(api_key="sk-bare", base_url=model.url, max_retries=0)

    def call(self) -> float:
        """Seconds that one takes."""
        begun = time.perf_counter()
        self._client.chat.completions.create(**REQUEST.body())
        return time.perf_counter() - begun

    def rate(self, calls: int) -> float:
        begun = time.perf_counter()
        with ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(lambda _: self.call(), range(calls)))
        return calls / (time.perf_counter() - begun)


class Headgate:
    def __init__(self, cell: Cell) -> None:
        self._cell, self._turns = cell, 0
        self._key = make_tenant(cell, "acme", "pro", **UNHELD).secret
        with cell.database.transaction("acme") as connection:
            agents.put(connection, "acme", "plain", AGENT)

    def turn(self) -> float:
        """Seconds from before the door to the end of one turn, with nothing else to do."""
        begun = clock.now()
        (times,) = finished(self._cell, "acme", self._ask(1))
        return (times.finished_at - begun).total_seconds()

    def rate(self, turns: int) -> float:
        begun = clock.now()
        times = finished(self._cell, "acme", self._ask(turns))
        return turns / (max(each.finished_at for each in times) - begun).total_seconds()

    def _ask(self, turns: int) -> str:
        """Each turn begins a conversation of its own, so that none waits for another or drags a history along."""
        self._turns += turns
        numbers = range(self._turns - turns, self._turns)
        data = [{"conversation": f"c-{number}", "message": QUESTION, "agent": "plain"} for number in numbers]
        return submit(self._cell, "agent.turn", data, self._key)


def one_round(headgate: Headgate, bare: Bare, model: Rehearsal, *, jobs: int, turns: int) -> Round:
    pairs = [(bare.call(), headgate.turn()) for _ in range(turns)]
    rates = [bare.rate(jobs), headgate.rate(jobs)]
    model.settings(latency=SLOW)
    slow_rates = [bare.rate(jobs), headgate.rate(jobs)]
    model.settings(latency=0)
    overheads = [turn - call for call, turn in pairs]
    return Round(rates[1], rates[0], slow_rates[1], slow_rates[0], overheads, [call for call, _ in pairs])


def main() -> None:
    arguments = _arguments()
    rounds = []
    with rehearsal() as model, stage(OPENAI_BASE_URL=model.url) as cell, workers(cell, ["turns.pro"], slots=SLOTS):
        headgate, bare = Headgate(cell), Bare(model)
        one_round(headgate, bare, model, jobs=SLOTS, turns=2)  # the first of everything is cold
        count_rows(cell)
        for number in range(1, arguments.rounds + 1):
            progress(f"round {number} of {arguments.rounds}")
            rounds.append(one_round(headgate, bare, model, jobs=arguments.jobs, turns=arguments.turns))
    _tell(rounds)


def _tell(rounds: Sequence[Round]) -> None:
    turns, bare = median([one.turns for one in rounds]), median([one.bare for one in rounds])
    slow_turns, slow_bare = median([one.slow_turns for one in rounds]), median([one.slow_bare for one in rounds])
    overhead_50, overhead_99 = tails([one.overheads for one in rounds])
    call_50, call_99 = tails([one.bare_calls for one in rounds])
    busy = (SLOTS / slow_turns - SLOTS / slow_bare) * MS
    table(
        ["", "turns", "bare calls"],
        ["per second, model answers at once", turns, bare],
        [f"per second, model takes {SLOW:g} s", slow_turns, slow_bare],
        ["added to a turn at low load (bare: the call), p50 ms", overhead_50, call_50],
        ["added to a turn at low load (bare: the call), p99 ms", overhead_99, call_99],
        ["added to a turn with all slots busy, ms", busy, "-"],
    )
    figures = {
        "jobs_per_s": turns,
        "slow_jobs_per_s": slow_turns,
        "overhead_p50_ms": overhead_50,
        "overhead_p99_ms": overhead_99,
        "overhead_busy_ms": busy,
    }
    baseline = {
        "bare_calls_per_s": bare,
        "slow_bare_calls_per_s": slow_bare,
        "bare_call_p50_ms": call_50,
        "bare_call_p99_ms": call_99,
    }
    say("walk", figures, baseline)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_walk")
    parser.add_argument("--jobs", type=int, default=400, help="turns of one throughput figure")
    parser.add_argument("--turns", type=int, default=60, help="turns whose overhead is measured, each round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
