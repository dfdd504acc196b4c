"""`headgate key`: API keys. A key's secret is shown when it is made, once, and kept nowhere."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from producers.cli.helping import ending, one_of
from producers.cli.opening import opened, opened_for
from producers.cli.output import Json, console, document, facts, sheet, table
from shared import clock
from shared.contracts.kinds import Scope
from shared.tenancy.provision import NewKey, Provisioning

#: How a key stands that is worthless.
REVOKED = "revoked"

Tenant = Annotated[str | None, typer.Option(help="The tenant that the key belongs to.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
    made = ending("key create --tenant acme --scope turns:submit", one_of(NewKey, more="expires_at"))
    listed = "a list of {key, principal, tenant, acts_for, scopes, created_at, expires_at, revoked_at, state}"
    group.command(epilog=made)(create)
    group.command("list", epilog=ending("key list --tenant acme", listed))(list_)
    group.command(epilog=ending("key revoke key-zZXCDmsN", "{key, state}"))(revoke)
    app.add_typer(group, name="key")


def create(
    scope: Annotated[list[Scope], typer.Option(help="What the key may ask for; repeatable.")],
    tenant: Tenant = None,
    service: Annotated[str | None, typer.Option(help="The service that the key belongs to.")] = None,
    acts_for: Annotated[
        list[str] | None, typer.Option(help="A tenant that a service acts for, or '*' for all; repeatable.")
    ] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, help="Days it is good for; default: until revoked.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make a key of a tenant (--tenant), or of a service (--service with --acts-for), and show its secret."""
    if (tenant is None) == (service is None) or (service is None) != (not acts_for):
        raise typer.BadParameter("say --tenant NAME, or --service NAME with --acts-for TENANT")
    expires_at = clock.now() + timedelta(days=expires_in_days) if expires_in_days else None
    made = Provisioning(opened().admin).create_key(
        scopes=[one.value for one in scope],
        tenant=tenant,
        service=service,
        acts_for=acts_for,
        expires_at=expires_at,
    )
    if json:
        return document(facts(made) | {"expires_at": expires_at})
    console().print(sheet({"key": made.key_id, "principal": made.principal, "expires": expires_at}))
    console().print(made.secret, soft_wrap=True)
    return console(stderr=True).print("Keep the secret now: it is not shown again.")


def list_(tenant: Tenant = None, *, json: Json = False) -> None:
    """Every key, without its secret."""
    keys = [facts(row) | {"state": _state(row)} for row in Provisioning(opened_for(tenant).admin).keys(tenant)]
    if json:
        return document(keys)
    columns = ("key", "principal", "acts for", "scopes", "state", "created", "expires")
    return console().print(table(columns, [_row(key) for key in keys]))


def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, as `headgate key list` shows it.")], *, json: Json = False
) -> None:
    """Make a key worthless; every door knows within HEADGATE_ACCESS_CACHE_SECONDS."""
    cell = opened()
    Provisioning(cell.admin).revoke_key(key)
    if json:
        return document({"key": key, "state": REVOKED})
    return console().print(f"Revoked {key}; doors know within {cell.settings.access_cache_seconds:g} s.")


def _row(key: dict[str, Any]) -> tuple[Any, ...]:
    acts_for = key["acts_for"] or [key["tenant"]]
    facts = (key["key"], key["principal"], acts_for, key["scopes"], key["state"])
    return (*facts, key["created_at"], key["expires_at"])


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"] is not None:
        return REVOKED
    return "expired" if key["expires_at"] and key["expires_at"] <= clock.now() else "good"
