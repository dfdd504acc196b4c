"""`headgate up`: a whole platform on this machine until Ctrl-C or SIGTERM; nothing of it stays."""

from contextlib import ExitStack
from time import sleep
from typing import Annotated

import typer

from producers.cli.helping import ending
from producers.cli.machine import Machine, running, served
from producers.cli.opening import QUIET
from producers.cli.rehearsing import CHAT, EMBEDDING, published, rehearsed
from producers.cli.stopping import stoppable
from shared.embedded.provider import forgotten
from shared.settings import Settings, read
from shared.stores.postgres import without_password
from shared.telemetry import logs

#: Seconds between two looks at the children.
LOOK = 0.2

#: Seconds that the rehearsal model thinks before each answer.
LATENCY = 0.15

FIRST_STEPS = """Ready. From another terminal{where}:
  {prefix}headgate tenant create acme --tier pro{model}
  {prefix}headgate key create --tenant acme --scope turns:submit --scope knowledge:write
  {prefix}headgate submit ingest --tenant acme README.md
  {prefix}headgate submit turn --tenant acme "What is this about?"
  {prefix}headgate doctor
Ctrl-C stops everything."""

#: Said where no provider has a key of the platform's.
KEYLESS = (
    "No key for the model provider: set OPENAI_API_KEY, or use --rehearsal; agents' turns wait until then, but for "
    "those of tenants with keys of their own."
)


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("up --rehearsal"))(up)


def up(
    *,
    slots: Annotated[int | None, typer.Option(min=1, help="Jobs at once, documents apart.")] = None,
    rehearsal: Annotated[bool, typer.Option("--rehearsal", help="Let the model of the demo answer.")] = False,
) -> None:
    """Run a whole platform on this machine until Ctrl-C; a child that dies is started again."""
    logs.configure(QUIET)
    try:
        with stoppable(), ExitStack() as stack:
            settings = stack.enter_context(served(read()))
            forgotten(settings)
            if rehearsal:
                settings, model = stack.enter_context(rehearsed(settings, latency=LATENCY))
                typer.echo(f"model     {model.url}, the rehearsal's: {CHAT}, {EMBEDDING}")
                stack.enter_context(published(settings))
            machine = stack.enter_context(running(settings, slots=slots, say=typer.echo))
            _introduce(machine)
            if keyless(machine.cell.settings):
                typer.echo(KEYLESS, err=True)
            machine.await_workers()
            typer.echo(_first_steps(machine.cell.settings, f" --model {CHAT}" if rehearsal else ""))
            while True:
                machine.children.tend()
                sleep(LOOK)
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing is left running.")


def _introduce(machine: Machine) -> None:
    settings = machine.cell.settings
    typer.echo(f"postgres  {without_password(settings.database_url or '')}")
    typer.echo(f"redis     {without_password(settings.redis_url or '')}")
    typer.echo(f"bus       {_bus_url(settings, machine.cell.bus_url)}")
    for child in machine.children:
        program = child.program
        typer.echo(f"{program.name:<9} pid {child.process.pid}, {program.about}; log: {child.log}")


def keyless(settings: Settings) -> bool:
    """Whether no provider has a key of the platform's. Everything but agents works without, so this is no error."""
    return all(provider.api_key is None for provider in settings.every_provider.values())


def _bus_url(settings: Settings, url: str) -> str:
    """Whole where it is our own, on this machine and for as long as this runs: a service needs its password."""
    return without_password(url) if read().redis_url or settings.bus_url else url


def _first_steps(settings: Settings, model: str) -> str:
    """What to do now, with the home where other terminals would not find it by themselves."""
    usual = settings.home == Settings.model_fields["home"].default
    prefix = "" if usual else f"HEADGATE_HOME={settings.home.resolve()} "
    where = " in this folder" if usual else ""
    return FIRST_STEPS.format(prefix=prefix, where=where, model=model)
