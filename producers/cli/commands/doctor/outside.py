"""What stands between Headgate and others: broker, bus, and the providers of models."""

from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from producers.cli.commands.doctor.finding import Finding, failed, ok, warning
from shared import clock
from shared.agents import agents
from shared.bus import connect
from shared.cell import Cell
from shared.knowledge import documents
from shared.metering.prices import Tokens, UnknownPrice
from shared.providers import DEFAULT
from shared.stores.postgres import without_password

#: Seconds that a provider may take to list its models.
PROVIDER_TIMEOUT = 5.0

#: Any usage; what matters is whether there is a price.
SOME = Tokens(input=1, output=1)


def broker(cell: Cell) -> Iterator[Finding]:
    cell.permits.reach()
    yield ok("broker", without_password(cell.broker_url))


def bus(cell: Cell) -> Iterator[Finding]:
    reached = connect(cell.bus_url)
    depth = reached.depth()
    reached.close()
    yield ok("bus", f"{without_password(cell.bus_url)}, {depth} messages wait for the door")
    if _server(cell.bus_url) == _server(cell.settings.redis_url or ""):
        yield warning("bus", "shares a server with the gate: on more than one machine use two, or two ACL users")


def providers(cell: Cell) -> Iterator[Finding]:
    """Whether each takes the platform's key; nothing is drawn. Without any key no agent answers."""
    known = cell.settings.every_provider
    for name, provider in known.items():
        subject = f"model {name}" if len(known) > 1 else "model"
        if provider.api_key is not None:
            yield _examined(subject, provider.address, provider.api_key.get_secret_value())
        elif name == DEFAULT and len(known) == 1:
            yield failed(subject, "no key: set OPENAI_API_KEY, and OPENAI_BASE_URL for another provider than OpenAI")
        else:
            yield ok(subject, f"{provider.address}, for tenants with keys of their own")


def _examined(subject: str, url: str, key: str) -> Finding:
    try:
        status = _asked(f"{url.rstrip('/')}/models", key)
    except (OSError, HTTPException) as error:
        return failed(subject, f"{url} cannot be reached ({error}): is the address right, and the way open?")
    if status == HTTPStatus.OK:
        return ok(subject, f"{url} answers")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return failed(subject, f"{url} refuses the key ({status}): set another")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return failed(subject, f"{url} is in trouble ({status}): turns are tried again until it is well")
    return warning(subject, f"{url} does not list its models ({status}): is the address right?")


def prices(cell: Cell) -> Iterator[Finding]:
    """A model without a price is never called, so an agent that names one cannot answer."""
    unknown = set()
    models = models_in_use(cell)
    for model in models:
        try:
            cell.prices.cost(model, SOME, clock.now())
        except UnknownPrice:
            unknown.add(model)
    if unknown:
        yield failed("prices", f"none for {', '.join(sorted(unknown))}: add them to HEADGATE_PRICES")
    else:
        yield ok("prices", f"known for {', '.join(sorted(models))}")


def models_in_use(cell: Cell) -> set[str]:
    models = {cell.settings.embedding_model}
    for tenant in cell.tenants.all():
        with cell.database.transaction(tenant.tenant_id) as connection:
            models |= agents.models_paid(connection, tenant.tenant_id)
            models |= documents.embedding_models(connection, tenant.tenant_id)
    return models


def _server(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port


def _asked(url: str, key: str) -> int:
    """The status of a GET."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=PROVIDER_TIMEOUT)
    try:
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    finally:
        connection.close()
