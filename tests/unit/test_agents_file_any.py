"""Files of any sort: what is written is read as it was meant, and what nobody meant is refused."""

from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.agents.agents import Agent
from shared.agents.configuration import AgentConfiguration
from shared.agents.files.file import as_file, read_file
from shared.errors import HeadgateError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
LIKE = st.sampled_from(
    [
        *("\ufeff", "{{ a }}", " x "),
        *("no", "1e5", "12:30", "~", "0x1f", "1_000", "007", "- a", "a: b", "#", "=", "<<"),
    ]
)
BROKEN = st.sampled_from(["\x85", "a\r\u2028b\n", " x\ny ", "\n"])
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=40) | LIKE


@settings(max_examples=150, deadline=None)
@given(prompt=TEXT | LIKE | BROKEN, name=LINE, tone=st.none() | LINE, temperature=st.floats(0, 2))
def test_an_agent_as_a_file_is_read_as_the_same_agent(
    prompt: str, name: str, tone: str | None, temperature: float
) -> None:
    told: dict[str, Any] = {"prompt": prompt, "name": name, "tone": tone, "temperature": temperature}
    configuration = AgentConfiguration(model="m", tools=("crm__*",), **told)
    said = read_file("any", as_file("acme", Agent("bot", 3, configuration)).encode()).said
    assert said.tenant == "acme"
    assert said.agents["bot"].model_dump(mode="json") == configuration.model_dump(mode="json")


PIECES = st.sampled_from(
    [
        *("agents", "default", "connections", "model", "prompt", "tools", "limits", "kind", "http", "url", "weight"),
        *(": ", ":\n", "\n", "  ", "    ", "- ", "[", "]", "{", "}", "|", ">", '"', "'", "#", "\t", "?"),
        *("&a ", "*a", "!t "),
        *("---", "...", "%YAML 1.1", "1", "0.5", "null", "true", "\\ud800", "\\x00", "\r", "\u2028", "\ufeff"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=2), max_size=30).map(lambda parts: "".join(parts).encode(errors="replace")))
def test_any_bytes_are_a_file_or_are_refused(content: bytes) -> None:
    with suppress(HeadgateError):
        assert read_file("any", content).said


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELD = st.sampled_from(["tenant", "residency", "tier", "weight", "limits", "agents", "connections"])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(FIELD, VALUES | st.dictionaries(st.just("default"), VALUES), max_size=4))
def test_any_values_are_a_file_or_are_refused(value: dict[str, Any]) -> None:
    with suppress(HeadgateError):
        read_file("any", yaml.safe_dump(value).encode())
