"""What the model says: its script's round; without one it searches, and then quotes the sentences that fit best."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import orjson

from shared.rehearsal import tokens
from shared.rehearsal.passages import Passage, passages_in, results_since_question
from shared.rehearsal.requests import ChatRequest
from shared.rehearsal.script import Round, WantedTool, round_of
from shared.rehearsal.settings import RehearsalSettings
from shared.rehearsal.words import overlap

#: The tool that the model knows how to use.
SEARCH = "search_knowledge"

#: Sentences quoted in an answer: enough to read as one, short enough to follow in a terminal.
QUOTED = 3

#: Tokens that every message costs beyond its words (role and separators), as in OpenAI's chat format.
MESSAGE_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said, the tools that are asked for, and what it cost."""

    text: str
    wanted: Sequence[WantedTool]
    finish_reason: str
    input_tokens: int
    output_tokens: int


def reply(request: ChatRequest, settings: RehearsalSettings) -> Reply:
    scripted = round_of(settings.script, request)
    said = _scripted(scripted) if scripted else _by_wit(request, settings)
    return Reply(
        *said,
        input_tokens=_input_tokens(request) if settings.input_tokens is None else settings.input_tokens,
        output_tokens=_output_tokens(said, request, settings),
    )


class _Said(NamedTuple):
    """A reply before it has its cost."""

    text: str
    wanted: Sequence[WantedTool]
    finish_reason: str


def _scripted(scripted: Round) -> _Said:
    reason = scripted.finish_reason or ("tool_calls" if scripted.calls else "stop")
    return _Said(scripted.said, scripted.wanted, reason)


def _by_wit(request: ChatRequest, settings: RehearsalSettings) -> _Said:
    results = results_since_question(request.messages)
    search = not results and _offers_search(request)
    text = orjson.dumps({"query": request.question}).decode() if search else _answer(request.question, results)
    if settings.output_tokens and not search:
        text = tokens.stretched(text, settings.output_tokens)
    said = tokens.first(text, request.most_tokens) if request.most_tokens else text
    reason = "length" if said != text else "tool_calls" if search else "stop"
    return _Said("", [WantedTool(name=SEARCH, arguments=said)], reason) if search else _Said(said, (), reason)


def _offers_search(request: ChatRequest) -> bool:
    offered = any(tool.function.get("name") == SEARCH for tool in request.tools or ())
    return offered and request.tool_choice != "none"


def _output_tokens(said: _Said, request: ChatRequest, settings: RehearsalSettings) -> int:
    counted = settings.output_tokens or tokens.count("".join((said.text, *(tool.arguments for tool in said.wanted))))
    return min(counted, request.most_tokens or counted)


def _input_tokens(request: ChatRequest) -> int:
    """The words of all messages and tool calls, four for each message, and the tools' definitions as JSON."""
    calls = chain.from_iterable(message.tool_calls or () for message in request.messages)
    return (
        sum(MESSAGE_TOKENS + tokens.count(message.text) for message in request.messages)
        + sum(tokens.count(call.function.name + call.function.arguments) for call in calls)
        + sum(tokens.count(orjson.dumps(tool.function).decode()) for tool in request.tools or ())
    )


def _answer(question: str, results: Sequence[str]) -> str:
    asked = " ".join(question.split())
    if not results:
        return f"I was given nothing to look this up in, so I can only repeat the question: {asked}"
    passages = list(chain.from_iterable(map(passages_in, results)))
    if not passages:
        return f"I searched and found no passages about this: {asked}"
    return _quoted(question, passages)


def _quoted(question: str, passages: Sequence[Passage]) -> str:
    """The best sentences, in the order in which they were found, and the titles they come from."""
    found: dict[str, str | None] = {}
    for passage in passages:
        for sentence in passage.sentences():
            found.setdefault(sentence, passage.title)
    best = sorted(found, key=lambda sentence: overlap(question, sentence), reverse=True)[:QUOTED]
    chosen = [sentence for sentence in found if sentence in best]
    titles = list(dict.fromkeys(title for sentence in chosen if (title := found[sentence])))
    said = " ".join(chosen)
    return f"{said} (Sources: {', '.join(titles)})" if titles else said
