"""What Headgate adds to agent turns, and how many it runs: beside bare openai calls of the same requests.

*Own* is Headgate's own time of one turn, with nothing else to do and a model that answers at once: from the door's
answer to the commit of the turn's, less the same calls made bare right before. *Turns a second*: turns accepted
beforehand, run by two worker processes, one of which also meters, with a model of 0.5 s and more slots than two cores
can keep busy; beside it bare calls from as many threads, in one process and in two. *In flight*: the same with a model
of 8 s and about a thousand slots.

    python -m tests.benchmarks.bench_turn [--turns 3000] [--slots 256] [--single 60] [--rounds 3]
                                          [--in-flight 1000] [--slow 8]
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from shared.cell import Cell
from shared.rehearsal.client import Rehearsal, rehearsal
from tests.benchmarks.bare_calls import BareCalls, Made, bare_calls
from tests.benchmarks.draining import Drained, drained, per_second
from tests.benchmarks.groups import Groups
from tests.benchmarks.overheard import Request, calls_of_a_turn
from tests.benchmarks.report import MS, at_least, at_most, judge, median, progress, say, table, tails
from tests.benchmarks.single_turns import Pair, single_turns
from tests.benchmarks.stage import count_rows, stage
from tests.benchmarks.turning import LANE, PLAIN, SEARCHING, Turns
from tests.support.walking import accept
from tests.support.workers import workers

#: Seconds that the model takes where turns are counted by the second.
BUSY = 0.5

#: Slots beside those that are to be in flight: a slot is also taken before its call and after it.
SPARE = 1.1

#: Turns for each slot in flight; the first and the last do not count.
WAVES = 3

TARGETS = (
    at_most("own_p50_ms", 15),
    at_least("turns_per_s", 200),
    at_least("in_flight", 1000),
)


@dataclass(frozen=True)
class Round:
    """One of each."""

    plain: Sequence[Pair]
    searching: Sequence[Pair]
    turns: Drained
    bare: Made
    bare_in_two: Made


@dataclass(frozen=True)
class Sizes:
    """What was asked for."""

    turns: int
    slots: int
    single: int
    rounds: int
    in_flight: int
    slow: float

    @property
    def slots_in_flight(self) -> int:
        return 2 * round(SPARE * self.in_flight / 2)


class TurnBench:
    def __init__(self, cell: Cell, model: Rehearsal, sizes: Sizes) -> None:
        self._cell, self._model, self._sizes = cell, model, sizes
        self._turns = Turns(cell)
        with workers(cell, ["ingest.pro", "embed.pro"]):
            self._turns.learn()
        self._calls = {agent: self._overheard(agent) for agent in (PLAIN, SEARCHING)}

    def rounds(self) -> Sequence[Round]:
        slots, url = self._sizes.slots, self._model.url
        with ExitStack() as stack:
            groups = self._workers(stack, slots)
            one = stack.enter_context(bare_calls(url, threads=slots))
            two = stack.enter_context(bare_calls(url, threads=slots, processes=2))
            self._round(groups, one, two, 3 * slots, 2)  # the first of everything is cold
            count_rows(self._cell)
            rounds = []
            for number in range(1, self._sizes.rounds + 1):
                _say_load(f"round {number} of {self._sizes.rounds}")
                rounds.append(self._round(groups, one, two, self._sizes.turns, self._sizes.single))
        return rounds

    def in_flight(self) -> Drained:
        slots = self._sizes.slots_in_flight
        _say_load(f"{slots} slots, a model of {self._sizes.slow:g} s")
        with ExitStack() as stack:
            groups = self._workers(stack, slots)
            self._model.settings(latency=self._sizes.slow)
            return drained(self._cell, self._model, self._turns, groups, WAVES * slots)

    def _round(self, groups: Groups, one: BareCalls, two: BareCalls, turns: int, single: int) -> Round:
        (request,) = self._calls[PLAIN]
        self._model.settings(latency=0)
        with single_turns(self._cell, self._turns, self._calls, self._model.url) as singles:
            plain, searching = singles.pairs(PLAIN, single), singles.pairs(SEARCHING, single)
        self._model.settings(latency=BUSY)
        made = drained(self._cell, self._model, self._turns, groups, turns)
        return Round(plain, searching, made, one.make(request, turns), two.make(request, turns))

    def _workers(self, stack: ExitStack, slots: int) -> Groups:
        """Two processes; the first one meters, too."""
        started = stack.enter_context(workers(self._cell, [LANE, "ops.pro"], [LANE], slots=slots // 2))
        return Groups(self._cell, [worker.process for worker in started])

    def _overheard(self, agent: str) -> Sequence[Request]:
        accept(self._cell, self._turns.single(agent))
        return calls_of_a_turn(self._cell, LANE)


def _say_load(what: str) -> None:
    """Other work on the machine makes every figure worse: it is told beside them."""
    progress(f"{what}; load average {os.getloadavg()[0]:.1f}")


def tell(rounds: Sequence[Round], flight: Drained, sizes: Sizes) -> None:
    figures, baseline = _own(rounds)
    rate = median([per_second(one.turns.ended, sizes.slots) for one in rounds])
    bare, bare_in_two = (
        median([per_second(made.ended, sizes.slots) for made in each])
        for each in ([one.bare for one in rounds], [one.bare_in_two for one in rounds])
    )
    figures |= {"turns_per_s": rate, "vs_bare_calls": rate / bare, "vs_bare_calls_in_two": rate / bare_in_two}
    figures |= _cpu(rounds)
    figures |= {
        "in_flight": median(flight.running),
        "in_flight_at_model": per_second(flight.ended, sizes.slots_in_flight) * sizes.slow,
        "in_flight_again": float(flight.again),
        "worker_mb": flight.worker_mb,
    }
    baseline |= {
        "bare_calls_per_s": bare,
        "bare_calls_in_two_per_s": bare_in_two,
        "bare_cpu_ms": median([one.bare.cpu / len(one.bare.ended) for one in rounds]) * MS,
    }
    table(
        ["", "Headgate", "bare"], *([name, figures.get(name), baseline.get(name)] for name in {**figures, **baseline})
    )
    judge(figures, TARGETS)
    say("turn", figures, baseline)


def _own(rounds: Sequence[Round]) -> tuple[dict[str, float], dict[str, float]]:
    figures, baseline = {}, {}
    for name, pairs in (("", [one.plain for one in rounds]), ("searching_", [one.searching for one in rounds])):
        figures[f"{name}own_p50_ms"], figures[f"{name}own_p99_ms"] = tails(
            [[one.own for one in each] for each in pairs]
        )
        baseline[f"{name}bare_p50_ms"], _ = tails([[one.bare for one in each] for each in pairs])
    figures["door_p50_ms"], _ = tails([[one.door for one in each.plain] for each in rounds])
    return figures, baseline


def _cpu(rounds: Sequence[Round]) -> dict[str, float]:
    """Of a turn, under load."""

    def each(group: str) -> float:
        return median([getattr(one.turns.spent, group) / len(one.turns.ended) for one in rounds]) * MS

    named = {"own": "own", "workers": "worker", "postgres": "postgres", "redis": "redis", "model": "model"}
    return {f"{name}_cpu_ms": each(group) for group, name in named.items()}


def main() -> None:
    sizes = _sizes()
    with rehearsal() as model, stage(OPENAI_BASE_URL=model.url) as cell:
        bench = TurnBench(cell, model, sizes)
        flight, rounds = bench.in_flight(), bench.rounds()
    tell(rounds, flight, sizes)


def _sizes() -> Sizes:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_turn")
    parser.add_argument("--turns", type=int, default=3000, help="turns, and bare calls, of one rate")
    parser.add_argument("--slots", type=int, default=256, help="of both workers together")
    parser.add_argument("--single", type=int, default=60, help="turns of each kind that are measured one by one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=1000, help="turns that are to be, at once")
    parser.add_argument("--slow", type=float, default=8.0, help="seconds that the model takes for each of these")
    return Sizes(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
