"""What a tenant may do at once, per minute and per window, as its tier sets it and its own settings change it."""

from functools import cached_property
from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.kinds import Family


class Limits(BaseModel):
    """Jobs at once, in all and per family; jobs that may start per minute; and jobs that may wait per family."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    running: int = Field(ge=0, le=100_000, description="Jobs running at once, over all families.")
    turns: int = Field(ge=0, le=100_000)
    ingest: int = Field(ge=0, le=100_000)
    embed: int = Field(ge=0, le=100_000)
    ops: int = Field(ge=0, le=100_000)
    backlog: int = Field(ge=0, le=10_000_000, description="Jobs of one family that may wait before doors refuse.")
    backlog_turns: int | None = Field(None, ge=0, le=10_000_000, description="For one family, before `backlog`.")
    backlog_ingest: int | None = Field(None, ge=0, le=10_000_000)
    backlog_embed: int | None = Field(None, ge=0, le=10_000_000)
    backlog_ops: int | None = Field(None, ge=0, le=10_000_000)
    rate: int = Field(0, ge=0, le=1_000_000, description="Jobs started per minute, over all families; 0: any number.")
    burst: int = Field(1, ge=1, le=100_000, description="Jobs that may start at once after a pause, within `rate`.")

    def changed(self, changes: dict[str, Any]) -> Self:
        """These limits with some of them changed; unknown names are refused."""
        return type(self).model_validate(self.model_dump() | changes)

    def backlog_of(self, family: Family) -> int:
        """Jobs of this family that may wait, over all its lanes, those for later among them."""
        own: int | None = getattr(self, f"backlog_{family}")
        return self.backlog if own is None else own


class Budget(BaseModel):
    """A limit on what is drawn in one window: tokens (in and out alike), or nano-dollars.

    A hard budget is never exceeded: what might not fit is not called. A soft one is shown and counted when exceeded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(ge=0, le=2**53, description="Tokens, or nano-dollars (10^-9 USD).")
    hard: bool = True


class Budgets(BaseModel):
    """A tenant's budgets, and what becomes of a job that finds no room in a hard one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens_hour: Budget | None = None
    tokens_month: Budget | None = None
    usd_day: Budget | None = None
    usd_month: Budget | None = None
    over: Literal["wait", "deny"] = "wait"


class Configuration(BaseModel):
    """What the gate knows of a tenant. Of two, the one with the higher version holds."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    version: int
    open: bool
    weight: float = Field(gt=0)
    limits: Limits
    budgets: Budgets = Budgets()
    paused: bool = False

    @cached_property
    def told(self) -> bytes:
        """As the operations read it (`configure` in `scripts/place.lua`)."""
        limits = {"running": self.limits.running} | {family.value: getattr(self.limits, family) for family in Family}
        rate = {"rate": self.limits.rate, "burst": self.limits.burst}
        budgets = self.budgets.model_dump(exclude_none=True)
        standing = {"open": self.open, "paused": self.paused, "weight": self.weight}
        return orjson.dumps(standing | rate | {"limits": limits, "over": budgets.pop("over"), "budgets": budgets})
