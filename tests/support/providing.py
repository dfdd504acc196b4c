"""Several model providers, each a rehearsal model with books of its own, and jobs that ask them by their context."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared.agents.configuration import Target
from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.tenancy import credentials
from shared.tenancy.owner import as_owner
from tests.support import cells
from tests.support.executing import Anything, Slot
from tests.support.rebuilding import submitted
from tests.support.waiting import eventually
from tests.support.walking import job
from workers.models.chat import ChatRequest
from workers.models.circuits import Circuits
from workers.models.routing import Route
from workers.outcomes import Done, Outcome
from workers.run.context import Context

CHAT = "rehearsal-1"

#: The platform's key with each provider.
KEYS = {"us": "sk-platform-in-the-us", "eu": "sk-platform-in-the-eu"}

US, EU = Target(model=CHAT, provider="us"), Target(model=CHAT, provider="eu")

#: Seconds that a call here may take.
TIMEOUT = 20.0


@contextmanager
def provided(servers: Servers, models: Mapping[str, Rehearsal], **told: Any) -> Iterator[Cell]:
    """A cell whose providers these are, by name, which is their region too."""
    providers = {
        name: {"base_url": model.url, "region": name, "api_key": KEYS[name], "call_log_url": model.url}
        for name, model in models.items()
    }
    told |= {"providers": providers, "OPENAI_API_KEY": None}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as cell:
        for tenant in ("acme", "globex"):
            cells.make_tenant(cell, tenant)
        yield cell


class Asking:
    """A slot whose jobs ask models once, or once more after what happens `between`.

    `then`: what befalls the next runs that were answered.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell, self.slot = cell, Slot(cell, self._room)
        self.targets: Sequence[Target] = (US,)
        self.credential: str | None = None
        self.embeds = False
        self.timeout = TIMEOUT
        self.then: list[Exception] = []
        self.between: Callable[[], object] | None = None

    @property
    def circuits(self) -> Circuits:
        return self.slot._executor._starter._registry.circuits

    def run(self, *, tenant: str = "acme") -> dict[str, Any]:
        """A new job's row after its first run."""
        (made,) = submitted(self.cell, 1, tenant_id=tenant)
        eventually(lambda: self.slot.serve() and job(self.cell, tenant, str(made))["run"], "the job has run")
        return job(self.cell, tenant, str(made))

    def again(self, row: dict[str, Any]) -> dict[str, Any]:
        """A waiting job's row after its next run."""

        def ran() -> bool:
            self.cell.gate.sweep("w")
            return self.slot.serve() and self._row(row)["run"] > row["run"]

        eventually(ran, "the job has run again")
        return self._row(row)

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        return job(self.cell, row["tenant_id"], str(row["job_id"]))

    def _room(self, context: Context, _: Any) -> Outcome:
        if self.embeds:
            answer = context.models.embed("0.embed", "rehearsal-embed", ["a text"], timeout=self.timeout)
            return Done(Anything(**answer | {"vectors": len(answer["vectors"])}))
        told: dict[str, Any] = {"credential": self.credential, "timeout": self.timeout}
        answer = context.models.chat("0.model", self.targets, _request, **told)
        if self.between is not None:
            self.between()
            answer = context.models.chat("1.model", self.targets, _request, **told)
        if self.then:
            raise self.then.pop()
        return Done(Anything(**answer))


def _request(route: Route) -> ChatRequest:
    return ChatRequest(route.model, [{"role": "user", "content": "What is a lock?"}], 0.0, 64, [])


def resident(cell: Cell, tenant: str, region: str) -> None:
    """From now on nothing of the tenant's may leave this region."""
    with as_owner(cell.admin) as connection:
        connection.execute("UPDATE control.tenants SET residency = %s WHERE tenant_id = %s", (region, tenant))


def allowed(cell: Cell, *models: str, tier: str = "pro") -> None:
    """From now on a tier's tenants may use these models alone."""
    with as_owner(cell.admin) as connection:
        connection.execute("UPDATE control.tiers SET models = %s WHERE tier = %s", (list(models), tier))


def entrusted(cell: Cell, tenant: str, secret: str, name: str = "live") -> None:
    """A key of the tenant's own."""
    with cell.database.transaction(tenant) as connection:
        credentials.add(connection, cell.vault, tenant, SecretStr(secret), label="own", name=name)


def revoked(cell: Cell, tenant: str, name: str = "live") -> None:
    with cell.database.transaction(tenant) as connection:
        credentials.revoke(connection, tenant, name)
