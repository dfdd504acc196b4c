"""Code of the operator's own, by the entry points of installed packages: tools and hooks.

It runs in the workers with all that they may do, so it is trusted as Headgate's own code is; an operator installs what
they would deploy. Each is loaded once in a process. One that cannot be loaded is logged, and whoever needs it is told.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import structlog

from shared.errors import HeadgateError

log = structlog.get_logger(__name__)


class Broken(HeadgateError):  # noqa: N818 - it names a state
    """Code of the operator's own that cannot be used; the message says which, and why."""


@lru_cache(maxsize=8)
def loaded(group: str) -> Mapping[str, Any]:
    """What the entry points of a group stand for, by name and in the order of their names; `Broken` where one is so."""
    found: dict[str, Any] = {}
    for point in sorted(set(entry_points(group=group)), key=lambda point: (point.name, point.value)):
        if point.name in found:
            found[point.name] = _broken(point, "two packages have one of this name; take one away")
        else:
            found[point.name] = _load(point)
    return found


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary to code that may do anything when imported
        return _broken(point, f"{type(error).__name__}: {error}")


def _broken(point: EntryPoint, why: str) -> Broken:
    log.error("an entry point cannot be used", group=point.group, name=point.name, value=point.value, error=why)
    return Broken(f"{point.group} {point.name!r} ({point.value}) cannot be used: {why}")
