"""Every setting, read once at the start and passed on. Nothing else reads the environment."""

import json
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, PlainValidator, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import ConfigurationError
from shared.invalid import Wrong, first_wrong
from shared.providers import DEFAULT, Address, Key, Provider

Cell = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]


def _decoded(told: Any) -> Any:
    """JSON, as the environment has it. What was told is not repeated: there may be keys in it."""
    try:
        return json.loads(told) if isinstance(told, str) else told
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error


def _network(told: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(told if isinstance(told, IPv4Network | IPv6Network) else str(told))
    except ValueError as error:
        raise ValueError(f"{error}; write networks as 10.2.0.0/16 or fd00::/8") from error


#: Written as JSON where it stands in the environment.
Json = BeforeValidator(_decoded)
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]


class Settings(BaseSettings):
    """Headgate's configuration. A URL that is not set means: embedded, under `HEADGATE_HOME`."""

    model_config = SettingsConfigDict(
        env_prefix="HEADGATE_", extra="ignore", frozen=True, populate_by_name=True, enable_decoding=False
    )

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
    stream_url: str | None = Field(
        None, description="The Redis of turns' streams; default: the bus, where that is a Redis, else the gate's."
    )
    objects_url: str | None = Field(None, description="Where exports are put; default: `objects/` under the home.")

    openai_api_key: Key = Field(None, alias="OPENAI_API_KEY", description="Key of the model provider.")
    openai_base_url: Address = Field(
        None, alias="OPENAI_BASE_URL", description="Address of an OpenAI-compatible server; default: OpenAI's."
    )
    providers: Annotated[dict[str, Provider], Json] = Field(
        default_factory=dict,
        description='Model providers besides `openai`, or in its place: `{"name": {"base_url": …, "region": …, '
        '"api_key": …, "models": {"name": {"window": 128000}}}}`.',
    )
    tool_networks: Annotated[list[Network], Json] = Field(
        default_factory=list,
        description='Networks that are not public and that tenants\' endpoints may yet be in: `["10.2.0.0/16"]`.',
    )
    master_keys: SecretStr | None = Field(
        None,
        description="What tenants' secrets are sealed with, in base64, 32 bytes each, by commas; the first seals.",
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
    prices: Annotated[dict[str, dict[str, str]], Json] = Field(
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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    metrics_port: int | None = Field(None, description="Port that serves Prometheus metrics; none: off.")
    metrics_address: str = Field("127.0.0.1", description="Address on which that port listens; they ask for no key.")

    @property
    def every_provider(self) -> Mapping[str, Provider]:
        """By name, in the order in which they are asked where none is named."""
        if DEFAULT in self.providers:
            return self.providers
        told = {"base_url": self.openai_base_url, "api_key": self.openai_api_key, "call_log_url": self.call_log_url}
        return {DEFAULT: Provider.model_validate(told), **self.providers}


def read() -> Settings:
    """The settings as the environment gives them; one that is wrong is named with what is wrong with it."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = first_wrong(error)
        setting, *place = wrong.place
        name = str(setting).upper()
        variable = name if name.startswith("OPENAI_") else f"HEADGATE_{name}"
        raise ConfigurationError(f"{variable} is not set right: {Wrong(place, wrong.said)}") from error


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
