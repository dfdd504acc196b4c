"""Run the rehearsal model: `python -m shared.rehearsal --port 0`. Says where it listens, in one line of JSON."""

import argparse
import json
import os
import resource
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from shared import clock
from shared.rehearsal.log import ServedLog
from shared.rehearsal.model import RehearsalModel
from shared.rehearsal.server import Server
from shared.rehearsal.settings import RehearsalSettings

#: Connections that may wait to be taken: benchmarks open 2,000 at once.
BACKLOG = 4096

#: Seconds that calls under way may take after the server was told to stop.
STOP_SECONDS = 1


class Announced(uvicorn.Server):
    """Says where it listens as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            host, port = listening.getsockname()[:2]
            sys.stdout.write(json.dumps({"url": f"http://{host}:{port}/v1"}) + "\n")
        sys.stdout.flush()


def main() -> None:
    arguments = _arguments()
    _allow_many_connections()
    if arguments.with_parent:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        settings = RehearsalSettings.model_validate({name: getattr(arguments, name) for name in _FLAGS})
        listening = socket.create_server((arguments.host, arguments.port), backlog=BACKLOG)
    except (ValidationError, OSError) as error:
        sys.exit(f"The rehearsal model cannot start; change its arguments: {error}")
    # asyncio does this only for sockets made with their protocol named; without it each answer waits 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = Server(RehearsalModel(settings, ServedLog(arguments.log), clock.now)).app()
    # A cut answer is an error to uvicorn, and here an order: hence the quiet.
    config = uvicorn.Config(
        app, access_log=False, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=STOP_SECONDS
    )
    with listening:
        Announced(config).run(sockets=[listening])


#: Settings that are one number, and so can be said on the command line.
_FLAGS = ("latency", "seconds_per_token", "chunk_tokens", "input_tokens", "output_tokens")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m shared.rehearsal", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="file that keeps what was served")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    for name in _FLAGS:
        field = RehearsalSettings.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", default=field.default, help=field.description)
    return parser.parse_args()


def _end_with_parent() -> None:
    """Whoever started us holds the other end of standard input; when they die, however they die, it closes."""
    sys.stdin.buffer.read()
    os._exit(0)


def _allow_many_connections() -> None:
    """Raise the number of open files to what the system grants: each call in flight is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
