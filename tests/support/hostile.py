"""What a model says at its worst: scripts of rounds, and answers that are not what the API promises."""

import json

from hypothesis import strategies as st

#: The tools that the agent has.
HELD = ("search_knowledge", "remember", "recall", "handoff")

WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)

#: Right, nearly right, and wrong arguments, as text.
ARGUMENTS = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"query": WORDS | JSON, "name": WORDS | JSON, "content": WORDS | JSON, "reason": JSON}
    ).map(json.dumps),
    JSON.map(json.dumps),
    WORDS,
    st.sampled_from(
        [
            "",
            "{",
            '{"query": "what grows"',
            '{"query": NaN}',
            '{"query": "a", "query": "b"}',
            '{"query": "\\\\ud800"}',
            '{"query": "\\ud800"}',
            '{"query": "\\\\u0000"}',
            '{"query": "' + "long " * 10_000 + '"}',
            "[" * 50_000 + "]" * 50_000,
            '{"tenant": "globex", "query": "what grows"}',
            "1e999",
        ]
    ),
)

#: Tools that the agent has, has not, and that nobody has.
NAMES = st.sampled_from([*HELD, "http_request", "shop__orders", "drop_tables", "", "x" * 300]) | WORDS

CALLS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "arguments": ARGUMENTS}, optional={"id": st.just("same") | WORDS}), max_size=3
)

TEXTS = WORDS | st.sampled_from(["", " \n", "\x00", "a\\ud800b", "barley " * 20_000, "{{ user }}", "{% for %}"])

REASONS = st.sampled_from([None, "stop", "length", "tool_calls", "content_filter", "made_up"])

SCRIPTS = st.lists(
    st.fixed_dictionaries({"text": TEXTS, "calls": CALLS, "finish_reason": REASONS}), min_size=1, max_size=4
)

#: Answers that are not what the API promises.
BODIES = (
    "",
    "null",
    "[]",
    "{}",
    "not JSON",
    '{"choices": []}',
    '{"choices": null, "usage": null}',
    '{"choices": [{}]}',
    '{"choices": [{"index": 0, "message": null, "delta": null}]}',
    '{"choices": [{"index": 0, "message": {"content": 7}, "delta": {"content": 7}}]}',
    '{"choices": [{"index": 0, "message": {"content": "barley"}, "delta": {"content": "barley"}}], "usage": null}',
    '{"choices": [{"index": 0, "message": {"content": "rye"}}], "usage": {"prompt_tokens": -9}}',
    '{"choices": [{"index": 0, "message": {"tool_calls": [null]}, "delta": {"tool_calls": [null]}}]}',
    '{"choices": [{"index": 0, "message": {"tool_calls": [{"function": null}]}}]}',
    '{"choices": [{"index": 0, "message": {"content": "oats"}}], "usage": {"prompt_tokens": "many"}}',
)
