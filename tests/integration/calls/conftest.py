"""Calls are made as if this machine named no proxy, and trusted the provider of the tests."""

import os
import time

import pytest

from tests.support.balky import CERTIFICATE, Balky
from tests.support.calling import LONG, OverOnce
from workers.network import bounds


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates that are trusted; no proxy that this machine may name."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture
def over_once(monkeypatch: pytest.MonkeyPatch) -> OverOnce:
    """The time of a call is over as soon as this provider has heard of it."""

    def arrange(there: Balky) -> None:
        monkeypatch.setattr(bounds, "monotonic", lambda: time.monotonic() + LONG * there.asked.is_set())

    return arrange
