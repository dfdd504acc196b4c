"""Business hours: when a tenant's agents answer, on the clocks and calendars of its own place."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Sequence[Weekday] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: As one would write it: 24:00 is the end of a day.
CLOCK = r"([01]\d|2[0-3]):[0-5]\d"

#: `09:00-17:30`.
Span = Annotated[str, StringConstraints(pattern=rf"^{CLOCK}-({CLOCK}|24:00)$")]

CLOSED = "We are closed at the moment. Please come back during our business hours."


#: Names of the zone that a machine happens to be in: the next machine is in another.
OF_A_MACHINE = frozenset({"localtime", "posixrules", "Factory"})


def _zone(name: str) -> str:
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        if name not in OF_A_MACHINE:
            return ZoneInfo(name).key
    raise ValueError(f"there is no time zone {name!r}: write it as `Europe/Berlin`")


def _day(told: object) -> date:
    """Of what pydantic takes for a day only what people would write: no number of seconds."""
    if isinstance(told, date):
        return told
    try:
        return date.fromisoformat(str(told))
    except ValueError:
        raise ValueError(f"there is no day {told!r}: write it as 2026-12-25") from None


class BusinessHours(BaseModel):
    """Days that are not named are closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: Annotated[str, AfterValidator(_zone)] = Field(description="Such as `Europe/Berlin`.")
    days: Mapping[Weekday, Annotated[Sequence[Span], Field(max_length=24)]] = Field(
        min_length=1, description="Spans such as `09:00-17:30`, by weekday; a day that is not named is closed."
    )
    holidays: Sequence[Annotated[date, BeforeValidator(_day)]] = Field(
        (), max_length=400, description="Closed whatever day of the week it is."
    )
    message: str = Field(CLOSED, min_length=1, max_length=4096, description="What users are told outside of them.")

    @model_validator(mode="after")
    def _spans_go_forward(self) -> Self:
        for day, spans in self.days.items():
            for span in spans:
                begin, _, end = span.partition("-")
                if begin >= end:
                    raise ValueError(
                        f"{day} {span}: a span ends after it begins; over midnight, write one for each day"
                    )
        return self

    def open_at(self, moment: datetime) -> bool:
        """`moment` knows its own zone. An hour that comes twice, where clocks are set back, is open twice."""
        there = moment.astimezone(ZoneInfo(self.time_zone))
        if there.date() in self.holidays:
            return False
        today = self.days.get(WEEKDAYS[there.weekday()], ())
        return any(_within(there.time(), span) for span in today)


def _within(clock: time, span: str) -> bool:
    begin, _, end = span.partition("-")
    return begin <= clock.isoformat("minutes") < end
