"""`--limit NAME=NUMBER`: quotas as an operator writes them."""

from typing import Annotated

import typer

#: Gives a limit up: a tenant's is its tier's again, a tier's is what it is by default.
DEFAULT = "default"

Limits = Annotated[
    list[str] | None,
    typer.Option("--limit", help=f"NAME=NUMBER, such as turns=4, or NAME={DEFAULT}; repeatable."),
]


def numbers(limits: list[str] | None) -> dict[str, int | None]:
    """`turns=4` as a limit; None where it is given up."""
    found: dict[str, int | None] = {}
    for limit in limits or ():
        name, equals, number = limit.partition("=")
        if not equals or not (number.isdecimal() or number == DEFAULT):
            raise typer.BadParameter(f"{limit!r} is no limit: write NAME=NUMBER, such as turns=4", param_hint="--limit")
        found[name] = None if number == DEFAULT else int(number)
    return found
