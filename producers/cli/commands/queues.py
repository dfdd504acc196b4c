"""`headgate queues`: the per-tenant queues at the gate, behind the permits that Celery's queues hold."""

from contextlib import suppress
from datetime import datetime
from time import sleep
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, table, words
from shared import clock
from shared.cell import Cell
from shared.gate.view import Backlog, View, Why, view

#: Seconds between two looks of `--watch`; a look costs the gate a millisecond or two.
LOOK = 0.5

#: Most tenants that are shown: bounds the time a look holds Redis.
MOST = 1000

#: `held`: behind their ordering key; `later`: not due yet; `virtual`: time. Narrow, for a terminal of 80 columns.
BACKLOGS = ("lane", "tenant", "waiting", "running", "held", "later", "oldest s", "virtual", "stands")

LANES = ("lane", "waiting", "running", "slots", "may start", "permits out", "")


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("queues --watch"))(queues)


def queues(
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    *,
    json: Json = False,
) -> None:
    """What waits and runs, by lane and tenant, and what holds it back: a quota, a budget, a pause, no worker.

    \b
    Of a backlog, which is a tenant's jobs in one lane (by its other name
    in --json, where it has one):
      waiting      may start when their turn comes
      running      hold a slot now
      held         stand behind an earlier job of their ordering key
      later        are not due yet; `delayed`
      oldest s     seconds that the next one waits; `oldest`, milliseconds
      virtual      service had, cost over weight: the least goes first; `time`
      stands       idle, ready, full (as many run as may), or blocked: by
                   `reason`, `until` when; the reasons: suspended, paused,
                   lane_paused, zero_limit, budget, rate, concurrency,
                   no_worker, or null

    \b
    Of a lane:
      slots        of the workers that serve it, which may serve others too
      may start    jobs that wait for nothing but a slot; `eligible`
      permits out  notes on Celery's queue: there may be work; `live`
      (paused)     by `headgate pause --lane`; `paused`
      (--json)     `clock`: the lane's own virtual time

    --json is {lanes, backlogs, workers, delayed}: `delayed` are the jobs of all tenants that are not due.
    """  # noqa: D301 - the sign that keeps lines as they stand is a character
    cell = opened()
    if json and watch:
        raise typer.BadParameter("--watch is for people: leave out --json")
    if watch:
        return _watch(cell)
    seen = _seen(cell)
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
    more = len({backlog.tenant for backlog in seen.backlogs}) >= MOST
    return Group(
        table(BACKLOGS, backlogs),
        "",
        table(LANES, lanes),
        "",
        f"{seen.workers} workers, {seen.delayed} jobs held until they are due"
        + (f"; only {MOST:,} tenants are shown, and lanes count what waits of these" if more else ""),
    )


def _stands(backlog: Backlog) -> str:
    """How a tenant stands in the lane, or what holds it back; and until when, where time alone ends that."""
    if backlog.reason in (None, Why.CONCURRENCY):
        return backlog.stands
    blocked = "blocked: " if backlog.stands == "blocked" else ""
    until = f" until {_moment(backlog.until)}" if backlog.until else ""
    return f"{blocked}{backlog.reason.replace('_', ' ')}{until}"


def _moment(until: datetime) -> str:
    """Without its day where that is today's (UTC)."""
    return f"{until:%H:%M:%S}" if until.date() == clock.now().date() else words(until)


def _watch(cell: Cell) -> None:
    with suppress(KeyboardInterrupt), Live(_now(cell), console=console(), auto_refresh=False) as live:
        while True:
            sleep(LOOK)
            live.update(_now(cell), refresh=True)


def _now(cell: Cell) -> RenderableType:
    return shown(_seen(cell))


def _seen(cell: Cell) -> View:
    return view(cell.gate.look(MOST))
