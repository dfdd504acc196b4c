"""`headgate handoffs`: conversations that agents passed on to a human, and giving them back."""

from typing import Annotated

import typer

from producers.cli.helping import ending, list_of
from producers.cli.opening import opened, opened_for
from producers.cli.output import Json, console, document, table
from producers.cli.tenantwise import Tenant, tenantwise
from shared import outbox
from shared.agents import handoffs
from shared.agents.handoffs import Handoff

#: Longest answer, in characters: as long as what a user may say.
LONGEST = 32_768


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="List conversations that wait for a human; answer and give back.", no_args_is_help=True)
    group.command("list", epilog=ending("handoffs list --tenant acme", list_of(Handoff)))(list_)
    resolved = ending('handoffs resolve acme case-17 --message "It is on its way."', "{tenant, conversation, told}")
    group.command(epilog=resolved)(resolve)
    app.add_typer(group, name="handoffs")


def list_(tenant: Tenant = None, *, json: Json = False) -> None:
    """Conversations that wait for a human, the longest waiting first."""
    cell = opened()
    waiting = [each for _, found in tenantwise(cell, tenant, handoffs.waiting) for each in found]
    waiting.sort(key=lambda handoff: (handoff.handed_off_at, handoff.tenant_id, handoff.conversation_id))
    if json:
        return document(waiting)
    columns = ("tenant", "conversation", "agent", "user", "since", "reason")
    return console().print(table(columns, [_row(handoff) for handoff in waiting]))


def resolve(
    tenant: Annotated[str, typer.Argument(help="Whose conversation it is.")],
    conversation: Annotated[str, typer.Argument(help="The conversation's id.")],
    message: Annotated[
        str | None,
        typer.Option(help="What the human answered: sent to whoever asked, and seen by the agent as its own."),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Give a conversation back to its agent, and send the human's answer to where its latest turn was asked for."""
    if message is not None and not 0 < len(message.strip()) <= LONGEST:
        raise typer.BadParameter(f"an answer has between 1 and {LONGEST:,} characters", param_hint="--message")
    cell = opened_for(tenant)
    with cell.database.transaction(tenant) as connection:
        told = handoffs.resolve(connection, tenant, conversation, message=message)
    cell.wakeups.ring(outbox.BELL)
    if json:
        return document({"tenant": tenant, "conversation": conversation, "told": told})
    untold = "" if told or message is None else " Nobody is told: its latest turn named no reply queue."
    return console().print(f"Conversation {conversation} of {tenant} is its agent's again.{untold}")


def _row(handoff: Handoff) -> tuple[object, ...]:
    place = (handoff.tenant_id, handoff.conversation_id, handoff.agent, handoff.user_identifier)
    return (*place, handoff.handed_off_at, handoff.handoff_reason)
