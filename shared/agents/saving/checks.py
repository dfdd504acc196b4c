"""What is wrong with an agent's configuration: templates that may not be rendered, names that name nothing.

A form alone (`AgentConfiguration`) cannot know these: they depend on what the platform has, on the tenant's tier and
residency, and on what the tenant declared. All of it is looked at again when a turn runs, for it may change; what is
asked here is asked so that people hear of it when they save. A knowledge base need not exist yet: it is made when its
first document comes.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from shared import clock
from shared.agents import tools
from shared.agents.configuration import AgentConfiguration, Target
from shared.agents.connections import HttpEndpoint, McpServer
from shared.agents.saving.near import asked, meant
from shared.agents.saving.problem import Path, Problem
from shared.agents.templates import template
from shared.agents.templates.grammar import BadTemplate
from shared.agents.templates.template import PROMPT_VARIABLES, RESPONSE_VARIABLES
from shared.metering.prices import NOTHING, Prices, UnknownPrice
from shared.providers import Provider
from shared.tenancy.tenants import Tenant

Connections = Mapping[str, HttpEndpoint | McpServer]


@dataclass(frozen=True)
class Surroundings:
    """What a configuration is held against. `credentials` are names of those that are not `revoked`."""

    tenant: Tenant
    providers: Mapping[str, Provider]
    prices: Prices
    connections: Connections
    credentials: Collection[str]
    installed: Collection[str]
    revoked: Collection[str] = ()


def problems(agent: AgentConfiguration, around: Surroundings) -> Iterator[Problem]:
    """All that keeps this from being saved; nothing where it may be."""
    yield from _templates(agent, around)
    yield from _targets(agent, around)
    yield from _windows(agent, around)
    yield from _tools(agent, around)
    if agent.credential is not None:
        yield from _credential(("credential",), agent.credential, around)


def problems_of_connections(around: Surroundings) -> Iterator[Problem]:
    """The same, of what the tenant declares."""
    for name, connection in around.connections.items():
        if connection.credential is not None:
            yield from _credential((name, "credential"), connection.credential, around)


def _templates(agent: AgentConfiguration, around: Surroundings) -> Iterator[Problem]:
    yield from _template(("prompt",), agent.prompt, PROMPT_VARIABLES)
    for provider, prompt in agent.prompts.items():
        yield from _template(("prompts", provider), prompt, PROMPT_VARIABLES)
        if provider not in around.providers:
            yield Problem(("prompts", provider), _no_provider(provider, around))
    if agent.response_template is not None:
        yield from _template(("response_template",), agent.response_template, RESPONSE_VARIABLES)


def _template(path: Path, text: str, variables: Collection[str]) -> Iterator[Problem]:
    try:
        template.check(text, variables)
    except BadTemplate as error:
        yield Problem(path, error.said, error.line)


def _targets(agent: AgentConfiguration, around: Surroundings) -> Iterator[Problem]:
    for index, target in enumerate(agent.targets):
        path: Path = ("fallbacks", index - 1) if index else ()
        provider = around.providers.get(target.provider)
        if provider is None:
            yield Problem((*path, "provider"), _no_provider(target.provider, around))
        elif not provider.computes_in(around.tenant.residency):
            yield Problem((*path, "provider"), _elsewhere(target.provider, around))
        if provider is not None and not provider.has(target.model):
            known = ", ".join(provider.models or ())
            said = f"provider {target.provider!r} has no model {target.model!r}: it has {known or 'none'}"
            yield Problem((*path, "model"), said)
        yield from _model((*path, "model"), target, around)


def _windows(agent: AgentConfiguration, around: Surroundings) -> Iterator[Problem]:
    """An answer that may fill a model's whole window leaves no room for the question."""
    for target in agent.targets:
        provider = around.providers.get(target.provider)
        if provider is not None and agent.max_tokens >= (window := provider.window(target.model)):
            said = (
                f"{agent.max_tokens} tokens of answer fill the window of {target.model!r}, {window} tokens: allow fewer"
            )
            yield Problem(("max_tokens",), said)


def _model(path: Path, target: Target, around: Surroundings) -> Iterator[Problem]:
    allowed, provider = around.tenant.models, around.providers.get(target.provider)
    had = provider.models if provider else None
    if allowed is not None and target.model not in allowed:
        known = ", ".join(sorted(allowed)) or "none"
        said = f"tier {around.tenant.tier!r} does not allow model {target.model!r}: it allows {known}"
        yield Problem(path, said)
    try:
        around.prices.cost(target.model, NOTHING, clock.now())
    except UnknownPrice as error:
        priced = set(around.prices.models).intersection(*(few for few in (allowed, had) if few is not None))
        near = meant(target.model, priced)
        yield Problem(path, f"{error}, or did you mean {near!r}?" if near else str(error))


def _tools(agent: AgentConfiguration, around: Surroundings) -> Iterator[Problem]:
    for index, name in enumerate(agent.tools):
        if name in agent.tools[:index]:
            yield Problem(("tools", index), f"{name!r} is named already: name each tool once")
        elif said := _tool(name, around):
            yield Problem(("tools", index), said)


def _tool(name: str, around: Surroundings) -> str | None:
    if name == tools.HTTP_REQUEST and not _of_kind(around, HttpEndpoint):
        return f"{name!r} needs an endpoint: declare one under `connections`"
    if name in tools.BUILT_IN or name in around.installed:
        return None
    servers = _of_kind(around, McpServer)
    connection, tool = tools.of_connection(name) or (None, "")
    server = around.connections.get(connection) if connection else None
    if not isinstance(server, McpServer):
        known = [*tools.BUILT_IN, *sorted(around.installed)]
        known += [tools.name_of(server, tools.EVERY) for server in servers]
        return f"there is no tool {name!r}; tools are {', '.join(known)}{asked(name, known)}"
    if server.tools is not None and tool not in {*server.tools, tools.EVERY}:
        return f"connection {connection!r} does not let agents have {tool!r}: it lets {', '.join(server.tools)}"
    return None


def _of_kind(around: Surroundings, kind: type[HttpEndpoint | McpServer]) -> list[str]:
    return [name for name, connection in around.connections.items() if isinstance(connection, kind)]


def _credential(path: Path, name: str, around: Surroundings) -> Iterator[Problem]:
    tenant = around.tenant.tenant_id
    if name in around.revoked:
        add = f"`headgate credential add {tenant} --name {name} --label …`"
        yield Problem(path, f"credential {name!r} of {tenant} is revoked: {add} keeps a new key under this name")
    elif name not in around.credentials:
        yield Problem(path, f"{tenant} has no credential {name!r}: `headgate credential list {tenant}` shows them")


def _no_provider(name: str, around: Surroundings) -> str:
    known = sorted(around.providers)
    return f"there is no provider {name!r}: providers are {', '.join(known)}{asked(name, known)}"


def _elsewhere(name: str, around: Surroundings) -> str:
    region = around.tenant.residency
    known = sorted(name for name, provider in around.providers.items() if provider.computes_in(region))
    others = f"those that do are {', '.join(known)}" if known else "nor is any other"
    return f"provider {name!r} is not known to compute in {region!r}: {others}"
