"""The calendar windows that budgets count in: hour, day and month, in UTC.

A window is known by its id, so nothing is ever reset: a new hour counts under a new name. An intent belongs to the
windows of the moment at which Postgres committed it; that is the only clock that says which these are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Window:
    """`left`: seconds from the moment it was made for until the window ends."""

    id: str
    left: float


@dataclass(frozen=True)
class Windows:
    """The windows that one moment lies in."""

    hour: Window
    day: Window
    month: Window

    @classmethod
    def at(cls, moment: datetime) -> "Windows":
        now = moment.astimezone(UTC)
        hour = now.replace(minute=0, second=0, microsecond=0)
        day = hour.replace(hour=0)
        month = day.replace(day=1)
        next_month = (month + timedelta(days=31)).replace(day=1)
        ends = (hour + timedelta(hours=1), day + timedelta(days=1), next_month)
        names = (f"{hour:h%Y-%m-%dT%H}", f"{day:d%Y-%m-%d}", f"{month:m%Y-%m}")
        return cls(*(Window(name, (end - now).total_seconds()) for name, end in zip(names, ends, strict=True)))

    def __iter__(self) -> Iterator[Window]:
        return iter((self.hour, self.day, self.month))
