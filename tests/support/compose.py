"""compose.yaml as a test reads it, and its services as plain processes."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.workers import ROOT

COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())

#: Services that run our image; the others are servers.
OURS: Mapping[str, Mapping[str, Any]] = {
    name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("headgate:")
}

#: `${NAME:?complaint}`: compose starts nothing while it is not set.
REQUIRED = re.compile(r"\$\{(\w+):\?")


class Service:
    """One of our services, run on this machine with exactly the settings that compose gives it.

    `values` says what stands behind each setting here; a setting that compose does not give is not given.
    One that it hands on (without a value) may be left out.
    """

    def __init__(self, name: str, values: Mapping[str, str], home: Path) -> None:
        self._service, self._home = OURS[name], home
        home.mkdir(exist_ok=True)
        said = self._service["environment"]
        given = {name: values[name] for name, value in said.items() if value is not None or name in values}
        self._environment: dict[str, str] = {"PATH": os.environ["PATH"], "HOME": str(home)} | given

    def start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._argv(*self._service["command"]), cwd=self._home, env=self._environment)

    def run(self, *arguments: str) -> None:
        """To its end, by hand where arguments are given."""
        said = (*self._service.get("entrypoint", ()), *arguments) or self._service["command"]
        subprocess.run(self._argv(*said), cwd=self._home, env=self._environment, check=True, timeout=60)

    def listening(self) -> bool:
        """Whether it is worth asking its health check, each of which is a process that takes CPU from the start."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self._port))) == 0

    def healthy(self) -> bool:
        """What its health check says."""
        declared = COMPOSE["x-service"]["environment"]["HEADGATE_METRICS_PORT"]
        _, *check = (word.replace(declared, self._port) for word in self._service["healthcheck"]["test"])
        checked = subprocess.run(self._argv(*check), stderr=subprocess.DEVNULL, check=False, timeout=30)
        return checked.returncode == 0

    @property
    def _port(self) -> str:
        """Where its metrics are."""
        return self._environment["HEADGATE_METRICS_PORT"]

    @staticmethod
    def _argv(program: str, *arguments: str) -> list[str]:
        """The programs that our image has on its path."""
        return [str(Path(sys.executable).with_name(program)), *arguments]


@contextmanager
def running(services: Sequence[Service]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """All of them at once; whichever the block has not stopped is killed."""
    started = [service.start() for service in services]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def stop(process: "subprocess.Popen[bytes]", within: float) -> int:
    """Ask a service to stop, as the engine does; answers its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(within)
