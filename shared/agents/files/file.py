"""A tenant's file: what it may say, and where in it each thing that is wrong stands.

What a file does not name stays as it is; `connections`, where it names them, are all that the tenant has. Everything
that can be wrong is said at once, each with its line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, create_model
from pydantic_core import ErrorDetails

from shared.agents.agents import Agent
from shared.agents.configuration import AgentConfiguration, Part, Retrieval, Target
from shared.agents.connections import Connection, ConnectionName, HttpEndpoint, McpServer
from shared.agents.files.document import BadDocument, Document, read
from shared.agents.files.wording import REGION, wording
from shared.agents.hours import BusinessHours
from shared.agents.saving.problem import Path, Problem, written
from shared.contracts.envelope import TenantId
from shared.contracts.payloads import Name
from shared.errors import HeadgateError
from shared.gate.limits import Limits
from shared.tenancy.provision import ANYWHERE

#: Things that are wrong with a file, of which people are told at once.
SAID = 100

#: Ends of lines that YAML knows besides the usual: as they are they would be folded, so they are escaped.
BREAKS = frozenset("\r\x85\u2028\u2029\ufeff")

#: A region as providers have them: `eu`, `us`, `eu-west-1`.
Region = Annotated[str, StringConstraints(pattern=REGION)]


#: The tenant's own limits, each within the bounds that all have; null: the tier's again.
LIMITS: Mapping[str, Any] = {
    name: (Annotated[(int, *limit.metadata)] | None, None) for name, limit in Limits.model_fields.items()
}
OwnLimits: Any = create_model("OwnLimits", __base__=Part, **LIMITS)


def _nowhere(region: object) -> object:
    return None if region == ANYWHERE else region


class TenantFile(Part):
    """What may be said of a tenant. What is not set stays; what is null is given up."""

    tenant: TenantId | None = None
    residency: Annotated[Region | None, BeforeValidator(_nowhere)] = None
    tier: str | None = Field(None, min_length=1, max_length=128)
    weight: float | None = Field(None, ge=0.001, le=1e6)
    limits: OwnLimits = Field(default_factory=OwnLimits)
    agents: Mapping[Name, AgentConfiguration] = Field(default_factory=dict, max_length=500)
    connections: Mapping[ConnectionName, Connection] = Field(default_factory=dict, max_length=100)


#: What people may have meant by a field that there is not.
FIELDS = sorted(
    name
    for part in (TenantFile, AgentConfiguration, Target, Retrieval, BusinessHours, HttpEndpoint, McpServer)
    for name in part.model_fields
)

#: In pydantic's places: that it is about a key; the sorts of a connection, where such a sort stands.
KEY, SORTS, SORT = "[key]", (("http",), ("mcp",)), 2


class BadFile(HeadgateError):  # noqa: N818 - named for what it is about
    """All that is wrong with a file, a line each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True)
class ReadFile:
    """A file, what it says, and its lines."""

    name: str
    said: TenantFile
    document: Document

    def located(self, problems: Iterable[Problem]) -> BadFile:
        """These problems, where they stand in the file."""
        return _located(self.name, self.document, problems)


def read_file(name: str, content: bytes) -> ReadFile:
    """`BadFile` says all that is wrong with it, under this name."""
    try:
        document = read(content)
    except BadDocument as error:
        raise BadFile([f"{name}:{error.line}: {error.said}"]) from error
    found = [Problem(path, "it stands there twice: leave one out") for path in document.twice]
    try:
        said = TenantFile.model_validate(document.value)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        found += map(_problem, wrong[:SAID])
        raise _located(name, document, found, more=max(0, len(wrong) - SAID)) from error
    if found:
        raise _located(name, document, found)
    return ReadFile(name, said, document)


def as_file(tenant: str, agent: Agent) -> str:
    """An agent as a file that says all of it, defaults too."""
    told = agent.configuration.model_dump(mode="json", exclude_none=True)
    said = {"tenant": tenant, "agents": {agent.agent: told}}
    return yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Text of several lines stands as it is read; what is the same twice is written twice."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        if not BREAKS.isdisjoint(text):
            style = '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def ignore_aliases(self, _: object) -> bool:
        return True


_Dumper.add_representer(str, _Dumper.represent_str)


def _located(name: str, document: Document, problems: Iterable[Problem], *, more: int = 0) -> BadFile:
    """`more`: those that are wrong besides and were not looked at."""
    told = list(problems)
    found = sorted({_line(document, problem) for problem in told[:SAID]})
    more += max(0, len(told) - SAID)
    rest = [f"{name}: and {more:,} more"] if more else []
    return BadFile([f"{name}:{line}: {said}" for line, said in found] + rest)


def _line(document: Document, problem: Problem) -> tuple[int, str]:
    path = f"{written(problem.path)}: " if problem.path else ""
    if problem.line is None:
        return document.line(problem.path), f"{path}{problem.said}"
    if (line := document.line_within(problem.path, problem.line)) is not None:
        return line, f"{path}{problem.said}"
    return document.line(problem.path), f"{path}line {problem.line} of the text: {problem.said}"


def _problem(wrong: ErrorDetails) -> Problem:
    path = _path(wrong["loc"])
    return Problem(path, wording(wrong, path, FIELDS))


def _path(location: Path) -> Path:
    """Where it stands in the document: pydantic says too that it is about a key, and for which sort it took a thing."""
    sort = location[:1] == ("connections",) and location[SORT : SORT + 1] in SORTS
    return tuple(part for index, part in enumerate(location) if part != KEY and not (sort and index == SORT))
