"""`headgate credential`: tenants' own keys, for model providers and for what their tools reach.

A secret is typed where nobody sees it, or comes through a pipe: as an argument it would stand in the list of processes
and in the shell's history. It is never shown again.
"""

import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from producers.cli.helping import ending, list_of
from producers.cli.opening import opened, opened_for
from producers.cli.output import Json, console, document, printable, table
from producers.cli.progress import counted
from shared.cell import Cell
from shared.errors import HeadgateError
from shared.tenancy import credentials
from shared.tenancy.credentials import Credential
from shared.tenancy.vault import VaultClosed

#: Characters of a line that is read from a pipe: more than a secret may have, so that one that is too long is refused.
LONGEST = 8192

Tenant = Annotated[str, typer.Argument(help="The tenant that the key belongs to.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Keep, list and revoke tenants' own keys.", no_args_is_help=True)
    named = "{tenant, credential}"
    group.command(epilog=ending("credential add acme --label OpenAI < file", named))(add)
    group.command("list", epilog=ending("credential list acme", list_of(Credential)))(list_)
    group.command(epilog=ending("credential revoke acme key-1", named))(revoke)
    group.command(epilog=ending("credential rewrap", "{anew, broken}: how many, and a list of tenants"))(rewrap)
    app.add_typer(group, name="credential")


def add(
    tenant: Tenant,
    label: Annotated[str, typer.Option(help="What it is for, in the tenant's words.")],
    name: Annotated[str | None, typer.Option(help="By which agents name it; default: one is made up.")] = None,
    *,
    json: Json = False,
) -> None:
    """Keep a key of the tenant's own; its secret is asked for, or read from a pipe."""
    cell = opened_for(tenant)
    secret = _secret()
    with cell.database.transaction(tenant) as connection:
        kept = credentials.add(connection, cell.vault, tenant, secret, label=label, name=name)
    if json:
        return document({"tenant": tenant, "credential": kept})
    return console().print(f"Kept. Agents of {tenant} use it as `credential: {kept}`.")


def list_(tenant: Tenant, *, json: Json = False) -> None:
    """The tenant's keys, without their secrets."""
    with opened_for(tenant).database.transaction(tenant) as connection:
        kept = credentials.every(connection, tenant)
    if json:
        return document(kept)
    rows = [(each.credential, each.label, _end(each.ends_in), each.created_at, each.revoked_at) for each in kept]
    return console().print(table(("credential", "label", "ends in", "kept", "revoked"), rows))


def revoke(
    tenant: Tenant,
    credential: Annotated[str, typer.Argument(help="Its name, as `headgate credential list` shows it.")],
    *,
    json: Json = False,
) -> None:
    """Destroy a key: from the next call on it is worthless here."""
    with opened_for(tenant).database.transaction(tenant) as connection:
        credentials.revoke(connection, tenant, credential)
    if json:
        return document({"tenant": tenant, "credential": credential})
    return console().print(f"Revoked {credential}; no call is made with it any more.")


def rewrap(*, json: Json = False) -> None:
    """Seal every tenant's data key with the first of HEADGATE_MASTER_KEYS, so that the others can be taken away.

    A tenant whose key cannot be opened is told of on stderr; the others are sealed all the same, and the command fails.
    """
    anew, broken = _rewrapped(opened())
    if json:
        document({"anew": anew, "broken": broken})
    else:
        console().print(f"Sealed anew: {anew}.")
    if broken:
        still = f"Keep the old master keys: {len(broken)} of the tenants' data keys still need them."
        console(stderr=True).print(still)
        raise typer.Exit(1)


def _rewrapped(cell: Cell) -> tuple[int, list[str]]:
    """How many data keys were sealed anew, and the tenants whose key cannot be opened."""
    anew, broken, names = 0, [], [tenant.tenant_id for tenant in cell.tenants.all()]
    with counted("sealing anew", len(names)) as tell:
        for number, name in enumerate(names, 1):
            try:
                with cell.database.transaction(name) as connection:
                    anew += cell.vault.rewrap(connection, name)
            except VaultClosed as error:
                broken.append(name)
                console(stderr=True).print(printable(f"not sealed anew: {error}"))
            tell(number)
    return anew, broken


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
