"""How the model behaves, set at the start or while it runs: how slow it is, how much it says, how it fails."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.rehearsal.script import Round


class Fault(StrEnum):
    """The ways in which a call goes wrong."""

    RATE_LIMITED = "429"  #: refused with Retry-After; nothing is served
    KEY_REFUSED = "401"  #: the key is refused, and said aloud; nothing is served
    NO_QUOTA = "quota"  #: refused, because nothing is left on the key; nothing is served
    BROKEN = "500"  #: refused; nothing is served
    HANG = "hang"  #: not a byte comes; nothing is served
    LOST = "lost"  #: the answer is computed and counted as served, but not a byte comes
    CUT = "cut"  #: the connection drops in the middle of the answer, which counts as served whole
    SLOW = "slow"  #: the answer drips, one byte a second
    GARBLED = "garbled"  #: the answer counts as served, and is not what the API promises


class Rule(BaseModel):
    """One fault and the calls it strikes: the first rule in the list that fits a call strikes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault
    times: Annotated[int, Field(ge=1)] | None = Field(1, description="Calls that are struck; none: all that follow.")
    after: int = Field(0, ge=0, description="Fitting calls that are let pass first.")
    retry_after: float = Field(1.0, ge=0, description="Seconds said in Retry-After (429 only).")
    model: str | None = Field(None, description="Only calls to this model.")
    key: str | None = Field(None, description="Only calls with this key.")
    match: str | None = Field(None, description="Only calls whose last user message, or first text, contains this.")
    body: str = Field('{"choices": []}', description="Sent in the answer's place (garbled only).")


class RehearsalSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: float = Field(0.0, ge=0, description="Seconds before the first byte of an answer.")
    seconds_per_token: float = Field(0.0, ge=0, description="Pace of a stream.")
    chunk_tokens: int = Field(4, ge=1, description="Tokens in one chunk of a stream.")
    input_tokens: int | None = Field(None, ge=0, description="Input tokens of every call; none: counted.")
    output_tokens: int | None = Field(None, ge=1, description="Output tokens of every chat answer; none: counted.")
    hold_seconds: float = Field(600.0, gt=0, description="Longest time a hanging call is held.")
    script: tuple[Round, ...] = Field((), description="What is said in each round of a turn; none: its own wit.")
    keep_requests: bool = Field(False, description="Keep the bodies that are sent, for `GET /rehearsal/requests`.")
    faults: tuple[Rule, ...] = Field((), description="Rules, the first that fits strikes.")

    def changed(self, changes: dict[str, Any]) -> "RehearsalSettings":
        """These settings with some replaced."""
        return RehearsalSettings.model_validate(self.model_dump() | changes)
