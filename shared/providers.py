"""Model providers: any server that speaks OpenAI's API, with its address, region, key and models."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

#: The provider that `OPENAI_API_KEY` and `OPENAI_BASE_URL` name, unless the settings name one so themselves.
DEFAULT = "openai"

#: Where a provider is that names no address: OpenAI's.
OPENAI = "https://api.openai.com/v1"

#: What a header of HTTP can carry without being more than one: visible characters, no line's end.
SECRET = re.compile(r"[\x21-\x7e]{1,4096}")

#: Tokens that a model of which nothing is said takes in one request, answer included: what the small ones of 2026 take.
WINDOW = 128_000


def _key(told: Any) -> str | None:
    """As it may be sent. A file's last line break is no part of a key, and an empty one is none."""
    said = str(told.get_secret_value() if isinstance(told, SecretStr) else told or "").strip()
    if said and not SECRET.fullmatch(said):
        raise ValueError("a key is one line of visible characters, 4,096 at most")
    return said or None


def _address(told: str | None) -> str | None:
    parts = urlsplit(told or OPENAI)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address begins with http:// or https:// and names a host")
    return told or None


#: A key for a provider.
Key = Annotated[SecretStr | None, BeforeValidator(_key)]

#: Where a provider is.
Address = Annotated[str | None, AfterValidator(_address)]


class Model(BaseModel):
    """What must be known of a model to ask it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: int = Field(WINDOW, ge=1024, description="Tokens of a request and its answer together.")


class Provider(BaseModel):
    """`models` None: whichever it is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: Address = Field(None, description="None: OpenAI's.")
    region: str | None = Field(None, description="Where it computes: `eu`, `us`; what is more precise begins so.")
    api_key: Key = Field(None, description="The platform's. None: only tenants with keys of their own.")
    models: Mapping[str, Model] | None = None
    call_log_url: str | None = Field(None, description="A rehearsal model's log, from which lost calls are reconciled.")

    @property
    def address(self) -> str:
        return self.base_url or OPENAI

    def has(self, model: str) -> bool:
        return self.models is None or model in self.models

    def window(self, model: str) -> int:
        """Tokens that this model takes in one request, answer included."""
        return self.models[model].window if self.models and model in self.models else WINDOW

    def computes_in(self, residency: str | None) -> bool:
        """Whether what may not leave this region may be told to it; one whose region nobody names is nowhere."""
        if residency is None:
            return True
        return self.region is not None and (self.region == residency or self.region.startswith(f"{residency}-"))
