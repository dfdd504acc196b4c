"""`headgate queues`: the per-tenant queues at the gate, behind the permits that Celery's queues hold."""

from contextlib import suppress
from time import sleep
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, table
from shared.cell import Cell

#: Seconds between two looks of `--watch`; a look costs the gate a millisecond or two.
LOOK = 0.5

Seen = dict[str, Any]


def register(app: typer.Typer) -> None:
    app.command()(queues)


def queues(
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    *,
    json: Json = False,
) -> None:
    """What waits and runs, by lane and tenant, and how each stands: idle, ready, full (at its limits), blocked."""
    cell = opened()
    if json and watch:
        raise typer.BadParameter("--watch is for people: leave out --json")
    if watch:
        return _watch(cell)
    seen = look(cell)
    return document(seen) if json else console().print(shown(seen))


def look(cell: Cell) -> Seen:
    """The gate as it stands, lanes with what waits in them."""
    seen = cell.gate.look()
    backlogs = sorted(seen["backlogs"], key=lambda backlog: (backlog["lane"], backlog["tenant"]))
    lanes = sorted(seen["lanes"], key=lambda lane: str(lane["lane"]))
    for lane in lanes:
        lane["slots"] = dict(seen["slots"]).get(lane["lane"], 0)
        lane["waiting"] = sum(backlog["waiting"] for backlog in backlogs if backlog["lane"] == lane["lane"])
    return {"lanes": lanes, "backlogs": backlogs, "workers": seen["workers"], "delayed": seen["delayed"]}


def shown(seen: Seen) -> RenderableType:
    tenants = [
        (x["lane"], x["tenant"], x["waiting"], x["running"], x["oldest"] / 1000, float(x["time"]), x["stands"])
        for x in seen["backlogs"]
    ]
    lanes = [(x["lane"], x["waiting"], x["running"], x["slots"], x["eligible"], x["live"]) for x in seen["lanes"]]
    return Group(
        table(("lane", "tenant", "waiting", "running", "oldest (s)", "virtual time", "stands"), tenants),
        "",
        table(("lane", "waiting", "running", "slots", "may start", "permits out"), lanes),
        "",
        f"{seen['workers']} workers, {seen['delayed']} jobs held until they are due",
    )


def _watch(cell: Cell) -> None:
    with suppress(KeyboardInterrupt), Live(shown(look(cell)), console=console(), auto_refresh=False) as live:
        while True:
            sleep(LOOK)
            live.update(shown(look(cell)), refresh=True)
