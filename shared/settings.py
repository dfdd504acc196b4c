"""Every setting, read once at the start and passed on. Nothing else reads the environment."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Cell = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]


class Settings(BaseSettings):
    """Headgate's configuration. A URL that is not set means: embedded, under `HEADGATE_HOME`."""

    model_config = SettingsConfigDict(env_prefix="HEADGATE_", extra="ignore", frozen=True, populate_by_name=True)

    home: Path = Field(Path(".headgate"), description="Where the embedded servers keep their data, and exports go.")
    cell: Cell = Field("main", description="Name of this gate; keys in Redis begin with `hg:{<cell>}:`.")

    database_url: str | None = Field(None, description="PostgreSQL as role `headgate_app`.")
    database_admin_url: str | None = Field(None, description="PostgreSQL for migrations and provisioning.")
    database_dispatcher_url: str | None = Field(
        None, description="PostgreSQL as `headgate_dispatcher`; default: the app's URL with that role's name."
    )
    database_metering_url: str | None = Field(
        None, description="PostgreSQL as `headgate_metering`; default: the app's URL with that role's name."
    )
    redis_url: str | None = Field(None, description="The gate's Redis.")
    broker_url: str | None = Field(None, description="Celery's broker; default: the gate's Redis, next database.")
    bus_url: str | None = Field(None, description="The bus (`redis://` or `amqp://`); default: the broker.")
    objects_url: str | None = Field(None, description="Where exports are put; default: `objects/` under the home.")

    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY", description="Key of the model provider.")
    openai_base_url: str | None = Field(
        None, alias="OPENAI_BASE_URL", description="Address of an OpenAI-compatible server; default: OpenAI's."
    )
    call_log_url: str | None = Field(
        None,
        description="A rehearsal model, which keeps a log of the calls it served: lost calls are reconciled from it. "
        "None: they stay unknown.",
    )
    call_log_grace_seconds: float = Field(
        300.0, ge=0, description="Age at which a lost call that the provider's log does not know was never served."
    )
    embedding_model: str = Field("text-embedding-3-small", description="Model that embeds passages and queries.")
    prices: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description='Prices per million tokens in USD that add to the bundled table: `{"model": {"input": "0.5", '
        '"output": "1.5"}}`.',
    )

    lease_seconds: float = Field(30.0, gt=0, description="How long a claimed job stays leased without a renewal.")
    run_on_seconds: float = Field(30.0, ge=0, description="How long an awake slot goes on claiming jobs (threads).")
    stop_seconds: float = Field(20.0, ge=0, description="How long a stopping worker may finish before it hands back.")
    failures_allowed: int = Field(5, ge=1, description="Failures after which a job is dead.")
    access_cache_seconds: float = Field(10.0, ge=0, description="Longest time a revoked key may still be honoured.")
    envelope_bytes: int = Field(1_048_576, ge=1024, description="Largest message a door takes.")
    closed_gate_backlog: int = Field(
        100_000, ge=0, description="Most jobs the doors accept unoffered while the gate is closed."
    )
    refused_kept: int = Field(10_000, ge=0, description="Most refused messages kept for inspection.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    metrics_port: int | None = Field(None, description="Port that serves Prometheus metrics; none: off.")
    metrics_address: str = Field("127.0.0.1", description="Address on which that port listens; they ask for no key.")


def with_role(url: str, role: str) -> str:
    """The same database URL, logging in as `role`."""
    parts = urlsplit(url)
    _, at, host = parts.netloc.rpartition("@")
    userinfo = parts.netloc[: -len(at + host)] if at else ""
    _, colon, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=f"{role}{colon}{password}@{host}"))


def next_redis_database(url: str) -> str:
    """The same Redis, one database further: where Celery's queues live when no broker is named."""
    parts = urlsplit(url)
    database = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{database + 1}"))
