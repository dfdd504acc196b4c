"""`headgate jobs`: what stands in the ledger. Over all tenants it shows where jobs stand, never what they say."""

from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from producers.cli.helping import ending, list_of, one_of
from producers.cli.opening import opened_for
from producers.cli.output import Json, console, document, facts, sheet, table
from producers.cli.values import value_of
from producers.cli.waiting import Wait, why
from shared import outbox
from shared.cell import Cell
from shared.contracts.kinds import kind_named
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
from shared.intake import committed
from shared.ledger import cancel as cancelling
from shared.ledger import feedback, reading
from shared.ledger import retry as retrying
from shared.ledger.feedback import Feedback
from shared.ledger.reading import Job, Line, PastStep
from shared.ledger.states import State
from shared.stores.postgres import Connection

Id = Annotated[UUID, typer.Argument(help="The job's id.")]
Tenant = Annotated[str | None, typer.Option(help="Only this tenant's, read as this tenant.")]

#: In examples.
ID = "0199f3c2-7b1e-7c55-9d0a-3f6f1b2c4d5e"

#: Who acts where nobody is named.
OPERATOR = "operator"

#: Longest comment, and longest name of who gives it, in characters.
COMMENT, NAME = 4096, 256


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="List jobs, look into one, let one wait again, end one.", no_args_is_help=True)
    told, whole = "{job, tenant, state, told}: whether the gate knows", "feedback, waits, steps"
    noted = ending(f"jobs feedback {ID} --satisfaction 5", one_of(Feedback, more="job, tenant"))
    group.command("list", epilog=ending("jobs list --tenant acme --state dead", list_of(Line)))(list_)
    group.command(epilog=ending(f"jobs show {ID}", one_of(Job, more=whole)))(show)
    group.command(epilog=ending(f"jobs retry {ID}", told))(retry)
    group.command(epilog=ending(f"jobs cancel {ID}", told))(cancel)
    group.command("feedback", epilog=noted)(feedback_)
    app.add_typer(group, name="jobs")


def list_(
    tenant: Tenant = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    *,
    json: Json = False,
) -> None:
    """The newest jobs first."""
    if kind is not None:
        with value_of("--kind"):
            kind_named(kind)
    cell = opened_for(tenant)
    with _readable(cell, tenant) as connection:
        lines = reading.lines(connection, tenant=tenant, state=state, kind=kind, limit=limit)
    if json:
        return document(lines)
    columns = ("job", "tenant", "kind", "state", "run", "failures", "accepted", "due", "started", "finished")
    rows = [(x.job_id, x.tenant_id, x.kind, x.state, x.run, x.failures, *_moments(x)) for x in lines]
    return console().print(table(columns, rows))


def show(job: Id, tenant: Tenant = None, *, json: Json = False) -> None:
    """One job: what was asked, what came of it, its steps, and why it waits if it does."""
    cell = opened_for(tenant)
    owner = tenant or reading.owner_of(cell.dispatcher, job)
    with cell.database.transaction(owner) as connection:
        found, steps = reading.find(connection, owner, job)
        thought = feedback.of(connection, owner, job)
    waits = why(cell, found)
    if json:
        return document(facts(found) | {"feedback": thought, "waits": waits, "steps": steps})
    return _print(found, steps, waits, thought)


def retry(job: Id, tenant: Tenant = None, *, json: Json = False) -> None:
    """Let a job that is dead or discarded wait again, its failures forgotten; finished steps are not paid again."""
    cell = opened_for(tenant)
    owner = tenant or reading.owner_of(cell.dispatcher, job)
    with cell.database.transaction(owner) as connection:
        waits = retrying.retry(connection, owner, job)
    offered = cell.intake.offer([committed(waits)])
    if json:
        return document({"job": job, "tenant": owner, "state": State.WAITING, "told": bool(offered)})
    later = "" if offered else "; the gate takes it when it can"
    return console().print(f"Job {job} of {owner} waits again{later}.")


def cancel(job: Id, tenant: Tenant = None, *, json: Json = False) -> None:
    """End a job that waits, or let one that runs end at its next step; whoever asked for it is told."""
    cell = opened_for(tenant)
    owner = tenant or reading.owner_of(cell.dispatcher, job)
    with cell.database.transaction(owner) as connection:
        marked = cancelling.cancel(connection, owner, job)
    told = _tell_cancelled(cell, job)
    cell.wakeups.ring(outbox.BELL)
    if json:
        return document({"job": job, "tenant": owner, "state": marked.state, "told": told})
    over = marked.state == State.CANCELLED
    later = "" if told or over else "; the gate is told when it can be"
    return console().print(f"Job {job} of {owner} {'is cancelled' if over else 'ends at its next step'}{later}.")


def feedback_(
    job: Id,
    satisfaction: Annotated[int, typer.Option(min=1, max=5, help="From 1, bad, to 5, good.")],
    comment: Annotated[str | None, typer.Option(help="In words.")] = None,
    by: Annotated[str, typer.Option(help="Who thinks so.")] = OPERATOR,
    tenant: Tenant = None,
    *,
    json: Json = False,
) -> None:
    """Note what somebody thought of a turn's answer, in the place of what was noted before."""
    comment, by = (comment or "").strip() or None, by.strip()
    if len(comment or "") > COMMENT or not 0 < len(by) <= NAME:
        raise typer.BadParameter(f"a comment has at most {COMMENT:,} characters, and who gives it 1 to {NAME}")
    cell = opened_for(tenant)
    owner = tenant or reading.owner_of(cell.dispatcher, job)
    with cell.database.transaction(owner) as connection:
        given = feedback.give(connection, owner, job, satisfaction=satisfaction, comment=comment, by=by)
    if json:
        return document({"job": job, "tenant": owner} | asdict(given))
    return console().print(f"Noted for job {job} of {owner}: {satisfaction} of 5.")


def _tell_cancelled(cell: Cell, job: UUID) -> bool:
    """Whether the gate heard of it; if not, the ledger sweep tells it."""
    try:
        cell.permits.publish(cell.gate.cancel(job))
    except (GateClosed, Unavailable):
        return False
    return True


def _readable(cell: Cell, tenant: str | None) -> AbstractContextManager[Connection]:
    return cell.dispatcher.connection() if tenant is None else cell.database.transaction(tenant)


def _moments(line: Line) -> tuple[Any, ...]:
    return line.accepted_at, line.due_at, line.started_at, line.finished_at


def _print(job: Job, steps: list[PastStep], waits: Wait | None, thought: Feedback | None) -> None:
    out = console()
    more: dict[str, Any] = {"waits": waits.reason, "until": waits.until} if waits else {}
    out.print(sheet(facts(job) | more | ({"feedback": asdict(thought)} if thought else {})))
    if steps:
        columns = ("step", "run", "kind", "state", "model", "answered by", "in", "out", "cached", "error")
        out.print(table(columns, [_row(step) for step in steps]))


def _row(step: PastStep) -> tuple[Any, ...]:
    """A step whose answer was lost shows the worst it may have drawn, until that is known."""
    lost = step.state in ("intent", "unknown") and step.reconciled_at is None
    tokens = (step.worst_input_tokens, step.worst_output_tokens) if lost else (step.input_tokens, step.output_tokens)
    by = "the cache" if step.from_cache else step.provider
    return (step.place, step.run, step.kind, step.state, step.model, by, *tokens, step.cached_tokens, step.error)
