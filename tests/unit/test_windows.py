"""The calendar windows of budgets: hour, day and month in UTC, whatever the calendar does."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gate.windows import Window, Windows

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@pytest.mark.parametrize(
    ("moment", "ids", "left"),
    [
        ("2026-11-22T18:59:59.5", ("h2026-11-22T18", "d2026-11-22", "m2026-11"), (0.5, 18000.5, 709200.5)),
        ("2026-12-31T23:00:00", ("h2026-12-31T23", "d2026-12-31", "m2026-12"), (3600, 3600, 3600)),
        ("2027-01-01T00:00:00", ("h2027-01-01T00", "d2027-01-01", "m2027-01"), (3600, 86400, 31 * 86400)),
        ("2028-02-28T12:00:00", ("h2028-02-28T12", "d2028-02-28", "m2028-02"), (3600, 43200, 129600)),
        ("2027-02-28T12:00:00", ("h2027-02-28T12", "d2027-02-28", "m2027-02"), (3600, 43200, 43200)),
        ("2100-02-28T00:00:00", ("h2100-02-28T00", "d2100-02-28", "m2100-02"), (3600, 86400, 86400)),
    ],
)
def test_windows_end_where_the_calendar_says(moment: str, ids: tuple[str, ...], left: tuple[float, ...]) -> None:
    windows = Windows.at(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert tuple(windows) == tuple(Window(name, seconds) for name, seconds in zip(ids, left, strict=True))


@given(MOMENTS)
def test_a_moment_lies_in_its_windows_and_their_ends_do_not(moment: datetime) -> None:
    for index, window in enumerate(Windows.at(moment)):
        end = moment + timedelta(seconds=window.left)
        assert window.left > 0
        last, following = (tuple(Windows.at(at))[index].id for at in (end - timedelta(milliseconds=1), end))
        assert following > window.id, "ids sort by time"
        assert window.left < 0.001 or last == window.id


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_windows_are_of_utc_whatever_zone_a_moment_is_told_in(moment: datetime, minutes: int) -> None:
    told = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert Windows.at(told) == Windows.at(moment)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 24), ("2026-10-25", 24)])
def test_days_have_24_hours_where_clocks_change(day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    midnight = noon.astimezone(UTC).replace(hour=0)
    assert Windows.at(midnight).day.left == hours * 3600
