"""The settings that a process hands on to its children are those that they read."""

from typing import Any

import pytest

from producers.cli.environment import environment
from shared.settings import Settings


def test_a_child_reads_the_settings_that_its_parent_had(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {
        "OPENAI_API_KEY": "sk-1",
        "master_keys": "a2V5",
        "tool_networks": ["10.2.0.0/16"],
        "prices": {"m": {"input": "1", "output": "2"}},
        "providers": {
            "eu": {"base_url": "http://eu/v1", "region": "eu", "api_key": "sk-2", "models": {"m": {"window": 8000}}},
            "us": {"region": "us"},
        },
    }
    settings = Settings(**told)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
