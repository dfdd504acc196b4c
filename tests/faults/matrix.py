"""The faults, by name."""

from collections.abc import Mapping

from tests.faults import clocks, kills, messages, models, permits, points, stores, ways
from tests.faults.fault import Fault

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for rows in (kills, points, stores, permits, clocks, ways, messages, models)
    for fault in rows.FAULTS
}
