"""A process that has imported whatever Headgate's processes import, and forks one of them for each order it reads.

Importing a worker costs seconds of CPU, a fork milliseconds. The parent connects to nothing and starts no thread, so a
child differs in nothing from a process of its own, except where an order has hooks: functions of the tests that are
called in the child before its program begins. Orders come on stdin and are answered on stdout, one line of JSON each.
"""

import atexit
import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from producers.cli.main import COMMANDS

#: What workers and doors import by and by; a child that finds it here starts in a tenth of the time.
WARM = (
    "celery.__main__",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.request",
    "celery.worker.strategy",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
    "mcp.client.streamable_http",
    "openai.resources.chat",
    "openai.resources.embeddings",
    "producers.bus.door",
    "producers.cli.commands.bus",
    "sqlalchemy.dialects.postgresql.psycopg",
    "workers.app",
    "workers.embed.embed",
    "workers.ingest.ingest",
    "workers.metering.export",
    "workers.models.errors",
    "workers.ops",
    "workers.turns.turn",
)

#: What a child may run, by the first word of its command line.
PROGRAMS = {
    "celery": "celery.__main__:main",
    "headgate": "producers.cli.main:main",
    "slot": "tests.support.dying:serve_one",
}


def main() -> None:
    for module in (*WARM, *(f"producers.cli.commands.{command}" for command in COMMANDS)):
        import_module(module)
    gc.freeze()  # what is loaded stays: no child's collector needs to touch, and so to copy, these pages
    codes: dict[int, int | None] = {}  # of children, by pid; None while one lives

    def collect(*_: object) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                codes[ended[0]] = os.waitstatus_to_exitcode(ended[1])

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its orders
    signal.signal(signal.SIGCHLD, collect)
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            answer = codes[order["ended"]]
        else:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # a child's end is noted after its beginning
            answer = os.fork()
            if answer == 0:
                _become(**order)
            codes[answer] = None
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    for child in (pid for pid, code in codes.copy().items() if code is None):
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _become(
    argv: list[str],
    env: dict[str, str],
    output: str | None,
    errors: str | None,
    hooks: list[tuple[str, dict[str, Any]]],
) -> NoReturn:
    """Run a program in this child, in a session of its own, until it ends as any program does."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    _redirect(output, errors)
    os.environ.clear()
    os.environ.update(env)
    for place, arguments in hooks:
        _found(place)(**arguments)
    sys.argv = argv
    try:
        told = _found(PROGRAMS[argv[0]])()
    except SystemExit as end:
        told = end.code
    _leave(told)


def _leave(told: object) -> NoReturn:
    """Do what ends a program, but for taking its memory apart: that would first copy all that the parent has loaded."""
    if not isinstance(told, int | None):
        sys.stderr.write(f"{told}\n")
        told = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(told or 0)


def _redirect(output: str | None, errors: str | None) -> None:
    """The parent's stdin and stdout belong to the orders. What has no file goes where the parent's errors go."""
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - for as long as the process lives
    os.dup2(sys.stdin.fileno(), 0)
    for path, numbers in ((output, (1, 2)), (errors, (2,))):
        if path is not None:
            with open(path, "a") as log:  # noqa: PTH123 - as above
                for number in numbers:
                    os.dup2(log.fileno(), number)
    if output is None:
        os.dup2(2, 1)


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    main()
