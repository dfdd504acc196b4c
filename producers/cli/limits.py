"""`--limit NAME=NUMBER`: quotas as an operator writes them."""

from typing import Annotated

import typer

Limits = Annotated[list[str] | None, typer.Option("--limit", help="NAME=NUMBER, such as turns=4; repeatable.")]


def numbers(limits: list[str] | None) -> dict[str, int]:
    """`turns=4` as a limit."""
    found = {}
    for limit in limits or ():
        name, equals, number = limit.partition("=")
        if not equals or not number.isdecimal():
            raise typer.BadParameter(f"{limit!r} is no limit: write NAME=NUMBER, such as turns=4", param_hint="--limit")
        found[name] = int(number)
    return found
