"""`headgate tenant configure`: what is named changes, by options or by a file; all of it, or nothing."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from producers.cli.commands.tenant.changing import AGENT
from producers.cli.commands.tenant.filing import save_file
from producers.cli.limits import Limits, numbers
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, printable
from producers.cli.telling import heard_later, tell_tenant
from shared.agents.files.file import Region
from shared.agents.saving import saving
from shared.agents.saving.problem import Problem
from shared.agents.saving.saving import SavedAll, Wanted
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate.view import view
from shared.lanes import Lane
from shared.tenancy.provision import ANYWHERE, changes

REGION: TypeAdapter[str | None] = TypeAdapter(Region | None)

Tenant = Annotated[str | None, typer.Argument(help="The tenant's id; a file may name it in this place.")]


def configure(
    tenant: Tenant = None,
    *,
    file: Annotated[str | None, typer.Option("--file", "-f", help="What to save, in YAML; - is stdin.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what is wrong with it and save nothing.")] = False,
    tier: Annotated[str | None, typer.Option(help="Another plan; jobs that wait keep their lane.")] = None,
    weight: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="Its share among the tenants of a lane.")
    ] = None,
    limit: Limits = None,
    residency: Annotated[
        str | None, typer.Option(help=f"The region that its words may not leave, such as eu; {ANYWHERE}: anywhere.")
    ] = None,
    dedicated: Annotated[
        list[Family] | None, typer.Option(help="Give this family a lane of the tenant's own; jobs that wait stay.")
    ] = None,
    shared: Annotated[list[Family] | None, typer.Option(help="Put this family back into the tier's lane.")] = None,
    model: Annotated[str | None, typer.Option(help="The model of an agent.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What an agent is told.")] = None,
    agent: Annotated[str, typer.Option(help="The agent that --model and --prompt are about.")] = AGENT,
    json: Json = False,
) -> None:
    """Change what is named; the rest stays. What a file does not name stays too."""
    said = {"tier": tier, "weight": weight, "limits": numbers(limit), "residency": _region(residency)}
    changed = changes(**said, dedicated=dedicated, shared=shared)
    edit = {name: value for name, value in (("model", model), ("prompt", prompt)) if value is not None}
    wanted = Wanted(edits={agent: edit} if edit else {}, changes=changed)
    _check_usage(tenant, file, wanted)
    cell = opened()
    if file is not None:
        tenant, saved = save_file(cell, tenant, file, check=check)
    else:
        saved = saving.save(cell, tenant or "", wanted, check=check)
    if not check:
        tell_tenant(cell, tenant or "")
    _print(tenant or "", saved, check=check, json=json)
    if not check:
        _say_of_lanes(cell, tenant or "", changed, beside=json)


def _check_usage(tenant: str | None, file: str | None, wanted: Wanted) -> None:
    if set(wanted.changes.get("dedicated", ())) & set(wanted.changes.get("shared", ())):
        raise typer.BadParameter("a family is either --dedicated or --shared")
    if (file is None) == (wanted == Wanted()):
        options = "--tier, --weight, --limit, --residency, --dedicated, --shared, --model or --prompt"
        raise typer.BadParameter(f"name what to change: either a file, or {options}")
    if file is None and tenant is None:
        raise typer.BadParameter("name the tenant that it is about")


def _region(residency: str | None) -> str | None:
    try:
        return REGION.validate_python(residency)
    except ValidationError as error:
        raise typer.BadParameter(f"{residency!r} is no region: write it as eu or eu-west-1, or {ANYWHERE}") from error


def _print(tenant: str, saved: SavedAll, *, check: bool, json: bool) -> None:
    for problem in saved.broken:
        console(stderr=True).print(printable(_refusal(problem, check=check)))
    if json:
        broken = [str(problem) for problem in saved.broken]
        return document({"tenant": tenant, "saved": not check, **asdict(saved), "broken": broken})
    console().print(_came_to(tenant, changed=saved.changed, check=check))
    for agent in saved.agents:
        version = f"version {agent.version}" if agent.version else "a new version"
        console().print(f"  agent {agent.agent}: {version}{'' if agent.new else ', as before'}")
    return None


def _refusal(problem: Problem, *, check: bool) -> str:
    _, agent, *within = problem.path
    when, are = ("If this is saved,", "will be") if check else ("From now on", "are")
    return f"{when} turns of agent {agent!r} {are} refused: {replace(problem, path=tuple(within))}"


def _came_to(tenant: str, *, changed: bool, check: bool) -> str:
    if not changed:
        return f"{tenant} is so already: nothing {'would change' if check else 'changed'}."
    return f"{tenant} can be changed so." if check else f"Changed {tenant}."


def _say_of_lanes(cell: Cell, tenant: str, changed: Mapping[str, Any], *, beside: bool) -> None:
    """What a lane of the tenant's own asks of the operator, once made and once given up."""
    for family in changed.get("dedicated", ()):
        _say_who_serves(cell, Lane(family, tenant=tenant), beside=beside)
    for family in changed.get("shared", ()):
        _say_what_stays(cell, Lane(family, tenant=tenant), beside=beside)


def _say_who_serves(cell: Cell, lane: Lane, *, beside: bool) -> None:
    """A lane just made has no worker yet; `headgate up` serves the lanes that it found as it started."""
    with heard_later():
        if str(lane) not in cell.gate.look()["slots"]:
            console(stderr=beside).print(
                f"New jobs wait in {lane}, which no worker serves: `headgate worker --lane {lane}` starts one, and "
                "`headgate up` serves it when it is started again."
            )


def _say_what_stays(cell: Cell, lane: Lane, *, beside: bool) -> None:
    """Jobs keep the lane that they were accepted into: it wants a worker until they are done."""
    with heard_later():
        seen = view(cell.gate.look(tenant=lane.tenant or "")).backlogs
        stay = sum(backlog.waiting + backlog.held + backlog.delayed for backlog in seen if backlog.lane == str(lane))
        if stay:
            console(stderr=beside).print(
                f"Jobs that stay in {lane}: {stay:,}. Leave it a worker until they are done: "
                f"`headgate worker --lane {lane}`."
            )
