"""`headgate queues`: the per-tenant queues at the gate, behind the permits that Celery's queues hold."""

from contextlib import suppress
from time import sleep
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, table, words
from shared.cell import Cell
from shared.gate.view import Backlog, View, view

#: Seconds between two looks of `--watch`; a look costs the gate a millisecond or two.
LOOK = 0.5

#: `held`: behind their ordering key; `later`: not due yet.
BACKLOGS = ("lane", "tenant", "waiting", "running", "held", "later", "oldest (s)", "virtual time", "stands")

LANES = ("lane", "waiting", "running", "slots", "may start", "permits out", "")


def register(app: typer.Typer) -> None:
    app.command()(queues)


def queues(
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    *,
    json: Json = False,
) -> None:
    """What waits and runs, by lane and tenant, and what holds it back: a quota, a budget, a pause, no worker."""
    cell = opened()
    if json and watch:
        raise typer.BadParameter("--watch is for people: leave out --json")
    if watch:
        return _watch(cell)
    seen = view(cell.gate.look())
    return document(seen) if json else console().print(shown(seen))


def shown(seen: View) -> RenderableType:
    """Two tables: backlogs, and the lanes they wait in."""
    backlogs = [
        (x.lane, x.tenant, x.waiting, x.running, x.held, x.delayed, x.oldest / 1000, x.time, _stands(x))
        for x in seen.backlogs
    ]
    lanes = [
        (x.lane, x.waiting, x.running, x.slots, x.eligible, x.live, "paused" if x.paused else "") for x in seen.lanes
    ]
    return Group(
        table(BACKLOGS, backlogs),
        "",
        table(LANES, lanes),
        "",
        f"{seen.workers} workers, {seen.delayed} jobs held until they are due",
    )


def _stands(backlog: Backlog) -> str:
    """How a tenant stands in the lane, what holds it back, and until when where time alone ends that."""
    why = f": {backlog.reason.replace('_', ' ')}" if backlog.reason else ""
    until = f" until {words(backlog.until)}" if backlog.until else ""
    return f"{backlog.stands}{why}{until}"


def _watch(cell: Cell) -> None:
    with suppress(KeyboardInterrupt), Live(_now(cell), console=console(), auto_refresh=False) as live:
        while True:
            sleep(LOOK)
            live.update(_now(cell), refresh=True)


def _now(cell: Cell) -> RenderableType:
    return shown(view(cell.gate.look()))
