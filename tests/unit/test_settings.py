"""Settings that are wrong: one line that names the variable and what is wrong with it, never a traceback."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from producers.cli.commands.up import keyless
from shared.errors import ConfigurationError
from shared.providers import Provider
from shared.settings import Settings, read
from tests.support.workers import ROOT

#: A key that stands in what is wrong, and may not be repeated.
KEY = "sk-do-not-show"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HEADGATE_PROVIDERS", f"{{bad {KEY}", "it is no JSON"),
        ("HEADGATE_PRICES", "x", "it is no JSON"),
        ("HEADGATE_TOOL_NETWORKS", "x", "it is no JSON"),
        ("HEADGATE_TOOL_NETWORKS", "[" * 100_000, "it is no JSON"),
        ("HEADGATE_PROVIDERS", '{"eu": {}, "a": 1}', "a: Input should be"),
        ("HEADGATE_PROVIDERS", f'{{"a": {{"api_key": "{KEY}", "windows": 1}}}}', "a.windows: Extra inputs"),
        ("HEADGATE_TOOL_NETWORKS", '["10.2.0.0/16", "x"]', "1: 'x' does not appear to be an IPv4 or IPv6 network"),
        ("HEADGATE_TOOL_NETWORKS", '["10.2.0.1/16"]', "write networks as 10.2.0.0/16"),
        ("HEADGATE_LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("HEADGATE_LEASE_SECONDS", "soon", "should be a valid number"),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        read()
    line = str(raised.value)
    assert line.startswith(f"{name} is not set right: ")
    assert said in line
    assert KEY not in line
    assert "\n" not in line


def test_a_worker_says_in_one_line_which_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_PROVIDERS", "{bad")
    command = (sys.executable, "-m", "celery", "-A", "workers.app", "worker")
    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith("HEADGATE_PROVIDERS is not set right: it is no JSON")


def test_a_platform_has_a_key_if_any_of_its_providers_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told: dict[str, Any] = {"providers": {"eu": {"region": "eu"}}}
    assert keyless(Settings(**told))
    assert not keyless(Settings(**told, OPENAI_API_KEY="sk-1"))
    assert not keyless(Settings(providers={"eu": Provider(api_key=SecretStr("sk-2"))}))
