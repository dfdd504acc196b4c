"""What a process has to reach models: the providers by name, their clients, their circuits, and who knows the keys."""

from collections.abc import Callable

from pydantic import SecretStr

from shared.errors import ConfigurationError, NotFound, Unavailable
from shared.settings import Settings
from shared.tenancy.tenants import Tenant
from shared.tenancy.vault import VaultClosed
from workers.models.circuits import Circuits, Line
from workers.models.clients import Clients
from workers.models.failures import NoKey, Unread
from workers.models.provider import OpenProvider
from workers.models.routing import Route
from workers.network.bounds import CallsUntil

#: Answers a key of a tenant's own, by the tenant's id and the credential's name (`shared.tenancy.credentials`).
Secrets = Callable[[str, str], SecretStr]


#: Answers a tenant as of a version at least, by its id (`shared.tenancy.tenants`).
Tenants = Callable[[str, int], Tenant]


class Registry:
    """Of one process. Making it connects nothing, and imports no SDK."""

    def __init__(self, settings: Settings, secrets: Secrets, tenants: Tenants) -> None:
        self.providers, self.secrets, self._tenants = settings.every_provider, secrets, tenants
        self.clients, self.circuits = Clients(), Circuits()

    def provider(self, route: Route, tenant: str, calls_until: CallsUntil) -> OpenProvider:
        """The way that this route names, for one run of the tenant's."""
        known = self.providers[route.provider]

        def key() -> SecretStr:
            if route.credential is not None:
                return self._own(tenant, route.credential)
            if known.api_key is None:
                raise NoKey(f"the platform has no key for {route.provider}", own=False)
            return known.api_key

        return OpenProvider(self.clients, known.address, key, calls_until)

    def line(self, route: Route, tenant: str) -> Line:
        """What a call of the tenant's on this route is made on."""
        return Line(route.provider, tenant, route.credential)

    def tenant(self, tenant: str, version: int) -> Tenant:
        """As somebody else was told of it, or newer."""
        try:
            return self._tenants(tenant, version)
        except Unavailable as error:
            raise Unread(f"what the tenant may ask cannot be read: {error}") from error

    def _own(self, tenant: str, credential: str) -> SecretStr:
        """The tenant's key, as it is at this moment."""
        try:
            return self.secrets(tenant, credential)
        except NotFound as error:
            raise NoKey(str(error), own=True) from error
        except (ConfigurationError, VaultClosed) as error:
            raise NoKey(str(error), own=False) from error
        except Unavailable as error:
            raise Unread(f"the tenant's key cannot be read: {error}") from error
