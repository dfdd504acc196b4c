"""`headgate demo`: one job's whole journey on this machine, with three tenants and a flood, and its own judgement.

Everything is real but the model: embedded servers in a home of the run's own, worker processes, messages through the
bus door, Python's language reference as documents. The model is the rehearsal model, in a process of its own, whose
log the bill is compared with; `--real` asks a real provider instead.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from producers.cli.commands.demo import figures
from producers.cli.commands.demo.checks import Check, judged, nothing_left
from producers.cli.commands.demo.play import Play
from producers.cli.commands.demo.remains import Remains
from producers.cli.commands.demo.report import show_accounts, show_answers, show_checks
from producers.cli.commands.demo.stage import Stage, stage
from producers.cli.helping import ending
from producers.cli.opening import QUIET
from producers.cli.output import console
from producers.cli.stopping import stoppable
from shared.settings import Settings, read
from shared.telemetry import logs

#: Turns that the flooding tenant asks for at once: some twenty times what the slots run at a time.
FLOOD = 300

#: The same where each turn costs money.
REAL_FLOOD = 24


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("demo --flood 100"))(demo)


def demo(
    *,
    real: Annotated[
        bool, typer.Option("--real", help="Ask the provider that OPENAI_API_KEY names: costs a few cents.")
    ] = False,
    flood: Annotated[int | None, typer.Option(min=1, help="Turns that one tenant asks for at once.")] = None,
) -> None:
    """Show one job's whole journey; exit code 1 if any check fails."""
    logs.configure(QUIET)
    screen = console()
    try:
        with stoppable():
            checks = _played(read(), screen, real=real, flood=flood or (REAL_FLOOD if real else FLOOD))
    except KeyboardInterrupt:
        raise typer.Abort from None
    raise typer.Exit(verdict(checks))


def verdict(checks: Sequence[Check]) -> int:
    """The exit code."""
    return 0 if all(check.passed for check in checks) else 1


def _played(settings: Settings, screen: Console, *, real: bool, flood: int) -> Sequence[Check]:
    """The whole evening: from the empty stage to the empty stage."""
    remains = Remains()
    screen.print("Starting Postgres, Redis, a model, two workers and the bus door …", style="bold")
    with stage(settings, real=real, say=screen.print) as set_:
        checks = list(_acts(set_, screen, settings.home / "demo", flood=flood))
        remains.note(set_.cell.settings.home)
        show_checks(screen, checks)
    last = nothing_left(remains.found())
    show_checks(screen, [last])
    return [*checks, last]


def _acts(stage: Stage, screen: Console, folder: Path, *, flood: int) -> Sequence[Check]:
    play = Play(stage, screen, flood=flood)
    play.bring_documents()
    play.flood_and_ask()
    exported = play.write_bill(folder)
    show_answers(screen, play)
    books = figures.books(stage.cell, stage.model.served() if stage.model else None)
    show_accounts(screen, books.accounts)
    screen.print(f"\nthe month's bill: {exported}\n", soft_wrap=True)
    return judged(play.asked(), books, exported)
