"""Circuits: what opens one, who probes it, what closes it, and whom it leaves alone."""

from contextlib import suppress

import httpx2
import openai
import pytest
from prometheus_client import REGISTRY

from shared import clock
from workers.calls import CallFailed, CallLost
from workers.models import circuits
from workers.models.circuit import (
    FAILURES,
    JITTER,
    KEY_SECONDS,
    LONGEST_OPEN,
    MOST_OF_ONE,
    OPEN_SECONDS,
    CircuitOpen,
)
from workers.models.circuits import Circuits, Line
from workers.models.errors import translated
from workers.models.failures import KeyRefused, NoKey, ProviderFailed, RateLimited, Unread

#: Tenants on the platform's key.
LINE, OTHER, THIRD = (Line("openai", tenant) for tenant in ("acme", "globex", "initech"))


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "monotonic", made)
    return made


def call(made: Circuits, how: Exception | None = None, line: Line = LINE) -> None:
    """A call that ends so; it is an error where it is not made."""
    if how is None:
        with made.calling(line):
            return
    with pytest.raises(type(how)) as raised, made.calling(line):
        raise how
    assert raised.value is how


def opened(made: Circuits, line: Line = LINE) -> None:
    for _ in range(FAILURES):
        call(made, ProviderFailed("500"), line)


def wait_of(made: Circuits, line: Line = LINE) -> float:
    """Seconds for which this line is not called."""
    with pytest.raises(CircuitOpen) as raised:
        call(made, line=line)
    return raised.value.after


def gauge() -> float:
    return REGISTRY.get_sample_value("headgate_circuit_open", {"provider": "openai"}) or 0.0


@pytest.mark.parametrize("fault", [ProviderFailed("500"), CallLost("cut")])
def test_failures_in_a_row_that_are_the_providers_open_it(time: Clock, fault: Exception) -> None:
    made, before = Circuits(), gauge()
    for _ in range(FAILURES):
        call(made, fault)
    assert OPEN_SECONDS <= wait_of(made) <= OPEN_SECONDS * (1 + JITTER)
    assert gauge() == before + 1


@pytest.mark.parametrize(
    "harmless",
    [
        RateLimited("429"),
        NoKey("none", own=True),
        Unread("Postgres is away"),
        CallFailed("400", retry=False),
        ValueError("a bug of ours"),
    ],
)
def test_what_is_not_the_providers_fault_opens_nothing(time: Clock, harmless: Exception) -> None:
    made = Circuits()
    for _ in range(2 * FAILURES):
        call(made, harmless)
    call(made)


@pytest.mark.parametrize("fault", [CallLost("no whole answer within 0.1 seconds"), ProviderFailed("not reached in it")])
def test_a_call_that_its_run_left_too_little_time_says_nothing_by_failing(time: Clock, fault: Exception) -> None:
    made = Circuits()
    for _ in range(2 * FAILURES):
        with pytest.raises(type(fault)), made.calling(LINE, hurried=True):
            raise fault
    call(made)


@pytest.mark.parametrize("answer", [None, CallFailed("400", retry=False)])
def test_an_answer_ends_the_row(time: Clock, answer: Exception | None) -> None:
    made = Circuits()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            call(made, ProviderFailed("500"))
        call(made, answer)
    call(made)


def test_a_refused_key_opens_its_own_circuit_at_once_and_no_other(time: Clock) -> None:
    made, own = Circuits(), Line("openai", "acme", "live")
    call(made, KeyRefused("401"), own)
    assert KEY_SECONDS <= wait_of(made, own) <= KEY_SECONDS * (1 + JITTER)
    call(made)
    call(made, line=Line("openai", "globex", "live"))
    call(made, line=Line("mistral", "acme", "live"))


@pytest.mark.parametrize("fault", [ProviderFailed("500"), CallLost("no whole answer within 120 seconds")])
def test_a_tenant_alone_keeps_nobody_else_from_the_platforms_key(time: Clock, fault: Exception) -> None:
    """Its requests are too large, say: as often as it asks, and whatever it waits."""
    made = Circuits()
    for _ in range(5):
        for _ in range(FAILURES):
            with pytest.raises((type(fault), CircuitOpen)), made.calling(LINE):
                raise fault
        assert wait_of(made) > 0
        call(made, RateLimited("429"), OTHER)
        time.now += LONGEST_OPEN
    call(made, line=OTHER)


def test_failures_of_two_tenants_open_the_platforms_key_for_all(time: Clock) -> None:
    made, before = Circuits(), gauge()
    for line in [LINE] * MOST_OF_ONE + [OTHER] * (FAILURES - MOST_OF_ONE):
        call(made, ProviderFailed("500"), line)
    assert wait_of(made, THIRD) <= OPEN_SECONDS * (1 + JITTER)
    assert gauge() == before + 1
    call(made, line=Line("openai", "acme", "live"))
    call(made, line=Line("mistral", "acme"))


def test_a_key_of_the_platforms_that_is_refused_is_found_out_by_the_second_tenant(time: Clock) -> None:
    made = Circuits()
    call(made, KeyRefused("401"))
    call(made, KeyRefused("401"), OTHER)
    for line in (LINE, OTHER, THIRD):
        assert KEY_SECONDS <= wait_of(made, line) <= KEY_SECONDS * (1 + JITTER)


@pytest.mark.parametrize("fault", [KeyRefused, ProviderFailed])
def test_what_a_provider_said_to_one_tenant_is_told_to_no_other(
    time: Clock, fault: type[KeyRefused] | type[ProviderFailed]
) -> None:
    """Providers quote what they were asked."""
    made = Circuits()
    for line in [LINE] * MOST_OF_ONE + [OTHER] * (FAILURES - MOST_OF_ONE):
        with suppress(CircuitOpen, fault), made.calling(line):
            raise fault(f"cannot answer the secret of {line.tenant}")
    with pytest.raises(CircuitOpen) as raised:
        call(made, line=THIRD)
    assert "secret" not in str(raised.value)
    with pytest.raises(CircuitOpen) as raised:
        call(made, line=LINE)
    assert "globex" not in str(raised.value)


def test_who_brought_a_shared_circuit_to_open_cannot_keep_it_so_as_its_probe(time: Clock) -> None:
    """Two that fail together are let in again when its time is over; what they find out then is for them alone."""
    made = Circuits()
    for line in [LINE] * MOST_OF_ONE + [OTHER] * (FAILURES - MOST_OF_ONE):
        call(made, ProviderFailed("500"), line)
    time.now += OPEN_SECONDS * (1 + JITTER)
    for line in (LINE, OTHER):
        call(made, ProviderFailed("500"), line)
        assert wait_of(made, line) > 0
    call(made, line=THIRD)
    assert not made._failing.keys() & {THIRD, Line("openai")}


def test_who_failed_nowhere_before_opens_a_shared_circuit_again_as_its_probe(time: Clock) -> None:
    made = Circuits()
    for line in [LINE] * MOST_OF_ONE + [OTHER] * (FAILURES - MOST_OF_ONE):
        call(made, ProviderFailed("500"), line)
    time.now += OPEN_SECONDS * (1 + JITTER)
    call(made, ProviderFailed("500"), THIRD)
    assert wait_of(made, Line("openai", "umbrella")) >= 2 * OPEN_SECONDS


def test_a_probe_that_fails_after_another_call_was_answered_opens_nothing_for_others(time: Clock) -> None:
    made = Circuits()
    opened(made)
    time.now += OPEN_SECONDS * (1 + JITTER)

    def probe() -> None:
        with made.calling(LINE):
            made._answered(LINE)  # by one that was under way
            raise ProviderFailed("500")

    with pytest.raises(ProviderFailed):
        probe()
    assert not made._failing[Line("openai")].is_open
    call(made, line=OTHER)


def test_one_call_alone_probes_an_open_circuit_and_closes_it_when_it_is_answered(time: Clock) -> None:
    made, before = Circuits(), gauge()
    opened(made)
    time.now += OPEN_SECONDS * (1 + JITTER)
    with made.calling(LINE):
        assert wait_of(made) > 0
    call(made)
    assert gauge() == before


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound(time: Clock) -> None:
    made = Circuits()
    opened(made)
    waits = []
    for _ in range(6):
        time.now += LONGEST_OPEN * (1 + JITTER)
        call(made, ProviderFailed("500"))
        waits.append(wait_of(made))
    assert waits[0] >= 2 * OPEN_SECONDS
    assert waits[1] >= 4 * OPEN_SECONDS
    assert LONGEST_OPEN <= waits[-1] <= LONGEST_OPEN * (1 + JITTER)


@pytest.mark.parametrize("end", [RateLimited("429"), ValueError("the run was stopped")])
def test_a_probe_that_tells_nothing_leaves_the_next_call_to_probe(time: Clock, end: Exception) -> None:
    made = Circuits()
    opened(made)
    time.now += OPEN_SECONDS * (1 + JITTER)
    call(made, end)
    call(made)
    call(made)


def test_calls_that_went_out_before_it_opened_do_not_keep_it_open(time: Clock) -> None:
    made = Circuits()
    first: list[float] = []

    def call_of_long_ago() -> None:
        with made.calling(LINE):
            opened(made)
            first.append(wait_of(made))
            raise ProviderFailed("late")

    with pytest.raises(ProviderFailed, match="late"):
        call_of_long_ago()
    assert wait_of(made) == first[0]


def test_no_more_circuits_are_remembered_than_a_bound(time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "MOST", 3)
    made, before = Circuits(), gauge()
    for number in range(10):
        call(made, KeyRefused("401"), Line("openai", "acme", f"{number}"))
    assert gauge() == before + 3
    call(made, line=Line("openai", "acme", "0"))
    assert wait_of(made, Line("openai", "acme", "9")) > 0


def test_a_call_that_is_not_permitted_fails_alone(time: Clock) -> None:
    """Its model or its words may be to blame: one tenant's must not keep the platform's key from all others."""
    made, told = Circuits(), httpx2.Response(403, request=httpx2.Request("POST", "https://models.example/"))
    refused = openai.PermissionDeniedError("your project has no access to this model", response=told, body=None)
    for _ in range(FAILURES):
        with pytest.raises(CallFailed, match="403") as raised, made.calling(LINE), translated():
            raise refused
        assert raised.value.retry
    call(made)
