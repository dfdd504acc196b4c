"""A rehearsal model lives as long as whoever started it, and leaves a Ctrl-C to them."""

import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

from tests.support.workers import ROOT, eventually

STARTER = """
import time
from shared.rehearsal.client import rehearsal
with rehearsal() as model:
    print(model.url, flush=True)
    time.sleep(600)
"""


def listening(url: str) -> bool:
    place = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((place.hostname, place.port)) == 0


def starter() -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", STARTER]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_rehearsal_is_gone_after_its_parent_was_killed() -> None:
    process, url = starter()
    assert listening(url)
    process.kill()
    process.communicate()
    eventually(lambda: not listening(url), "the model ends with its parent")


def test_rehearsal_says_nothing_of_its_own_when_the_terminal_interrupts() -> None:
    process, url = starter()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert said.count("Traceback") == 1, "the starter's own"
    assert not listening(url)
