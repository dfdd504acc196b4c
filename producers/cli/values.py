"""Values of options that only the rooms which use them can judge: what is wrong with one is wrong usage."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from shared.errors import HeadgateError


@contextmanager
def value_of(option: str) -> Iterator[None]:
    """What is refused here is the value of this option: exit code 2, with a hint to the help."""
    try:
        yield
    except HeadgateError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
