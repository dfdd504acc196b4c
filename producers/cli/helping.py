"""What the help of a command ends with: an example to copy, and the fields of its `--json`."""

from dataclasses import fields
from typing import Any

from producers.cli.output import short


def ending(example: str, json: str = "") -> str:
    """For `--help`: what one would write after `headgate`, and what comes back with `--json`."""
    return "\n\n".join([f"Example: headgate {example}", *([f"--json: {json}"] if json else [])])


def one_of(*rows: type[Any], more: str = "") -> str:
    """The fields of a document that is made of these dataclasses, and of what `more` names besides."""
    names = [short(field.name) for row in rows for field in fields(row)]
    return f"{{{', '.join([*names, *([more] if more else [])])}}}"


def list_of(*rows: type[Any], more: str = "") -> str:
    return f"a list of {one_of(*rows, more=more)}"
