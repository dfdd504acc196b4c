"""Soft budgets: calls pass; that one is exceeded is logged and counted, once a window.

The note that it was said (`shared.gate.keys.exceeded`) is kept in the gate's Redis and expires with the window, so
several recorders say it once. A flush makes it be said again.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from redis.exceptions import RedisError

from shared.cell import Cell
from shared.errors import Unavailable
from shared.gate import keys
from shared.gate.gate import GateClosed
from shared.gate.limits import Budget
from shared.metering.levels import Level, levels
from shared.stores.postgres import one
from shared.telemetry import metrics

log = structlog.get_logger(__name__)


class SoftBudgets:
    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def look(self, tenants: Iterable[str]) -> None:
        """Say which soft budgets of these tenants are exceeded by now."""
        try:
            for tenant, level, now in self._exceeded(tenants):
                self._say(tenant, level, seconds=(level.ends - now).total_seconds())
        except (GateClosed, Unavailable, RedisError) as error:
            log.info("soft budgets not looked at; the next draw has them looked at again", error=str(error))

    def _exceeded(self, tenants: Iterable[str]) -> Iterator[tuple[str, Level, datetime]]:
        for name in sorted(tenants):
            budgets = self._cell.tenants.get(name).budgets
            if not any(isinstance(budget, Budget) and not budget.hard for _, budget in budgets):
                continue
            with self._cell.metering.connection() as connection:
                now = one(connection, "SELECT now()")["now"]
            for level in levels(budgets, self._cell.gate.drawn(name), now):
                if level.exceeded and not level.hard:
                    yield name, level, now

    def _say(self, tenant: str, level: Level, *, seconds: float) -> None:
        note = keys.exceeded(self._cell.settings.cell, tenant, level.budget, level.window)
        if self._cell.redis.set(note, 1, nx=True, ex=math.ceil(seconds)):
            metrics.BUDGETS_EXCEEDED.labels(budget=level.budget).inc()
            about = {"budget": level.budget, "limit": level.limit, "drawn": level.drawn, "window": level.window}
            log.warning("a soft budget is exceeded", tenant=tenant, **about)
