"""`headgate credential`: tenants' own keys, for model providers and for what their tools reach.

A secret is typed where nobody sees it, or comes through a pipe: as an argument it would stand in the list of processes
and in the shell's history. It is never shown again.
"""

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic import SecretStr

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, printable, table
from shared.cell import Cell
from shared.errors import HeadgateError
from shared.tenancy import credentials
from shared.tenancy.vault import VaultClosed

#: Characters of a line that is read from a pipe: more than a secret may have, so that one that is too long is refused.
LONGEST = 8192

Tenant = Annotated[str, typer.Argument(help="The tenant that the key belongs to.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Keep, list and revoke tenants' own keys.", no_args_is_help=True)
    group.command()(add)
    group.command("list")(list_)
    group.command()(revoke)
    group.command()(rewrap)
    app.add_typer(group, name="credential")


def add(
    tenant: Tenant,
    label: Annotated[str, typer.Option(help="What it is for, in the tenant's words.")],
    name: Annotated[str | None, typer.Option(help="By which agents name it; default: one is made up.")] = None,
    *,
    json: Json = False,
) -> None:
    """Keep a key of the tenant's own; its secret is asked for, or read from a pipe."""
    cell = _opened(tenant)
    secret = _secret()
    with cell.database.transaction(tenant) as connection:
        kept = credentials.add(connection, cell.vault, tenant, secret, label=label, name=name)
    if json:
        return document({"tenant": tenant, "credential": kept})
    return console().print(f"Kept. Agents of {tenant} use it as `credential: {kept}`.")


def list_(tenant: Tenant, *, json: Json = False) -> None:
    """The tenant's keys, without their secrets."""
    with _opened(tenant).database.transaction(tenant) as connection:
        kept = credentials.every(connection, tenant)
    if json:
        return document([asdict(each) for each in kept])
    rows = [(each.credential, each.label, _end(each.ends_in), each.created_at, each.revoked_at) for each in kept]
    return console().print(table(("credential", "label", "ends in", "kept", "revoked"), rows))


def revoke(
    tenant: Tenant, credential: Annotated[str, typer.Argument(help="Its name, as `headgate credential list` shows it.")]
) -> None:
    """Destroy a key: from the next call on it is worthless here."""
    with _opened(tenant).database.transaction(tenant) as connection:
        credentials.revoke(connection, tenant, credential)
    console().print(f"Revoked {credential}; no call is made with it any more.")


def rewrap() -> None:
    """Seal every tenant's data key with the first of HEADGATE_MASTER_KEYS, so that the others can be taken away.

    A tenant whose key cannot be opened is told of on stderr; the others are sealed all the same, and the command fails.
    """
    cell, anew, broken = opened(), 0, 0
    for tenant in cell.tenants.all():
        try:
            with cell.database.transaction(tenant.tenant_id) as connection:
                anew += cell.vault.rewrap(connection, tenant.tenant_id)
        except VaultClosed as error:
            broken += 1
            console(stderr=True).print(printable(f"not sealed anew: {error}"))
    console().print(f"Sealed anew: {anew}.")
    if broken:
        console(stderr=True).print(f"Keep the old master keys: {broken} of the tenants' data keys still need them.")
        raise typer.Exit(1)


def _opened(tenant: str) -> Cell:
    """The cell; `NotFound` where there is no such tenant."""
    cell = opened()
    cell.tenants.get(tenant)
    return cell


def _secret() -> SecretStr:
    if sys.stdin.isatty():
        return SecretStr(typer.prompt("Secret", hide_input=True, err=True))
    told = sys.stdin.readline(LONGEST).strip()
    if not told:
        raise HeadgateError(
            "no secret came: type it when asked, or pipe it in, as in `headgate credential add … < file`"
        )
    return SecretStr(told)


def _end(ends_in: str) -> str:
    return f"…{ends_in}" if ends_in else ""
