"""The oracle at length, in new stories: `make explore MINUTES=10`; its last line says how many were told."""

import sys
import time

from tests.properties.test_gate_machine import GateMachine
from tests.support.cells import test_servers
from tests.support.oracle.telling import tell

#: Stories in a chapter, and steps in each: longer than in `make test`, so that more comes together.
STORIES, STEPS = 300, 80


def main(minutes: float) -> None:
    begun, told = time.monotonic(), 0
    with test_servers() as servers:
        while time.monotonic() - begun < minutes * 60:
            tell(GateMachine, servers.redis_url, STORIES, STEPS)
            told += STORIES
            print(f"{told} stories of up to {STEPS} steps, gate and model agree", flush=True)


main(float(sys.argv[1]) if sys.argv[1:] else 10.0)
