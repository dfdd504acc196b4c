"""`headgate`: the table of its commands, and what each way of ending means to the shell.

Exit codes: 0 done, 1 failed, 2 wrong usage. Whatever is wrong is one line on stderr that says what to do. A command's
room is imported when that command is asked for: the rooms bring the clients of Postgres, Redis and the broker with
them, which take a second that `headgate --help` does not need.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import psycopg
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_group

from shared.errors import HeadgateError

#: Each command, which is also its room's name here, and its line in `headgate --help`.
COMMANDS: Mapping[str, str] = {
    "demo": "One job's whole journey on this machine, with three tenants and a flood.",
    "up": "Run a whole platform on this machine until Ctrl-C.",
    "doctor": "Check servers, roles, settings and workers.",
    "db": "Bring the database up to date.",
    "tenant": "Make, show, change, suspend and resume tenants.",
    "agent": "Show a tenant's agents, and what they were before.",
    "tier": "Show and change the plans: weights and limits of all their tenants.",
    "key": "Make, list and revoke API keys.",
    "credential": "Keep, list and revoke tenants' own keys for model providers and tools.",
    "submit": "Ask for a job: a turn of a conversation, documents to ingest.",
    "jobs": "List jobs, look into one, let it wait again, end it; note what people thought of it.",
    "handoffs": "Conversations that wait for a human; answer and give back.",
    "quality": "How agents answer, by version: fallbacks, handoffs, satisfaction.",
    "queues": "What waits and runs at the gate, by lane and tenant.",
    "pause": "Hold a tenant or a lane back; doors go on accepting.",
    "resume": "Let a paused tenant or lane go on.",
    "budget": "Limit what tenants draw in an hour, a day, a month; see what is left.",
    "usage": "What tenants drew, in tokens and money.",
    "billing": "Hand a month's usage to billing.",
    "refused": "Messages that the bus door turned away, and why.",
    "worker": "Run a worker that serves lanes.",
    "bus": "Run the bus door: take jobs from other services.",
}


class Commands(TyperGroup):
    """Shows every command; imports the room of the one that is asked for."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, room(name or ""), rest


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """One command; answers its exit code."""
    try:
        _check(arguments)
        code = assembled()(list(arguments), prog_name="headgate", standalone_mode=False)
    except TyperException as wrong:
        return misused(wrong)
    except HeadgateError as error:
        return failed(str(error), 1)
    except psycopg.Error as error:
        return failed(refusal(error), 1)
    except typer.Abort:
        return failed("stopped", 1)
    return code or 0


def refusal(error: psycopg.Error) -> str:
    """Why the database does not do it, and what to do."""
    match error:
        case psycopg.errors.UndefinedTable():
            return "the database has not been made ready for this version: run `headgate db upgrade`"
        case psycopg.errors.InsufficientPrivilege():
            return f"{error.diag.message_primary}: HEADGATE_DATABASE_ADMIN_URL must log in as who may do that"
    return f"the database refuses: {error}"


def _check(arguments: Sequence[str]) -> None:
    """A shell passes any bytes on; what Python cannot read as text of them, no server could keep."""
    for word in arguments:
        if word.encode(errors="ignore").decode() != word:
            raise typer.BadParameter(f"{word!r} is no text in UTF-8: write it anew")


def assembled() -> typer.Typer:
    """The command line, with the words of each command and nothing behind them yet."""
    app = typer.Typer(
        cls=Commands,
        help="Headgate runs AI agents for many tenants: fair by cost, durable, isolated, metered.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_before)
    for name, line in COMMANDS.items():
        app.command(name, help=line)(_elsewhere)
    return app


def tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"headgate {version('headgate')}")
        raise typer.Exit


#: Heard before a command is missed.
Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=tell_version, help="Say which version this is, and end.")
]


def _before(*, version: Version = False) -> None:
    """What is said before any command."""


def room(name: str) -> Any:
    """The command behind a name, with its options."""
    app = typer.Typer()
    import_module(f"producers.cli.commands.{name}").register(app)
    return get_group(app).commands[name]


def misused(wrong: TyperException) -> int:
    """Say what is wrong with the words of the command; nothing where a group has shown its help instead."""
    said = wrong.format_message().strip().rstrip(".").replace("Value error, ", "")
    context = getattr(wrong, "ctx", None)
    help_ = f": see `{context.command_path} --help`" if context else ""
    return failed(said + help_, wrong.exit_code) if said else wrong.exit_code


def failed(message: str, code: int) -> int:
    """Say in one line what is wrong and what to do."""
    sys.stderr.write(f"headgate: {' '.join(message.split())}\n")
    return code


def _elsewhere() -> None:
    """Stands for a command whose room is not imported."""


if __name__ == "__main__":
    main()
