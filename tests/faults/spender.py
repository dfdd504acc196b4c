"""What a worker does when a budget is hammered: every turn asks a provider again and again, until it finds no room.

Installed in a worker that the warm parent forks (a hook, before its program begins). The provider is in the worker's
own process; its books are a file, written when a call is served and before it is answered, so that they outlive
whoever is killed in between.
"""

import os
import random
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from shared.contracts.payloads import AgentTurn
from shared.metering.prices import Tokens
from workers import registry
from workers.calls import Call, Reply
from workers.run.context import Context

MODEL = "rehearsal-1"

#: Of one call, in tokens: at worst, and at least.
WORST, LEAST = Tokens(2000, 1000), Tokens(200, 0)

#: Longest time that a call takes, in seconds: some die before they are served, some after, some in other steps.
LONGEST = 0.05

_books: list[int] = []


def install(books: str) -> None:
    """Let this process's turns spend, and keep the provider's books in this file."""
    _books.append(os.open(books, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    registry.ROOMS = {**registry.ROOMS, "agent.turn": f"{__name__}:spend"}


def spend(context: Context, _: AgentTurn) -> NoReturn:
    """The turn ends when a budget has no room for its next call, or with its worker."""
    number = 0
    while True:
        number += 1
        context.paid(f"{context.run.number}.{number}", Call("model", MODEL, {}, WORST, _answered))


def _answered(call_id: str) -> Reply:
    drawn = Tokens(random.randint(LEAST.input, WORST.input), random.randint(LEAST.output, WORST.output))
    threading.Event().wait(random.uniform(0, LONGEST / 2))
    os.write(_books[0], f"{call_id} {drawn.input} {drawn.output}\n".encode())
    threading.Event().wait(random.uniform(0, LONGEST / 2))
    return Reply({}, drawn)


def served(books: Path) -> Mapping[str, Tokens]:
    """What was served, by call id."""
    calls: dict[str, Tokens] = {}
    for line in books.read_text().splitlines():
        call_id, incoming, outgoing = line.split()
        assert call_id not in calls, f"{call_id} was made twice"
        calls[call_id] = Tokens(int(incoming), int(outgoing))
    return calls
