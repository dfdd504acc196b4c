"""Settles finished steps in the gate, turns their draws into usage records, each once, and marks them.

Whatever died between a step's outcome and its settling, or between two of these three, is made up for here, for all
three may be repeated: so no reservation is left over and no draw off the bill. A gate that is closed or away holds the
round up, for a step that is marked is settled by nobody; the bill is late then, and says so (`usage_lag_seconds`).
An unknown step goes on record at its worst case and keeps its reservation until somebody knows better.

Control and tenant data are two databases; no transaction spans them.
"""

from collections.abc import Iterator, Sequence

import structlog

from shared import clock
from shared.cell import Cell
from shared.errors import Unavailable
from shared.gate.gate import GateClosed, GateFull
from shared.ledger import recording
from shared.ledger.recording import Finished
from shared.metering.prices import Cost, Tokens, UnknownPrice
from shared.metering.usage import NANO
from shared.telemetry import metrics
from workers.metering import books
from workers.metering.books import Priced
from workers.metering.soft import SoftBudgets

#: Steps per round; a full round is followed by another at once.
BATCH = 500

#: Seconds between two rounds that found nothing.
PAUSE = 1.0

log = structlog.get_logger(__name__)


class Recorder:
    """Runs beside others of its kind: what one has locked, the others skip."""

    def __init__(self, cell: Cell) -> None:
        self._cell, self._soft = cell, SoftBudgets(cell)
        self._unpriced: set[str] = set()

    def record(self) -> float:
        """One round; answers the seconds until the next."""
        with self._cell.metering.transaction() as tenant_data:
            found = recording.finished(tenant_data, but=sorted(self._unpriced), limit=BATCH)
            oldest = min((step.ended_at for step in found), default=None)
            metrics.USAGE_LAG.set((clock.now() - oldest).total_seconds() if oldest else 0)
            if not found or not self._settled(found):
                return PAUSE
            priced = list(self._priced(found))
            books.write(self._cell.metering, priced)
            recording.mark(tenant_data, [each.step for each in priced])
        self._observe(priced)
        self._soft.look({each.step.tenant_id for each in priced})
        return 0.0 if len(priced) == BATCH else PAUSE

    def _settled(self, found: Sequence[Finished]) -> bool:
        """Put what was drawn in the place of what was held; False where the gate does not answer."""
        try:
            permits = self._cell.gate.settle([(step.call_id, step.draw) for step in found if step.known])
        except (GateClosed, GateFull, Unavailable) as error:
            log.info("steps are recorded when the gate has settled them", steps=len(found), error=str(error))
            return False
        self._cell.permits.publish(permits)
        return True

    def _priced(self, found: Sequence[Finished]) -> Iterator[Priced]:
        """A draw whose price has been taken away keeps no other off the bill: it waits for a recorder that knows one.

        Prices are settings, so this process will not learn any: it leaves the model's draws out from now on.
        """
        for step in found:
            try:
                lost = step.reconciled or not step.known
                yield Priced(step, self._cost(step, step.tokens), self._cost(step, step.worst if lost else Tokens()))
            except UnknownPrice as error:
                self._unpriced.add(step.model)
                log.warning("draws wait for a price", model=step.model, call=step.call_id, error=str(error))

    def _cost(self, step: Finished, tokens: Tokens) -> Cost:
        if not tokens.total or step.billed_to == "tenant":  # its own key paid
            return Cost(0, 0)
        return self._cell.prices.cost(step.model, tokens, step.ended_at)

    def _observe(self, priced: Sequence[Priced]) -> None:
        """Count what is known to be drawn; a counter cannot take back what a lost call did not draw after all."""
        for each in priced:
            step, tier = each.step, self._cell.tenants.get(each.step.tenant_id).tier
            model = metrics.model_label(step.model)
            metrics.TOKENS.labels(tier=tier, model=model, direction="input").inc(step.tokens.input)
            metrics.TOKENS.labels(tier=tier, model=model, direction="output").inc(step.tokens.output)
            usd = each.drawn.total / NANO
            metrics.COST.labels(tier=tier, model=model, billed_to=step.billed_to).inc(usd)
