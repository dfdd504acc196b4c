"""The envelope says the same on both sides of the bus, whatever stands in it."""

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import REPLY_PREFIX, TYPE_PREFIX, Envelope, strings_of
from shared.contracts.kinds import KINDS

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants bounds
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)

ENVELOPES = st.builds(
    Envelope,
    specversion=st.just("1.0"),
    id=WORDS,
    source=WORDS,
    type=st.sampled_from(sorted(KINDS)).map(TYPE_PREFIX.__add__),
    authorization=st.none() | WORDS,
    data=st.dictionaries(WORDS, JSON, max_size=5),
    time=st.none() | MOMENTS,
    tenantid=st.none() | NAMES,
    tenantids=st.none() | st.lists(NAMES, max_size=3),
    orderingkey=st.none() | WORDS,
    priority=st.integers(0, 9),
    runat=st.none() | MOMENTS,
    traceparent=st.none() | WORDS,
    replyto=st.none() | NAMES.map(lambda name: f"{REPLY_PREFIX}{name}.main"),
)


def sent(envelope: Envelope, **strange: Any) -> bytes:
    return orjson.dumps(envelope.model_dump(mode="json", exclude_none=True) | strange)


@given(ENVELOPES)
def test_an_envelope_comes_back_as_it_was_sent(envelope: Envelope) -> None:
    back = Envelope.model_validate(orjson.loads(sent(envelope)))
    assert back == envelope
    assert back.body_hash() == envelope.body_hash()


@given(ENVELOPES, WORDS.map(lambda word: f"x{word}"), JSON)
def test_attributes_that_nobody_knows_change_nothing(envelope: Envelope, name: str, value: Any) -> None:
    assert Envelope.model_validate(orjson.loads(sent(envelope, **{name: value}))) == envelope


@given(ENVELOPES, JSON)
def test_another_payload_is_another_job(envelope: Envelope, value: Any) -> None:
    other = envelope.model_copy(update={"data": envelope.data | {"": value}})
    assert other.body_hash() != envelope.body_hash()


@given(ENVELOPES, WORDS)
def test_who_asks_and_when_does_not_make_another_job(envelope: Envelope, key: str) -> None:
    again = envelope.model_copy(update={"authorization": key, "time": None, "replyto": None, "traceparent": key})
    assert again.body_hash() == envelope.body_hash()


@given(JSON)
def test_every_string_of_a_value_is_found(value: Any) -> None:
    marked = {"a": [value, {"the mark": value}], "b": "the other"}
    assert {"a", "the mark", "b", "the other"} <= set(strings_of(marked))
