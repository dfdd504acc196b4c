"""What can be said of an agent.

A turn sees one version of it, from its first step to its last, whatever is saved meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.agents.hours import BusinessHours
from shared.agents.tools import CHARACTERS, TOOL_NAME
from shared.contracts.payloads import Name
from shared.providers import DEFAULT

PROMPT = (
    "You answer questions from the tenant's knowledge base. Search it before you answer, answer only from the passages "
    "you find, name the documents you used, and say so when they do not hold the answer."
    "{% if name %} Your name is {{ name }}.{% endif %}{% if tone %} Your tone: {{ tone }}.{% endif %}"
    "{% if language %} Answer in this language: {{ language }}.{% endif %}"
)

#: What users are told where the configuration says nothing else.
FALLBACK = "I could not find an answer to that. Please try again, or ask for a person."
HANDED_OFF = "I have passed this on to a colleague, who will answer you here."
TURNS_USED_UP = "This conversation has become too long for me. Please begin a new one."

#: A template of Jinja's, checked when it is saved (`shared.agents.templates.template`). Longest in characters.
Template = Annotated[str, StringConstraints(max_length=32_768)]

#: A word or a phrase.
Keyword = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]

#: Characters that all keywords of an agent have together: some two hundred phrases.
KEYWORDS = 8192


def _few(keywords: Sequence[str]) -> Sequence[str]:
    if sum(map(len, keywords)) > KEYWORDS:
        raise ValueError(f"they have more than {KEYWORDS:,} characters together: name fewer")
    return keywords


#: All that an agent has.
Keywords = Annotated[Sequence[Keyword], Field(max_length=256), AfterValidator(_few)]

#: A tool as the model calls it: as long, and of such characters, as providers take.
ToolName = Annotated[str, StringConstraints(pattern=f"^{TOOL_NAME}$")]

#: The same, or with a `*` all the tools of a connection (`shared.agents.tools`).
ToolChoice = Annotated[str, StringConstraints(pattern=rf"^({TOOL_NAME}|[{CHARACTERS}]{{1,62}}__\*)$")]

#: One line, without control characters and marks that turn the direction of writing.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$")]

#: What users are told.
Text = Annotated[str, StringConstraints(max_length=4096)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Part):
    """A model of a provider."""

    model: str = Field(min_length=1, max_length=128)
    provider: Name = DEFAULT


class Retrieval(Part):
    """When knowledge is searched, and how."""

    when: Literal["tool", "always", "never"] = Field(
        "tool", description="Where the model asks for it (`tool`), before each answer, or never."
    )
    by: Literal["both", "meaning", "words"] = Field(
        "both", description="By `meaning` (vectors), by `words` (full text), or both fused."
    )
    passages: int = Field(5, ge=1, le=50, description="Passages that one search shows the model.")


class AgentConfiguration(Part):
    """An agent. Templates may use what `shared.agents.templates.template` names."""

    prompt: Template = Field(PROMPT, description="What the agent is told: a template.")
    prompts: Mapping[Name, Template] = Field(default_factory=dict, description="By provider, in the prompt's place.")
    name: Line | None = Field(None, max_length=128, description="As the agent calls itself.")
    tone: Line | None = Field(None, max_length=256, description="How it speaks: `warm and brief`.")
    language: Line | None = Field(None, max_length=64, description="In which language it answers.")

    model: str = Field(min_length=1, max_length=128, description="Who answers: a model of the provider.")
    provider: Name = Field(DEFAULT, description="One of `HEADGATE_PROVIDERS`, or `openai`.")
    fallbacks: Sequence[Target] = Field(
        (), max_length=8, description="Each a `model` and its `provider`: asked in this order."
    )
    credential: Name | None = Field(
        None, description="A key of the tenant's own for the provider; none: the platform's."
    )
    temperature: float = Field(0.2, ge=0, le=2, description="How freely the model chooses its words.")
    max_tokens: int = Field(1024, ge=1, le=131_072, description="Bounds each answer of the model.")

    tools: Sequence[ToolChoice] = Field(("search_knowledge",), max_length=128, description="What the model may use.")
    max_tool_calls: int = Field(8, ge=0, le=128, description="Tool calls that a turn may have.")
    knowledge_bases: Sequence[Name] = Field(("default",), max_length=128, description="What is searched.")
    retrieval: Retrieval = Retrieval()

    greeting: Text | None = Field(None, description="Said at the beginning of a conversation, before the first answer.")
    max_turns: int | None = Field(None, ge=1, le=1_000_000, description="Turns of a conversation that are answered.")
    history_tokens: int = Field(
        8000, ge=256, le=10_000_000, description="Most tokens of earlier turns; what is older is summarised."
    )
    escalation_keywords: Keywords = Field((), description="Who says one, as whole words, whatever case, gets a human.")
    business_hours: BusinessHours | None = Field(None, description="When it answers; none: always.")

    fallback_message: Text = Field(FALLBACK, min_length=1, description="Where the model came to no answer.")
    handoff_message: Text = Field(HANDED_OFF, min_length=1, description="Where a human takes over, and until one does.")
    turns_message: Text = Field(TURNS_USED_UP, min_length=1, description="Where the conversation has had its turns.")
    response_template: Template | None = Field(None, description="How an answer is dressed: a template.")

    cache_seconds: int = Field(0, ge=0, le=30 * 86_400, description="How long the same request has the same answer.")

    @property
    def targets(self) -> Sequence[Target]:
        """The models that may answer, in the order in which they are asked."""
        return (Target(model=self.model, provider=self.provider), *self.fallbacks)
