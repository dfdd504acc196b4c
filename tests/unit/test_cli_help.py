"""All commands at once: each is of one piece with the others, in its options and in its help."""

from collections.abc import Iterator
from shlex import split
from typing import Any

import pytest

from producers.cli.main import COMMANDS, room

#: They run until they are told to stop, or play a whole evening: there is no one answer.
ENDLESS = {("demo",), ("up",), ("worker",), ("bus",)}

WAITS = ("--wait", "--patience")


def every() -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words of each command, and the command."""
    for name in COMMANDS:
        found = room(name)
        if not hasattr(found, "commands"):
            yield (name,), found
        else:
            yield from (((name, word), command) for word, command in found.commands.items())


ALL = dict(every())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_that_ends_answers_in_json_and_says_in_which_fields(words: tuple[str, ...]) -> None:
    options = {option for parameter in ALL[words].params for option in parameter.opts}
    assert ("--json" in options) == (words not in ENDLESS)
    assert ("--json" in f"{ALL[words].help}{ALL[words].epilog}") == (words not in ENDLESS)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_help_says_what_it_does_and_ends_with_an_example_that_can_be_written_so(words: tuple[str, ...]) -> None:
    command = ALL[words]
    assert command.help
    example = command.epilog.split("\n\n")[0].removeprefix("Example: headgate ").partition(" < ")[0]
    given = split(example)
    assert tuple(given[: len(words)]) == words
    command.make_context(words[-1], given[len(words) :])


@pytest.mark.parametrize("words", [words for words in ALL if words[0] in ("submit", "billing")], ids=" ".join)
def test_a_job_is_asked_for_and_waited_for_in_one_way(words: tuple[str, ...]) -> None:
    wait, patience = ({option: each for each in ALL[words].params for option in each.opts}[name] for name in WAITS)
    assert (wait.is_flag, wait.default, patience.default > 0) == (True, False, True)
    assert "--wait" in (patience.help or "")
