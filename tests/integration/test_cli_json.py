"""`--json` answers with the fields that the help of the command tells, under one name each."""

import re
from typing import Any

import pytest

from producers.cli.main import room
from shared.cell import Cell
from tests.support.cells import make_tenant
from tests.support.commands import done

#: The fields of the document, or of each thing in it that is a list.
FIELDS = re.compile(r"\{([^{}]+)\}")

#: What answers without a worker, in an order in which there is something to tell.
COMMANDS = (
    "tenant create globex --tier pro",
    "tenant configure globex --weight 2",
    "tenant suspend globex",
    "tenant resume globex",
    "tenant list",
    "tier list",
    "tier configure pro --weight 4",
    "agent list globex",
    "agent versions globex",
    "key list",
    "submit turn --tenant globex hello",
    "jobs list",
    "budget set globex --usd-day 1",
    "pause --tenant globex",
    "resume --tenant globex",
    "credential rewrap",
    "db upgrade",
)


def told(line: str) -> set[str]:
    """The fields by the help of a command."""
    first, second = line.split()[:2]
    found: Any = room(first)
    command = found.commands[second] if hasattr(found, "commands") else found
    epilog = command.epilog
    if "what `show` answers" in epilog:
        epilog = found.commands["show"].epilog
    fields = FIELDS.search(epilog.partition("--json: ")[2])
    assert fields, epilog
    return set(fields.group(1).split(", "))


def test_a_document_has_the_fields_that_help_tells(cell: Cell) -> None:
    make_tenant(cell, "acme")
    wrong = {}
    for line in COMMANDS:
        found = done(cell.settings, *line.split(), "--json").document
        keys = set(found[0] if isinstance(found, list) else found)
        if keys != told(line):
            wrong[line] = keys ^ told(line)
    assert not wrong


@pytest.mark.parametrize("line", ["tenant show acme", "budget show acme", "jobs show {job}", "queues", "usage"])
def test_no_document_has_two_names_for_one_thing(cell: Cell, line: str) -> None:
    make_tenant(cell, "acme")
    done(cell.settings, "budget", "set", "acme", "--usd-day", "1")
    job = done(cell.settings, "submit", "turn", "--tenant", "acme", "hello", "--json").document["job"]
    said = done(cell.settings, *line.format(job=job).split(), "--json")
    assert said.document
    assert not re.search(r'"(tenant|job|conversation|key)_id"', said.out)
