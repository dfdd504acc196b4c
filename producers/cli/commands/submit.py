"""`headgate submit`: the cli door for tenants' jobs. With `--wait` it stays until they are over."""

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from producers.cli import door, streaming
from producers.cli.door import Job
from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, printable, sheet, table
from producers.cli.progress import counted
from shared import ids
from shared.cell import Cell
from shared.contracts.results import TurnResult
from shared.errors import HeadgateError
from shared.ledger.reading import Ended
from shared.ledger.states import State

#: Declared for a document whose name does not tell: the worker then looks at its content.
UNTOLD = "application/octet-stream"

#: Seconds that `--wait` waits, unless told otherwise; twice the longest a turn may run.
PATIENCE = 600.0

Tenant = Annotated[str, typer.Option(help="For whom.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it is over, and say what came of it.")]
Patience = Annotated[float, typer.Option("--patience", min=0, help="Seconds that --wait waits at most.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Ask for a job, as the operator.", no_args_is_help=True)
    asked = "{job, conversation}; with --wait also {state, result}"
    group.command(epilog=ending('submit turn --tenant acme "What is a permit?" --wait', asked))(turn)
    read = "a list of {document, job}; with --wait also {state, result, error}"
    group.command(epilog=ending("submit ingest --tenant acme README.md docs/*.md --wait", read))(ingest)
    app.add_typer(group, name="submit")


def turn(
    tenant: Tenant,
    message: Annotated[str, typer.Argument(help="What the user says.")],
    *,
    conversation: Annotated[str | None, typer.Option(help="A conversation to go on with; default: a new one.")] = None,
    agent: Annotated[str, typer.Option(help="Which of the tenant's agents answers.")] = "default",
    user: Annotated[
        str | None, typer.Option(help="Who the user is, by the caller's identifier; some tools need one.")
    ] = None,
    wait: Wait = False,
    stream: Annotated[bool, typer.Option("--stream", help="As --wait, and print the answer as it comes.")] = False,
    patience: Patience = PATIENCE,
    json: Json = False,
) -> None:
    """Ask a tenant's agent; with --wait, print its answer."""
    if stream and json:
        raise typer.BadParameter("--stream prints words as they come, --json one document at the end: choose one")
    cell = opened()
    data = {"conversation": conversation or f"cli-{ids.new()}", "message": message, "agent": agent}
    asked_for = data | ({"stream": True} if stream else {}) | ({} if user is None else {"userIdentifier": user})
    job = door.submit(cell, Job("agent.turn", asked_for, tenant=tenant))
    shown = streaming.show(cell, tenant, job, seconds=patience) if stream else ""
    asked = {"job": job, "conversation": data["conversation"]}
    if not (wait or stream):
        return document(asked) if json else console().print(sheet(asked))
    ended = _good(_waited(cell, tenant, [job], 0.0 if stream else patience)[job])
    if json:
        return document(asked | {"state": ended.state, "result": ended.result})
    answer = TurnResult.model_validate(ended.result).answer
    return None if shown == answer else console().print(printable(answer), soft_wrap=True)


def ingest(
    tenant: Tenant,
    files: Annotated[list[Path], typer.Argument(help="Text, Markdown, HTML or PDF; each is a document.")],
    *,
    knowledge_base: Annotated[str, typer.Option(help="Where the documents go.")] = "default",
    wait: Wait = False,
    patience: Patience = PATIENCE,
    json: Json = False,
) -> None:
    """Have documents ingested; with --wait, until they are read and split (their vectors follow by themselves)."""
    cell = opened()
    payloads = {path: payload(path, knowledge_base) for path in distinct(files)}
    with counted("submitting", len(payloads)) as tell:
        jobs = {}
        for number, (path, data) in enumerate(payloads.items(), 1):
            jobs[path] = door.submit(cell, Job("knowledge.ingest", data, tenant=tenant))
            tell(number)
    over = _waited(cell, tenant, list(jobs.values()), patience) if wait else {}
    rows = [_row(path, job, over.get(job)) for path, job in jobs.items()]
    if json:
        document(rows)
    else:
        console().print(table(tuple(rows[0]), [tuple(row.values()) for row in rows]))
    for ended in over.values():
        _good(ended)


def distinct(files: Sequence[Path]) -> Sequence[Path]:
    """The files, if their names differ: a document is called as its file, and new content replaces old."""
    twice = [name for name, times in Counter(path.name for path in files).items() if times > 1]
    if twice:
        raise typer.BadParameter(f"two files are called {twice[0]}, and one document would replace the other")
    return files


def payload(path: Path, knowledge_base: str) -> dict[str, Any]:
    """A file as `knowledge.ingest` wants it: as text where it is text, else in base64."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HeadgateError(f"cannot read {path} ({error.strerror}): name a file that can be read") from error
    about = {
        "name": path.name,
        "media_type": guess_type(path.name)[0] or UNTOLD,
        "knowledge_base": knowledge_base,
    }
    try:
        return about | {"text": content.decode()}
    except UnicodeDecodeError:
        return about | {"content": b64encode(content).decode()}


def _waited(cell: Cell, tenant: str, jobs: Sequence[UUID], patience: float) -> dict[UUID, Ended]:
    with counted("waiting", len(jobs)) as tell:
        return door.wait(cell, tenant, jobs, seconds=patience, tell=tell)


def _good(ended: Ended) -> Ended:
    if ended.state != State.DONE:
        raise HeadgateError(f"job {ended.job_id} is {ended.state}: {ended.error}")
    return ended


def _row(path: Path, job: UUID, ended: Ended | None) -> dict[str, Any]:
    row: dict[str, Any] = {"document": path.name, "job": job}
    return row if ended is None else row | {"state": ended.state, "result": ended.result, "error": ended.error}
