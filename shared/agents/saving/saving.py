"""Saving what a tenant's agents are and what they may reach: all of it, or nothing and what is wrong with it.

What is the operator's of it (tier, weight, limits, residency) is control data, what is the tenant's own may be in a
database of its own. Both are written, then both committed, the tenant's data first. So a failure saves nothing but for
one between the two commits; then the agents are saved and the rest is not, and saving the same again mends it, for an
agent that says what its newest version says gets no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

from pydantic import ValidationError

from shared.agents import agents, connections, tools
from shared.agents.agents import Agent, SavedMeanwhile, Unreadable
from shared.agents.configuration import AgentConfiguration
from shared.agents.saving import terms
from shared.agents.saving.checks import Connections, Surroundings, problems, problems_of_connections
from shared.agents.saving.problem import Problem, Unfit
from shared.cell import Cell
from shared.errors import HeadgateError, NotFound
from shared.invalid import first_wrong
from shared.stores.postgres import Connection, one
from shared.tenancy import credentials, tiers
from shared.tenancy.provision import Changes, Provisioning
from shared.tenancy.tenants import Tenant

#: What is saved is held against what there is, so only one saves at a time; any number may look.
ALONE: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS alone"
TOGETHER: LiteralString = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0)) AS alone"


#: An agent as it is, or why it cannot be read; what is saved anew takes the place of either.
Held = Agent | Unreadable


@dataclass(frozen=True)
class Wanted:
    """What to save. `edits` are of agents that are there, field by field; `connections`, where given, are all."""

    agents: Mapping[str, AgentConfiguration] = field(default_factory=dict)
    edits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    connections: Connections | None = None
    changes: Changes = field(default_factory=Changes)


@dataclass(frozen=True)
class SavedAgent:
    """`version` is None for one that was only looked at; `new` where it is not what was there."""

    agent: str
    version: int | None
    new: bool


@dataclass(frozen=True)
class SavedAll:
    """`broken` is what other agents of the tenant suffer by it: their turns are refused until they are put right.

    `changed`: False where all that was wanted was there already.
    """

    agents: Sequence[SavedAgent]
    connections: Sequence[str]
    broken: Sequence[Problem]
    changed: bool


class _OnlyLookedAt(Exception):  # noqa: N818 - takes everything back, and is no error
    pass


def save(cell: Cell, tenant: str, wanted: Wanted, *, check: bool = False) -> SavedAll:
    """Save all of it, or with `check` only look; `Unfit` says what is wrong with it. The gate must be told after."""
    before = cell.tenants.get(tenant)
    wrong = wrong_terms(cell, wanted)
    sound = terms.without(wanted.changes, wrong)
    with suppress(_OnlyLookedAt), Provisioning(cell.admin).changing(tenant, **sound) as present:
        saved = _saved(cell, before, terms.unbound(present, wrong), wanted, wrong=wrong, check=check)
        if check:
            raise _OnlyLookedAt
    return saved


def wrong_terms(cell: Cell, wanted: Wanted) -> Sequence[Problem]:
    """What is wrong with the operator's part of it, whoever the tenant is."""
    known = tiers.names(cell.control) if "tier" in wanted.changes else ()
    return list(terms.problems_of_terms(wanted.changes, known, cell.settings.every_provider))


def create(cell: Cell, tenant: str, *, name: str, tier: str, limits: Mapping[str, int | None], wanted: Wanted) -> None:
    """A tenant and its first agents; neither without the other."""
    with Provisioning(cell.admin).creating(tenant, name=name, tier=tier, limits=limits) as present:
        _saved(cell, present, present, wanted, check=False)


def _saved(
    cell: Cell, before: Tenant, present: Tenant, wanted: Wanted, *, check: bool, wrong: Sequence[Problem] = ()
) -> SavedAll:
    tenant = present.tenant_id
    with suppress(_OnlyLookedAt), cell.database.transaction(tenant) as connection:
        _be_alone(connection, tenant, check=check)
        held = agents.newest(connection, tenant)
        declared = connections.every(connection, tenant)
        were = _surroundings(cell, connection, before, declared)
        declared = declared if wanted.connections is None else dict(wanted.connections)
        around = replace(were, tenant=present, connections=declared)
        new = {**wanted.agents, **_edited(tenant, held, wanted.edits)}
        _fit(new, around, wanted, wrong)
        others = [agent for name, agent in held.items() if isinstance(agent, Agent) and name not in new]
        broken = list(_broken(others, were, around))
        saved = [_put(connection, tenant, held.get(name), name, new[name], check=check) for name in sorted(new)]
        if wanted.connections is not None:
            connections.replace(connection, tenant, wanted.connections)
        if check:
            raise _OnlyLookedAt
    changed = any(agent.new for agent in saved) or not _alike(were, around)
    return SavedAll(saved, sorted(around.connections), broken, changed)


def _be_alone(connection: Connection, tenant: str, *, check: bool) -> None:
    if not one(connection, TOGETHER if check else ALONE, (f"configure/{tenant}",))["alone"]:
        raise SavedMeanwhile(f"{tenant} is being configured by somebody else at this moment: try again")


def _surroundings(cell: Cell, connection: Connection, tenant: Tenant, declared: Connections) -> Surroundings:
    held = credentials.every(connection, tenant.tenant_id)
    return Surroundings(
        tenant=tenant,
        providers=cell.settings.every_provider,
        prices=cell.prices,
        connections=declared,
        credentials=frozenset(key.credential for key in held if key.revoked_at is None),
        revoked=frozenset(key.credential for key in held if key.revoked_at is not None),
        installed=tools.installed(),
    )


def _fit(new: Mapping[str, AgentConfiguration], around: Surroundings, wanted: Wanted, wrong: Sequence[Problem]) -> None:
    found = [*wrong]
    found += [_at(("agents", name), problem) for name in new for problem in problems(new[name], around)]
    if wanted.connections is not None:
        found += [_at(("connections",), problem) for problem in problems_of_connections(around)]
    if found:
        raise Unfit(found)


def _broken(others: Sequence[Agent], were: Surroundings, around: Surroundings) -> Iterator[Problem]:
    """What is wrong with agents from now on that was not before."""
    for agent in others:
        known = set(problems(agent.configuration, were))
        for problem in problems(agent.configuration, around):
            if problem not in known:
                yield _at(("agents", agent.agent), problem)


def _edited(
    tenant: str, held: Mapping[str, Held], edits: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, AgentConfiguration]:
    if missing := edits.keys() - held.keys():
        name = min(missing)
        raise NotFound(f"tenant {tenant!r} has no agent {name!r}: `headgate agent list {tenant}` shows those it has")
    return {name: _with(held[name], edits[name]) for name in edits}


def _with(held: Held, edit: Mapping[str, Any]) -> AgentConfiguration:
    if isinstance(held, Unreadable):
        raise held
    try:
        return AgentConfiguration.model_validate(held.configuration.model_dump() | dict(edit))
    except ValidationError as error:
        wrong = first_wrong(error)
        raise HeadgateError(f"the agent's {wrong.place[0]} cannot be that: {wrong.said.lower()}") from error


def _put(
    connection: Connection, tenant: str, held: Held | None, name: str, wanted: AgentConfiguration, *, check: bool
) -> SavedAgent:
    if isinstance(held, Agent) and _same(held.configuration, wanted):
        return SavedAgent(name, held.version, new=False)
    version = agents.put(connection, tenant, name, wanted, after=held.version if held else 0)
    return SavedAgent(name, None if check else version, new=True)


def _alike(were: Surroundings, around: Surroundings) -> bool:
    """Whether tenant and connections stay as they were; the version counts what was written, the same too."""
    before, after = (
        {name: one.model_dump(mode="json") for name, one in each.connections.items()} for each in (were, around)
    )
    return before == after and replace(were.tenant, version=around.tenant.version) == around.tenant


def _same(one: AgentConfiguration, other: AgentConfiguration) -> bool:
    """As they are written: lists and tuples are alike."""
    return one.model_dump(mode="json") == other.model_dump(mode="json")


def _at(path: tuple[str, ...], problem: Problem) -> Problem:
    return replace(problem, path=(*path, *problem.path))
