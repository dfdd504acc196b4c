"""`headgate quality`: how agents answer, by version: how often, how often not, and what people thought of it."""

from functools import partial
from typing import Annotated

import typer

from producers.cli.helping import ending, list_of
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, facts, table
from producers.cli.tenantwise import Tenant, tenantwise
from shared.agents.quality import Quality, by_version

#: How turns end; together they are all turns.
ENDS = ("answered", "fallbacks", "handoffs", "rules", "hooks", "failed")

#: What the columns show, in this order.
COLUMNS = ("tenant", "agent", "version", "turns", *ENDS, "feedbacks", "satisfaction")


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("quality --tenant acme --days 7", list_of(Quality, more="tenant")))(quality)


def quality(
    tenant: Tenant = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Of turns that ended in the last so many days.")] = 30,
    *,
    json: Json = False,
) -> None:
    """How turns ended, and satisfaction, by tenant, agent and version.

    Rules: closed, turns used up, or a human had the conversation already. Hooks: one of the operator's answered.
    Failed: no answer came.
    """
    cell = opened()
    rows = [
        {"tenant": name} | facts(each)
        for name, found in tenantwise(cell, tenant, partial(by_version, days=days))
        for each in found
    ]
    if json:
        return document(rows)
    return console().print(table(COLUMNS, [tuple(row[column] for column in COLUMNS) for row in rows]))
