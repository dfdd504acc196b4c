"""The worst case of a call bounds what the rehearsal model counts, whatever is said."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.rehearsal import tokens
from shared.rehearsal.chat import reply
from shared.rehearsal.requests import ChatRequest as Asked
from shared.rehearsal.settings import RehearsalSettings
from tests.support.calling import way
from workers.models.chat import ChatRequest
from workers.models.embedding import embedding_call

WORDS = st.text(st.characters(codec="utf-8"), max_size=300)

CALL = st.builds(
    lambda name, arguments: {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}},
    WORDS,
    WORDS,
)

MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda role, said: {"role": role, "content": said}, st.sampled_from(["system", "user"]), WORDS),
        st.builds(
            lambda calls: {"role": "assistant", "content": None, "tool_calls": calls}, st.lists(CALL, max_size=3)
        ),
        st.builds(lambda said: {"role": "tool", "tool_call_id": "c", "content": said}, WORDS),
    ),
    min_size=1,
    max_size=8,
)

TOOLS = st.lists(
    st.builds(lambda name, about: {"type": "function", "function": {"name": name, "description": about}}, WORDS, WORDS),
    max_size=3,
)


@given(MESSAGES, TOOLS, st.integers(1, 500), st.one_of(st.none(), st.integers(1, 2000)))
def test_a_chat_never_draws_more_than_its_worst_case(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]], most: int, said: int | None
) -> None:
    request = ChatRequest("rehearsal-1", messages, 0.0, most, tools)
    drawn = reply(Asked.model_validate(request.body()), RehearsalSettings(output_tokens=said))
    assert drawn.input_tokens <= request.worst().input
    assert drawn.output_tokens <= request.worst().output


@given(st.lists(WORDS, min_size=1, max_size=20))
def test_embeddings_never_draw_more_than_their_worst_case(texts: list[str]) -> None:
    call = embedding_call(way("http://localhost"), "rehearsal-embed", texts, timeout=1)
    assert sum(map(tokens.count, texts)) <= call.worst.input
    assert call.worst.output == 0
