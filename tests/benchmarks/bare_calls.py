"""Bare openai calls from a thread pool in a process of its own: what a turn would be without Headgate.

    python -m tests.benchmarks.bare_calls URL THREADS

Each thread has a client of its own, as each call of Headgate's has. An order on stdin says how many calls of which
request are to be made, the answer on stdout when each of them ended and what CPU they took. One line of JSON each.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from threading import local

import httpx2
import orjson
from openai import DefaultHttpxClient, OpenAI

from tests.benchmarks.overheard import Request
from tests.support.workers import ROOT


@dataclass(frozen=True)
class Made:
    """When calls ended (seconds since 1970), in order; and the CPU that their processes took, in seconds."""

    ended: Sequence[float]
    cpu: float


class BareCalls:
    """Processes that wait for an order; the calls are dealt out among them."""

    def __init__(self, processes: "Sequence[subprocess.Popen[bytes]]") -> None:
        self._processes = processes

    def make(self, request: Request, calls: int) -> Made:
        each = calls // len(self._processes)
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(orjson.dumps({"calls": each, "request": asdict(request)}) + b"\n")
            process.stdin.flush()
        told = [orjson.loads(process.stdout.readline()) for process in self._processes if process.stdout]
        return Made(sorted(at for one in told for at in one["ended"]), sum(one["cpu"] for one in told))


@contextmanager
def bare_calls(url: str, *, threads: int, processes: int = 1) -> Iterator[BareCalls]:
    """`threads` in all."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_calls", url, str(threads // processes)]
    with ExitStack() as stack:
        pipe = subprocess.PIPE
        started = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) for _ in range(processes)]
        for process in started:
            stack.enter_context(process)
            stack.callback(process.terminate)
        yield BareCalls(started)


def main() -> None:
    url, threads = sys.argv[1], int(sys.argv[2])
    with ThreadPoolExecutor(threads) as pool:
        client = _own(url)
        for line in sys.stdin:
            order = orjson.loads(line)
            request, cpu = Request(**order["request"]), time.process_time()

            def call(_: int, request: Request = request) -> float:
                request.make(client())
                return time.time()

            ended = sorted(pool.map(call, range(order["calls"])))
            told = {"ended": ended, "cpu": time.process_time() - cpu}
            sys.stdout.write(f"{orjson.dumps(told).decode()}\n")
            sys.stdout.flush()


def _own(url: str) -> Callable[[], OpenAI]:
    """The client of the thread that asks. They believe the same certificates: to read those costs most of a client."""
    mine, trust = local(), httpx2.create_ssl_context()

    def client() -> OpenAI:
        if not hasattr(mine, "client"):
            http = DefaultHttpxClient(verify=trust)
            mine.client = OpenAI(api_key="sk-bare", base_url=url, max_retries=0, http_client=http)
        found: OpenAI = mine.client
        return found

    return client


if __name__ == "__main__":
    main()
