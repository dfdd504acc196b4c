"""Business hours: on the clocks and calendars of the tenant's place, whatever the clocks there do."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from shared.agents.hours import WEEKDAYS, BusinessHours

SPANS = ["00:00-02:30", "09:00-12:30", "22:00-24:00"]
HOURS = BusinessHours(
    time_zone="Europe/Berlin",
    days={day: SPANS for day in WEEKDAYS if day != "sunday"} | {"sunday": ["02:00-03:00"]},
    holidays=["2026-12-25"],
)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:00:00+00:00", True),  # 09:00 in Berlin, a Monday
        ("2026-11-23T07:59:59.999999+00:00", False),
        ("2026-11-23T11:29:59.999999+00:00", True),
        ("2026-11-23T11:30:00+00:00", False),
        ("2026-11-22T23:30:00+00:00", True),  # Sunday in London, Monday in Berlin
        ("2026-11-23T22:59:59+00:00", True),  # the last second of the day
        ("2026-11-23T23:00:00+00:00", True),  # over midnight, by the span of the next day
        ("2026-11-24T06:00:00-05:00", True),  # 12:00 in Berlin, whoever says it
        ("2026-07-06T07:30:00+00:00", True),  # 09:30 in summer
        ("2026-03-29T00:59:59+00:00", False),  # a Sunday: from 01:59:59 clocks go to 03:00
        ("2026-03-29T01:00:00+00:00", False),
        ("2026-10-25T00:30:00+00:00", True),  # a Sunday: 02:30 comes twice
        ("2026-10-25T01:30:00+00:00", True),
        ("2026-10-25T02:00:00+00:00", False),
        ("2026-12-25T10:00:00+00:00", False),
        ("2026-12-24T23:30:00+00:00", False),  # it is Christmas in Berlin already
    ],
)
def test_it_is_open_by_the_clock_of_the_place(moment: str, *, is_open: bool) -> None:
    assert HOURS.open_at(datetime.fromisoformat(moment)) is is_open


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("22:00-06:00", "over midnight, write one for each day"),
        ("09:00-09:00", "ends after it begins"),
        ("24:00-24:00", "pattern"),
        ("09:00-24:01", "pattern"),
        ("9:00-10:00", "pattern"),
    ],
)
def test_a_span_goes_forward_within_a_day(span: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        BusinessHours(time_zone="UTC", days={"monday": [span]})


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "../../etc/passwd", "", "Europe/Nowhere", "UTC\0"])
def test_a_zone_is_one_that_all_machines_know_alike(zone: str) -> None:
    with pytest.raises(ValidationError, match="there is no time zone"):
        BusinessHours(time_zone=zone, days={"monday": []})


@pytest.mark.parametrize("day", ["2026-13-01", "tomorrow", 5])
def test_a_holiday_is_a_day_of_the_calendar(day: object) -> None:
    with pytest.raises(ValidationError, match=r"there is no day .*: write it as 2026-12-25"):
        BusinessHours.model_validate({"time_zone": "UTC", "days": {"monday": []}, "holidays": [day]})
