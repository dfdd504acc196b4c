"""How many jobs a second, beside plain Celery on the same broker, pool and slots. The jobs do nothing.

*Drained*: from the moment at which a worker may take what is there. *End to end*: from before the first is sent, the
worker running meanwhile. Two things are measured: the gate alone (offers, permits, claims, leases, every limit on; no
ledger) beside plain Celery, which on Redis keeps results; and the whole way (door, ledger, fences, one usage record a
job) beside a plain Celery that keeps nothing. Then, with jobs of two seconds, how busy slots are while work waits.

    python -m tests.benchmarks.bench_throughput [--jobs 2000] [--waves 4] [--rounds 3]
"""

import argparse

from shared.cell import Cell
from tests.benchmarks.busy import celery_busy, headgate_busy
from tests.benchmarks.contest import Contest
from tests.benchmarks.gate_alone import gate_alone, new_lane
from tests.benchmarks.plain_celery import PlainTask, plain_celery
from tests.benchmarks.rabbitmq import queue, rabbitmq
from tests.benchmarks.report import at_least, judge, median, progress, say, table
from tests.benchmarks.stage import count_rows, stage
from tests.benchmarks.whole_way import whole_way

SLOTS = 16

TARGETS = (
    at_least("redis_gate_vs_celery", 2),
    at_least("rabbitmq_gate_vs_celery", 1),
    at_least("redis_whole_vs_celery", 0.7),
    at_least("slots_busy_percent", 97),
)


class Throughput:
    def __init__(self, cell: Cell, *, jobs: int, waves: int, rounds: int) -> None:
        self._cell, self._jobs, self._waves, self._rounds = cell, jobs, waves, range(1, rounds + 1)
        self.contests = {name: Contest(name) for name in ("redis_gate", "redis_whole", "rabbitmq_gate")}
        self.busy: list[float] = []
        self.celery_busy: list[float] = []

    def on_redis(self) -> None:
        """All three workers run all the time, and are idle while it is another's turn."""
        with (
            plain_celery(self._cell.broker_url, slots=SLOTS) as celery,
            gate_alone(self._cell, slots=SLOTS) as gate,
            whole_way(self._cell, slots=SLOTS) as whole,
        ):
            kept, nothing = PlainTask(celery, "plain.kept"), PlainTask(celery, "plain.nothing")
            self.contests["redis_gate"].warm(gate, kept)
            self.contests["redis_whole"].warm(whole, nothing)
            count_rows(self._cell)
            for number in self._rounds:
                progress(f"on Redis, round {number} of {len(self._rounds)}")
                self.contests["redis_gate"].round(gate, kept, self._jobs)
                self.contests["redis_whole"].round(whole, nothing, self._jobs // 2)
                self.celery_busy.append(celery_busy(celery, slots=SLOTS, waves=self._waves))
                self.busy.append(headgate_busy(whole, slots=SLOTS, waves=self._waves))

    def on_rabbitmq(self, url: str) -> None:
        """The gate stays in Redis; only the permits go through RabbitMQ."""
        cell = Cell(self._cell.settings.model_copy(update={"broker_url": url}))
        with (
            queue(new_lane()) as lane,
            queue(f"plain-{lane}") as plain,
            gate_alone(cell, slots=SLOTS, lane=lane) as gate,
            plain_celery(self._cell.broker_url, slots=SLOTS, broker=url, queues=[plain]) as celery,
        ):
            nothing = PlainTask(celery, "plain.nothing")
            self.contests["rabbitmq_gate"].warm(gate, nothing)
            for number in self._rounds:
                progress(f"on RabbitMQ, round {number} of {len(self._rounds)}")
                self.contests["rabbitmq_gate"].round(gate, nothing, self._jobs)
        cell.close()

    def tell(self) -> None:
        busy, celery = median(self.busy), median(self.celery_busy)
        rows = [row for contest in self.contests.values() for row in contest.rows()]
        table(["jobs per second", "Headgate", "plain Celery", "ratio"], *rows, digits=2)
        table(["slots busy while work waits, %", f"{busy:.1f}", f"{celery:.1f}"])
        figures = {name: value for contest in self.contests.values() for name, value in contest.figures.items()}
        baseline = {name: value for contest in self.contests.values() for name, value in contest.baseline.items()}
        figures |= {"slots_busy_percent": busy}
        judge(figures, TARGETS)
        say("throughput", figures, baseline | {"celery_slots_busy_percent": celery})


def main() -> None:
    arguments = _arguments()
    with stage() as cell:
        throughput = Throughput(cell, jobs=arguments.jobs, waves=arguments.waves, rounds=arguments.rounds)
        throughput.on_redis()
        if url := rabbitmq():
            throughput.on_rabbitmq(url)
    throughput.tell()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_throughput")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of one figure; of the whole way, half as many")
    parser.add_argument("--waves", type=int, default=4, help="jobs of two seconds for each slot")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
