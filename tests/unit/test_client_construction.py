"""What a service gets by importing and building a client, before anything is connected."""

import subprocess
import sys

import pytest

from producers.client import Headgate
from shared.errors import ConfigurationError

#: What a service must not be made to import; each of them is Headgate's own business.
HEAVY = {"sqlalchemy", "psycopg", "celery", "openai", "alembic", "pydantic_settings", "workers"}

NOWHERE = "redis://127.0.0.1:1/0"


def test_importing_the_client_brings_no_database_and_no_celery() -> None:
    script = "import sys, producers.client; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "redis" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("principal", ["Acme", "", "a.b", "jobs\n"])
def test_a_client_whose_answers_could_not_reach_it_is_not_built(principal: str) -> None:
    with pytest.raises(ConfigurationError, match="principal"):
        Headgate(NOWHERE, "hg_key", source="/", principal=principal)


@pytest.mark.parametrize("name", ["", "a.b", "x" * 65])
def test_a_client_without_a_proper_name_is_not_built(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        Headgate(NOWHERE, "hg_key", principal="acme", name=name)


def test_a_client_does_not_show_its_key() -> None:
    assert "hg_secret" not in repr(Headgate(NOWHERE, "hg_secret", principal="acme"))
