"""What a tenant may do at once, as its tier sets it and its own settings change it."""

from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.kinds import Family


class Limits(BaseModel):
    """Jobs at once, in all and per family, and jobs that may wait per lane."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    running: int = Field(ge=0, le=100_000, description="Jobs running at once, over all families.")
    turns: int = Field(ge=0, le=100_000)
    ingest: int = Field(ge=0, le=100_000)
    embed: int = Field(ge=0, le=100_000)
    ops: int = Field(ge=0, le=100_000)
    backlog: int = Field(ge=0, le=10_000_000, description="Jobs that may wait in one lane before doors refuse.")

    def changed(self, changes: dict[str, Any]) -> Self:
        """These limits with some of them changed; unknown names are refused."""
        return type(self).model_validate(self.model_dump() | changes)


class Configuration(BaseModel):
    """What the gate knows of a tenant. Of two, the one with the higher version holds."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    version: int
    open: bool
    weight: float = Field(gt=0)
    limits: Limits

    def told(self) -> bytes:
        """As the scripts read it."""
        limits = {"running": self.limits.running} | {family.value: getattr(self.limits, family) for family in Family}
        return orjson.dumps({"open": self.open, "weight": self.weight, "limits": limits})
